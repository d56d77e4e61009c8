"""PostgreSQL: transactions, rows, migrations, partitions, retention, the audit trail."""

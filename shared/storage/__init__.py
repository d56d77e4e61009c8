"""PostgreSQL: transactions, rows, migrations, partitions, periodic jobs, the audit trail."""

"""A test's database that is used again contains nothing of the previous test."""

import psycopg

from tests.support.cluster import TestDatabases


def test_rows_that_were_written_are_gone_and_those_of_migrations_are_back(databases: TestDatabases) -> None:
    first = databases.fresh("epcr")
    with psycopg.connect(first.admin, autocommit=True) as conn:
        migrations = conn.execute("SELECT * FROM migrations ORDER BY name").fetchall()
        conn.execute("DELETE FROM migrations")
        conn.execute("INSERT INTO inbox (message_id, tenant_id) VALUES (gen_random_uuid(), 'ten_a')")
    databases.take_back(first)
    again = databases.fresh("epcr")
    with psycopg.connect(again.admin) as conn:
        assert conn.execute("SELECT * FROM migrations ORDER BY name").fetchall() == migrations
        assert conn.execute("SELECT count(*) FROM inbox").fetchone() == (0,)
    assert again.name == first.name
    databases.take_back(again)


def test_a_database_whose_tables_were_altered_is_not_used_again(databases: TestDatabases) -> None:
    first = databases.fresh("epcr")
    with psycopg.connect(first.admin, autocommit=True) as conn:
        conn.execute("CREATE TABLE left_behind ()")
    databases.take_back(first)
    again = databases.fresh("epcr")
    assert again.name != first.name
    databases.take_back(again)

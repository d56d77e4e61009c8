"""The databases of the local stack: the rights of each role."""

from collections.abc import Callable

import psycopg
import pytest
from psycopg.rows import scalar_row

from deploy.local.databases import Database, address, create, described, drop, migrate, prepare_roles
from deploy.local.plan import new_secret
from deploy.local.postgres import Cluster
from deploy.local.table import by_name
from tests.support.cluster import TestDatabases

EPCR = by_name("epcr")


@pytest.fixture
def passwords(databases: TestDatabases) -> dict[str, str]:
    return databases.passwords


def test_only_the_owner_and_the_migrator_pass_row_level_security_by(
    postgres: Cluster, passwords: dict[str, str]
) -> None:
    prepare_roles(postgres.url, EPCR, passwords)
    with psycopg.connect(postgres.url, row_factory=scalar_row) as connection:
        query = "SELECT rolname FROM pg_roles WHERE rolbypassrls AND rolname LIKE 'epcr%' ORDER BY 1"
        assert connection.execute(query).fetchall() == ["epcr_migrator", "epcr_owner"]
        assert connection.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'epcr_owner'").fetchall() == [False]


def test_another_services_role_cannot_connect(postgres: Cluster, passwords: dict[str, str]) -> None:
    auth = by_name("auth")
    for service in (EPCR, auth):
        prepare_roles(postgres.url, service, passwords)
    create(postgres.url, EPCR, "epcr_alone")
    intruder = address(postgres.url, "epcr_alone", "auth_app", passwords["auth_app"])
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(intruder)
    drop(postgres.url, "epcr_alone")


def test_a_role_that_exists_gets_the_new_password(postgres: Cluster, passwords: dict[str, str]) -> None:
    prepare_roles(postgres.url, EPCR, passwords)
    create(postgres.url, EPCR, "epcr_again")
    changed = {role: new_secret() for role in passwords}
    prepare_roles(postgres.url, EPCR, changed)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(described(EPCR, postgres.url, passwords, "epcr_again").app)
    psycopg.connect(described(EPCR, postgres.url, changed, "epcr_again").app).close()
    prepare_roles(postgres.url, EPCR, passwords)  # other tests share the roles
    drop(postgres.url, "epcr_again")


def test_passwords_are_asked_for_even_on_this_machine(postgres: Cluster) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(address(postgres.url, "postgres", "knogin", "wrong"))


def test_a_fresh_database_has_the_shared_tables_and_no_rows(fresh_database: Callable[[str], Database]) -> None:
    first, second = fresh_database("epcr"), fresh_database("epcr")
    assert first.name != second.name
    with psycopg.connect(first.app) as connection:
        assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)


def test_a_database_that_its_migrator_owned_is_taken_over(postgres: Cluster, passwords: dict[str, str]) -> None:
    """Databases were made like this when the owner could log in."""
    prepare_roles(postgres.url, EPCR, passwords)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE epcr_before OWNER epcr_migrator TEMPLATE template0")
    before = described(EPCR, postgres.url, passwords, "epcr_before")
    ran = migrate(before.migrator, EPCR)
    assert len(ran) > 5
    assert owners(before) == {"epcr_migrator"}
    create(postgres.url, EPCR, "epcr_before")
    assert migrate(before.migrator, EPCR) == []
    assert owners(before) == {"epcr_owner"}
    with psycopg.connect(before.worker) as connection:
        assert connection.execute("SELECT seal_audit(1)").fetchone() == (0,)
    drop(postgres.url, "epcr_before")


def owners(database: Database) -> set[str]:
    statement = """
        SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    """
    with psycopg.connect(database.admin) as connection:
        return {name for (name,) in connection.execute(statement)}

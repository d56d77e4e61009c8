"""Row-level security: a query that forgets its tenant sees nothing."""

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from tests.auth.support import Auth

# Each with its reason in services/auth/README.md.
# Ids and hashes, of which the app role reads nothing.
OF_THE_WORKER = {"audit_waiting", "audit_batches", "audit_leaves", "begun"}
# The state of the check of the whole trail. The app role reads its result, and no fault.
OF_ALL = {"audit_checks"}
EXEMPT = (
    OF_ALL
    | {
        "migrations",
        "signing_keys",
        "common_apps",
        "revocation_state",
        "sign_in_counts",
    }
    | OF_THE_WORKER
)
TABLES = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace ORDER BY 1"
FORCED = """
    SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
        AND relrowsecurity AND relforcerowsecurity
"""
FUNCTIONS = """
    SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace
        AND has_function_privilege(%s, oid, 'EXECUTE') ORDER BY 1
"""


def test_every_table_but_the_exempt_ones_is_under_forced_row_level_security(auth: Auth) -> None:
    tables = {name for (name,) in auth.sql(TABLES)}
    assert tables - {name for (name,) in auth.sql(FORCED)} == EXEMPT


def test_without_a_tenant_the_app_role_sees_no_rows(auth: Auth) -> None:
    app = auth.register()
    auth.admin("POST", f"/v1/platform/apps/{app['client_id']}/service-token")
    with psycopg.connect(auth.settings.database_url) as conn:
        for (table,) in auth.sql(TABLES):
            if table in EXEMPT | {"dead_letters", "failures", "inbox"}:
                continue
            statement = SQL("SELECT count(*) FROM {}").format(Identifier(table))
            assert conn.execute(statement).fetchone() == (0,), table


def test_the_app_role_reaches_past_its_tenant_only_through_the_listed_functions(auth: Auth) -> None:
    user = conninfo_to_dict(auth.settings.database_url)["user"]
    found = {name for (name,) in auth.sql(FUNCTIONS, user)}
    assert found == {
        "find_clients",
        "find_user",
        "find_session",
        "find_invitation",
        "find_password_link",
        "find_saml_connection",
        "find_saml_domain",
        "make_sandbox_tenant",
        "close_sandbox_tenant",
        "app_of_all",
        "asker_of_request",
        "watermarks_after",
        "seal_of_entry",
        "dead_letters_of_all",
        "tenants_of_all",
        "tenant_of_all",
        "requests_of_all",
    }


@pytest.mark.parametrize(
    "statement", ["INSERT INTO tenants (tenant_id, name) VALUES ('org_x', 'x')", "DELETE FROM apps"]
)
def test_the_app_role_makes_no_tenant_and_deletes_no_app(auth: Auth, statement: str) -> None:
    with psycopg.connect(auth.settings.database_url) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(SQL(statement))  # pyright: ignore[reportArgumentType]


def test_a_tenant_cannot_write_anothers_rows(auth: Auth) -> None:
    with psycopg.connect(auth.settings.database_url) as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (auth.demo["tenant_id"],))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(
                "INSERT INTO app_events (id, tenant_id, client_id, at, kind, endpoint, reason, trace_id)"
                " VALUES ('x', %s, 'x', now(), '', '', '', '')",
                (auth.other["tenant_id"],),
            )

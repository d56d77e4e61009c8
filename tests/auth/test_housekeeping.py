"""What grows is forgotten in time, by the relay, across tenants."""

from services.auth.signin import throttle
from services.auth.tasks import KEPT, forget, periodic
from shared.storage.database import open_tasks_pool, task_transaction
from tests.auth.support import Auth, Browser, redeem, register_web_app
from tests.support.waiting import wait_for

AGE = """
    UPDATE grants SET expires_at = now() - interval '8 days' WHERE client_id = '{client_id}';
    UPDATE watermarks SET expires_at = now() - interval '1 s' WHERE id = '{client_id}';
    UPDATE service_tokens SET expires_at = now() - interval '31 days' WHERE client_id = '{client_id}';
    UPDATE app_secrets SET expires_at = now() - interval '31 days' WHERE client_id = '{client_id}';
    INSERT INTO daily_counts SELECT tenant_id, client_id, current_date - 31, 'token', '', 1 FROM apps WHERE client_id = '{client_id}';
    INSERT INTO app_events SELECT 'aev_old', tenant_id, client_id, now() - interval '31 days', '', '', '', ''
        FROM apps WHERE client_id = '{client_id}';
    INSERT INTO client_assertions SELECT client_id, 'x', tenant_id, now() - interval '1 s' FROM apps WHERE client_id = '{client_id}';
    INSERT INTO sign_in_counts VALUES ('old', 1, now() - interval '2 days');
"""
LEFT = """
    SELECT (SELECT count(*) FROM grants WHERE client_id = '{client_id}'), (SELECT count(*) FROM codes WHERE client_id = '{client_id}'),
        (SELECT count(*) FROM watermarks WHERE id = '{client_id}'), (SELECT count(*) FROM service_tokens WHERE client_id = '{client_id}'),
        (SELECT count(*) FROM app_secrets WHERE client_id = '{client_id}'),
        (SELECT count(*) FROM daily_counts WHERE client_id = '{client_id}' AND day < current_date - 30),
        (SELECT count(*) FROM app_events WHERE id = 'aev_old'), (SELECT count(*) FROM client_assertions WHERE client_id = '{client_id}'),
        (SELECT count(*) FROM sign_in_counts WHERE key = 'old')
"""


def test_what_is_over_is_forgotten(auth: Auth) -> None:
    app = register_web_app(auth)
    assert redeem(auth, app, Browser(auth).allow(app)).status_code == 200
    path = f"/v1/platform/apps/{app['client_id']}"
    auth.admin("POST", f"{path}/service-token")
    auth.admin("POST", f"{path}/disable")
    auth.sql(AGE.format(client_id=app["client_id"]))
    assert 0 not in auth.sql(LEFT.format(client_id=app["client_id"]))[0]
    pool = open_tasks_pool(auth.settings.worker_database_url or "", max_size=1)
    with task_transaction(pool) as conn:
        forget(conn)
    pool.close()
    # The stack's own relay may hold rows at this moment, which are skipped here and deleted there.
    wait_for(lambda: set(auth.sql(LEFT.format(client_id=app["client_id"]))[0]) == {0}, what="the rows to be gone")


def test_counts_of_sign_ins_stay_until_their_buckets_are_empty_and_hardly_longer() -> None:
    [kept] = [one for one in KEPT if one.table == "sign_in_counts"]
    limits = [limit for limit in vars(throttle).values() if isinstance(limit, throttle.Limit)]
    slowest = max((limit.capacity + 1) * limit.seconds for limit in limits)
    assert slowest < kept.days * 86_400 < 2 * slowest


def test_what_is_not_over_stays(auth: Auth) -> None:
    app = register_web_app(auth)
    redeem(auth, app, Browser(auth).allow(app))
    pool = open_tasks_pool(auth.settings.worker_database_url or "", max_size=1)
    with task_transaction(pool) as conn:
        forget(conn)
    pool.close()
    assert auth.sql("SELECT count(*) FROM codes WHERE client_id = %s", app["client_id"]) == [(1,)]
    assert auth.token(app, grant_type="refresh_token", refresh_token="x").json()["error"] == "invalid_grant"


def test_every_growing_table_has_its_rule(auth: Auth) -> None:
    lasting = {
        "tenants",
        "tenant_limits",
        "ending_apps",  # each is deleted when the app's grants and consents are
        "ending_grants",  # each is deleted when the person's grants are ended
        "changing_roles",  # each is deleted when the mapping was applied to everybody
        "ending_connections",  # each is deleted when the links to people are
        "ended_authorities",  # each is deleted when it was announced
        "apps",
        "app_decisions",  # one for each scope, event type, bundle and rule of an app
        "users",
        "consents",
        "recovery_codes",
        "saml_connections",
        "saml_certificates",
        "saml_domains",
        "saml_identities",
        "saml_policies",
        "signing_keys",
        "revocation_state",
        "common_apps",
        "last_sign_ins",  # one of a person
        "migrations",
    }
    kept_by_shared = {
        "outbox",
        "inbox",
        "failures",
        "begun",
        "dead_letters",
        "idempotency_keys",
        "audit",
        "audit_waiting",
        "audit_batches",
        "audit_leaves",
        "audit_checks",
        "audit_reads",
        "operator_acts",
        "operator_figures",  # one row
    }
    tables = {
        name
        for (name,) in auth.sql(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
    }
    ruled = {rule.table for rule in KEPT}
    assert tables - lasting - kept_by_shared == ruled | {"codes", "saml_sessions"}
    assert {job.name for job in periodic(auth.settings)} == {
        "rotate signing keys",
        "forget",
        "look at proven domains",
        "tell of ended authority",
        "end grants of deleted apps and ended sign-ins",
        "send invitations",
        "go on in sandboxes",
    }

"""A deleted app is refused at once; its grants and consents follow in portions, in turns of the tenants, and nobody's notices wait."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from services.auth import authorities, metrics
from services.auth.apps import ending
from services.auth.oauth.queries import LOCK_GRANT
from services.auth.tenants import operations
from shared.primitives import ids
from shared.process.metrics import rows_set_aside
from shared.storage.database import Connection
from tests.auth.support import Auth, Browser, redeem, register_web_app, running
from tests.conftest import FreshDatabase

MANY = 20 * ending.PORTION
SEED_USER = "INSERT INTO users (user_id, tenant_id, email, name) VALUES (%s, %s, %s, 'Somebody')"
SEED_GRANTS = """
    INSERT INTO grants (grant_id, tenant_id, client_id, user_id, scopes, audience, offline, seed, signed_in_at, expires_at)
    SELECT 'gnt_' || %(tag)s || lpad(number::text, 8, '0'), %(tenant_id)s, %(client_id)s, %(user_id)s, %(scopes)s, '{}', true, '',
        now(), now() + interval '30 days'
    FROM generate_series(1, %(count)s) AS number
"""
WRITE = ["argus:platform:write"]


@pytest.fixture
def alone(fresh_database: FreshDatabase, redis_url: str) -> Iterator[Auth]:
    with running(fresh_database("auth"), redis_url) as auth:
        yield auth


def seed(auth: Auth, app: dict[str, Any], count: int, scopes: list[str] = WRITE, tenant: Any = None) -> str:
    """Live grants of an app, and a consent, all of one new person. Returns their id."""
    user_id, tenant_id = ids.new_id("usr"), (tenant or auth.demo)["tenant_id"]
    with psycopg.connect(auth.settings.migration_database_url or "") as conn:
        conn.execute(SEED_USER, (user_id, tenant_id, f"{user_id}@demo.example"))
        whose = {"tenant_id": tenant_id, "user_id": user_id, "client_id": app["client_id"], "scopes": scopes}
        conn.execute(SEED_GRANTS, whose | {"tag": user_id[-14:], "count": count})
        conn.execute(
            "INSERT INTO consents (tenant_id, user_id, client_id, scopes) VALUES (%s, %s, %s, %s)",
            (tenant_id, user_id, app["client_id"], scopes),
        )
    return user_id


def delete(auth: Auth, app: dict[str, Any], tenant: Any = None) -> None:
    caller = auth.caller(tenant=tenant)
    assert auth.call("DELETE", f"/v1/platform/apps/{app['client_id']}", caller).status_code == 204


def left(auth: Auth, app: dict[str, Any]) -> tuple[int, int]:
    """Live grants and consents of an app."""
    count = """
        SELECT (SELECT count(*) FROM grants WHERE client_id = %s AND revoked_at IS NULL),
            (SELECT count(*) FROM consents WHERE client_id = %s)
    """
    return auth.sql(count, app["client_id"], app["client_id"])[0]


def work(auth: Auth, seconds: float = 60) -> int:
    with Connection.connect(auth.settings.worker_database_url or "") as conn:
        return ending.work_off(conn, seconds)


def send(auth: Auth, seconds: float = 60) -> None:
    with Connection.connect(auth.settings.worker_database_url or "") as conn:
        authorities.send_ended(conn, seconds)


def sent(auth: Auth) -> list[tuple[str, dict[str, Any]]]:
    return auth.sql("SELECT tenant_id, body FROM outbox WHERE name = 'control_plane.authority_ended.v1' ORDER BY id")


def another(auth: Auth) -> dict[str, Any]:
    """An app of the other tenant."""
    draft = {"name": "Theirs", "grant_types": ["client_credentials"], "requested_scopes": ["webhooks:write"]}
    answer = auth.call("POST", "/v1/platform/apps", auth.caller(tenant=auth.other), json=draft)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_the_request_that_deletes_an_app_touches_none_of_its_grants(alone: Auth) -> None:
    app = register_web_app(alone)
    seed(alone, app, MANY)
    delete(alone, app)
    assert left(alone, app) == (MANY, 1)
    assert alone.sql("SELECT count(*) FROM ended_authorities") == [(0,)]
    work(alone)
    assert left(alone, app) == (0, 0)


def test_a_deleted_app_is_refused_before_its_grants_have_ended(alone: Auth) -> None:
    app = register_web_app(alone)
    browser = Browser(alone)
    tokens = redeem(alone, app, browser.allow(app, scope="webhooks:write offline_access")).json()
    assert alone.token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"]).status_code == 200
    delete(alone, app)
    assert left(alone, app) == (1, 1)
    refresh = alone.token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert (refresh.status_code, refresh.json()["error"]) == (401, "invalid_client")
    credentials = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert alone.form("/v1/oauth/introspect", credentials | {"token": token}).status_code == 401
    assert browser.authorize(app).status_code == 400
    assert "Dispatch board" not in browser.get("/v1/auth/sessions").text
    marks = [mark for mark in alone.watermarks().json()["watermarks"] if mark["id"] == app["client_id"]]
    assert [mark["kind"] for mark in marks] == ["client"]


def test_a_request_that_began_before_finds_no_live_grant(alone: Auth) -> None:
    """It authenticated the app before the deletion, and reads the grant after it."""
    app = register_web_app(alone)
    seed(alone, app, 1)
    delete(alone, app)
    [(grant_id,)] = alone.sql("SELECT grant_id FROM grants WHERE client_id = %s", app["client_id"])
    with psycopg.connect(alone.settings.database_url) as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (alone.demo["tenant_id"],))
        [row] = conn.execute(LOCK_GRANT, (grant_id, app["client_id"])).fetchall()
        assert row[-1] is False


def test_the_work_is_in_portions_and_goes_on_after_a_stop(alone: Auth) -> None:
    app = register_web_app(alone)
    seed(alone, app, 2 * ending.PORTION + 1)
    delete(alone, app)
    for expected in (ending.PORTION + 1, 1, 0):
        assert work(alone, 0) == 1
        assert left(alone, app) == (expected, 1)
    assert work(alone, 0) == 1
    assert left(alone, app) == (0, 0)


def test_what_a_request_wrote_meanwhile_ends_in_a_second_pass(alone: Auth) -> None:
    app = register_web_app(alone)
    delete(alone, app)
    work(alone)
    seed(alone, app, 1)
    assert work(alone) == 0
    alone.sql("UPDATE ending_apps SET due_at = now()")
    work(alone)
    assert left(alone, app) == (0, 0)
    assert alone.sql("SELECT count(*) FROM ending_apps") == [(0,)]


def test_tenants_have_turns(alone: Auth) -> None:
    crowd = [register_web_app(alone) for _ in range(3)]
    theirs = another(alone)
    for app in crowd:
        seed(alone, app, 3 * ending.PORTION)
        delete(alone, app)
    seed(alone, theirs, 3, tenant=alone.other)
    delete(alone, theirs, alone.other)
    work(alone, 0)
    assert left(alone, theirs) == (3, 1)
    work(alone, 0)
    assert left(alone, theirs) == (0, 1)


@pytest.mark.full
def test_tenants_have_turns_when_many_peoples_grants_end(alone: Auth) -> None:
    """A person who gets a grant after the decision keeps it."""
    app, theirs = register_web_app(alone), another(alone)
    people = [seed(alone, app, 1) for _ in range(3 * ending.PEOPLE)]
    decide = "INSERT INTO ending_grants (user_id, tenant_id, why) SELECT user_id, tenant_id, 'x' FROM users WHERE user_id = ANY (%s)"
    alone.sql(decide, people)
    alone.sql(decide, [seed(alone, theirs, ending.PORTION, tenant=alone.other)])
    alone.sql("UPDATE grants SET created_at = now() + interval '1 hour' WHERE user_id = %s", people[0])
    assert work(alone, 0) == 1
    assert (left(alone, app)[0], left(alone, theirs)[0]) == (2 * ending.PEOPLE + 1, ending.PORTION)
    assert work(alone, 0) == 1
    assert (left(alone, app)[0], left(alone, theirs)[0]) == (2 * ending.PEOPLE + 1, 0)
    work(alone)
    assert left(alone, app)[0] == 1
    assert alone.sql("SELECT count(*) FROM ending_grants") == [(0,)]


REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a grant that cannot end'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON grants FOR EACH ROW WHEN (NEW.user_id = '{}') EXECUTE FUNCTION refuse()
"""
DECIDE = "INSERT INTO ending_grants (user_id, tenant_id, why) SELECT user_id, tenant_id, 'x' FROM users WHERE user_id = ANY (%s)"


def ask(auth: Auth, statement: str) -> None:
    with psycopg.connect(auth.settings.migration_database_url or "") as conn:
        conn.execute(statement.encode())


def test_an_app_whose_grants_cannot_end_holds_up_neither_others_nor_another_kind(alone: Auth) -> None:
    broken, sound, theirs = register_web_app(alone), register_web_app(alone), another(alone)
    ask(alone, REFUSE.format(seed(alone, broken, 1)))
    delete(alone, broken)
    seed(alone, sound, 1)
    delete(alone, sound)
    seed(alone, theirs, 1, tenant=alone.other)
    delete(alone, theirs, alone.other)
    app = register_web_app(alone)
    alone.sql(DECIDE, [seed(alone, app, 1)])
    work(alone)
    assert left(alone, broken) == (1, 1)
    assert left(alone, sound) == left(alone, theirs) == (0, 0)
    assert left(alone, app)[0] == 0
    # It was tried once, is tried again, and is measured.
    assert alone.sql(
        "SELECT due_at > now(), turn_at IS NULL FROM ending_apps WHERE client_id = %s", broken["client_id"]
    ) == [(True, False)]
    assert metrics.ending_apps._value.get() == 3
    assert metrics.oldest_ending_app._value.get() > 0
    ask(alone, "DROP TRIGGER refuse ON grants")
    alone.sql("UPDATE ending_apps SET due_at = now()")
    work(alone)
    assert left(alone, broken) == (0, 0)


def test_a_person_whose_grants_cannot_end_holds_up_no_other(alone: Auth) -> None:
    app, theirs = register_web_app(alone), another(alone)
    people = sorted(seed(alone, app, 1) for _ in range(5))
    ask(alone, REFUSE.format(people[0]))
    alone.sql(DECIDE, people)
    alone.sql(DECIDE, [seed(alone, theirs, 1, tenant=alone.other)])
    before = rows_set_aside.labels(ending.NAME)._value.get()
    work(alone)
    assert (left(alone, app)[0], left(alone, theirs)[0]) == (1, 0)
    assert alone.sql("SELECT user_id FROM ending_grants") == [(people[0],)]
    assert rows_set_aside.labels(ending.NAME)._value.get() == before + 1


def test_a_held_grant_holds_up_no_other_app(alone: Auth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "PATIENCE", "SET LOCAL lock_timeout = '100ms'")
    held, theirs = register_web_app(alone), another(alone)
    whose = seed(alone, held, 1)
    delete(alone, held)
    seed(alone, theirs, 1, tenant=alone.other)
    delete(alone, theirs, alone.other)
    with psycopg.connect(alone.settings.migration_database_url or "") as conn:
        conn.execute("SELECT FROM grants WHERE user_id = %s FOR UPDATE", (whose,))
        work(alone)
        assert left(alone, theirs) == (0, 0)
    assert left(alone, held) == (1, 1)


def test_a_kind_of_work_that_fails_stops_no_other_and_is_told(alone: Auth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "TAKE_NEXT", "SELECT 1 / 0")
    app = register_web_app(alone)
    alone.sql(DECIDE, [seed(alone, app, 1)])
    metrics.ending_apps.set(7)
    with pytest.raises(psycopg.errors.DivisionByZero):
        work(alone)
    assert left(alone, app)[0] == 0
    assert metrics.ending_apps._value.get() == 0


def test_control_plane_gets_no_notice_for_each_grant_of_a_deleted_app(alone: Auth) -> None:
    """The message that the app is deleted stops all its automations."""
    app = register_web_app(alone)
    seed(alone, app, 50)
    delete(alone, app)
    work(alone)
    send(alone)
    assert sent(alone) == []
    states = "SELECT body ->> 'status' FROM outbox WHERE name = 'control_plane.app_changed.v1' AND body ->> 'client_id' = %s ORDER BY id"
    assert alone.sql(states, app["client_id"])[-1] == ("deleted",)


def test_a_grant_that_may_have_started_another_apps_automation_is_told(alone: Auth) -> None:
    app = register_web_app(alone)
    seed(alone, app, 2, [*WRITE, "platform:apps"])
    delete(alone, app)
    work(alone)
    send(alone)
    assert len(sent(alone)) == 2


def test_a_disabled_person_is_one_notice(alone: Auth) -> None:
    app = register_web_app(alone)
    user_id = seed(alone, app, 50)
    with Connection.connect(alone.settings.worker_database_url or "") as conn:
        operations.set_user_status(conn, f"{user_id}@demo.example", "disabled")
    send(alone)
    assert [(body.get("user_id"), body.get("grant_id")) for _, body in sent(alone)] == [(user_id, None)]
    assert left(alone, app)[0] == 0


@pytest.mark.full
def test_notices_of_one_tenant_do_not_keep_back_anothers(alone: Auth) -> None:
    insert = "INSERT INTO ended_authorities (tenant_id, grant_id) SELECT %s, 'gnt_' || n FROM generate_series(1, %s) n"
    alone.sql(insert, alone.demo["tenant_id"], MANY)
    alone.sql(insert, alone.other["tenant_id"], 1)
    send(alone, 0)
    tenants = [tenant for tenant, _ in sent(alone)]
    assert tenants.count(alone.other["tenant_id"]) == 1
    assert len(tenants) == authorities.SHARE + 1
    send(alone)
    assert len(sent(alone)) == MANY + 1
    assert alone.sql("SELECT count(*) FROM ended_authorities") == [(0,)]


@pytest.mark.full
@pytest.mark.parametrize("column", ["tenant_id", "grant_id", "user_id", "client_id", "scopes_left"])
def test_no_notice_is_longer_than_a_message_may_be(alone: Auth, column: str) -> None:
    """A process in strange hands could hold up all notices with one that cannot be sent."""
    text = "x" * 5_000_000
    values = dict.fromkeys(("tenant_id", "grant_id", "user_id", "client_id"), "a") | {"scopes_left": ["a"]}
    values[column] = [text] if column == "scopes_left" else text
    insert = "INSERT INTO ended_authorities (tenant_id, grant_id, user_id, client_id, scopes_left) VALUES (%s, %s, %s, %s, %s)"
    with pytest.raises(psycopg.errors.CheckViolation):
        alone.sql(insert, *values.values())


def test_a_portion_of_notices_reads_no_more_of_a_crowd_than_it_sends(alone: Auth) -> None:
    """Counted in rows, on a table of which the planner has no statistics."""
    insert = "INSERT INTO ended_authorities (tenant_id, grant_id) SELECT %s, 'gnt_' || n FROM generate_series(1, %s) n"
    alone.sql(insert, alone.demo["tenant_id"], MANY)
    with Connection.connect(alone.settings.worker_database_url or "") as conn:
        conn.execute(authorities.BY_INDEX)
        explain = "EXPLAIN (ANALYZE, FORMAT JSON) " + authorities.TAKE
        [(plan,)] = conn.execute(explain, {"share": authorities.SHARE, "portion": authorities.PORTION}).fetchall()
        conn.rollback()
    assert most_rows(plan[0]["Plan"]) <= 2 * authorities.SHARE


def most_rows(node: dict[str, Any]) -> float:
    """The most rows that a node of the plan gave in all."""
    own = node["Actual Rows"] * node["Actual Loops"]
    return max([own, *map(most_rows, node.get("Plans", ()))])


def test_the_oldest_notice_is_measured(alone: Auth) -> None:
    insert = """
        INSERT INTO ended_authorities (tenant_id, grant_id, ended_at)
        SELECT %s, 'gnt_' || n, now() - interval '1 hour' FROM generate_series(1, 200) n
    """
    alone.sql(insert, alone.demo["tenant_id"])
    send(alone, 0)
    assert 3600 <= metrics.oldest_ended_authority._value.get() < 4000
    send(alone)
    assert metrics.oldest_ended_authority._value.get() == 0

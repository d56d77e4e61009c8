"""However many grants end at once, all other revocations wait only for a bounded number of watermarks."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.errors import LockNotAvailable

from services.auth.apps import ending
from services.auth.revocations import watermarks
from services.auth.saml import roles
from shared.storage import database
from shared.storage.database import SET_TENANT
from shared.web.revocations import Marks
from tests.auth.federation import Connection
from tests.auth.people_support import SCOPES
from tests.auth.support import Auth, Browser, claims_of, redeem, register_web_app, returned, running
from tests.auth.test_changes import changes, covers, number
from tests.auth.test_operator import operate
from tests.auth.test_revocations import new_user
from tests.auth.test_saml_enforced import POLICY, enforce, person
from tests.auth.test_saml_logout import is_in
from tests.auth.test_saml_withdrawal import map_roles, saying
from tests.auth.test_sign_in import choose, new_link
from tests.conftest import FreshDatabase

pytestmark = pytest.mark.full

MANY = int(os.environ.get("MANY_GRANTS", "20000"))
"""A tenth of the number for which this is measured by hand."""
FEW = watermarks.CLIENT_MOST
TIMES = 4
"""`MANY` hold the row of the revocations for at most this many times as long as `FEW`."""
SEED = """
    INSERT INTO grants (grant_id, tenant_id, client_id, user_id, scopes, audience, offline, seed, signed_in_at, expires_at)
    SELECT 'gnt_' || %(tag)s || lpad(number::text, 12, '0'), %(tenant_id)s, (%(clients)s::text[])[1 + number %% cardinality(%(clients)s)],
        %(user_id)s, '{webhooks:write}', '{}', true, '', now(), now() + interval '30 days'
    FROM generate_series(1, %(count)s) AS number
"""
PEOPLE = """
    INSERT INTO users (user_id, tenant_id, email, name, roles, scope_limit)
    SELECT 'usr_z' || %(tag)s || number, %(tenant_id)s, 'z' || %(tag)s || number || '@crowd.example', 'z', '{desk}', '{webhooks:write}'
    FROM generate_series(1, %(count)s) AS number
"""
LINKS = """
    INSERT INTO saml_identities (connection_id, name_id, tenant_id, user_id)
    SELECT %(connection_id)s, 'z' || number, %(tenant_id)s, 'usr_z' || %(tag)s || number FROM generate_series(1, %(count)s) AS number
"""
ROLES_OF = """
    SELECT roles[1], count(*)::int FROM saml_identities JOIN users USING (user_id)
    WHERE connection_id = %s AND roles <> '{}' GROUP BY 1
"""


@pytest.fixture
def few(fresh_database: FreshDatabase, redis_url: str) -> Iterator[Auth]:
    with running(fresh_database("auth"), redis_url, most_grants=3) as auth:
        yield auth


def seed(auth: Auth, email: str, clients: list[str], count: int) -> None:
    with psycopg.connect(auth.settings.migration_database_url or "", options="-c statement_timeout=0") as conn:
        [(user_id,)] = conn.execute("SELECT user_id FROM users WHERE email = %s", (email,)).fetchall()
        row = {"tag": f"{time.time_ns():x}", "tenant_id": auth.demo["tenant_id"], "user_id": user_id}
        conn.execute(SEED, row | {"clients": clients, "count": count})
        conn.execute("ANALYZE grants")


def live(auth: Auth, client_id: str) -> int:
    [(count,)] = auth.sql("SELECT count(*) FROM grants WHERE client_id = %s AND revoked_at IS NULL", client_id)
    return count


def held_by(auth: Auth, call: Callable[[], Any]) -> float:
    """The longest time in seconds for which another revocation would have waited during `call`."""
    done = threading.Event()
    longest = 0.0

    def look() -> None:
        nonlocal longest
        with psycopg.connect(auth.settings.worker_database_url or "", autocommit=True) as conn:
            free = time.perf_counter()
            while not done.is_set():
                try:
                    conn.execute("SELECT FROM revocation_state FOR UPDATE NOWAIT")
                    free = time.perf_counter()
                except LockNotAvailable:
                    longest = max(longest, time.perf_counter() - free)
                time.sleep(0.001)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        call()
    finally:
        done.set()
        looking.join()
    return longest


def withdraw(auth: Auth, email: str, app: dict[str, Any]) -> None:
    browser = Browser(auth)
    browser.sign_in({"email": email})
    answer = browser.submit(browser.get("/v1/auth/sessions"), "/v1/auth/sessions", withdraw=app["client_id"])
    assert answer.headers.get("location", "").endswith("done=withdrawn"), answer.text


def disable(auth: Auth, email: str, app: dict[str, Any]) -> None:
    operate(auth, "user", "disable", email)


def change_password(auth: Auth, email: str, app: dict[str, Any]) -> None:
    browser = Browser(auth)
    assert choose(browser, browser.get(new_link(auth, {"email": email})), "another long password") == 200


def test_nobody_waits_longer_for_many_grants_of_one_person_than_for_few(auth: Auth) -> None:
    for end in (withdraw, change_password, disable):
        took: list[float] = []
        for count in (FEW, MANY):
            email, app = new_user(auth), register_web_app(auth)
            seed(auth, email, [app["client_id"]], count)
            took.append(held_by(auth, lambda end=end, email=email, app=app: end(auth, email, app)))
            assert live(auth, app["client_id"]) == 0
        assert took[1] < TIMES * took[0], (end.__name__, took)


def test_enforcing_ends_the_grants_of_many_apps_and_others_revoke_meanwhile(auth: Auth, works: Connection) -> None:
    """The apps with the most grants get one watermark each, the others one for each grant."""
    inside = person(auth, works.domain)
    apps = [register_web_app(auth) for _ in range(8)]
    clients = [app["client_id"] for app in apps]
    small = register_web_app(auth)
    browser = Browser(auth)
    browser.sign_in(inside)
    held = []
    for app in (apps[0], small):
        page = browser.authorize(app)
        code = returned(browser.submit(page, "/v1/oauth/authorize", decision="allow"))["code"]
        held.append(claims_of(redeem(auth, app, code).json()["access_token"]))
    untouched = claims_of(auth.token(auth.register()).json()["access_token"])
    took: list[float] = []
    for count in (FEW, MANY):
        seed(auth, inside["email"], clients, count)
        works.call("PUT", POLICY, json={"enforced": False})
        before = number(auth)
        took.append(held_by(auth, lambda: enforce(works)))
        written = changes(auth, before).watermarks
        assert len(written) <= FEW + len(clients)
        work(auth)
        assert [live(auth, client_id) for client_id in clients] == [0] * len(clients)
        assert live(auth, small["client_id"]) == 0
    marks, after, more = Marks(), 0, True
    while more:
        answer = changes(auth, after)
        marks.add(answer.watermarks)
        after, more = answer.sequence or 0, answer.more
    assert [covers(marks, claims) for claims in (*held, untouched)] == [True, True, False]
    assert took[1] < TIMES * took[0], took


@pytest.mark.parametrize("how", ["enforced", "disabled", "deleted"])
def test_the_request_that_ends_many_peoples_grants_touches_none_and_all_are_refused_at_once(
    auth: Auth, works: Connection, how: str
) -> None:
    """Each grant that the person got before ends; the ones that they get later go on."""
    app, browser = register_web_app(auth), Browser(auth)
    if how == "enforced":
        inside = person(auth, works.domain)
        browser.sign_in(inside)
        works.sign_in(Browser(auth))
    else:
        inside = {"email": f"anna@{works.domain}"}
        works.sign_in(browser)
    held = allowed(auth, browser, app)
    seed(auth, inside["email"], [app["client_id"]], MANY)
    before, service_token = number(auth), auth.admin("POST", f"/v1/platform/apps/{app['client_id']}/service-token")
    if how == "enforced":
        assert enforce(works, works_already=False).status_code == 200
    elif how == "disabled":
        assert works.call("PATCH", json={"status": "disabled"}).status_code == 200
    else:
        assert works.call("DELETE").status_code == 204
    assert live(auth, app["client_id"]) == MANY + 1
    marks = Marks()
    marks.add(changes(auth, before).watermarks)
    assert covers(marks, claims_of(held["access_token"]))
    assert covers(marks, claims_of(service_token.json()["token"]))
    refused = auth.token(app, grant_type="refresh_token", refresh_token=held["refresh_token"])
    assert refused.json().get("error") == "invalid_grant", refused.text
    if how == "enforced":
        works.call("PUT", POLICY, json={"enforced": False})
        browser.sign_in(inside)
        later = allowed(auth, browser, app)
        work(auth)
        assert (
            "access_token" in auth.token(app, grant_type="refresh_token", refresh_token=later["refresh_token"]).json()
        )
    work(auth)
    assert live(auth, app["client_id"]) == (1 if how == "enforced" else 0)
    assert auth.sql("SELECT count(*) FROM ending_grants") == [(0,)]


def crowd(auth: Auth, works: Connection, count: int) -> None:
    """People of the connection who signed in with the role `desk`."""
    row = {"tag": f"{time.time_ns():x}", "tenant_id": auth.demo["tenant_id"], "connection_id": works.id, "count": count}
    with psycopg.connect(auth.settings.migration_database_url or "", options="-c statement_timeout=0") as conn:
        conn.execute(PEOPLE, row)
        conn.execute(LINKS, row)


def roles_of(auth: Auth, works: Connection) -> dict[str, int]:
    """The numbers of people of the connection with each role."""
    return dict(auth.sql(ROLES_OF, works.id))


@pytest.mark.parametrize(
    ("mapping", "is_alive", "stays_in"),
    [
        ({"desk": ["webhooks:write", "argus:incidents:read"]}, True, True),
        ({"desk": ["webhooks:read"]}, False, True),
        ({"night": ["webhooks:write"]}, False, False),
    ],
    ids=["more", "less", "gone"],
)
def test_a_changed_mapping_of_many_people_counts_before_their_turn(
    auth: Auth, works: Connection, mapping: dict[str, list[str]], is_alive: bool, stays_in: bool
) -> None:
    map_roles(works)
    works.sign_in(browser := Browser(auth), **saying(works, "desk"))
    app = register_web_app(auth)
    held = allowed(auth, browser, app)
    crowd(auth, works, roles.AT_ONCE)
    before = number(auth)
    assert map_roles(works, mapping).status_code == 200
    marks = Marks()
    marks.add(changes(auth, before).watermarks)
    assert covers(marks, claims_of(held["access_token"])) is not is_alive
    refreshed = auth.token(app, grant_type="refresh_token", refresh_token=held["refresh_token"])
    assert refreshed.json().get("error") == (None if is_alive else "invalid_grant")
    asked = returned(browser.authorize(app, scope="webhooks:write")) if stays_in else {}
    assert asked.get("error") == (None if is_alive or not stays_in else "access_denied")
    assert (live(auth, app["client_id"]), roles_of(auth, works)) == (
        1 if not is_alive else 2,
        {"desk": roles.AT_ONCE + 1},
    )
    work(auth)
    assert is_in(browser) is stays_in
    assert roles_of(auth, works) == ({"desk": roles.AT_ONCE + 1} if stays_in else {})
    assert live(auth, app["client_id"]) == (2 if is_alive else 0)
    assert auth.sql("SELECT count(*) FROM changing_roles") == [(0,)]


HISTORY = """
    SELECT (SELECT count(*) FROM saml_identities WHERE connection_id = %(id)s),
        (SELECT count(*) FROM saml_replays WHERE connection_id = %(id)s),
        (SELECT count(*) FROM saml_sessions WHERE connection_id = %(id)s),
        (SELECT count(*) FROM saml_requests WHERE connection_id = %(id)s)
"""


def history(auth: Auth, works: Connection) -> tuple[int, ...]:
    """The connection's links to people, answers, sessions and requests."""
    with psycopg.connect(auth.settings.migration_database_url or "") as conn:
        [found] = conn.execute(HISTORY, {"id": works.id}).fetchall()
    return found


def test_the_request_that_deletes_a_connection_deletes_none_of_its_history(auth: Auth, works: Connection) -> None:
    work(auth)
    works.sign_in(browser := Browser(auth))
    asked = works.ask(Browser(auth))
    crowd(auth, works, 2 * ending.PORTION)
    assert history(auth, works) == (2 * ending.PORTION + 1, 1, 1, 1)
    linked = {"federated": "true", "search": f"anna@{works.domain}"}
    assert len(auth.call("GET", "/v1/platform/users", auth.caller(SCOPES), params=linked).json()["users"]) == 1
    assert works.call("DELETE").status_code == 204
    assert history(auth, works) == (2 * ending.PORTION + 1, 1, 1, 1)
    # For every reader the connection is gone, and its people are linked with none.
    assert works.call("GET").status_code == works.call("GET", "users").status_code == 404
    assert Browser(auth).get(works.path("login")).status_code == 404
    assert works.post(Browser(auth), works.form(asked)).status_code == 404
    assert not is_in(browser)
    assert auth.call("GET", "/v1/platform/users", auth.caller(SCOPES), params=linked).json()["users"] == []
    left = []
    with database.Connection.connect(auth.settings.worker_database_url or "") as conn:
        for _ in range(3):
            assert ending.work_off(conn, 0) == 1
            left.append(history(auth, works)[0])
    assert left == [ending.PORTION + 1, 1, 0]
    assert auth.sql("SELECT count(*) FROM ending_connections") == [(0,)]


def test_a_deleted_connection_of_many_people_leaves_another_organisation_its_turn(
    auth: Auth, works: Connection
) -> None:
    work(auth)
    crowd(auth, works, ending.PORTION + 1)
    assert works.call("DELETE").status_code == 204
    decide = "INSERT INTO ending_connections (connection_id, tenant_id) VALUES ('samlc_x', %s)"
    auth.sql(decide, auth.other["tenant_id"])
    for waiting in (2, 1, 0):
        with database.Connection.connect(auth.settings.worker_database_url or "") as conn:
            ending.work_off(conn, 0)
        left = auth.sql("SELECT connection_id FROM ending_connections ORDER BY connection_id")
        assert left == [(works.id,), ("samlc_x",)][:waiting]
    assert history(auth, works)[0] == 0


def test_a_row_that_names_a_connection_in_use_deletes_no_link(auth: Auth, works: Connection) -> None:
    works.sign_in(Browser(auth))
    forge = "INSERT INTO ending_connections (connection_id, tenant_id) VALUES (%s, %s)"
    auth.sql(forge, works.id, auth.demo["tenant_id"])
    work(auth)
    assert auth.sql("SELECT count(*) FROM ending_connections") == [(0,)]
    assert history(auth, works)[0] == 1


def test_no_web_process_writes_the_row_of_a_deleted_connection(auth: Auth, works: Connection) -> None:
    """One could keep links for ever, or give the relay a million rows to read each second."""
    work(auth)
    assert works.call("DELETE").status_code == 204
    for statement in (
        "INSERT INTO ending_connections (connection_id, tenant_id) VALUES ('samlc_x', current_tenant())",
        "UPDATE ending_connections SET turn_at = 'infinity'",
        "DELETE FROM ending_connections",
    ):
        with psycopg.connect(auth.settings.database_url) as conn:
            conn.execute(SET_TENANT, (auth.demo["tenant_id"],))
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement)
    assert auth.sql("SELECT connection_id FROM ending_connections") == [(works.id,)]
    work(auth)


def test_a_connection_that_fails_leaves_another_of_its_organisation_its_turn(auth: Auth) -> None:
    work(auth)
    decide = "INSERT INTO ending_connections (connection_id, tenant_id, turn_at) VALUES (%s, %s, %s)"
    auth.sql(decide, "samlc_failed", auth.demo["tenant_id"], "2026-01-01")
    auth.sql(decide, "samlc_later", auth.demo["tenant_id"], None)
    with database.Connection.connect(auth.settings.worker_database_url or "") as conn:
        assert conn.execute(ending.TAKE_CONNECTION, ([],)).fetchone() == ("samlc_later", auth.demo["tenant_id"])
    work(auth)


def test_a_mapping_of_many_people_is_applied_in_portions_and_tenants_have_turns(auth: Auth, works: Connection) -> None:
    """Neither the request nor a portion writes a row of every person."""
    map_roles(works)
    crowd(auth, works, 2 * roles.PEOPLE + roles.AT_ONCE)
    assert map_roles(works, {"night": []}).status_code == 200
    left = []
    with database.Connection.connect(auth.settings.worker_database_url or "") as conn:
        for _ in range(3):
            ending.work_off(conn, 0)
            left.append(roles_of(auth, works)["desk"])
    everybody = 2 * roles.PEOPLE + roles.AT_ONCE
    assert left == [everybody - roles.PEOPLE, everybody - 2 * roles.PEOPLE, everybody - 3 * roles.PEOPLE]
    # A further change begins anew, with the people who had their turn.
    assert map_roles(works, {"desk": []}).status_code == 200
    assert auth.sql("SELECT after FROM changing_roles") == [("",)]
    work(auth)
    assert roles_of(auth, works) == {"desk": everybody - 3 * roles.PEOPLE}


def test_a_connection_in_use_holds_up_no_other_work(
    auth: Auth, works: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "PATIENCE", "SET LOCAL lock_timeout = '100ms'")
    map_roles(works)
    crowd(auth, works, roles.AT_ONCE + 1)
    assert map_roles(works, {"night": []}).status_code == 200
    with psycopg.connect(auth.settings.migration_database_url or "") as conn:
        conn.execute("SELECT FROM saml_connections FOR KEY SHARE")
        work(auth)
        assert roles_of(auth, works) == {"desk": roles.AT_ONCE + 1}
        assert auth.sql("SELECT turn_at IS NULL FROM changing_roles") == [(False,)]
    work(auth)
    assert roles_of(auth, works) == {}


def test_a_portion_ends_with_the_person_who_has_many_grants(
    auth: Auth, works: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    map_roles(works)
    works.sign_in(Browser(auth), **saying(works, "desk"))
    app = register_web_app(auth)
    seed(auth, f"anna@{works.domain}", [app["client_id"]], roles.GRANTS)
    monkeypatch.setattr(roles, "AT_ONCE", 2)
    crowd(auth, works, 2)
    assert map_roles(works, {"night": []}).status_code == 200
    with database.Connection.connect(auth.settings.worker_database_url or "") as conn:
        waiting = roles.next_changing(conn, [])
        assert waiting is not None
        roles.apply_portion(conn, *waiting)
    after = auth.sql("SELECT email FROM changing_roles JOIN users ON user_id = after")
    assert after == [(f"anna@{works.domain}",)]
    work(auth)
    assert (live(auth, app["client_id"]), roles_of(auth, works)) == (0, {})


def allowed(auth: Auth, browser: Browser, app: dict[str, Any]) -> dict[str, Any]:
    """The tokens that the person in the browser gives to the app."""
    page = browser.authorize(app, scope="webhooks:write offline_access")
    if page.status_code == 200:
        page = browser.submit(page, "/v1/oauth/authorize", decision="allow")
    return redeem(auth, app, returned(page)["code"]).json()


def work(auth: Auth) -> None:
    """The work of the relay, until nothing is left."""
    with database.Connection.connect(auth.settings.worker_database_url or "") as conn:
        ending.work_off(conn, 60)


def rows_of(auth: Auth, client_id: str) -> int:
    [(count,)] = auth.sql("SELECT count(*) FROM grants WHERE client_id = %s", client_id)
    return count


def test_a_person_who_goes_through_an_authorization_without_end_has_few_grants(few: Auth) -> None:
    """`few` lets a person have three grants for an app."""
    browser, app = Browser(few), register_web_app(few)
    scope = "webhooks:write offline_access"
    kept = redeem(few, app, browser.allow(app, scope=scope)).json()
    for _ in range(12):
        returned(browser.authorize(app, scope=scope))
    # A code that is never redeemed displaces nothing, and its grant lives for minutes.
    [(count, soon)] = few.sql(
        "SELECT count(*), count(*) FILTER (WHERE g.expires_at < now() + interval '10 minutes') FROM grants g"
        " JOIN codes c USING (grant_id) WHERE g.client_id = %s AND c.used_at IS NULL",
        app["client_id"],
    )
    assert (count, soon) == (3, 3)
    kept = few.token(app, grant_type="refresh_token", refresh_token=kept["refresh_token"]).json()
    first = redeem(few, app, returned(browser.authorize(app, scope=scope))["code"]).json()
    # The first is ended by later ones, because it was used last the longest ago; the one that is used stays.
    for _ in range(12):
        kept = few.token(app, grant_type="refresh_token", refresh_token=kept["refresh_token"]).json()
        redeem(few, app, returned(browser.authorize(app, scope=scope))["code"])
    assert "access_token" in few.token(app, grant_type="refresh_token", refresh_token=kept["refresh_token"]).json()
    ended = few.token(app, grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert ended["error"] == "invalid_grant"
    assert claims_of(first["access_token"])["grant_id"] in few.watermarks().text
    assert rows_of(few, app["client_id"]) <= 3 * 3 + 1


def test_grants_that_wait_for_their_codes_end_with_the_code(few: Auth) -> None:
    browser, app = Browser(few), register_web_app(few)
    code = browser.allow(app, scope="webhooks:write offline_access")
    for _ in range(5):
        returned(browser.authorize(app))
    assert redeem(few, app, code).json()["error"] == "invalid_grant"

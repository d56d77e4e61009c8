"""Everything a tenant can make is bounded, whoever makes how many at once, and the refusal says what to do."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from deploy.local.redis_server import RedisServer
from services.auth import activity
from services.auth.saml import receiving
from services.auth.signin import sessions
from tests.auth.federation import Connection, follow
from tests.auth.support import Auth, Browser, register_web_app, running
from tests.auth.test_operator import operate
from tests.auth.test_revocations import new_user
from tests.support.cluster import TestDatabases
from tests.support.name_server import NameServer
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

APPS = "/v1/platform/apps"
SMALL = {
    "most_apps": 8,
    "most_apps_a_day": 20,
    "most_redirect_uris": 2,
    "most_service_tokens_of_app": 3,
    "most_service_tokens": 6,  # with the one that the tenant begins with
    "most_consents": 2,
    "most_requests": 3,
    "most_connections": 2,
    "most_domains": 2,
    "most_users": 2,
}


@pytest.fixture
def small(databases: TestDatabases, redis_server: RedisServer, name_server: NameServer) -> Iterator[Auth]:
    """An auth service where little is allowed."""
    with (
        databases.lent("auth") as database,
        running(database, redis_server.url, dns_resolver=name_server.setting, **SMALL) as auth,
    ):
        yield auth


def create(auth: Auth, **fields: Any) -> httpx2.Response:
    draft = {"name": "Case sync", "grant_types": ["client_credentials"]} | fields
    return auth.admin("POST", APPS, json=draft)


def assert_full(answer: httpx2.Response, resource: str, limit: int) -> None:
    assert answer.status_code == 409, answer.text
    problem = answer.json()
    assert problem["type"].endswith("#limit-reached")
    assert (problem["resource"], problem["limit"]) == (resource, limit)
    assert f"at most {limit}" in problem["detail"]


def test_many_apps_at_once_stop_at_the_cap(small: Auth) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: create(small), range(100)))
    assert sorted({answer.status_code for answer in answers}) == [201, 409]
    assert sum(answer.status_code == 201 for answer in answers) == 8
    assert_full(create(small), "apps", 8)
    rows = small.sql("SELECT count(*) FROM apps WHERE tenant_id = %s AND NOT first_party", small.demo["tenant_id"])
    assert rows == [(8,)]
    # Another organisation has its own room.
    theirs = small.call(
        "POST", APPS, small.caller(tenant=small.other), json={"name": "x", "grant_types": ["client_credentials"]}
    )
    assert theirs.status_code == 201


def test_refusing_an_app_writes_nothing(small: Auth) -> None:
    for _ in range(8):
        assert create(small).status_code == 201
    count = "SELECT (SELECT count(*) FROM audit), (SELECT count(*) FROM outbox), (SELECT count(*) FROM app_secrets)"
    before = small.sql(count)
    assert {create(small).status_code for _ in range(30)} == {409}
    assert small.sql(count) == before


def test_making_and_deleting_in_turn_is_bounded(small: Auth) -> None:
    statuses = []
    for _ in range(20):
        made = create(small)
        statuses.append(made.status_code)
        if made.status_code == 201:
            small.admin("DELETE", f"{APPS}/{made.json()['client_id']}")
    assert 409 in statuses
    assert_full(create(small), "apps made within a day", 20)


def test_an_operator_gives_a_tenant_another_limit(small: Auth) -> None:
    tenant = small.demo["tenant_id"]
    shown = operate(small, "tenant", "limit", tenant, "apps", "9")
    assert "apps  9" in shown.splitlines()
    for _ in range(9):
        assert create(small).status_code == 201
    assert_full(create(small), "apps", 9)
    operate(small, "tenant", "limit", tenant, "apps")
    assert_full(create(small), "apps", 8)


def test_redirect_uris_and_keys_of_an_app_are_bounded(small: Auth) -> None:
    uris = [f"https://integrator.example/{number}" for number in range(3)]
    answer = create(small, grant_types=["authorization_code"], redirect_uris=uris)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["detail"]) == ("/redirect_uris", "an app has at most 2")
    app = create(small, grant_types=["authorization_code"], redirect_uris=uris[:2]).json()
    changed = small.admin("PATCH", f"{APPS}/{app['client_id']}", json={"redirect_uris": uris})
    governed = small.admin("PATCH", f"{APPS}/{app['client_id']}/governance", json={"redirect_uris": uris})
    assert (changed.status_code, governed.status_code) == (422, 422)


def test_live_service_tokens_are_bounded_by_app_and_by_tenant(small: Auth) -> None:
    one, other = (small.register()["client_id"] for _ in range(2))
    minted = [small.admin("POST", f"{APPS}/{one}/service-token") for _ in range(4)]
    assert [answer.status_code for answer in minted] == [201, 201, 201, 409]
    assert_full(minted[-1], "live service tokens", 3)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: small.admin("POST", f"{APPS}/{other}/service-token"), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [409] * 6
    assert_full(small.admin("POST", f"{APPS}/{other}/service-token"), "live service tokens", 6)


def test_secrets_that_have_ended_do_not_pile_up(auth: Auth) -> None:
    app = auth.register()
    for _ in range(25):
        rotated = auth.admin("POST", f"{APPS}/{app['client_id']}/rotate-secret", json={"overlap_seconds": 0})
        assert rotated.status_code == 200
    ((kept,),) = auth.sql("SELECT count(*) FROM app_secrets WHERE client_id = %s", app["client_id"])
    assert kept <= 22


def test_a_person_lets_in_so_many_apps_and_no_more(small: Auth) -> None:
    browser = Browser(small)
    browser.sign_in()
    apps = [register_web_app(small) for _ in range(3)]
    pages = [browser.submit(browser.authorize(app), "/v1/oauth/authorize", decision="allow") for app in apps]
    assert [page.status_code for page in pages] == [303, 303, 409]
    assert "as many apps" in pages[-1].text
    # One of those before is let in again; a deleted one makes room.
    assert browser.authorize(apps[0]).status_code == 302
    small.admin("DELETE", f"{APPS}/{apps[0]['client_id']}")
    allowed = browser.submit(browser.authorize(apps[2]), "/v1/oauth/authorize", decision="allow")
    assert allowed.status_code == 303


def test_ports_of_a_loopback_address_make_no_rows(auth: Auth) -> None:
    """A request may name any port of 127.0.0.1; the app's counts name the registered address."""
    registered = "http://127.0.0.1/callback"
    app = register_web_app(auth, redirect_uris=[registered])
    browser = Browser(auth)
    browser.sign_in()
    for port in range(5000, 5005):
        page = browser.authorize(app, redirect_uri=f"http://127.0.0.1:{port}/callback")
        if page.status_code == 200:
            page = browser.submit(page, "/v1/oauth/authorize", decision="allow")
        assert f"127.0.0.1:{port}" in page.headers["location"]
    counted = (
        "SELECT detail, sum(count) FROM daily_counts WHERE client_id = %s AND kind = 'authorized_at' GROUP BY detail"
    )
    wait_for(lambda: sum(number for _, number in auth.sql(counted, app["client_id"])) == 5)
    assert auth.sql(counted, app["client_id"]) == [(registered, 5)]


def test_strangers_calls_in_the_name_of_an_app_leave_few_events_and_displace_no_others(
    auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "MOST_EVENTS", 5)
    app = auth.register()
    assert auth.token(app, scope="argus:epcr:write").status_code == 400
    kinds = "SELECT kind, count(*) FROM app_events WHERE client_id = %s GROUP BY kind ORDER BY kind"
    refused = "SELECT sum(count) FROM daily_counts WHERE client_id = %s AND kind = 'refused:invalid_client'"
    for known in range(20, 80, 20):
        for _ in range(20):
            assert auth.token(app, client_secret="guessed").status_code == 401
        wait_for(lambda known=known: auth.sql(refused, app["client_id"]) == [(known,)])
    assert auth.sql(kinds, app["client_id"]) == [("invalid_client", 5), ("invalid_scope", 1)]


def test_signing_in_without_end_leaves_few_sessions(auth: Auth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 4)
    person, browsers = {"email": new_user(auth)}, [Browser(auth) for _ in range(7)]
    for browser in browsers:
        browser.sign_in(person)
    count = "SELECT count(*) FROM sessions JOIN users USING (user_id) WHERE email = %s"
    assert auth.sql(count, person["email"]) == [(4,)]
    inside = [browser.get("/v1/auth/sessions").status_code == 200 for browser in browsers]
    assert inside == [False] * 3 + [True] * 4


def test_strangers_who_begin_sign_ins_leave_few_rows_and_room_for_everybody_else(
    auth: Auth, works: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "MOST_WAITING", 10)
    known, other, stranger = Browser(auth), Browser(auth), Browser(auth)
    known.address, other.address = "198.51.100.7", "192.0.2.7"
    works.sign_in(known)
    asked = [(browser, works.ask(browser)) for browser in (known, other)]
    for number in range(40):
        stranger.address = f"203.0.113.{number}"
        works.ask(stranger, "/v1/oauth/authorize?state=" + "x" * 7000)
    count = "SELECT is_returning, count(*) FROM saml_requests WHERE connection_id = %s GROUP BY 1 ORDER BY 1"
    assert auth.sql(count, works.id) == [(False, 10), (True, 1)]
    for browser, one in asked:
        assert follow(browser, works.post(browser, works.form(one))).status_code == 303
    assert auth.sql(count, works.id) == [(False, 9)]


def test_asking_and_withdrawing_in_turn_is_bounded(small: Auth) -> None:
    path = "/v1/platform/integration-requests"
    draft = {"capability": "platform_api", "reason": "We build", "details": {"scopes": ["argus:platform:read"]}}
    for _ in range(3):
        made = small.admin("POST", path, json=draft)
        assert made.status_code == 201, made.text
        assert small.admin("POST", f"{path}/{made.json()['id']}/withdraw").status_code == 200
    assert_full(small.admin("POST", path, json=draft), "integration requests of the last year", 3)


def test_connections_domains_and_people_are_bounded(small: Auth, name_server: NameServer) -> None:
    works = Connection(small, small.demo)
    works.prove(name_server)
    assert works.call("POST", "domains", json={"domain": f"b{time.time_ns()}.example"}).status_code == 201
    full = works.call("POST", "domains", json={"domain": f"c{time.time_ns()}.example"})
    assert_full(full, "domains", 2)
    Connection(small, small.demo)
    third = works.call("POST", "/v1/saml/connections", json={"name": "x", "metadata_xml": "<x/>"})
    assert third.status_code in (409, 422)
    # The administrator is one of two people; one more may come, and no second.
    statuses = []
    for name in ("anna", "bruno"):
        attributes = {"email": [f"{name}@{works.domain}"]}
        try:
            statuses.append(works.sign_in(Browser(small), name_id=name, attributes=attributes).status_code)
        except AssertionError:
            statuses.append(403)
    assert statuses == [303, 403]
    again = works.sign_in(Browser(small), name_id="anna", attributes={"email": [f"anna@{works.domain}"]})
    assert again.status_code == 303

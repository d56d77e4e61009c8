"""The revocations that gateways ask for: complete and in order."""

import threading
import time
from typing import Any

import psycopg
import pytest
from redis import Redis

from tests.auth.support import PASSWORD, Auth, Browser, claims_of, redeem, register_web_app
from tests.auth.test_operator import operate
from tests.auth.test_sign_in import choose, new_link
from tests.support.waiting import PATIENCE, wait_for

DAY = 86_400
WORKER_ADDS = "SELECT set_config('app.tenant_id', %s, true), revoke_tokens('client', ARRAY[%s], NULL, interval '1 hour', 1000, 5000)"
REVOKES_ONE = "SELECT revoke_tokens(%s, ARRAY[%s], NULL, interval '1 s', 1000, 5000)"
# Of one user and app; the first was used a moment ago, each other one a day before the one before it.
HAS_GRANTS = """
    INSERT INTO grants (grant_id, tenant_id, client_id, user_id, scopes, audience, offline, seed, signed_in_at,
        created_at, rotated_at, expires_at)
    SELECT %(user_id)s || '.' || number, %(tenant_id)s, %(client_id)s, %(user_id)s, '{}', '{}', true, '', now() - interval '90 days',
        now() - interval '90 days', now() - make_interval(days => number), now() - make_interval(days => number) + interval '30 days'
    FROM generate_series(0, %(most)s) AS number
"""


def test_only_a_gateway_may_read_it(auth: Auth) -> None:
    assert auth.call("GET", "/internal/revocations?after=0").status_code == 401
    assert auth.admin("GET", "/internal/revocations?after=0").status_code == 403


def test_a_new_watermark_is_seen(auth: Auth) -> None:
    app, first = auth.register(), auth.watermarks()
    auth.admin("POST", f"/v1/platform/apps/{app['client_id']}/disable")
    changed = auth.watermarks()
    assert changed.json()["sequence"] > first.json()["sequence"]
    mark = next(mark for mark in changed.json()["watermarks"] if mark["id"] == app["client_id"])
    assert set(mark) == {"kind", "id", "not_before_ms", "expires_at", "tenant_id", "client_id"}


def test_watermarks_of_every_tenant_are_there(auth: Auth) -> None:
    stranger = auth.caller(tenant=auth.other)
    draft = {"name": "x", "grant_types": ["client_credentials"]}
    app = auth.call("POST", "/v1/platform/apps", stranger, json=draft).json()
    auth.call("DELETE", f"/v1/platform/apps/{app['client_id']}", stranger)
    assert app["client_id"] in auth.watermarks().text


def test_the_bell_rings_after_the_commit(auth: Auth) -> None:
    app = auth.register()
    with Redis.from_url(auth.settings.redis_url) as redis, redis.pubsub() as bell:
        bell.subscribe("auth:revocations")
        assert bell.get_message(timeout=PATIENCE)
        auth.admin("POST", f"/v1/platform/apps/{app['client_id']}/disable")
        assert bell.get_message(ignore_subscribe_messages=True, timeout=PATIENCE)
    assert app["client_id"] in auth.watermarks().text


def test_no_number_is_seen_before_all_that_belongs_to_it(auth: Auth) -> None:
    """Two revocations at once: the second waits, so that nobody can read its number without the first's watermark."""
    apps = [auth.register()["client_id"] for _ in range(2)]
    before = auth.watermarks().json()["sequence"]
    worker = auth.settings.worker_database_url or ""
    second = threading.Thread(target=_revoke, args=(worker, auth.demo["tenant_id"], apps[1]))
    with psycopg.connect(worker) as conn:
        conn.execute(WORKER_ADDS, (auth.demo["tenant_id"], apps[0]))
        second.start()
        second.join(0.3)
        assert second.is_alive()
        assert auth.watermarks().json()["sequence"] == before
    second.join(PATIENCE)
    listed = auth.watermarks()
    assert listed.json()["sequence"] >= before + 2
    assert all(client_id in listed.text for client_id in apps)


def _revoke(dsn: str, tenant_id: str, client_id: str) -> None:
    with psycopg.connect(dsn) as conn:
        conn.execute(WORKER_ADDS, (tenant_id, client_id))


def test_no_token_slips_past_a_revocation_under_way(auth: Auth) -> None:
    """A token asked for while its app is being disabled is either refused, or stamped so early that the watermark catches it."""
    app = auth.register()
    minted: list[str] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answer = auth.token(app)
            if answer.status_code != 200:
                return
            minted.append(claims_of(answer.json()["access_token"])["jti"])

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    wait_for(lambda: len(minted) >= 50)
    auth.admin("POST", f"/v1/platform/apps/{app['client_id']}/disable")
    for asker in askers:
        asker.join(PATIENCE)
    stop.set()
    mark = next(mark for mark in auth.watermarks().json()["watermarks"] if mark["id"] == app["client_id"])
    assert all(int(jti.replace("-", "")[:12], 16) < mark["not_before_ms"] for jti in minted)


def test_a_token_made_right_after_a_revocation_is_good(auth: Auth) -> None:
    app = auth.register(["webhooks:write", "argus:epcr:read"])
    for scopes in (["webhooks:write"], []) * 5:
        auth.admin("PATCH", f"/v1/platform/apps/{app['client_id']}", json={"requested_scopes": ["webhooks:write"]})
        auth.admin("PATCH", f"/v1/platform/apps/{app['client_id']}", json={"requested_scopes": scopes})
        jti = claims_of(auth.token(app).json()["access_token"])["jti"]
        marks = [mark for mark in auth.watermarks().json()["watermarks"] if mark["id"] == app["client_id"]]
        assert all(mark["not_before_ms"] <= int(jti.replace("-", "")[:12], 16) for mark in marks)


def test_a_watermark_never_moves_back(auth: Auth) -> None:
    """As it would on a database whose clock was set back."""
    app = auth.register()
    auth.admin("POST", f"/v1/platform/apps/{app['client_id']}/rotate-secret", json={"overlap_seconds": 0})
    auth.sql("UPDATE watermarks SET not_before_ms = not_before_ms + 3600000 WHERE id = %s", app["client_id"])
    before = mark_of(auth, "client", app["client_id"])
    auth.admin("POST", f"/v1/platform/apps/{app['client_id']}/disable")
    assert mark_of(auth, "client", app["client_id"])["not_before_ms"] == before["not_before_ms"]


def test_whoever_waits_for_another_revocation_keeps_no_app_from_its_tokens(auth: Auth) -> None:
    """Nor any that asks in the same moment: look-ups of clients share one query."""
    app, worker = auth.register(), auth.settings.worker_database_url or ""
    waiting = threading.Thread(target=_revoke, args=(worker, auth.demo["tenant_id"], app["client_id"]))
    with psycopg.connect(worker) as conn:
        conn.execute("SELECT FROM revocation_state FOR UPDATE")
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        token = auth.token(app)
        assert (token.status_code, waiting.is_alive()) == (200, True)
    waiting.join(PATIENCE)
    jti = claims_of(token.json()["access_token"])["jti"]
    assert int(jti.replace("-", "")[:12], 16) < mark_of(auth, "client", app["client_id"])["not_before_ms"]


def test_a_new_password_ends_all_grants_in_one_statement(auth: Auth) -> None:
    email = new_user(auth)
    ended = give_grants(auth, email, 40)
    browser = Browser(auth)
    assert choose(browser, browser.get(new_link(auth, {"email": email})), "another long password") == 200
    assert_in_one_statement(auth, ended[:3])
    assert auth.sql("SELECT count(*) FROM grants WHERE grant_id = ANY(%s) AND revoked_at IS NULL", ended) == [(0,)]


def test_a_grant_whose_tokens_are_dead_gets_no_watermark(auth: Auth) -> None:
    """The last of its tokens was made within a day of its last refresh and lived a day at most."""
    email = new_user(auth)
    ended = give_grants(auth, email, 40)
    browser = Browser(auth)
    assert choose(browser, browser.get(new_link(auth, {"email": email})), "another long password") == 200
    assert {mark["id"] for mark in auth.watermarks().json()["watermarks"]} & set(ended) == set(ended[:3])


def test_many_grants_of_an_app_are_withdrawn_at_once(auth: Auth) -> None:
    email = new_user(auth)
    app, browser = register_web_app(auth), Browser(auth)
    browser.sign_in({"email": email})
    browser.submit(browser.authorize(app), "/v1/oauth/authorize", decision="allow")
    ended = give_grants(auth, email, 2, app["client_id"])
    page = browser.get("/v1/auth/sessions")
    answer = browser.submit(page, "/v1/auth/sessions", withdraw=app["client_id"])
    assert answer.headers["location"].endswith("done=withdrawn")
    assert_in_one_statement(auth, ended, others=1)


def test_revoking_single_grants_does_not_wait_for_the_clock(auth: Auth) -> None:
    """No further token of theirs is made, so that callers who end one after the other hold others up less."""
    with psycopg.connect(auth.settings.worker_database_url or "") as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (auth.demo["tenant_id"],))

        def least_seconds(kind: str) -> float:
            """Of one call: other work of the machine lengthens most of them, seldom all."""
            took = []
            for number in range(300):
                began = time.monotonic()
                conn.execute(REVOKES_ONE, (kind, f"id_{number}"))
                took.append(time.monotonic() - began)
            return min(took)

        assert least_seconds("grant") + 0.001 < least_seconds("client")
        conn.rollback()


@pytest.mark.parametrize("ttl", [3600, DAY])
def test_the_watermark_of_a_users_grant_outlives_its_longest_token_and_no_more(auth: Auth, ttl: int) -> None:
    """An app whose lifetime was made shorter meanwhile has longer tokens out there, but none longer than a day."""
    app = web_app(auth, ttl)
    browser = Browser(auth)
    code = browser.allow(app, scope="webhooks:write offline_access")
    tokens = redeem(auth, app, code).json()
    govern(auth, app, access_token_ttl=60)
    answer = auth.form("/v1/oauth/revoke", credentials(app) | {"token": tokens["refresh_token"]})
    assert answer.status_code == 200
    claims = claims_of(tokens["access_token"])
    lives = mark_of(auth, "grant", claims["grant_id"])["expires_at"] - time.time()
    assert claims["exp"] - time.time() < lives
    assert lives == pytest.approx(DAY + 300, abs=10)


def test_no_app_may_have_tokens_that_outlive_the_watermark_of_their_grant(auth: Auth) -> None:
    """The function `revoke_tokens` relies on it."""
    app = register_web_app(auth)
    path = f"/v1/platform/apps/{app['client_id']}/governance"
    assert auth.admin("PATCH", path, json={"access_token_ttl": DAY}).status_code == 200
    assert auth.admin("PATCH", path, json={"access_token_ttl": DAY + 1}).status_code == 422


@pytest.mark.parametrize("lives", [600, 30 * DAY])
def test_the_watermark_of_a_service_token_lives_as_long_as_that_token(auth: Auth, lives: int) -> None:
    app = auth.register()
    path = f"/v1/platform/apps/{app['client_id']}/service-token"
    minted = auth.admin("POST", path, json={"expires_in": lives}).json()
    assert auth.admin("DELETE", f"{path}s/{minted['id']}").status_code == 204
    claims = claims_of(minted["token"])
    assert mark_of(auth, "grant", claims["grant_id"])["expires_at"] == pytest.approx(claims["exp"] + 300, abs=2)


def test_the_watermark_of_a_single_token_ends_with_it_however_late_it_was_given_back(auth: Auth) -> None:
    app = auth.register()
    claims = claims_of(auth.token(app).json()["access_token"])
    made_ms = int(claims["jti"].replace("-", "")[:12], 16) - 3_000_000
    older, dead = (f"{at:012x}"[:8] + "-" + f"{at:012x}"[8:] + claims["jti"][13:] for at in (made_ms, 0))
    with psycopg.connect(auth.settings.worker_database_url or "") as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (auth.demo["tenant_id"],))
        conn.execute("SELECT revoke_tokens('token', %s, NULL, interval '3900 s', 1000, 5000)", ([older, dead],))
    assert mark_of(auth, "token", older)["expires_at"] == pytest.approx(claims["exp"] - 3000 + 300, abs=2)
    assert dead not in auth.watermarks().text


def test_the_watermark_of_an_app_outlives_its_service_tokens(auth: Auth) -> None:
    app = auth.register()
    auth.admin("POST", f"/v1/platform/apps/{app['client_id']}/disable")
    lives = mark_of(auth, "client", app["client_id"])["expires_at"] - time.time()
    assert lives == pytest.approx(30 * DAY + 300, abs=10)


def assert_in_one_statement(auth: Auth, ended: list[str], others: int = 0) -> None:
    """Their numbers, and those of other grants that ended with them, follow one another: one statement took them."""
    taken = "SELECT count(*), max(sequence) - min(sequence) + 1 FROM watermarks WHERE id = ANY(%s)"
    [(count, span)] = auth.sql(taken, ended)
    assert count == len(ended) <= span <= len(ended) + others


def mark_of(auth: Auth, kind: str, revoked: str) -> dict[str, Any]:
    marks = auth.watermarks().json()["watermarks"]
    return next(mark for mark in marks if (mark["kind"], mark["id"]) == (kind, revoked))


def new_user(auth: Auth) -> str:
    email = f"user{time.time_ns()}@demo.example"
    link = operate(auth, "user", "create", email, "--tenant", auth.demo["tenant_id"])
    browser = Browser(auth)
    assert choose(browser, browser.get(link.removeprefix(auth.settings.issuer)), PASSWORD) == 200
    return email


def give_grants(auth: Auth, email: str, count: int, client_id: str | None = None) -> list[str]:
    [(user_id,)] = auth.sql("SELECT user_id FROM users WHERE email = %s", email)
    client_id = client_id or register_web_app(auth)["client_id"]
    with psycopg.connect(auth.settings.migration_database_url or "") as conn:
        row = {"user_id": user_id, "tenant_id": auth.demo["tenant_id"], "client_id": client_id, "most": count - 1}
        conn.execute(HAS_GRANTS, row)
    return [f"{user_id}.{number}" for number in range(count)]


def web_app(auth: Auth, ttl: int) -> dict[str, Any]:
    app = register_web_app(auth)
    govern(auth, app, access_token_ttl=ttl)
    return app


def govern(auth: Auth, app: dict[str, Any], **changes: Any) -> None:
    path = f"/v1/platform/apps/{app['client_id']}/governance"
    assert auth.admin("PATCH", path, json=changes).status_code == 200


def credentials(app: dict[str, Any]) -> dict[str, str]:
    return {"client_id": app["client_id"], "client_secret": app["client_secret"]}

"""The list gateways poll: complete, in order, and cheap while nothing changes."""

import threading

import psycopg
from redis import Redis

from tests.auth.support import Auth, claims_of

WORKER_ADDS = "SELECT set_config('app.tenant_id', %s, true), add_watermark('client', %s, interval '1 hour')"


def test_only_a_gateway_may_read_it(auth: Auth) -> None:
    assert auth.call("GET", "/internal/revocations").status_code == 401
    assert auth.admin("GET", "/internal/revocations").status_code == 403


def test_an_unchanged_list_is_304_and_a_new_watermark_is_seen(auth: Auth) -> None:
    app = auth.register()
    first = auth.watermarks()
    assert auth.watermarks(first.headers["etag"]).status_code == 304
    auth.admin("POST", f"/v1/platform/apps/{app['client_id']}/disable")
    changed = auth.watermarks(first.headers["etag"])
    assert changed.status_code == 200
    assert changed.json()["version"] > first.json()["version"]
    mark = next(mark for mark in changed.json()["watermarks"] if mark["id"] == app["client_id"])
    assert set(mark) == {"kind", "id", "not_before_ms", "expires_at"}


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
        assert bell.get_message(timeout=5)
        auth.admin("POST", f"/v1/platform/apps/{app['client_id']}/disable")
        assert bell.get_message(ignore_subscribe_messages=True, timeout=5)
    assert app["client_id"] in auth.watermarks().text


def test_no_version_is_seen_before_all_that_belongs_to_it(auth: Auth) -> None:
    """Two revocations at once: the second waits, so that nobody can read its version without the first's watermark."""
    apps = [auth.register()["client_id"] for _ in range(2)]
    before = auth.watermarks().json()["version"]
    worker = auth.settings.worker_database_url or ""
    second = threading.Thread(target=_revoke, args=(worker, auth.demo["tenant_id"], apps[1]))
    with psycopg.connect(worker) as conn:
        conn.execute(WORKER_ADDS, (auth.demo["tenant_id"], apps[0]))
        second.start()
        second.join(0.3)
        assert second.is_alive()
        assert auth.watermarks().json()["version"] == before
    second.join(10)
    listed = auth.watermarks()
    assert listed.json()["version"] == before + 2
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
    while len(minted) < 50:
        pass
    auth.admin("POST", f"/v1/platform/apps/{app['client_id']}/disable")
    for asker in askers:
        asker.join(30)
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

"""The changes of revocations: what a follower gets, how soon, and that neither a client nor a tenant makes it long."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import pytest
from redis import Redis

from services.auth.revocations import bell, watermarks
from services.auth.revocations.changes import APART_SECONDS, ENCODED, KEPT, Changes
from shared.primitives.crypto import Signer, base64url_encode
from shared.web import identity
from shared.web.identity import HEADER, Caller, mint
from shared.web.responses import LIMIT_BYTES
from shared.web.revocations import Answer, Marks, Watermark, decode_answer
from tests.auth.support import Auth, claims_of, running
from tests.auth.test_operator import operate
from tests.conftest import FreshDatabase
from tests.support.alone import KEY
from tests.support.waiting import PATIENCE, Control, wait_for

GATEWAY = Caller(client_id="gateway", scopes=frozenset({"internal:gateway"}), token_use="service")
EPCR = Signer("test:" + base64url_encode(b"e" * 32))
STRANGER = Signer("test:" + base64url_encode(b"x" * 32))
# As many watermarks of the demo tenant as are asked for, each of a client of its own and under a number of its own.
MANY = """
    INSERT INTO watermarks (kind, id, tenant_id, client_id, not_before_ms, made_before_ms, expires_at, sequence)
    SELECT 'token', gen_random_uuid(), 'org_' || number %% 500, 'app_' || number, 1, 1, now() + interval '1 hour', number
    FROM generate_series(1, %s) AS number
"""


@pytest.fixture
def alone(fresh_database: FreshDatabase, redis_url: str) -> Iterator[Auth]:
    """An auth of the test's own, which knows epcr's key."""
    with running(fresh_database("auth"), redis_url, service_public_keys=EPCR.public_text("epcr")) as auth:
        yield auth


def changes(auth: Auth, after: int = 0, wait: float = 0) -> Answer:
    answer = auth.call("GET", f"/internal/revocations?after={after}&wait={wait}", GATEWAY)
    assert answer.status_code == 200, answer.text
    return Answer(**{**answer.json(), "watermarks": [Watermark(**mark) for mark in answer.json()["watermarks"]]})


def asking(auth: Auth) -> Control:
    return Control(lambda: changes(auth))


def number(auth: Auth) -> int:
    sequence = changes(auth, 1 << 60).sequence
    while (answer := changes(auth, sequence or 0)).more or answer.sequence != sequence:
        sequence = answer.sequence
    return sequence or 0


def mint_and_revoke(auth: Auth, app: dict[str, Any], count: int) -> list[dict[str, Any]]:
    path = f"/v1/platform/apps/{app['client_id']}/service-token"
    tokens = []
    for _ in range(count):
        minted = auth.admin("POST", path, json={"expires_in": 3600}).json()
        assert auth.admin("DELETE", f"{path}s/{minted['id']}").status_code == 204
        tokens.append(claims_of(minted["token"]))
    return tokens


def test_only_a_gateway_and_a_service_in_its_own_name_may_follow(alone: Auth) -> None:
    path = "/internal/revocations?after=0&wait=0"
    now = time.time()
    bad = {
        "nobody": {},
        "a stranger's key": {identity.SERVICE_HEADER: identity.sign_call(STRANGER, "epcr", "GET", path)},
        "another service's name": {identity.SERVICE_HEADER: identity.sign_call(EPCR, "auth", "GET", path)},
        "another request": {identity.SERVICE_HEADER: identity.sign_call(EPCR, "epcr", "GET", path + "1")},
        "an hour ago": {identity.SERVICE_HEADER: identity.sign_call(EPCR, "epcr", "GET", path, now=now - 3600)},
        "no signature": {identity.SERVICE_HEADER: "epcr.1.x"},
    }
    for case, headers in bad.items():
        assert alone.http.get(path, headers=headers).status_code == 401, case
    assert alone.admin("GET", path).status_code == 403
    assert (
        alone.http.get(
            path, headers={identity.SERVICE_HEADER: identity.sign_call(EPCR, "epcr", "GET", path)}
        ).status_code
        == 200
    )
    assert alone.call("GET", path, GATEWAY).status_code == 200
    elsewhere = "/v1/platform/apps"
    signed = {identity.SERVICE_HEADER: identity.sign_call(EPCR, "epcr", "GET", elsewhere)}
    assert alone.http.get(elsewhere, headers=signed).status_code == 401


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=0&wait=31", "after=0&wait=-1", "after=0&x=1"])
def test_a_question_that_makes_no_sense_is_422(auth: Auth, query: str) -> None:
    assert auth.call("GET", f"/internal/revocations?{query}", GATEWAY).status_code == 422


def test_what_was_revoked_comes_as_a_difference_at_once_to_who_waits(auth: Auth) -> None:
    app = auth.register()
    before = number(auth)
    found: list[tuple[float, Answer]] = []
    with httpx2.Client(base_url=auth.url, timeout=30, trust_env=False) as http:

        def follow() -> None:
            headers = {HEADER: mint(GATEWAY, KEY, "auth")}
            answer = http.get(f"/internal/revocations?after={before}&wait=20", headers=headers).json()
            marks = [Watermark(**mark) for mark in answer["watermarks"]]
            found.append((time.monotonic(), Answer(**{**answer, "watermarks": marks})))

        waiting = threading.Thread(target=follow)
        waiting.start()
        time.sleep(0.5)
        assert not found
        auth.admin("POST", f"/v1/platform/apps/{app['client_id']}/disable")
        revoked_at = time.monotonic()
        waiting.join(PATIENCE)
    [(at, answer)] = found
    assert at - revoked_at < asking(auth).allows(1)
    [mark] = answer.watermarks
    assert (mark.kind, mark.id, mark.tenant_id) == ("client", app["client_id"], auth.demo["tenant_id"])
    assert answer.sequence is not None
    assert answer.sequence > before
    assert changes(auth, before).watermarks == answer.watermarks


def test_nothing_new_is_an_empty_answer_after_the_time_that_was_asked_for(auth: Auth) -> None:
    before = number(auth)
    began = time.monotonic()
    answer = changes(auth, before, wait=0.5)
    assert (answer.watermarks, answer.sequence) == ([], before)
    assert 0.4 < time.monotonic() - began < asking(auth).allows(1)


def test_a_number_from_after_a_restore_is_answered_with_everything(auth: Auth) -> None:
    answer = changes(auth, 1 << 60)
    assert answer.sequence is not None
    assert answer.sequence < 1 << 60


def test_a_client_that_revokes_without_end_has_few_watermarks(auth: Auth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watermarks, "CLIENT_MOST", 10)
    app, other = auth.register(), auth.register()
    mine = mint_and_revoke(auth, other, 1)
    before = number(auth)
    tokens = mint_and_revoke(auth, app, 35)
    [(count,)] = auth.sql("SELECT count(*) FROM watermarks WHERE client_id = %s AND kind <> 'client'", app["client_id"])
    assert count <= 10
    marks = Marks()
    marks.add(changes(auth, before).watermarks)
    assert marks.count <= 10
    alive = auth.admin("POST", f"/v1/platform/apps/{app['client_id']}/service-token").json()
    for claims in tokens:
        assert covers(marks, claims), "a token that was revoked is refused"
    assert not covers(marks, claims_of(alive["token"]))
    assert not covers(marks, mine[0]), "another client's"
    trail = operate(auth, "tenant", "audit", auth.demo["tenant_id"])
    assert "revocations.folded" in trail


def test_a_client_beyond_its_most_watermarks_is_soon_folded(auth: Auth) -> None:
    app = auth.register()
    with psycopg.connect(auth.settings.migration_database_url or "") as conn:
        conn.execute(
            "INSERT INTO watermarks (kind, id, tenant_id, client_id, not_before_ms, made_before_ms, expires_at, sequence)"
            " SELECT 'grant', 'gnt_seeded' || number, %s, %s, 1, number, now() + interval '1 hour', number"
            " FROM generate_series(1, %s) AS number",
            (auth.demo["tenant_id"], app["client_id"], watermarks.CLIENT_MOST),
        )

    def marks() -> int:
        query = "SELECT count(*) FROM watermarks WHERE client_id = %s AND kind <> 'client'"
        [(count,)] = auth.sql(query, app["client_id"])
        return count

    for _ in range(200):  # each is counted with the chance of an eighth
        mint_and_revoke(auth, app, 1)
        if marks() <= watermarks.CLIENT_MOST:
            break
    assert marks() <= watermarks.CLIENT_MOST / 2 + 200


def test_a_tenant_that_revokes_without_end_has_few_watermarks(auth: Auth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watermarks, "TENANT_MOST", 12)
    stranger = auth.caller(tenant=auth.other)
    draft = {"name": "x", "grant_types": ["client_credentials"]}
    for _ in range(30):
        app = auth.call("POST", "/v1/platform/apps", stranger, json=draft).json()
        assert auth.call("DELETE", f"/v1/platform/apps/{app['client_id']}", stranger).status_code == 204
    [(count,)] = auth.sql("SELECT count(*) FROM watermarks WHERE tenant_id = %s", auth.other["tenant_id"])
    assert count <= 13


def covers(marks: Marks, claims: dict[str, Any]) -> bool:
    return marks.covers(
        tenant=claims["tenant_id"],
        client=claims["client_id"],
        grant=claims["grant_id"],
        token=claims["jti"],
        made_ms=int(claims["jti"].replace("-", "")[:12], 16),
        kid="",
    )


def test_a_distrusted_key_is_among_the_changes(alone: Auth) -> None:
    before = number(alone)
    [(old,)] = alone.sql("SELECT kid FROM signing_keys")
    kid = operate(alone, "keys", "rotate", "--emergency", "--distrust")
    answer = changes(alone, before, wait=0)
    assert [(mark.kind, mark.id) for mark in answer.watermarks] == [("key", old)]
    # It is published until the new one signs, though nothing that it signed is believed.
    wait_for(lambda: changes(alone, answer.sequence or 0).keys == [kid])


def test_a_key_whose_hour_has_come_is_announced_no_longer_though_nothing_was_revoked(alone: Auth) -> None:
    operate(alone, "keys", "rotate", "--emergency")
    before = number(alone)
    assert len(changes(alone, before).keys) == 2
    [(old,)] = alone.sql("SELECT kid FROM signing_keys ORDER BY activates_at LIMIT 1")
    alone.sql("UPDATE signing_keys SET removed_at = now() WHERE kid = %s", old)
    assert old not in changes(alone, before).keys


@pytest.mark.full
def test_100_000_watermarks_make_a_revocation_no_slower_and_are_read_in_pages(alone: Auth) -> None:
    app = alone.register()

    def least() -> float:
        """Seconds from a revocation to its being known."""
        before, took = number(alone), list[float]()
        for _ in range(5):
            time.sleep(APART_SECONDS)  # else auth gathers this change with the one before
            began = time.monotonic()
            alone.admin("POST", f"/v1/platform/apps/{app['client_id']}/disable")
            answer = changes(alone, before, wait=5)
            took.append(time.monotonic() - began)
            assert len(answer.watermarks) == 1
            before = answer.sequence or 0
            alone.admin("POST", f"/v1/platform/apps/{app['client_id']}/enable")
        return min(took)

    few = least()
    alone.sql(MANY, 100_000)
    alone.sql("SELECT next_changes(1)")
    assert least() < 5 * few
    marks, after, pages, more = Marks(), 0, 0, True
    while more:
        answer = changes(alone, after)
        marks.add(answer.watermarks)
        after, more, pages = answer.sequence or 0, answer.more, pages + 1
    assert marks.count == 100_000
    assert pages > 10


def test_whoever_waits_is_answered_when_the_process_is_stopped(fresh_database: FreshDatabase, redis_url: str) -> None:
    """A held question must not hold up a deployment."""
    from psycopg_pool import AsyncConnectionPool

    from services.auth.revocations.changes import Changes
    from shared.storage.database import open_pool

    database = fresh_database("auth")

    async def story() -> None:
        pool: AsyncConnectionPool[Any] = open_pool(database.app)
        async with pool:
            held = Changes(pool, redis_url)
            await held.look()
            waiting = asyncio.create_task(held.answer(held._sequence, 3600))
            await asyncio.sleep(0.2)
            assert not waiting.done()
            held.close()
            await waiting

    asyncio.run(asyncio.wait_for(story(), PATIENCE))


def test_many_revocations_after_one_another_are_few_answers(fresh_database: FreshDatabase, redis_url: str) -> None:
    """Else each of them wakes every gateway and every service, and one organisation could keep them all busy."""
    from psycopg_pool import AsyncConnectionPool

    from shared.storage.database import open_pool

    database = fresh_database("auth")
    wanted = {str(uuid4()) for _ in range(200)}

    def revoke() -> None:
        with psycopg.connect(database.migrator, autocommit=True) as conn, Redis.from_url(redis_url) as redis:
            for token in wanted:
                conn.execute("SELECT set_config('app.tenant_id', 'org_1', false)")
                conn.execute("SELECT revoke_tokens('token', %s, 'app_1', interval '1 hour', 1000, 5000)", ([token],))
                bell.ring_sync(redis)

    async def nothing() -> None:
        return

    async def story() -> tuple[int, float]:
        pool: AsyncConnectionPool[Any] = open_pool(database.app)
        async with pool:
            followed = Changes(pool, redis_url)
            looking = asyncio.create_task(followed.run(nothing))
            await followed.look()
            known, answers, after, began = set[str](), 0, followed._sequence, time.monotonic()
            revoking = asyncio.create_task(asyncio.to_thread(revoke))
            while wanted - known:
                answer = decode_answer(await followed.answer(after, 5))
                after, answers = answer.sequence or 0, answers + 1
                known |= {mark.id for mark in answer.watermarks}
            took = time.monotonic() - began
            await revoking
            looking.cancel()
        return answers, took

    answers, took = asyncio.run(asyncio.wait_for(story(), PATIENCE))
    assert answers <= took / APART_SECONDS + 2


def test_no_number_is_given_twice(auth: Auth) -> None:
    app = auth.register()
    mint_and_revoke(auth, app, 5)
    with psycopg.connect(auth.settings.migration_database_url or "") as conn:
        [row] = conn.execute("SELECT count(*) - count(DISTINCT sequence) FROM watermarks").fetchall()
    assert row == (0,)


def test_questions_from_many_places_in_the_list_do_not_keep_many_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look() -> None:
        return

    async def scenario() -> None:
        many = Changes(None, "")  # pyright: ignore[reportArgumentType] - nothing is read
        monkeypatch.setattr(many, "look", look)
        many._keep([(number, "token", "id", 1, 1, "org_1", "app_1") for number in range(1, 1_001)], 1_000)
        for after in range(1_000):
            await many.answer(after, 0)
        assert len(many._encoded) <= ENCODED

    asyncio.run(scenario())


def test_who_is_far_behind_gets_what_is_kept_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look() -> None:
        return

    async def scenario() -> None:
        many = Changes(None, "")  # pyright: ignore[reportArgumentType] - nothing is read
        monkeypatch.setattr(many, "look", look)
        rows = [
            (number, "token", f"{number:036}", 1, 1, "org_" + "x" * 26, "app_" + "x" * 26)
            for number in range(1, KEPT + 1)
        ]
        many._keep(rows, KEPT)
        got, after, more = list[str](), 0, True
        while more:
            body = await many.answer(after, 0)
            assert len(body) < LIMIT_BYTES / 2
            answer = decode_answer(body)
            got += [mark.id for mark in answer.watermarks]
            after, more = answer.sequence or 0, answer.more
        assert (got, after) == ([row[2] for row in rows], KEPT)

    asyncio.run(scenario())


def test_a_distrusted_key_outlives_a_watermark_of_the_platforms_tenant(auth: Auth) -> None:
    auth.sql("SELECT distrust_keys(ARRAY['a_key_of_old'])")
    try:
        with psycopg.connect(auth.settings.worker_database_url or "") as conn:
            conn.execute("SELECT set_config('app.tenant_id', 'platform', true)")
            conn.execute("SELECT revoke_tokens('tenant', ARRAY['platform'], NULL, interval '1 hour', 1000, 5000)")
            kept = conn.execute("SELECT kind, id FROM watermarks").fetchall()
            conn.rollback()
        assert {("key", "a_key_of_old"), ("tenant", "platform")} <= set(kept)
    finally:
        auth.sql("DELETE FROM watermarks WHERE id = 'a_key_of_old'")

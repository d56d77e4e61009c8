"""Idempotency-Key: one effect and one answer, replayed for a day, and unreadable at rest."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, LiteralString

import psycopg
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from deploy.local.databases import Database
from shared.messaging import outbox
from shared.primitives.crypto import Keyring, base64url_encode
from shared.storage import database, idempotency
from shared.storage.database import tenant_transaction
from shared.web import http, problems
from shared.web.identity import Caller
from shared.web.routing import resource
from tests.shared.asking import Answer, ask
from tests.shared.support import link, scalar

KEYS = Keyring.from_text("1:" + base64url_encode(b"k" * 32))


class Silent:
    def ring(self) -> None:
        """No process waits for this bell."""


class Thing(http.Body):
    """Its items may be refused one by one, so the body may hold numbers and texts that cannot be stored."""

    max_bytes = http.MAX_BODY
    by_item = True
    a: Any = None
    b: Any = None


class Service:
    """One endpoint whose effect is a message, and that can be held in the middle of its work."""

    def __init__(self) -> None:
        self.calls, self.members = 0, 0
        self.entered, self.go_on = asyncio.Event(), asyncio.Event()
        self.go_on.set()
        self.app = Starlette(
            routes=[resource("/things", POST=self.create)], exception_handlers=problems.exception_handlers
        )

    async def create(self, request: Request) -> Response:
        who: Caller = request.state.who
        if "content-type" in request.headers:
            await http.decode(request, Thing)
        async with tenant_transaction(request, who) as conn:
            if (answer := await idempotency.stored(conn, request, who)) is not None:
                return answer
            self.calls += 1
            self.entered.set()
            await self.go_on.wait()
            await outbox.add(conn, who.tenant_id, link())
            if b"fail" in await http.read_body(request):
                raise problems.invalid("no")
            content = {"id": f"thing_{self.calls}", "secret": "whsec_plain"} | dict.fromkeys(
                map(str, range(self.members)), "é"
            )
            return await idempotency.keep(conn, request, who, http.created(content, f"/things/{self.calls}"))


class Client:
    def __init__(self, service: Service, pool: Any) -> None:
        self.service, self.pool = service, pool

    async def post(
        self,
        key: str | None,
        body: bytes = b"{}",
        *,
        tenant: str = "org_1",
        client: str = "app_1",
        query: bytes = b"",
        media: str = "",
    ) -> Answer:
        headers = {} if key is None else {"idempotency-key": key}
        headers |= {"content-type": media} if media else {}
        state = {
            "pool": self.pool,
            "bell": Silent(),
            "keyring": KEYS,
            "who": Caller(tenant_id=tenant, client_id=client),
        }
        return await ask(self.service.app, "POST", "/things", headers=headers, body=body, state=state, query=query)


@asynccontextmanager
async def served(producer: Database) -> AsyncIterator[tuple[Service, Client]]:
    service = Service()
    async with database.open_pool(producer.app, max_size=4) as pool:
        yield service, Client(service, pool)


def played(producer: Database, *calls: dict[str, Any]) -> list[Answer]:
    async def play() -> list[Answer]:
        async with served(producer) as (_, client):
            return [await client.post(**call) for call in calls]

    return asyncio.run(play())


def effects(producer: Database) -> int:
    return scalar(producer.admin, "SELECT count(*) FROM outbox")


def test_the_same_call_again_is_answered_as_before_and_has_no_second_effect(producer: Database) -> None:
    first, second = played(producer, {"key": "k"}, {"key": "k"})
    assert (first.status, second.status) == (201, 201)
    assert first.body == second.body
    assert first.headers["location"] == second.headers["location"] == "/things/1"
    assert second.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert effects(producer) == 1


@pytest.mark.parametrize("members", [0, 100, 500, 50_000])
def test_a_large_answer_is_stored_small_and_replayed_byte_for_byte(producer: Database, members: int) -> None:
    async def play() -> tuple[Answer, Answer]:
        async with served(producer) as (service, client):
            service.members = members
            return await client.post("k"), await client.post("k")

    first, second = asyncio.run(play())
    assert (second.status, second.body, second.headers["idempotent-replayed"]) == (201, first.body, "true")
    replayed = {name: value for name, value in second.headers.items() if name != "idempotent-replayed"}
    assert replayed == first.headers
    stored = scalar(producer.admin, "SELECT octet_length(answer) FROM idempotency_keys")
    assert stored < max(2 * idempotency.COMPRESSED, len(first.body) / 3)


def test_an_answer_that_was_stored_before_compression_is_replayed(
    producer: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> tuple[Answer, Answer]:
        async with served(producer) as (service, client):
            service.members = 500
            with monkeypatch.context() as before:
                before.setattr(idempotency, "COMPRESSED", 1 << 30)
                first = await client.post("k")
            return first, await client.post("k")

    first, second = asyncio.run(play())
    assert (first.body, second.headers["idempotent-replayed"]) == (second.body, "true")


def test_without_a_key_each_call_has_its_effect(producer: Database) -> None:
    assert [answer.status for answer in played(producer, {"key": None}, {"key": None})] == [201, 201]
    assert effects(producer) == 2


@pytest.mark.parametrize("other", [{"body": b'{"a": 1}'}, {"query": b"a=1"}])
def test_the_same_key_for_another_request_is_refused(producer: Database, other: dict[str, Any]) -> None:
    answers = played(producer, {"key": "k"}, {"key": "k"} | other)
    assert [answer.status for answer in answers] == [201, 422]
    assert effects(producer) == 1


FIRST = b'{"a": [1, 2.50, "\xc3\xa9"], "b": {"x": null, "y": true}}'
LARGE = b'{"a": [' + b", ".join([b"1.5"] * 20_000) + b"]}"
HUGE, HALF = b'{"a": [1e999], "b": 1}', b'{"a": ["\\ud800"], "b": 1}'
WRITINGS = [
    ("white space", FIRST, b'{\n  "a" : [1,2.50,"\xc3\xa9"] ,"b":{"x":null,"y":true}}\n', 201),
    ("order of members", FIRST, b'{"b": {"y": true, "x": null}, "a": [1, 2.50, "\xc3\xa9"]}', 201),
    ("escapes", FIRST, b'{"a": [1, 2.50, "\\u00e9"], "b": {"x": null, "y": true}}', 201),
    ("a large body", LARGE, LARGE.replace(b" ", b""), 201),
    ("order of items", FIRST, FIRST.replace(b"1, 2.50", b"2.50, 1"), 422),
    ("another number", FIRST, FIRST.replace(b"2.50", b"2.51"), 422),
    ("a text for a number", FIRST, FIRST.replace(b"2.50", b'"2.50"'), 422),
    ("a member more", FIRST, FIRST.replace(b"true", b'true, "z": 1'), 422),
    ("null for nothing", b'{"a": 1}', b'{"a": 1, "b": null}', 422),
    ("a number that cannot be stored", HUGE, HUGE, 201),
    ("another such number", HUGE, HUGE.replace(b"999", b"998"), 422),
    ("a text that cannot be stored", HALF, HALF, 201),
    ("another such text", HALF, HALF.replace(b"ud800", b"ud801"), 422),
]


def test_a_body_of_json_counts_by_its_values_however_it_is_written(producer: Database) -> None:
    faults = list[str]()
    for name, body, other, wanted in WRITINGS:
        calls = [{"key": name, "body": one, "media": "application/json"} for one in (body, other)]
        first, second = played(producer, *calls)
        if (first.status, second.status) != (201, wanted):
            faults.append(f"{name}: {first.status}, {second.status}")
        elif wanted == 201 and (second.body, "idempotent-replayed" in second.headers) != (first.body, True):
            faults.append(f"{name}: another answer")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("other", [{"client": "app_2"}, {"tenant": "org_2"}])
def test_a_key_is_its_clients_own(producer: Database, other: dict[str, Any]) -> None:
    answers = played(producer, {"key": "k"}, {"key": "k"} | other)
    assert [answer.json()["id"] for answer in answers] == ["thing_1", "thing_2"]


def test_a_call_that_failed_leaves_nothing_and_may_be_made_again(producer: Database) -> None:
    answers = played(producer, {"key": "k", "body": b"fail"}, {"key": "k", "body": b"{}"})
    assert [answer.status for answer in answers] == [422, 201]
    assert effects(producer) == 1


def test_a_call_under_way_is_a_conflict_for_its_like_alone(producer: Database) -> None:
    async def play() -> tuple[Answer, Answer, Answer]:
        async with served(producer) as (service, client):
            service.go_on.clear()
            first = asyncio.create_task(client.post("k"))
            await service.entered.wait()
            meanwhile = await client.post("k")
            service.go_on.set()
            other = await client.post("another")
            return await first, meanwhile, other

    first, meanwhile, other = asyncio.run(play())
    assert (first.status, meanwhile.status, other.status) == (201, 409, 201)
    assert meanwhile.headers["retry-after"] == "1"
    assert effects(producer) == 2


def test_many_at_once_have_one_effect(producer: Database) -> None:
    async def play() -> list[Answer]:
        async with served(producer) as (_, client):
            return await asyncio.gather(*(client.post("k") for _ in range(12)))

    assert {answer.status for answer in asyncio.run(play())} <= {201, 409}
    assert effects(producer) == 1


def test_a_key_may_be_used_anew_after_a_day(producer: Database) -> None:
    played(producer, {"key": "k"})
    assert scalar(
        producer.admin, "UPDATE idempotency_keys SET created_at = now() - interval '25 hours' RETURNING client_id"
    )
    [answer] = played(producer, {"key": "k", "body": b'{"other": 1}'})
    assert answer.status == 201
    [again] = played(producer, {"key": "k", "body": b'{"other": 1}'})
    assert again.headers["idempotent-replayed"] == "true"


def test_an_answer_at_rest_gives_nothing_away(producer: Database) -> None:
    played(producer, {"key": "key-of-a-partner"})
    kept = scalar(producer.admin, "SELECT idempotency_keys::text FROM idempotency_keys")
    stored = scalar(producer.admin, "SELECT answer FROM idempotency_keys")
    assert b"whsec" not in stored
    assert "key-of-a-partner" not in kept


LIKE_BEFORE: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended('org_1|app_1|k', 0))"


def test_no_other_tenant_can_choose_a_key_that_holds_this_ones_call(producer: Database) -> None:
    """The hash has no key: anybody can compute texts with the same number, and had the lock of another tenant's key with their own call."""
    with psycopg.connect(producer.app) as conn:
        conn.execute(LIKE_BEFORE)
        [answer] = played(producer, {"key": "k"})
    assert answer.status == 201


def locks_of(*keys: str, tenant_id: str = "org_1", client_id: str = "app_1") -> list[int]:
    who = Caller(tenant_id=tenant_id, client_id=client_id)
    text = ",".join(f"{version}:{base64url_encode(version.encode() * 32)}" for version in keys)
    return idempotency._locks(Keyring.from_text(text), who, "k")


def test_locks_are_each_callers_own_and_unknown_without_the_key() -> None:
    every = [
        locks_of("1"),
        locks_of("2"),
        locks_of("1", tenant_id="org_2"),
        locks_of("1", client_id="app_2"),
        locks_of("1", tenant_id="org_1|app_1", client_id="app"),
    ]
    assert len({number for one in every for number in one}) == len(every)
    assert all(-(2**63) <= number < 2**63 for one in every for number in one)


def test_processes_with_an_older_list_of_keys_share_a_lock_with_it() -> None:
    """While keys are rotated, a call and its repetition may come to two processes."""
    for before, after in ((("1",), ("2", "1")), (("2", "1"), ("2",))):
        assert {*locks_of(*before)} & {*locks_of(*after)}


def test_a_call_whose_key_was_used_beside_its_lock_has_no_effect(producer: Database) -> None:
    """By a process of the previous release, for example, which takes another lock."""

    async def play() -> Answer:
        async with served(producer) as (service, client):
            service.go_on.clear()
            call = asyncio.create_task(client.post("k"))
            await service.entered.wait()
            with psycopg.connect(producer.admin) as conn:
                digest = hashlib.sha256(b"k").digest()
                conn.execute("INSERT INTO idempotency_keys VALUES ('org_1', 'app_1', %s, '', '')", (digest,))
            service.go_on.set()
            return await call

    assert asyncio.run(play()).status == 409
    assert effects(producer) == 0


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9", "a\tb"])
def test_a_malformed_key_is_refused(producer: Database, key: str) -> None:
    [answer] = played(producer, {"key": key})
    assert answer.status == 400
    assert effects(producer) == 0

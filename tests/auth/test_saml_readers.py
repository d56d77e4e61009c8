"""The processes that read XML from strangers: what is hostile ends one of them, and nobody else waits."""

import asyncio
import os
import signal
import string
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from services.auth.saml import documents, readers
from services.auth.saml.documents import MessageRefused
from services.auth.saml.reader import NICE, PastedMetadata, ResponseForm
from services.auth.saml.readers import BEGUN, OTHER, RETURNING, Rank, Readers, Sender
from services.auth.signin.cookies import TOKEN_LENGTH
from shared.primitives.crypto import Keyring
from shared.web.identity import networks_of
from tests.auth.federation import metadata_of, usual_signer
from tests.hostile.measuring import FLOOR, seconds
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.full

ENTITY = "https://idp.example/metadata"
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No document is given up because others use the processors."""
    monkeypatch.setattr(readers, "WALL_SECONDS", PATIENCE)


def job(text: str | None = None) -> PastedMetadata:
    return PastedMetadata(text=metadata_of(ENTITY, usual_signer()) if text is None else text, plain_http=False)


def hostile_declaration(end: bytes) -> bytes:
    return b"<?xml " + b"encoding='a'" * 20_000 + end


def run(test: Callable[[Readers], Coroutine[Any, Any, None]], places: int = 1) -> None:
    async def main() -> None:
        async with readers.running(places) as pool:
            await test(pool)

    asyncio.run(main())


def pid_of(pool: Readers) -> int:
    process = pool._idle[0]._process
    assert process is not None
    return process.pid


def settings_of(pid: int) -> set[str]:
    lines = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return {line.partition("=")[0] for line in lines if line}


@pytest.mark.parametrize("end", [b"?><a/>", b"??", b""])
def test_a_hostile_xml_declaration_costs_no_more_than_a_harmless_one(end: bytes) -> None:
    """One that never ends is what a pattern tries again from each of its words."""

    def refused(document: bytes) -> float:
        return seconds(documents.parse, document, (MessageRefused,))

    with pytest.raises(MessageRefused, match="malformed"):
        documents.parse(hostile_declaration(end))
    harmless = b"<?xml version='1.0'?><a>" + b"b" * len(hostile_declaration(end)) + b"</b>"
    assert refused(hostile_declaration(end)) < FLOOR + 10 * refused(harmless)


@pytest.mark.parametrize(
    "declaration",
    [
        "<?xml version='1.0' encoding='utf-16'?>",
        "<?xml version='1.0'" + " " * 300 + "encoding='utf-16'?>",
        "<?xml encoding='utf-8'?>",
        "<?xml version='1.0' encoding='utf-8' encoding='utf-7'?>",
    ],
)
def test_a_declaration_that_could_hide_an_encoding_is_refused(declaration: str) -> None:
    with pytest.raises(MessageRefused, match="malformed"):
        documents.parse(f"{declaration}<a/>".encode())


@pytest.mark.parametrize("declaration", ["", "<?xml version='1.0'?>", '<?xml version="1.0" encoding="UTF-8"?>\n'])
def test_an_ordinary_declaration_is_read(declaration: str) -> None:
    assert documents.parse(f"{declaration}<a/>".encode()).tag == "a"


def test_a_process_of_its_own_reads_documents_one_after_another() -> None:
    async def test(pool: Readers) -> None:
        first = await pool.metadata(job(), "a")
        reader = pid_of(pool)
        assert (await pool.metadata(job(), "a")) == first
        assert first.entity_id == ENTITY
        assert pid_of(pool) == reader != os.getpid()

    run(test)


def test_a_reader_knows_no_setting_of_ours() -> None:
    async def test(pool: Readers) -> None:
        await pool.metadata(job(), "a")
        assert settings_of(pid_of(pool)) <= {"PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}

    run(test)


def test_a_reader_yields_to_other_processes() -> None:
    async def test(pool: Readers) -> None:
        await pool.metadata(job(), "org_1")
        assert os.getpriority(os.PRIO_PROCESS, pid_of(pool)) == NICE > 10

    run(test)


def test_a_reader_without_a_processor_refuses_no_document_for_good_and_the_next_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(pool: Readers) -> None:
        await pool.metadata(job(), "a")
        os.kill(pid_of(pool), signal.SIGSTOP)
        monkeypatch.setattr(readers, "WALL_SECONDS", 0.3)
        with pytest.raises(MessageRefused, match="busy"):
            await pool.metadata(job(), "a")
        monkeypatch.setattr(readers, "WALL_SECONDS", PATIENCE)
        assert (await pool.metadata(job(), "a")).entity_id == ENTITY

    run(test)


def test_a_reader_that_died_between_documents_is_replaced_unnoticed() -> None:
    async def test(pool: Readers) -> None:
        await pool.metadata(job(), "a")
        process = pool._idle[0]._process
        assert process is not None
        process.kill()
        process.wait()
        assert (await pool.metadata(job(), "a")).entity_id == ENTITY

    run(test)


@pytest.mark.parametrize(
    ("program", "ended"),
    [
        ("reader._limit_document()\nwhile True: pass", -signal.SIGPROF),
        ("reader._limit_process()\ntry:\n    bytearray(1 << 30)\nexcept MemoryError:\n    raise SystemExit(7)", 7),
        ("reader._limit_process()\nimport os\nif os.getuid():\n    os.fork()\nraise BlockingIOError", 1),
    ],
)
def test_a_reader_is_bounded_by_the_kernel(program: str, ended: int) -> None:
    text = f"from services.auth.saml import reader\n{program}"
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == ended, done.stderr.decode()


def test_the_loop_answers_others_while_a_hostile_answer_is_read() -> None:
    """The event loop never parses: a form full of escapes is left to the reader as well."""
    form = b"SAMLResponse=" + b"%2B" * 170_000
    message = ResponseForm(
        content_type="application/x-www-form-urlencoded",
        body=form,
        issuer=ENTITY,
        audience="a",
        acs_url="b",
        certificates=[],
        now=datetime.now(UTC),
    )

    async def test(pool: Readers) -> None:
        await pool.metadata(job(), "a")
        began = time.thread_time()
        parse_qs(form)
        parsed = time.thread_time() - began
        began = time.thread_time()
        with pytest.raises(MessageRefused):
            await pool.response(message, sender("192.0.2.1"))
        assert time.thread_time() - began < parsed / 2

    run(test)


@asynccontextmanager
async def stopped(pool: Readers) -> AsyncIterator[None]:
    """While nothing is read."""
    await pool.metadata(job(), "warm")
    reader = pid_of(pool)
    os.kill(reader, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(reader, signal.SIGCONT)


def message(connection: str = "samlc_1") -> ResponseForm:
    """Read and refused as malformed."""
    return ResponseForm(
        content_type="application/x-www-form-urlencoded",
        body=b"SAMLResponse=x",
        issuer=ENTITY,
        audience="a",
        acs_url=f"https://auth.example/v1/saml/{connection}/acs",
        certificates=[],
        now=datetime.now(UTC),
    )


def sender(address: str, rank: Rank = OTHER) -> Sender:
    return Sender(rank, networks_of(address))


class Flood:
    """Messages that wait, and the fates of all: `read`, or the reason of the refusal."""

    def __init__(self, pool: Readers) -> None:
        self.pool = pool
        self.tasks: dict[str, asyncio.Task[Any]] = {}

    async def send(self, address: str, rank: Rank = OTHER, connection: str = "samlc_1") -> str:
        name = f"{address} {rank} {len(self.tasks)}"
        self.tasks[name] = asyncio.create_task(self.pool.response(message(connection), sender(address, rank)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return name

    async def fates(self) -> dict[str, str]:
        ended = await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        # `malformed` was found out by reading it.
        return {
            name: "read" if str(one) == "malformed" else str(one) for name, one in zip(self.tasks, ended, strict=True)
        }


def test_who_sends_too_many_documents_is_told_so_and_others_are_read() -> None:
    async def test(pool: Readers) -> None:
        most = readers.PER_SENDER[OTHER]
        async with stopped(pool):
            waiting = [asyncio.create_task(pool.response(message(), sender("192.0.2.1"))) for _ in range(most)]
            await asyncio.sleep(0)
            with pytest.raises(MessageRefused, match="too_many"):
                await pool.response(message(), sender("192.0.2.1"))
            other = asyncio.create_task(pool.metadata(job(), "other"))
            await asyncio.sleep(0)
        await asyncio.wait([*waiting, other], return_when=asyncio.FIRST_COMPLETED)
        assert (await other).entity_id == ENTITY
        assert not all(task.done() for task in waiting)
        await asyncio.gather(*waiting, return_exceptions=True)

    run(test)


def test_many_addresses_cannot_fill_the_queue_through_one_connection() -> None:
    async def test(pool: Readers) -> None:
        async with stopped(pool):
            waiting = [
                asyncio.create_task(pool.response(message(), sender(f"10.0.{number}.1")))
                for number in range(1 + readers.WAITING)  # one of them is being read
            ]
            await asyncio.sleep(0)
            with pytest.raises(MessageRefused, match="busy"):
                await pool.response(message(), sender("10.1.1.1"))
            other = asyncio.create_task(pool.metadata(job(), "other"))
            await asyncio.sleep(0)
        assert (await other).entity_id == ENTITY
        fates = [str(one) for one in await asyncio.gather(*waiting, return_exceptions=True)]
        assert (fates.count("busy"), fates.count("malformed")) == (1, readers.WAITING)

    run(test)


@pytest.mark.parametrize(
    "networks",
    [
        [f"2001:db8:1:{number:x}::1" for number in range(8)],  # all in one /48, as a cheap server comes with
        [f"2001:db8:{number:x}::1" for number in range(8)],
        [f"2001:db8:1:{number:x}::1" for number in range(200)],
        [f"198.51.100.{number}" for number in range(200)],
    ],
)
def test_strangers_from_many_networks_do_not_keep_a_connections_people_out(networks: list[str]) -> None:
    async def test(pool: Readers) -> None:
        flood = Flood(pool)
        async with stopped(pool):
            for _ in range(readers.PER_SENDER[OTHER]):
                for address in networks:
                    await flood.send(address)
            # None of them began here, as where the identity provider begins.
            honest = [await flood.send(f"203.0.{number}.7") for number in range(4)]
            for address in networks:
                await flood.send(address)
        fates = await flood.fates()
        assert {fates[name] for name in honest} == {"read"}
        assert "read" in {fates[name] for name in fates if name not in honest}

    run(test)


def test_a_sign_in_that_began_here_is_read_while_a_thousand_networks_flood_its_connection() -> None:
    async def test(pool: Readers) -> None:
        flood = Flood(pool)
        async with stopped(pool):
            strangers = [await flood.send(f"10.{number // 250}.{number % 250}.1") for number in range(1000)]
            begun = [await flood.send(f"203.0.{number}.7", BEGUN) for number in range(8)]
            strangers += [await flood.send(f"11.{number // 250}.{number % 250}.1") for number in range(1000)]
        fates = await flood.fates()
        assert {fates[name] for name in begun} == {"read"}
        assert {fates[name] for name in strangers} == {"read", "busy"}

    run(test)


def test_a_returning_browser_is_read_while_a_thousand_networks_begin_sign_ins_to_flood_its_connection() -> None:
    async def test(pool: Readers) -> None:
        flood = Flood(pool)
        async with stopped(pool):
            strangers = [await flood.send(f"10.{number // 250}.{number % 250}.1", BEGUN) for number in range(1000)]
            returning = [await flood.send("203.0.113.7", RETURNING) for _ in range(8)]
            strangers += [await flood.send(f"11.{number // 250}.{number % 250}.1", BEGUN) for number in range(1000)]
        fates = await flood.fates()
        assert {fates[name] for name in returning} == {"read"}
        assert {fates[name] for name in strangers} == {"read", "busy"}

    run(test)


def test_a_flood_of_one_connection_leaves_the_places_of_another() -> None:
    async def test(pool: Readers) -> None:
        flood = Flood(pool)
        async with stopped(pool):
            for number in range(200):
                await flood.send(f"10.0.{number}.1", connection="flooded")
                await flood.send(f"10.1.{number}.1", connection="flooded too")
            honest = [await flood.send(f"203.0.{number}.7", connection="quiet") for number in range(8)]
        fates = await flood.fates()
        assert {fates[name] for name in honest} == {"read"}

    run(test)


def test_every_place_is_free_again_after_a_flood() -> None:
    async def test(pool: Readers) -> None:
        flood = Flood(pool)
        async with stopped(pool):
            names = [await flood.send(f"10.0.{number % 100}.1") for number in range(300)]
            for name in names[::3]:
                flood.tasks[name].cancel()
        await flood.fates()
        assert (pool._places.taken, pool._places.waiting, len(pool._idle)) == (0, 0, 1)
        assert not pool._held

    run(test)


# --- Ranks -------------------------------------------------------------------------------------------------------------------


KEYRING = Keyring({1: b"k" * 32})


def raw(state: str) -> bytes:
    return b"SAMLResponse=PHg%2BYQ%3D%3D&RelayState=" + state.encode()


@pytest.mark.parametrize("rank", [BEGUN, RETURNING])
def test_an_answer_has_the_rank_that_its_relay_state_was_given(rank: Rank) -> None:
    state = readers.relay_state(KEYRING, "samlc_1", rank, 60)
    of = readers.Ranks(KEYRING).of
    assert of("samlc_1", raw(state)) == rank
    assert of("samlc_1", f"RelayState={state}&SAMLResponse=x".encode()) == rank
    assert len(state) <= readers.LONGEST


def test_no_relay_state_but_our_own_gives_a_rank() -> None:
    state, of = readers.relay_state(KEYRING, "samlc_1", RETURNING, 60), readers.Ranks(KEYRING).of
    assert of("samlc_2", raw(state)) == OTHER
    assert of("samlc_1", raw(readers.relay_state(KEYRING, "samlc_1", RETURNING, -1))) == OTHER
    assert of("samlc_1", raw(readers.relay_state(Keyring({1: b"x" * 32}), "samlc_1", RETURNING, 60))) == OTHER
    assert of("samlc_1", raw(readers.browser_token(KEYRING, "samlc_1"))) == OTHER
    for changed in ("", "a", state[:-1], state + "A", state.swapcase(), "=" * 50, "%41" * 30, "\xff" * 50):
        assert of("samlc_1", raw(changed)) == OTHER
    for message in (b"", b"RelayState", b"XRelayState=" + state.encode(), b"a=RelayState=" + state.encode()):
        assert of("samlc_1", message) == OTHER


def test_a_relay_state_gives_its_rank_to_few_messages() -> None:
    """One that strangers share is worth no more than one sign-in."""
    state, of = readers.relay_state(KEYRING, "samlc_1", RETURNING, 60), readers.Ranks(KEYRING).of
    found = [of("samlc_1", raw(state)) for _ in range(readers.MOST_READINGS + 2)]
    assert found == [RETURNING] * readers.MOST_READINGS + [OTHER] * 2


def test_a_relay_state_has_one_spelling() -> None:
    state, of = readers.relay_state(KEYRING, "samlc_1", RETURNING, 60), readers.Ranks(KEYRING).of
    alphabet = string.ascii_letters + string.digits + "-_"
    assert [of("samlc_1", raw(state[:-1] + last)) for last in alphabet].count(RETURNING) == 1


def test_what_is_remembered_of_relay_states_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "STATES_REMEMBERED", 10)
    counting = readers.Ranks(KEYRING)
    for _ in range(50):
        counting.of("samlc_1", raw(readers.relay_state(KEYRING, "samlc_1", BEGUN, 60)))
    assert len(counting._readings) == 10


def test_a_browser_returns_to_the_connection_it_signed_in_through() -> None:
    token = readers.browser_token(KEYRING, "samlc_1")
    assert len(token) == TOKEN_LENGTH
    is_returning = readers.Ranks(KEYRING).is_returning
    assert is_returning("samlc_1", token)
    assert not is_returning("samlc_2", token)
    assert not is_returning("samlc_1", "")
    assert not is_returning("samlc_1", token[:-2] + "AA")


def test_a_cookie_gives_its_rank_for_a_month_and_to_few_sign_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that strangers share is worth no more than one person's sign-ins."""
    token, ranks, now = readers.browser_token(KEYRING, "samlc_1"), readers.Ranks(KEYRING), time.time()
    assert [ranks.is_returning("samlc_1", token) for _ in range(100)] == [True] * readers.RETURNS + [False] * 90
    monkeypatch.setattr(time, "time", lambda: now + readers.RETURNS_SECONDS)
    assert ranks.is_returning("samlc_1", token)
    monkeypatch.setattr(time, "time", lambda: now + readers.PASS_LIFETIME + 1)
    assert not ranks.is_returning("samlc_1", token)
    assert not readers.Ranks(KEYRING).is_returning("samlc_1", token)

"""The processes that read XML from strangers: what is hostile ends one of them, and nobody else waits."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.auth.saml import documents, readers
from services.auth.saml.documents import Refused
from services.auth.saml.reader import PastedMetadata, ResponseForm
from services.auth.saml.readers import Readers
from tests.auth.federation import metadata_of, usual_signer

ENTITY = "https://idp.example/metadata"
ROOT = Path(__file__).parents[2]


def job(text: str | None = None) -> PastedMetadata:
    return PastedMetadata(text=metadata_of(ENTITY, usual_signer()) if text is None else text, plain_http=False)


def hostile_declaration() -> bytes:
    return b"<?xml " + b"encoding='a'" * 20_000 + b"?><a/>"


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


def test_a_hostile_xml_declaration_costs_no_more_than_a_harmless_one() -> None:
    began = time.process_time()
    with pytest.raises(Refused, match="malformed"):
        documents.parse(hostile_declaration())
    assert time.process_time() - began < 0.1


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
    with pytest.raises(Refused, match="malformed"):
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


def test_a_document_that_holds_a_reader_is_given_up_and_the_next_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(pool: Readers) -> None:
        await pool.metadata(job(), "a")
        os.kill(pid_of(pool), signal.SIGSTOP)
        monkeypatch.setattr(readers, "WALL_SECONDS", 0.3)
        with pytest.raises(Refused, match="too_costly"):
            await pool.metadata(job(), "a")
        monkeypatch.setattr(readers, "WALL_SECONDS", 10.0)
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
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, timeout=60, check=False)
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
        with pytest.raises(Refused):
            await pool.response(message, "a")
        assert time.thread_time() - began < 0.05

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


def test_who_sends_too_many_documents_is_told_so_and_others_are_read() -> None:
    async def test(pool: Readers) -> None:
        async with stopped(pool):
            waiting = [asyncio.create_task(pool.metadata(job(), "greedy")) for _ in range(readers.PER_SENDER)]
            await asyncio.sleep(0)
            with pytest.raises(Refused, match="too_many"):
                await pool.metadata(job(), "greedy")
            other = asyncio.create_task(pool.metadata(job(), "other"))
            await asyncio.sleep(0)
        await asyncio.wait([*waiting, other], return_when=asyncio.FIRST_COMPLETED)
        assert (await other).entity_id == ENTITY
        assert not all(task.done() for task in waiting)
        await asyncio.gather(*waiting)

    run(test)


def test_many_addresses_cannot_fill_the_queue_through_one_connection() -> None:
    message = ResponseForm(
        content_type="application/x-www-form-urlencoded",
        body=b"SAMLResponse=x",
        issuer=ENTITY,
        audience="a",
        acs_url="https://auth.example/v1/saml/samlc_1/acs",
        certificates=[],
        now=datetime.now(UTC),
    )

    async def test(pool: Readers) -> None:
        async with stopped(pool):
            waiting = [
                asyncio.create_task(pool.response(message, f"10.0.0.{number}"))
                for number in range(readers.PER_CONNECTION)
            ]
            await asyncio.sleep(0)
            with pytest.raises(Refused, match="too_many"):
                await pool.response(message, "10.0.1.1")
            other = asyncio.create_task(pool.metadata(job(), "other"))
            await asyncio.sleep(0)
        assert (await other).entity_id == ENTITY
        assert {str(one) for one in await asyncio.gather(*waiting, return_exceptions=True)} == {"malformed"}

    run(test)

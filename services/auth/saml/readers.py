"""The processes that read XML for the web process, whose event loop never does: few, in turn by who sent it, each one replaceable."""

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from services.auth.lines import Busy, Lines, Turns
from services.auth.saml.documents import Refused
from services.auth.saml.metadata import IdentityProvider
from services.auth.saml.metrics import readings
from services.auth.saml.ranks import BEGUN, OTHER, RETURNING, Rank
from services.auth.saml.reader import (
    LENGTH,
    Answered,
    AnyJob,
    LoggedOut,
    LogoutMessage,
    Outcome,
    PastedMetadata,
    ResponseForm,
)

WALL_SECONDS = 10.0
"""For one document, the start of its process included; on a busy machine a second of processor time takes several."""
WAITING = 64
PER_CONNECTION = 32
"""Waiting messages of one connection, whoever sends them."""
PER_SENDER: Mapping[Rank, int] = {OTHER: 4, BEGUN: 16, RETURNING: 16}
"""Of one household (an address, or an IPv6 /64), being read and waiting: a hospital begins its shift behind one address."""
MODULE = "services.auth.saml.reader"
ROOT = Path(__file__).parents[3]
log = logging.getLogger(__name__)


class Sender(NamedTuple):
    """Whose turn a message takes: its rank, then its networks, the widest first."""

    rank: Rank
    networks: tuple[str, ...]


class Reader:
    """One such process, started when the first document comes."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def read(self, frame: bytes) -> bytes:
        """The encoded Outcome. Raises OSError or EOFError where the process ended instead, TimeoutError where it took too long."""
        try:
            async with asyncio.timeout(WALL_SECONDS):
                if self._process is None or self._process.poll() is not None:
                    await self.stop()
                    await self._start()
                assert self._streams is not None
                reader, writer = self._streams
                writer.write(len(frame).to_bytes(LENGTH) + frame)
                await writer.drain()
                return await reader.readexactly(int.from_bytes(await reader.readexactly(LENGTH)))
        except BaseException:  # cancelled too: the answer to this document must not be taken for the next one's
            await self.stop()
            raise

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.to_thread(_spawn, theirs)
        ours.setblocking(False)
        self._streams = await asyncio.open_unix_connection(sock=ours)

    async def stop(self) -> None:
        process, self._process = self._process, None
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].transport.abort()
        if process is not None:
            process.kill()
            await asyncio.shield(asyncio.to_thread(process.wait))


def _spawn(theirs: socket.socket) -> subprocess.Popen[bytes]:
    """Without any of our settings, which hold secrets."""
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", MODULE],
        stdin=theirs.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=ROOT,
    )


class Readers:
    """Reads documents in at most `places` processes. Methods raise Refused: also `too_costly`, `too_many` of the sender, `busy`.

    Ranks take turns, then networks, so that whoever floods the queue waits for themselves.
    """

    def __init__(self, places: int) -> None:
        self._lines = Lines(WAITING, PER_CONNECTION)
        self._turns = Turns(places, self._lines)
        self._held: Counter[Sender] = Counter()
        self._idle = [Reader() for _ in range(places)]

    async def response(self, job: ResponseForm, sender: Sender) -> Answered:
        return await self._read(job, sender, job.acs_url)

    async def logout(self, job: LogoutMessage, sender: Sender) -> LoggedOut:
        return await self._read(job, sender, job.slo_url)

    async def metadata(self, job: PastedMetadata, tenant_id: str) -> IdentityProvider:
        return await self._read(job, Sender(RETURNING, (tenant_id, tenant_id)), tenant_id)

    async def _read(self, job: AnyJob, sender: Sender, connection: str) -> Any:
        household = Sender(sender.rank, sender.networks[-1:])
        if self._held[household] >= PER_SENDER[sender.rank]:
            raise _crowded("too_many")
        self._held[household] += 1
        try:
            async with self._turns.take(self._lines, (sender.rank, *sender.networks), connection):
                outcome = msgspec.msgpack.decode(await self._in_a_process(job), type=Outcome)
        except Busy:
            raise _crowded("busy") from None
        finally:
            self._held[household] -= 1
            if not self._held[household]:
                del self._held[household]
        if outcome.reason:
            readings.labels("too_costly" if outcome.reason == "too_costly" else "refused").inc()
            raise Refused(outcome.reason, outcome.detail)
        readings.labels("read").inc()
        return msgspec.msgpack.decode(outcome.answer, type=job.answer)

    async def _in_a_process(self, job: AnyJob) -> bytes:
        reader = self._idle.pop()
        try:
            return await reader.read(msgspec.msgpack.encode(job))
        except (OSError, EOFError) as error:  # TimeoutError is an OSError, IncompleteReadError an EOFError
            log.warning("a document ended its reader: %s", type(error).__name__)
            readings.labels("too_costly").inc()
            raise Refused("too_costly", "reading it takes too much time or memory") from None
        finally:
            self._idle.append(reader)

    async def close(self) -> None:
        for reader in self._idle:
            with suppress(OSError):
                await reader.stop()


def _crowded(reason: str) -> Refused:
    readings.labels("busy").inc()
    return Refused(reason, "too many documents are waiting to be read")


@asynccontextmanager
async def running(places: int) -> AsyncIterator[Readers]:
    readers = Readers(places)
    try:
        yield readers
    finally:
        await readers.close()

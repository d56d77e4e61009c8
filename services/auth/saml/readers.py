"""The processes that read XML for the web process, whose event loop never does: few, in turn by who sent it, each one replaceable."""

import asyncio
import hmac
import logging
import os
import secrets
import socket
import subprocess
import sys
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from services.auth.lines import Busy, Lines, Turns
from services.auth.saml.documents import Refused
from services.auth.saml.metadata import IdentityProvider
from services.auth.saml.metrics import readings
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
from shared.crypto import Keyring
from shared.encoding import base64url_decode, base64url_encode

Rank = Literal["returning", "begun", "other"]
RETURNING: Rank = "returning"
"""Answers a sign-in begun in a browser that has signed in through the connection before."""
BEGUN: Rank = "begun"
"""Answers a sign-in begun in any other browser."""
OTHER: Rank = "other"
"""Any other message; also a genuine one that the identity provider began."""
RELAY_STATE = "saml relay state"
BROWSER = "saml returning browser"
RANDOM = 16
MAC = 16
EXPIRY = 4
MOST_READINGS = 3
"""Of messages with one RelayState; further ones wait as strangers' do."""
STATES_REMEMBERED = 10_000
FIELD = b"RelayState="
LONGEST = 80


def relay_state(keyring: Keyring, connection_id: str, rank: Rank, lives: int) -> str:
    """Of a request that is made now and lives for so many seconds."""
    expires = int(time.time() + lives).to_bytes(EXPIRY)
    said = (b"r" if rank == RETURNING else b"b") + expires + secrets.token_bytes(RANDOM)
    return _sealed(keyring, RELAY_STATE, connection_id, said)


def browser_token(keyring: Keyring, connection_id: str) -> str:
    """For the cookie of a browser that has just signed in through the connection."""
    return _sealed(keyring, BROWSER, connection_id, secrets.token_bytes(RANDOM))


def is_returning(keyring: Keyring, connection_id: str, token: str) -> bool:
    return _opened(keyring, BROWSER, connection_id, token) is not None


def state_in(raw: bytes) -> str:
    """The RelayState of a form or query that nobody has parsed; "" where there is none. Ours needs no escapes."""
    at = 0 if raw.startswith(FIELD) else raw.find(b"&" + FIELD) + 1
    if not raw.startswith(FIELD, at):
        return ""
    return raw[at + len(FIELD) : at + len(FIELD) + LONGEST].partition(b"&")[0].decode("latin-1")


def _sealed(keyring: Keyring, purpose: str, connection_id: str, said: bytes) -> str:
    return base64url_encode(said + keyring.mac(connection_id.encode() + b" " + said, purpose)[:MAC])


def _opened(keyring: Keyring, purpose: str, connection_id: str, token: str) -> bytes | None:
    try:
        decoded = base64url_decode(token)
    except ValueError:
        return None
    said, mac = decoded[:-MAC], decoded[-MAC:]
    expected = keyring.macs(connection_id.encode() + b" " + said, purpose)
    return said if any(hmac.compare_digest(one[:MAC], mac) for one in expected) else None


class Ranks:
    """The rank of messages; counts how often each RelayState came, as far back as REMEMBERED of them."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._readings: OrderedDict[str, int] = OrderedDict()

    def of(self, connection_id: str, raw: bytes) -> Rank:
        """Of a message to the connection; `raw` is its form or query."""
        state = state_in(raw)
        said = _opened(self._keyring, RELAY_STATE, connection_id, state) if state else None
        if said is None or len(said) != 1 + EXPIRY + RANDOM or int.from_bytes(said[1 : 1 + EXPIRY]) < time.time():
            return OTHER
        readings = self._readings[state] = self._readings.pop(state, 0) + 1
        if len(self._readings) > STATES_REMEMBERED:
            self._readings.popitem(last=False)
        if readings > MOST_READINGS:
            return OTHER
        return RETURNING if said[:1] == b"r" else BEGUN


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

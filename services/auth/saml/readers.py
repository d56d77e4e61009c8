"""Processes that read XML for the web process, so that its event loop never does. Documents wait by rank, then by connection and network.

The RelayState of a sign-in that began here, and the cookie of a browser that signed in before, have MACs that give a rank without a
query. So people's sign-ins are read while strangers flood the queue. Ranks admit nobody.
"""

import asyncio
import hmac
import logging
import secrets
import socket
import subprocess
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal, NamedTuple

import msgspec

from services.auth.saml.documents import MessageRefused
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
from shared.fairness.places import NoPlace, Places
from shared.primitives.crypto import Keyring, base64url_decode, base64url_encode
from shared.process import children
from shared.web.identity import PASS_LIFETIME

# --- Ranks ------------------------------------------------------------------------------------------------------------

Rank = Literal["returning", "begun", "other"]
RETURNING: Rank = "returning"
"""Answers a sign-in begun in a browser that has signed in through the connection before."""
BEGUN: Rank = "begun"
"""Answers a sign-in begun in any other browser."""
OTHER: Rank = "other"
"""Any other message; also a genuine one that the identity provider began."""
RELAY_STATE = "saml relay state"
BROWSER = "saml returning browser until"
RANDOM = 16
MAC = 16
EXPIRY = 4
MOST_READINGS = 3
"""Messages with one RelayState that keep its rank; further ones wait as strangers' do."""
STATES_REMEMBERED = 10_000
RETURNS = 10
"""Sign-ins that begin with one cookie and have its rank, in each RETURNS_SECONDS; further ones wait as strangers' do."""
RETURNS_SECONDS = 600
FIELD = b"RelayState="
LONGEST = 80


def relay_state(keyring: Keyring, connection_id: str, rank: Rank, lives: int) -> str:
    """The RelayState of a request that is made now and lives for `lives` seconds."""
    expires = int(time.time() + lives).to_bytes(EXPIRY)
    content = (b"r" if rank == RETURNING else b"b") + expires + secrets.token_bytes(RANDOM)
    return _sealed(keyring, RELAY_STATE, connection_id, content)


def browser_token(keyring: Keyring, connection_id: str) -> str:
    """The cookie's token for a browser that has just signed in through the connection; it gives a rank for `PASS_LIFETIME` seconds."""
    expires = int(time.time() + PASS_LIFETIME).to_bytes(EXPIRY)
    return _sealed(keyring, BROWSER, connection_id, expires + secrets.token_bytes(RANDOM - EXPIRY))


def state_in(raw: bytes) -> str:
    """The RelayState of an unparsed form or query, or "". Ours needs no escapes."""
    at = 0 if raw.startswith(FIELD) else raw.find(b"&" + FIELD) + 1
    if not raw.startswith(FIELD, at):
        return ""
    return raw[at + len(FIELD) : at + len(FIELD) + LONGEST].partition(b"&")[0].decode("latin-1")


def _sealed(keyring: Keyring, purpose: str, connection_id: str, content: bytes) -> str:
    return base64url_encode(content + keyring.mac(connection_id.encode() + b" " + content, purpose)[:MAC])


def _opened(keyring: Keyring, purpose: str, connection_id: str, token: str) -> bytes | None:
    try:
        decoded = base64url_decode(token)
    except ValueError:
        return None
    content, mac = decoded[:-MAC], decoded[-MAC:]
    expected = keyring.macs(connection_id.encode() + b" " + content, purpose)
    return content if any(hmac.compare_digest(one[:MAC], mac) for one in expected) else None


class Ranks:
    """Ranks sign-ins and messages. Counts the uses of each of the last STATES_REMEMBERED cookies and RelayStates."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._readings: OrderedDict[str, int] = OrderedDict()
        self._returns: OrderedDict[str, int] = OrderedDict()

    def is_returning(self, connection_id: str, token: str) -> bool:
        """Whether the token of the cookie gives its rank to a sign-in that begins now."""
        content = _opened(self._keyring, BROWSER, connection_id, token)
        now = time.time()
        if content is None or int.from_bytes(content[:EXPIRY]) < now:
            return False
        return _used(self._returns, f"{now // RETURNS_SECONDS} {token}") <= RETURNS

    def of(self, connection_id: str, raw: bytes) -> Rank:
        """The rank of a message to the connection; `raw` is its form or query."""
        state = state_in(raw)
        content = _opened(self._keyring, RELAY_STATE, connection_id, state) if state else None
        if (
            content is None
            or len(content) != 1 + EXPIRY + RANDOM
            or int.from_bytes(content[1 : 1 + EXPIRY]) < time.time()
        ):
            return OTHER
        if _used(self._readings, state) > MOST_READINGS:
            return OTHER
        return RETURNING if content[:1] == b"r" else BEGUN


def _used(counts: OrderedDict[str, int], key: str) -> int:
    """Counts a use of `key` and returns the number of its uses."""
    counts[key] = counts.pop(key, 0) + 1
    if len(counts) > STATES_REMEMBERED:
        counts.popitem(last=False)
    return counts[key]


# --- Processes --------------------------------------------------------------------------------------------------------

WALL_SECONDS = 20.0
"""For one document, with the start of its process. On a busy machine a second of processor time takes several: then the caller is asked to
try again."""
WAITING = 64
PER_SENDER: Mapping[Rank, int] = {OTHER: 4, BEGUN: 16, RETURNING: 16}
"""Messages in progress and waiting from one subscriber (an address, or an IPv6 /64). A hospital's shift begins behind one address."""
MODULE = "services.auth.saml.reader"
log = logging.getLogger(__name__)


class Sender(NamedTuple):
    """The groups of a message: its rank, then its networks, the widest first."""

    rank: Rank
    networks: tuple[str, ...]


class Reader:
    """One process, started with its first document."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def read(self, frame: bytes) -> bytes:
        """The encoded Outcome. Raises OSError or EOFError if the process ended, TimeoutError if it took too long."""
        try:
            async with asyncio.timeout(WALL_SECONDS):
                if self._process is None or self._process.poll() is not None:
                    await self.stop()
                    ours, theirs = socket.socketpair()
                    with theirs:
                        self._process = await asyncio.to_thread(children.start, MODULE, theirs)
                    ours.setblocking(False)
                    self._streams = await asyncio.open_unix_connection(sock=ours)
                assert self._streams is not None
                reader, writer = self._streams
                writer.write(len(frame).to_bytes(LENGTH) + frame)
                await writer.drain()
                return await reader.readexactly(int.from_bytes(await reader.readexactly(LENGTH)))
        except BaseException:  # also when cancelled, so that the next document does not get this one's answer
            await self.stop()
            raise

    async def stop(self) -> None:
        process, self._process = self._process, None
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].transport.abort()
        if process is not None:
            process.kill()
            await asyncio.shield(asyncio.to_thread(process.wait))


class Readers:
    """Reads documents in at most `places` processes. Methods raise MessageRefused: also `too_costly`, `too_many` of the sender, `busy`.

    Ranks take turns, then connections, then networks, so that a flood delays only its sender.
    """

    def __init__(self, places: int) -> None:
        self._places = Places(places, waiting=WAITING)
        self._held: Counter[Sender] = Counter()
        self._idle = [Reader() for _ in range(places)]

    async def response(self, job: ResponseForm, sender: Sender) -> Answered:
        return await self._read(job, sender, job.acs_url)

    async def logout(self, job: LogoutMessage, sender: Sender) -> LoggedOut:
        return await self._read(job, sender, job.slo_url)

    async def metadata(self, job: PastedMetadata, tenant_id: str) -> IdentityProvider:
        return await self._read(job, Sender(RETURNING, (tenant_id, tenant_id)), tenant_id)

    async def _read(self, job: AnyJob, sender: Sender, connection: str) -> Any:
        subscriber = Sender(sender.rank, sender.networks[-1:])
        if self._held[subscriber] >= PER_SENDER[sender.rank]:
            raise _crowded("too_many")
        self._held[subscriber] += 1
        try:
            async with self._places.held((sender.rank, connection, *sender.networks), WALL_SECONDS):
                outcome = msgspec.msgpack.decode(await self._in_a_process(job), type=Outcome)
        except NoPlace:
            raise _crowded("busy") from None
        finally:
            self._held[subscriber] -= 1
            if not self._held[subscriber]:
                del self._held[subscriber]
        if outcome.reason:
            readings.labels("too_costly" if outcome.reason == "too_costly" else "refused").inc()
            raise MessageRefused(outcome.reason, outcome.detail)
        readings.labels("read").inc()
        return msgspec.msgpack.decode(outcome.answer, type=job.answer)

    async def _in_a_process(self, job: AnyJob) -> bytes:
        reader = self._idle.pop()
        try:
            return await reader.read(msgspec.msgpack.encode(job))
        except TimeoutError:
            # A document that costs too much ends its reader by the limit of processor time; this one was not given that much.
            log.warning("a document was not read in %g seconds", WALL_SECONDS)
            raise _crowded("busy") from None
        except (OSError, EOFError) as error:  # IncompleteReadError is an EOFError
            log.warning("a document ended its reader: %s", type(error).__name__)
            readings.labels("too_costly").inc()
            raise MessageRefused("too_costly", "reading it takes too much time or memory") from None
        finally:
            self._idle.append(reader)

    async def close(self) -> None:
        for reader in self._idle:
            with suppress(OSError):
                await reader.stop()


def _crowded(reason: str) -> MessageRefused:
    readings.labels("busy").inc()
    return MessageRefused(reason, "too many documents are waiting to be read")


@asynccontextmanager
async def running(places: int) -> AsyncIterator[Readers]:
    readers = Readers(places)
    try:
        yield readers
    finally:
        await readers.close()

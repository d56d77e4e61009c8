"""`Idempotency-Key`: the answer is stored in the transaction of its effect, so neither exists without the other."""

import asyncio
import gzip
import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import LiteralString

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from shared.primitives.crypto import Keyring
from shared.storage.database import AsyncConnection
from shared.web import http, problems
from shared.web.identity import Caller

HEADER = "idempotency-key"
# All of them, or 409: the statement tries each.
LOCK: LiteralString = "SELECT bool_and(pg_try_advisory_xact_lock(number)) FROM unnest(%s::bigint[]) AS number"
LOCK_PURPOSE = "idempotency lock"
UNDER_WAY = "A call with this Idempotency-Key is still under way."
FIND: LiteralString = """
    SELECT request_digest, answer FROM idempotency_keys
    WHERE client_id = %s AND key_digest = %s AND created_at > now() - interval '24 hours'
"""
# A key older than a day may be used for a new request. A younger one was used since this call looked for it.
KEEP: LiteralString = """
    INSERT INTO idempotency_keys (tenant_id, client_id, key_digest, request_digest, answer) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (tenant_id, client_id, key_digest) DO UPDATE
    SET request_digest = excluded.request_digest, answer = excluded.answer, created_at = now()
    WHERE idempotency_keys.created_at <= now() - interval '24 hours'
"""


# Bytes of a body from which on it is stored compressed, and from which on a thread compresses it: others are answered meanwhile.
COMPRESSED, IN_THREAD = 2 << 10, 32 << 10
# A compressed body is stored with this header, so that it could be replayed as it is.
CODING = {"content-encoding": "gzip"}
# Members in one order and exact decimals, so 1 and 1.0 count as two numbers.
_written = msgspec.json.Encoder(order="deterministic", decimal_format="number")


class Answer(msgspec.Struct):
    """A stored answer. A large body is compressed, and named so in `headers`."""

    status: int
    headers: dict[str, str]
    body: bytes


async def stored(conn: AsyncConnection, request: Request, caller: Caller) -> Response | None:
    """The stored answer of this key; None if the call is new or has no key.

    Raises Problem: 409 if a call with this key is in progress, 422 if the key was used for another request."""
    key = _key(request)
    if key is None:
        return None
    digest, asked = _digest(key.encode()), await _request_digest(request)
    if await (await conn.execute(LOCK, (_locks(request.state.keyring, caller, key),))).fetchone() != (True,):
        raise _under_way()
    row = await (await conn.execute(FIND, (caller.client_id, digest))).fetchone()
    if row is None:
        return None
    if row[0] != asked:
        raise problems.invalid("This Idempotency-Key was used for another request.")
    keyring: Keyring = request.state.keyring
    answer = msgspec.msgpack.decode(keyring.decrypt(row[1], _context(caller, digest)), type=Answer)
    body, headers = answer.body, answer.headers
    if CODING.items() <= headers.items():
        body = await _worked(len(body), partial(gzip.decompress, body))
        headers = {name: value for name, value in headers.items() if name not in CODING}
    return Response(body, answer.status, headers | {"idempotent-replayed": "true"})


async def keep(conn: AsyncConnection, request: Request, caller: Caller, response: Response) -> Response:
    """Stores the answer and returns it. It is encrypted, because some answers contain a secret that is shown only once.

    Raises Problem (409) where another call stored an answer for the key meanwhile: this one has no effect."""
    key = _key(request)
    if key is None:
        return response
    digest = _digest(key.encode())
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    body = bytes(response.body)
    if len(body) >= COMPRESSED and "content-encoding" not in headers:
        body = await _worked(len(body), partial(gzip.compress, body, compresslevel=1, mtime=0))
        headers |= CODING
    answer = Answer(response.status_code, headers, body)
    keyring: Keyring = request.state.keyring
    sealed = keyring.encrypt(msgspec.msgpack.encode(answer), _context(caller, digest))
    row = (caller.tenant_id, caller.client_id, digest, await _request_digest(request), sealed)
    if (await conn.execute(KEEP, row)).rowcount == 0:
        raise _under_way()
    return response


def _locks(keyring: Keyring, caller: Caller, key: str) -> list[int]:
    """The numbers of the locks of this caller's key: keyed, so that nobody can choose a key with the number of another tenant's.

    One under each encryption key, because processes that have an older list of keys share one with it.
    """
    named = f"{caller.tenant_id}\0{caller.client_id}\0{key}".encode()
    return [int.from_bytes(mac[:8], signed=True) for mac in keyring.macs(named, LOCK_PURPOSE)]


def _under_way() -> problems.Problem:
    return problems.Problem(409, "Conflict", UNDER_WAY, headers={"retry-after": "1"})


async def _worked(size: int, work: Callable[[], bytes]) -> bytes:
    """The interpreter is free while zlib works."""
    return work() if size < IN_THREAD else await asyncio.to_thread(work)


def _key(request: Request) -> str | None:
    keys = request.headers.getlist(HEADER)
    if not keys:
        return None
    if len(keys) > 1 or not 1 <= len(keys[0]) <= 255 or not keys[0].isascii() or not keys[0].isprintable():
        raise problems.malformed("Idempotency-Key is one value of 1 to 255 printable ASCII characters.")
    return keys[0]


async def _request_digest(request: Request) -> bytes:
    """Equal for a JSON body that is written in another way: other white space, or members in another order.

    It takes the values that `http.decode` left, and costs one encoding of them. Any other body counts byte by byte.
    """
    kept: bytes | None = getattr(request.state, "request_digest", None)
    if kept is None:
        body = await http.read_body(request)
        with suppress(TypeError, UnicodeEncodeError):  # a number or a text that is refused with its item
            body = _written.encode(request.state.named) if hasattr(request.state, "named") else body
        kept = _digest(f"{request.method} {request.url.path}?{request.url.query}\n".encode() + body)
        request.state.request_digest = kept
    return kept


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _context(caller: Caller, digest: bytes) -> bytes:
    return f"idempotency {caller.tenant_id} {caller.client_id} {digest.hex()}".encode()

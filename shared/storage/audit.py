"""The audit trail: who read or changed which record, through which app, in which trace. Append-only, chained by hash.

Entries are written unsealed, so that writers do not queue behind one another. The relay has them sealed in batches each second; each
batch's hash covers its entries and the hash before it. It signs the newest hash and puts it where the database's owner cannot reach it.
"""

import errno
import fcntl
import hashlib
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString

import msgspec
import psycopg

from shared.primitives import ids
from shared.primitives.crypto import PublicKeys, Signer
from shared.process import telemetry
from shared.storage.database import AsyncConnection
from shared.web.identity import Caller

RECORD: LiteralString = """
    INSERT INTO audit (id, tenant_id, client_id, actor, action, subject_id, detail, trace_id)
    VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb, %s)
"""
SEAL: LiteralString = "SELECT seal_audit(%s)"
HEAD: LiteralString = "SELECT position, hash FROM audit_batches ORDER BY position DESC LIMIT 1"
# How many wait for their seal, and for how many seconds the oldest has; beyond the first portions the number is cut.
WAITING: LiteralString = """
    SELECT (SELECT count(*) FROM (SELECT FROM audit_waiting LIMIT 100000) AS waiting),
        coalesce(extract(epoch FROM clock_timestamp() - (SELECT at FROM audit_waiting ORDER BY at LIMIT 1)), 0)::float8
"""
DETAIL_BYTES = 24 << 10
"""Of a detail as JSON. As the database writes it, with spaces, it has at most 64 KiB (`detail_is_short`)."""
VALUE_BYTES = 1 << 10
"""Of a value of a longer detail."""
BATCH = 10_000
LOCK_SECONDS = 5
PURPOSE = "head of an audit trail"


async def record(
    conn: AsyncConnection, caller: Caller, action: str, subject_id: str, detail: dict[str, Any] | None = None
) -> None:
    """One line of the trail, in the transaction of what it tells of. `detail` names fields, never their personal values."""
    await conn.execute(RECORD, entry(caller, action, subject_id, detail))


def entry(caller: Caller, action: str, subject_id: str, detail: dict[str, Any] | None = None) -> tuple[Any, ...]:
    """The parameters of `RECORD`, for tasks and commands."""
    text = msgspec.json.encode(detail or {})
    if len(text) > DETAIL_BYTES:
        text = msgspec.json.encode({name: _shortened(value) for name, value in (detail or {}).items()})
    text = text.decode()
    return (
        ids.uuid7(),
        caller.tenant_id,
        caller.client_id,
        caller.subject,
        action,
        subject_id,
        text,
        telemetry.trace_id(),
    )


def _shortened(value: object) -> object:
    """A value as it is or, of a long one, its size, its hash and its beginning: an entry must fit, and must not fail its request."""
    text = msgspec.json.encode(value)
    if len(text) <= VALUE_BYTES:
        return value
    beginning = text[:VALUE_BYTES].decode(errors="ignore")
    return {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest(), "beginning": beginning}


def seal(conn: psycopg.Connection[Any], most: int = BATCH) -> int:
    """Chains one batch of the entries that wait, in this transaction. Returns how many; fewer than `most` when no more wait."""
    row = conn.execute(SEAL, (most,)).fetchone()
    return int(row[0]) if row else 0


def waiting(conn: psycopg.Connection[Any]) -> tuple[int, float]:
    """How many entries are not sealed (counted up to 100,000), and the age of the oldest in seconds."""
    row = conn.execute(WAITING).fetchone()
    return (int(row[0]), float(row[1])) if row else (0, 0.0)


class Anchor(msgspec.Struct, frozen=True):
    """The head of a service's chain at a time, signed by that service. As JSON it is one line of an anchor file or a log."""

    trail: str
    position: int
    hash: str
    signed_at: str
    signature: str

    @classmethod
    def of(cls, trail: str, head: tuple[int, str], signer: Signer) -> "Anchor":
        """Signs `head` as the service `trail`, the name its public key has in `SERVICE_PUBLIC_KEYS`."""
        position, digest = head
        moment = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return cls(trail, position, digest, moment, signer.sign(PURPOSE, trail, str(position), digest, moment))

    def is_genuine(self, keys: PublicKeys) -> bool:
        return keys.verify(
            self.trail, self.signature, PURPOSE, self.trail, str(self.position), self.hash, self.signed_at
        )


def head(conn: psycopg.Connection[Any]) -> tuple[int, str] | None:
    """Position and hash (hexadecimal) of the newest batch; None before the first."""
    row = conn.execute(HEAD).fetchone()
    return (row[0], bytes(row[1]).hex()) if row else None


def append(file: Path, anchor: Anchor) -> None:
    """Adds a line to the anchor file, on disk when this returns. Several processes may append to the same file.

    Raises OSError when the line is not written; a part of it that was is removed, unless nobody may shorten the file.
    """
    handle = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        _lock(handle, file)
        length = os.fstat(handle).st_size
        line = msgspec.json.encode(anchor) + b"\n"
        if length and os.pread(handle, 1, length - 1) != b"\n":  # one before was torn
            line = b"\n" + line
        try:
            if os.write(handle, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
            os.fsync(handle)
        except OSError:
            with suppress(OSError):
                os.ftruncate(handle, length)
            raise
    finally:
        os.close(handle)


def _lock(handle: int, file: Path) -> None:
    """Keeps other writers away until the file is closed. Raises OSError when one of them holds it for seconds."""
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise OSError(errno.EWOULDBLOCK, "another process holds it", str(file)) from None
        time.sleep(0.05)

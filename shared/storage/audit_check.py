"""Checks the audit trail from its first entry: the batches in which it is sealed, and the anchors outside the database."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import msgspec
import psycopg

from shared.primitives.crypto import PublicKeys
from shared.storage.audit import Anchor, waiting

ENTRY: LiteralString = """
    a.id, a.tenant_id, to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
    a.client_id, a.actor, a.action, a.subject_id, a.detail::text, a.trace_id
"""
BATCHES: LiteralString = """
    SELECT position, size, root, to_char(sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), hash
    FROM audit_batches WHERE position > %s ORDER BY position LIMIT 100
"""
LEAVES: LiteralString = (
    "SELECT l.number, l.audit_id, l.leaf, "
    + ENTRY
    + "FROM audit_leaves l LEFT JOIN audit a ON a.id = l.audit_id WHERE l.batch = %s ORDER BY l.number"
)
BATCH_AT: LiteralString = "SELECT hash FROM audit_batches WHERE position = %s"
FIRST_OF: LiteralString = "SELECT audit_id FROM audit_leaves WHERE batch = %s AND number = 1"
# Entries in the order of their ids, each with whether it is sealed or waits for its seal.
COVERED: LiteralString = """
    SELECT a.id, EXISTS (SELECT FROM audit_leaves l WHERE l.audit_id = a.id) OR EXISTS (SELECT FROM audit_waiting w WHERE w.audit_id = a.id)
    FROM audit a WHERE a.id >= %s ORDER BY a.id LIMIT 10000
"""
# Leaves whose batch is missing. The caller has checked batches 1 to the parameter; entries sealed since then have a batch.
STRAY_LEAVES: LiteralString = """
    SELECT l.audit_id FROM audit_leaves l WHERE (l.batch > %s OR l.batch < 1)
        AND NOT EXISTS (SELECT FROM audit_batches b WHERE b.position = l.batch) ORDER BY l.batch, l.number LIMIT 1
"""
# Of an anchor as the relay writes it.
BEGINNING = '{"trail":"'
TRAIL_IN = re.compile(r'\{"trail":"(\w+)"')
POSITION_IN = re.compile(r'"position":(\d{1,18}),')
NIL = UUID(int=0)
LAST_SECOND = 253402300799  # of the year 9999
# After so many seconds an entry that waits for its seal is a fault; the relay seals each second.
LONG_SECONDS = 300


class Broken(Exception):
    """The trail was changed; the text says where, and names the first wrong entry if there is one."""


class Held(NamedTuple):
    """The parts of the trail that were checked and are unchanged."""

    batches: int
    entries: int
    anchors: int
    head: str

    def __str__(self) -> str:
        return f"the chain holds: {self.entries} entries in {self.batches} batches, head {self.head}; {self.anchors} anchors agree"


class Place(msgspec.Struct, frozen=True):
    """How far a check has come: the last batch that holds, with its hash in hexadecimal, and the entries up to it.

    `after` is the last entry that is known to be sealed or to wait for its seal, and `covered` how many were looked at for that.
    """

    batches: int = 0
    hash: str = ""
    entries: int = 0
    after: UUID = NIL
    covered: int = 0

    @property
    def head(self) -> str:
        return f"{self.batches}:{self.hash}"

    @property
    def rows(self) -> int:
        """How many comparisons led here: two for each entry, with its seal and of whether it has one."""
        return self.entries + self.covered


def check(conn: psycopg.Connection[Any], anchors: Iterable[Anchor] = (), expected: Iterable[str] = ()) -> Held:
    """Raises Broken at the first mismatch, and ValueError for a malformed head in `expected`, `<position>:<hash>`.

    The trail may grow during the check: sealing moves an entry from waiting to sealed in one transaction.
    """
    place = _last(chained(conn, Place()))
    agreed = _compare(conn, anchors, place.batches)
    for kept in expected:
        require_head(conn, kept)
    _last(covered(conn, place))
    require_sealing(conn)
    return Held(place.batches, place.entries, agreed, place.head)


def walk(conn: psycopg.Connection[Any], place: Place) -> Iterator[Place]:
    """Checks the trail from a place on: each step a batch or 10,000 entries, and the place that it reached.

    Raises Broken at the first mismatch. A check that goes on from a place finds no change before it; one from `Place()` does.
    """
    for reached in chained(conn, place):
        yield (place := reached)
    yield from covered(conn, place)


def require_head(conn: psycopg.Connection[Any], kept: str) -> None:
    """Raises Broken if a head that was stored is not part of the chain any more, and ValueError for a malformed one."""
    if not holds(conn, kept):
        raise Broken(f"the chain no longer has the head {kept}: its end was cut off or made anew")


def require_sealing(conn: psycopg.Connection[Any]) -> None:
    """Raises Broken if entries wait long for their seal: an entry without a seal can be changed unseen. A relay takes a second."""
    number, seconds = waiting(conn)
    if seconds > LONG_SECONDS:
        raise Broken(
            f"the sealed entries are unchanged, but {number} entries wait for their seal, the oldest for {seconds:.0f} s"
        )


def _last(places: Iterable[Place]) -> Place:
    place = Place()
    for reached in places:
        place = reached
    return place


def covered(conn: psycopg.Connection[Any], place: Place) -> Iterator[Place]:
    """Raises Broken for an entry that is not sealed and does not wait for its seal."""
    after, number, last = place.after, place.covered, None
    while after != last:
        last = after
        for audit_id, is_covered in conn.execute(COVERED, (after,)):
            if not is_covered:
                seconds = (audit_id.int >> 80) // 1000  # the author of a false entry may have chosen its id
                at = (
                    "no time" if seconds > LAST_SECOND else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
                )
                raise Broken(f"entry {audit_id} was never sealed and does not wait for it: its id is of {at}")
            after, number = audit_id, number + (audit_id != last)
        yield msgspec.structs.replace(place, after=after, covered=number)


def chained(conn: psycopg.Connection[Any], place: Place) -> Iterator[Place]:
    """Checks batches and their entries from the place on."""
    yield place
    for batches, size, digest in _walk_batches(conn, place):
        place = msgspec.structs.replace(place, batches=batches, entries=place.entries + size, hash=digest.hex())
        yield place
    if stray := conn.execute(STRAY_LEAVES, (place.batches,)).fetchone():
        raise Broken(f"the batch of entry {stray[0]} is missing: the end of the chain was cut off")


def read_anchors(lines: Iterable[str], trail: str, keys: PublicKeys) -> Iterator[Anchor]:
    """The anchors of `trail` in an anchor file or in log lines; other lines are skipped.

    A disk that is full, or a machine that dies, tears a line; the next line may begin in the same one. Raises Broken for a torn anchor
    unless a later one covers it, and for an anchor that none of the service's keys signed.
    """
    torn: list[tuple[int, int]] = []  # numbers of lines, and the positions that a later anchor must reach
    for number, line in enumerate(lines, 1):
        # A line of an anchor file may hold several anchors, torn or not; a line of a log holds one.
        logged = [line] if '"signed_at"' in line else []
        for text in [BEGINNING + rest for rest in line.split(BEGINNING)[1:]] or logged:
            try:
                anchor = msgspec.json.decode(text, type=Anchor)
            except msgspec.DecodeError:
                named = TRAIL_IN.match(text)
                if named is None or named[1] == trail:
                    position = POSITION_IN.search(text)
                    torn.append((number, int(position[1]) if position else 0))
                continue
            if anchor.trail != trail:
                continue
            if not anchor.is_genuine(keys):
                raise Broken(f"line {number} of the anchors (position {anchor.position}) is not signed by {trail}")
            torn = [(each, position) for each, position in torn if position > anchor.position]
            yield anchor
    if torn:
        raise Broken(f"line {torn[0][0]} of the anchors is cut short or malformed, and no later anchor covers it")


def holds(conn: psycopg.Connection[Any], kept: str) -> bool:
    """Whether a head that was stored elsewhere is still part of the chain. Raises ValueError for a malformed head."""
    position, _, digest = kept.partition(":")
    number, wanted = int(position), bytes.fromhex(digest)
    row = conn.execute(BATCH_AT, (number,)).fetchone()
    return row is not None and hmac.compare_digest(bytes(row[0]), wanted)


def _walk_batches(conn: psycopg.Connection[Any], place: Place) -> Iterator[tuple[int, int, bytes]]:
    """Checks the batches after a place. Gives position, size and hash of each."""
    position, last = place.batches, bytes.fromhex(place.hash)
    while rows := conn.execute(BATCHES, (position,)).fetchall():
        for number, size, root, sealed_at, digest in rows:
            if number != position + 1:
                raise Broken(f"batch {position + 1} is missing; {_first_of(conn, number)} is the first entry after it")
            _check_leaves(conn, number, size, bytes(root))
            last = batch_hash(last, number, size, bytes(root), sealed_at)
            if not hmac.compare_digest(last, bytes(digest)):
                raise Broken(
                    f"batch {number} does not fit: its row was changed; its first entry is {_first_of(conn, number)}"
                )
            position = number
            yield number, size, last


def batch_hash(last: bytes, position: int, size: int, root: bytes, sealed_at: str) -> bytes:
    numbers = position.to_bytes(8, "big") + size.to_bytes(4, "big")
    return hashlib.sha256(last + numbers + root + sealed_at.encode()).digest()


def leaf_of(entry: Iterable[Any]) -> bytes:
    """SHA-256 of the entry's columns as a JSON array of strings, written as PostgreSQL writes jsonb."""
    texts = [str(each) if each is not None else None for each in entry]
    return hashlib.sha256(json.dumps(texts, ensure_ascii=False).encode()).digest()


def _check_leaves(conn: psycopg.Connection[Any], batch: int, size: int, root: bytes) -> None:
    """Compares each entry with its leaf, then the leaves with the root, so that the error names the wrong entry if possible."""
    seen, leaves = 0, hashlib.sha256()
    for number, audit_id, leaf, *entry in conn.execute(LEAVES, (batch,)):
        seen += 1
        if number != seen:
            raise Broken(f"entry {seen} of batch {batch} is missing, before entry {audit_id}")
        if entry[0] is None or not hmac.compare_digest(leaf_of(entry), bytes(leaf)):
            raise Broken(f"entry {audit_id} (number {number} of batch {batch}) is {_fate(entry)}")
        leaves.update(leaf)
    if seen != size:
        raise Broken(f"batch {batch} has {seen} of its {size} entries")
    if not hmac.compare_digest(leaves.digest(), root):
        raise Broken(
            f"batch {batch} does not fit: its entries, from {_first_of(conn, batch)} on, are not those that were sealed"
        )


def _compare(conn: psycopg.Connection[Any], anchors: Iterable[Anchor], end: int) -> int:
    """The number of anchors that agree. The first one by position that does not shows from which batch on the chain was changed."""
    agreed, last = 0, 0
    for anchor in sorted(anchors, key=lambda each: (each.position, each.signed_at)):
        row = conn.execute(BATCH_AT, (anchor.position,)).fetchone()
        if row is None:
            raise Broken(
                f"the chain ends at batch {end}, and {anchor.position} batches were there at {anchor.signed_at}: its end was cut off"
            )
        if not hmac.compare_digest(bytes(row[0]).hex(), anchor.hash):
            raise Broken(
                f"the chain was made anew: batch {anchor.position} is not the one anchored at {anchor.signed_at}. "
                f"Nothing after batch {last} can be believed; the first entry after it is {_first_of(conn, last + 1)}"
            )
        agreed, last = agreed + 1, anchor.position
    return agreed


def _fate(entry: list[Any]) -> str:
    return "gone" if entry[0] is None else "changed"


def _first_of(conn: psycopg.Connection[Any], batch: int) -> str:
    row = conn.execute(FIRST_OF, (batch,)).fetchone()
    return str(row[0]) if row else "unknown"

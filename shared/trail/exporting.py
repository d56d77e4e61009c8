"""Exports of the trail: entries as lines of JSON, oldest first, in portions of a transaction each, with a signature as the last line.

A client that reads slowly keeps no connection. An export without its last line, or with `broken_off` in it, is not complete.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from prometheus_client import Gauge
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from shared.process import metrics
from shared.storage.database import IN_ORDER, tenant_transaction
from shared.trail import reading, signing
from shared.trail.models import ExportBroken, ExportQuery, ExportSignature, ExportStatement, Row
from shared.trail.reading import BEGINNING, Asked, Place
from shared.web import http, problems
from shared.web.identity import Caller
from shared.web.problems import FieldError

MEDIA = "application/x-ndjson"
PORTION = 500
"""Entries of a transaction."""
MOST = 1_000_000
"""Entries of an export; the next one goes on with `after`."""
SECONDS = 1800.0
"""After which an export ends, however slowly its client reads."""
AT_ONCE, OF_ONE_TENANT = 8, 2
"""Exports of a process under way."""
SETTLED = timedelta(seconds=60)
"""An export ends so long ago, so that no transaction still adds entries to its period."""
REVOKED = "The token has been revoked."
TOO_LONG = f"The export took longer than {SECONDS:.0f} s; go on after the last entry."


class Places:
    """The exports of one kind under way, each with its place. None of the organisations with exports gets the last place.

    All sandboxes together count as one organisation: an organisation can have several. `gauge` shows how many are under way.
    """

    def __init__(self, gauge: Gauge = metrics.audit_exports) -> None:
        self._of: Counter[str] = Counter()
        self._gauge = gauge

    def enter(self, caller: Caller) -> Callable[[], None]:
        """Takes a place and returns the call that gives it back. Raises a 429 Problem where none is free."""
        whose = "sandboxes" if caller.is_sandbox else caller.tenant_id
        if self._of[whose] >= OF_ONE_TENANT:
            text = "Two exports of your organisation, or of sandboxes, are under way here; wait for their end."
            raise problems.too_many(text, 30)
        if self._of.total() + self._of[whose] >= AT_ONCE:
            raise problems.too_many("Too many exports are under way; try again later.", 30)
        self._of[whose] += 1
        self._gauge.set(self._of.total())

        def leave() -> None:
            self._of[whose] -= 1
            if not self._of[whose]:
                del self._of[whose]
            self._gauge.set(self._of.total())

        return leave


class Streamed(StreamingResponse):
    """Gives the place back when the answer ends, also where it never began."""

    def __init__(self, lines: AsyncIterator[bytes], leave: Callable[[], None]) -> None:
        super().__init__(lines, headers={"cache-control": "no-store"}, media_type=MEDIA)
        self.leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.leave()


class Portion(NamedTuple):
    """`after` is the place after which to go on; None at the end."""

    rows: list[Row]
    after: Place | None


class Export:
    """One export. `begin` reads its first portion, `lines` gives the bytes."""

    def __init__(self, request: Request, caller: Caller, service: str, asked: ExportQuery) -> None:
        self.request, self.caller, self.service, self.asked = request, caller, service, asked
        # Raises a 422 Problem for a period that has no end after its beginning.
        settled = datetime.now(UTC) - SETTLED
        until = min(self.asked.until or settled, settled)
        if self.asked.since >= until:
            text = f"The period begins at or after its end, which is at least {SETTLED.seconds} seconds ago."
            raise problems.invalid(text, [FieldError("since", "not before the end of the period", "range")])
        self.until = until
        self.of = Asked.of(caller, asked, self.until)
        self.digest, self.entries, self.last = hashlib.sha256(), 0, asked.after

    async def begin(self) -> Portion:
        period = {"since": self.asked.since, "until": self.until}
        question = reading.filters_of(self.asked) | {
            name: at.isoformat(timespec="hours") for name, at in period.items()
        }
        after: Place | None = BEGINNING
        async with tenant_transaction(self.request, self.caller) as conn:
            if self.asked.after is not None:
                after = await reading.place_of(conn, self.asked.after)
            if after is None:
                raise problems.invalid(
                    "There is no such entry.", [FieldError("after", "not the id of an entry of yours")]
                )
            await reading.note(conn, self.caller, "audit.export", self.service, question)
        return await self._portion(after)

    async def lines(self, portion: Portion) -> AsyncIterator[bytes]:
        over = asyncio.get_running_loop().time() + SECONDS
        while True:
            if portion.rows:
                made = [reading.shown(row) for row in portion.rows]
                text = b"".join(http.encode(entry) + b"\n" for entry in made)
                self.digest.update(text)
                self.entries += len(made)
                self.last = made[-1].id
                yield text
            if portion.after is None or self.entries >= MOST:
                break
            reason = REVOKED if self.request.scope["is_revoked"]() else TOO_LONG
            if reason is REVOKED or asyncio.get_running_loop().time() > over:
                yield http.encode(ExportBroken(reason)) + b"\n"
                return
            portion = await self._portion(portion.after)
        yield await self._signature(complete=portion.after is None)

    async def _portion(self, after: Place) -> Portion:
        most = min(PORTION, MOST - self.entries)
        async with tenant_transaction(self.request, self.caller) as conn:
            await conn.execute(IN_ORDER)
            return Portion(*await reading.portion(conn, self.of, after, most))

    async def _signature(self, *, complete: bool) -> bytes:
        async with tenant_transaction(self.request, self.caller) as conn:
            verification = await reading.verification(conn, self.service)
        statement = ExportStatement(
            service=self.service,
            tenant_id=self.caller.tenant_id,
            client_id=self.caller.client_id,
            actor=self.caller.subject,
            filters=reading.filters_of(self.asked),
            since=self.asked.since,
            until=self.until,
            after=self.asked.after,
            entries=self.entries,
            last_id=self.last,
            complete=complete,
            sha256=self.digest.hexdigest(),
            made_at=datetime.now(UTC),
            verification=verification,
        )
        return http.encode(ExportSignature(signing.signed(statement, self.request.state.keyring))) + b"\n"

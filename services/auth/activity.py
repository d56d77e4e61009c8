"""Counts, last uses and refused calls of the token endpoint and of the API, kept in memory and written once a second."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import LiteralString, NamedTuple

from psycopg.errors import PipelineAborted
from psycopg_pool import AsyncConnectionPool

from shared.primitives import ids
from shared.process import telemetry
from shared.storage.database import SET_TENANT, AsyncConnection, is_outage

FLUSH_SECONDS = 1.0
MAX_EVENTS = 50
"""Events of one kind of an app that one flush stores."""
MOST_EVENTS = 1_000
"""Events of one kind that an app keeps."""
MOST_CALLS = 1_000
"""Rows of refused calls of an app, in 31 days; further ones share a row for each day and reason."""
MAX_PENDING = 20_000
CALL = "call"
"""The kind of the counts of calls that the API refused."""
SCOPE = "scope"
"""The kind of the counts of scopes: of the processes and their portions of a day, so only the day has a meaning."""

ADD_COUNT: LiteralString = """
    INSERT INTO daily_counts (tenant_id, client_id, day, kind, detail, count) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (tenant_id, client_id, day, kind, detail) DO UPDATE SET count = daily_counts.count + excluded.count
"""
SECRET_USED: LiteralString = """
    UPDATE app_secrets SET last_used_at = greatest(coalesce(last_used_at, %(at)s), %(at)s) WHERE id = %(id)s
"""
TOKEN_USED: LiteralString = """
    UPDATE service_tokens SET last_used_at = greatest(coalesce(last_used_at, %(at)s), %(at)s) WHERE jti = %(id)s::uuid
"""
ADD_EVENT: LiteralString = """
    INSERT INTO app_events (id, tenant_id, client_id, at, kind, reason, trace_id, endpoint)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
# An app with many kinds of refused calls has the further ones without endpoint and scope.
ADD_CALLS: LiteralString = """
    WITH place AS (
        SELECT (SELECT count(*) FROM (
                SELECT FROM refused_calls WHERE tenant_id = %(tenant_id)s AND client_id = %(client_id)s
                ORDER BY day LIMIT %(most)s) AS held
            ) < %(most)s OR EXISTS (
                SELECT FROM refused_calls
                WHERE (tenant_id, client_id, day, status, reason, endpoint, scope)
                    = (%(tenant_id)s, %(client_id)s, %(day)s, %(status)s, %(reason)s, %(endpoint)s, %(scope)s)
            ) AS has_room)
    INSERT INTO refused_calls AS kept
    SELECT %(tenant_id)s, %(client_id)s, %(day)s, %(status)s, %(reason)s, CASE WHEN has_room THEN %(endpoint)s ELSE '' END,
        CASE WHEN has_room THEN %(scope)s ELSE '' END, %(number)s, %(first_at)s, %(last_at)s, %(trace_id)s FROM place
    ON CONFLICT (tenant_id, client_id, day, status, reason, endpoint, scope) DO UPDATE
    SET count = kept.count + excluded.count, first_at = least(kept.first_at, excluded.first_at),
        last_at = greatest(kept.last_at, excluded.last_at),
        trace_id = CASE WHEN excluded.last_at >= kept.last_at THEN excluded.trace_id ELSE kept.trace_id END
"""
# The events of other kinds stay, however many of one kind strangers cause.
FORGET_EVENTS: LiteralString = """
    DELETE FROM app_events WHERE id = ANY (ARRAY(
        SELECT id FROM app_events WHERE client_id = %s AND kind = %s ORDER BY id DESC OFFSET %s LIMIT 500))
"""
log = logging.getLogger(__name__)


class CountKey(NamedTuple):
    client_id: str
    day: date
    kind: str
    detail: str


class CallKind(NamedTuple):
    """Refused calls of one kind. `endpoint` is a method and a template, `scope` the one that was missing, or ""."""

    client_id: str
    status: int
    reason: str
    endpoint: str
    scope: str


class Calls(NamedTuple):
    number: int
    first_at: datetime
    last_at: datetime
    trace_id: str

    def plus(self, other: "Calls") -> "Calls":
        newer = max(self, other, key=lambda one: one.last_at)
        first = min(self.first_at, other.first_at)
        return Calls(self.number + other.number, first, newer.last_at, newer.trace_id)


class Ledger:
    """The counts, last uses and refused calls of one tenant since the last flush."""

    def __init__(self) -> None:
        self.counts: dict[CountKey, int] = defaultdict(int)
        self.secrets: dict[str, datetime] = {}
        self.tokens: dict[str, datetime] = {}
        self.calls: dict[CallKind, Calls] = {}
        self.events: dict[tuple[str, str], list[tuple[str, datetime, str, str, str]]] = defaultdict(list)

    async def write(self, conn: AsyncConnection, tenant_id: str) -> None:
        for key, number in sorted(self.counts.items()):
            await conn.execute(ADD_COUNT, (tenant_id, *key, number))
        for secret_id, at in sorted(self.secrets.items()):
            await conn.execute(SECRET_USED, {"id": secret_id, "at": at})
        for jti, at in sorted(self.tokens.items()):
            await conn.execute(TOKEN_USED, {"id": jti, "at": at})
        today = datetime.now(UTC).date()
        for call, calls in sorted(self.calls.items()):
            folded = call._asdict() | calls._asdict() | {"tenant_id": tenant_id, "day": today}
            await conn.execute(ADD_CALLS, folded | {"most": MOST_CALLS})
        for (client_id, kind), events in sorted(self.events.items()):
            for event_id, at, reason, trace_id, endpoint in events:
                await conn.execute(ADD_EVENT, (event_id, tenant_id, client_id, at, kind, reason, trace_id, endpoint))
            await conn.execute(FORGET_EVENTS, (client_id, kind, MOST_EVENTS))


class Activity:
    """A bounded buffer. A killed process loses at most the last second of it."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection]) -> None:
        self._pool = pool
        self._ledgers: dict[str, Ledger] = defaultdict(Ledger)
        self._pending = 0
        self._scopes_of: date | None = None
        self._scopes_seen: set[tuple[str, str]] = set()

    def count(self, tenant_id: str, client_id: str, kind: str, detail: str = "") -> None:
        if self._has_room():
            self._ledgers[tenant_id].counts[CountKey(client_id, datetime.now(UTC).date(), kind, detail)] += 1

    def scopes_used(self, tenant_id: str, client_id: str, scopes: Iterable[str]) -> None:
        """Notes that a token carries `scopes`: a row for each, once a day, however many tokens there are."""
        today = datetime.now(UTC).date()
        if self._scopes_of != today or len(self._scopes_seen) > MAX_PENDING:
            self._scopes_of, self._scopes_seen = today, set()
        for scope in scopes:
            if (client_id, scope) not in self._scopes_seen:
                self._scopes_seen.add((client_id, scope))
                self.count(tenant_id, client_id, SCOPE, scope)

    def secret_used(self, tenant_id: str, secret_id: str) -> None:
        if self._has_room():
            self._ledgers[tenant_id].secrets[secret_id] = datetime.now(UTC)

    def token_used(self, tenant_id: str, jti: str, at: datetime) -> None:
        if self._has_room():
            self._ledgers[tenant_id].tokens[jti] = at

    def calls_refused(self, tenant_id: str, kind: CallKind, calls: Calls) -> None:
        """Adds calls that the API refused, as a gateway counted them."""
        if self._has_room():
            of_tenant = self._ledgers[tenant_id]
            known = of_tenant.calls.get(kind)
            of_tenant.calls[kind] = calls if known is None else known.plus(calls)
            of_tenant.counts[CountKey(kind.client_id, datetime.now(UTC).date(), CALL, "")] += calls.number

    def refused(self, tenant_id: str, client_id: str, kind: str, reason: str, endpoint: str = "") -> None:
        """Adds a failed call to the app's event list. Of a flood only the first calls of each second are stored."""
        self.count(tenant_id, client_id, f"refused:{kind}")
        events = self._ledgers[tenant_id].events[client_id, kind]
        if len(events) < MAX_EVENTS and self._has_room():
            events.append((ids.new_id("aev"), datetime.now(UTC), reason, telemetry.trace_id(), endpoint))

    def _has_room(self) -> bool:
        self._pending += 1
        return self._pending <= MAX_PENDING

    async def flush(self) -> None:
        ledgers, self._ledgers, self._pending = self._ledgers, defaultdict(Ledger), 0
        if not ledgers:
            return
        try:
            await self._write(ledgers)
        except Exception as error:  # a row of one organisation must not lose those of the others
            if is_outage(error) and not isinstance(error, PipelineAborted):
                raise
            for tenant_id, ledger in ledgers.items():
                try:
                    await self._write({tenant_id: ledger})
                except Exception as error:
                    if is_outage(error) and not isinstance(error, PipelineAborted):
                        raise
                    log.warning("activity of one organisation not written: %s", type(error).__name__)

    async def _write(self, ledgers: Mapping[str, Ledger]) -> None:
        async with self._pool.connection() as conn, conn.pipeline():
            # In one order in every process: two that write rows of the same organisations cannot deadlock.
            for tenant_id, ledger in sorted(ledgers.items(), key=lambda item: item[0]):
                await conn.execute(SET_TENANT, (tenant_id,))
                await ledger.write(conn, tenant_id)

    async def keep_flushing(self) -> None:
        """Runs for the life of the process. While the database is away the counts of that time are lost; no request fails."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
            except Exception as error:  # the next round starts afresh after any error
                log.warning("activity not written: %s", type(error).__name__)

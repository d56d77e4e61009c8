"""The briefs of encounters whose last version an older process wrote: made for a request that needs one, or by a job of the relay."""

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from psycopg.rows import class_row
from starlette.requests import Request

from services.epcr import metrics
from services.epcr.encounters import queries, store
from services.epcr.encounters.models import EncounterRow
from services.epcr.encounters.store import Brief
from shared.primitives.crypto import Keyring
from shared.process import metrics as shared_metrics
from shared.storage.database import Connection, tenant_transaction
from shared.storage.jobs import apart
from shared.web import portions
from shared.web.identity import Caller

# Encounters of one transaction of the job, and the seconds of one run.
PORTION = 20
ADD_BRIEFS = "add briefs"
shared_metrics.begin(shared_metrics.rows_set_aside, [ADD_BRIEFS])
SECONDS = 1
Answer = TypeVar("Answer")


class Unprepared(Exception):
    """A transaction needs the brief of an encounter that has none, and whose record is too heavy to be opened in it."""

    def __init__(self, encounter_id: str) -> None:
        super().__init__(encounter_id)
        self.encounter_id = encounter_id


async def prepared(request: Request, caller: Caller, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer of `attempt`, which is made again after each brief that it lacks. Raises the Problems of a turn."""
    while True:
        try:
            return await attempt()
        except Unprepared as lacking:
            async with tenant_transaction(request, caller) as conn:
                row = await store.find(conn, lacking.encounter_id)
            values = await portions.result(request, partial(_made, row, request.state.keyring))
            async with tenant_transaction(request, caller) as conn:
                await conn.execute(queries.ADD_BRIEF, values)


def add_briefs(keyring: Keyring, conn: Connection) -> None:
    """Adds briefs in portions, each in a transaction of its own, until none is lacking or the time is up; the next run goes on."""
    until = time.monotonic() + SECONDS
    while _add_portion(keyring, conn) and time.monotonic() < until:
        conn.commit()
    [is_left] = conn.execute(queries.IS_WITHOUT_BRIEF).fetchone() or (False,)
    metrics.set_briefs_behind(is_left=is_left)


def _add_portion(keyring: Keyring, conn: Connection) -> bool:
    with conn.cursor(row_factory=class_row(EncounterRow)) as cursor:
        rows = cursor.execute(queries.WITHOUT_BRIEF, (PORTION,)).fetchall()

    def work(some: Sequence[EncounterRow]) -> None:
        with conn.cursor() as cursor:
            cursor.executemany(queries.ADD_BRIEF, [_made(row, keyring) for row in some])

    if rows:
        by_id = {row.id: row for row in rows}
        apart(conn, ADD_BRIEFS, by_id, work, lambda row: conn.execute(queries.SET_BRIEF_ASIDE, (row.id,)))
    return len(rows) == PORTION


def _made(row: EncounterRow, keyring: Keyring) -> dict[str, object]:
    brief = Brief.of(store.unseal(row.record, keyring, row.tenant_id, row.id))
    sealed = store.seal_brief(brief, keyring, row.tenant_id, row.id)
    return {"id": row.id, "version": row.version, "brief": sealed, "anchor": brief.anchor}

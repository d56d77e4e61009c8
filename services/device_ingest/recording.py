"""Writing readings: one multi-row insert per tenant, with what epcr and subscribers must hear of it, in one transaction."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import AsyncCursor
from psycopg.rows import class_row, dict_row

from services.device_ingest import news, queries
from services.device_ingest.models import Observation
from services.device_ingest.news import Item
from services.device_ingest.readings import Reading
from shared import http, outbox
from shared.database import SET_TENANT, AsyncConnection
from shared.problems import Problem, conflict


class Submission(NamedTuple):
    """A checked reading with what the write needs besides: whose it is, its id to be, the trace it came in."""

    tenant_id: str
    device_id: str
    id: str
    reading: Reading
    recorded_at: datetime
    traceparent: str | None


Outcome = Observation | Problem


class DeviceChanged(Problem):
    """The device is no longer what the reading was checked against: retired, of another class, or gone."""

    def __init__(self) -> None:
        super().__init__(409, "Conflict", "The device changed while its observation was being recorded; try again.")


async def write(conn: AsyncConnection, submissions: Sequence[Submission]) -> list[Outcome]:
    """Records submissions of any tenants in the transaction of `conn`; outcomes in the order given.

    A reading that is there already is answered with the row that is there.
    """
    # Sorted, so that two transactions with the same readings wait for each other instead of locking up.
    by_tenant: dict[str, list[Submission]] = defaultdict(list)
    for submission in sorted(submissions, key=_order):
        by_tenant[submission.tenant_id].append(submission)
    recording = _Recording(conn, by_tenant)
    await recording.run()
    return [recording.outcomes[submission.id] for submission in submissions]


class _Recording:
    """One transaction's work. The statements of all tenants travel together, so that round trips do not grow with their number."""

    def __init__(self, conn: AsyncConnection, by_tenant: dict[str, list[Submission]]) -> None:
        self.conn = conn
        self.by_tenant = by_tenant
        self.outcomes: dict[str, Outcome] = {}

    async def run(self) -> None:
        async with self.conn.pipeline():
            inserts = [(tenant_id, await self._insert(tenant_id)) for tenant_id in self.by_tenant]
            for tenant_id, insert in inserts:
                await self._settle(tenant_id, {row[0] for row in await insert.fetchall()})

    async def _insert(self, tenant_id: str) -> AsyncCursor[Any]:
        await self.conn.execute(SET_TENANT, (tenant_id,))
        return await self.conn.execute(queries.RECORD_OBSERVATIONS, (_json(self.by_tenant[tenant_id]),))

    async def _settle(self, tenant_id: str, written: set[str]) -> None:
        submissions = self.by_tenant[tenant_id]
        new = [submission for submission in submissions if submission.id in written]
        self.outcomes |= {submission.id: _recorded(submission) for submission in new}
        for_epcr = [submission for submission in new if submission.reading.encounter_id is not None]
        if len(self.by_tenant) > 1:
            await self.conn.execute(SET_TENANT, (tenant_id,))
        if len(new) < len(submissions):
            for_epcr += await self._answer_alike([s for s in submissions if s.id not in written])
        await self._tell(tenant_id, for_epcr)

    async def _answer_alike(self, submissions: list[Submission]) -> list[Submission]:
        """Outcomes of what the insert left out; those that gave the row its encounter."""
        times = [submission.reading.observed_at for submission in submissions]
        async with self.conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(queries.FIND_SAME, (_json(submissions), min(times), max(times)))
            rows = await cursor.fetchall()
        same = {row.pop("unused_id"): Observation(**row) for row in rows}
        return [submission for submission in submissions if await self._agree(submission, same.get(submission.id))]

    async def _agree(self, submission: Submission, found: Observation | None) -> bool:
        """Answers a reading with the row it is the same as; True if it gave that row the encounter it lacked."""
        encounter_id = submission.reading.encounter_id
        if found is None:
            self.outcomes[submission.id] = DeviceChanged()
            return False
        if encounter_id is None or encounter_id == found.encounter_id:
            self.outcomes[submission.id] = found
            return False
        named = await self._name_encounter(found, encounter_id)
        taken = "This reading was recorded for another encounter."
        self.outcomes[submission.id] = named or conflict(taken, id=found.id)
        return named is not None

    async def _name_encounter(self, found: Observation, encounter_id: str) -> Observation | None:
        where = {"encounter_id": encounter_id, "id": found.id, "observed_at": found.observed_at}
        async with self.conn.cursor(row_factory=class_row(Observation)) as cursor:
            await cursor.execute(queries.NAME_ENCOUNTER, where)
            return await cursor.fetchone()

    async def _tell(self, tenant_id: str, submissions: list[Submission]) -> None:
        items = [
            Item(outcome, submission.reading.device_class, submission.traceparent)
            for submission in submissions
            if isinstance(outcome := self.outcomes[submission.id], Observation)
        ]
        rows = [outbox.row(tenant_id, message, traceparent) for message, traceparent in news.for_epcr(items)]
        if rows:
            async with self.conn.cursor() as cursor:
                await cursor.executemany(outbox.ADD, rows)
            self.conn.has_messages = True


def _order(submission: Submission) -> tuple[Any, ...]:
    reading = submission.reading
    return submission.tenant_id, submission.device_id, reading.observed_at, reading.metric.code10, str(reading.value)


def _json(submissions: Sequence[Submission]) -> str:
    """Rows for json_to_recordset: one parameter, since adapting each column as an array costs more than the rest of the write."""
    return http.encode([_row(submission) for submission in submissions]).decode()


def _row(submission: Submission) -> dict[str, Any]:
    reading = submission.reading
    return {
        "id": submission.id,
        "device_id": submission.device_id,
        "device_class": reading.device_class,
        "mdc_code": reading.metric.refid,
        "mdc_code10": reading.metric.code10,
        "value": reading.value,
        "unit_code": reading.unit_code,
        "data_absent_reason": reading.data_absent_reason,
        "observed_at": reading.observed_at,
        "recorded_at": submission.recorded_at,
        "encounter_id": reading.encounter_id,
        "flags": reading.flags,
        "test": reading.test,
        "traceparent": submission.traceparent,
    }


def _recorded(submission: Submission) -> Observation:
    reading = submission.reading
    return Observation(
        id=submission.id,
        device_id=submission.device_id,
        mdc_code=reading.metric.refid,
        mdc_code10=reading.metric.code10,
        value=reading.value,
        unit_code=reading.unit_code,
        data_absent_reason=reading.data_absent_reason,
        observed_at=reading.observed_at,
        recorded_at=submission.recorded_at,
        encounter_id=reading.encounter_id,
        encounter_link="pending" if reading.encounter_id else None,
        flags=reading.flags,
        test=reading.test,
    )

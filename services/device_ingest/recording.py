"""Writing readings: one multi-row insert per tenant, with what epcr and subscribers must hear of it, in one transaction."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.rows import class_row, dict_row

from services.device_ingest import news, queries
from services.device_ingest.models import Observation
from services.device_ingest.news import Item
from services.device_ingest.readings import Reading
from shared import outbox
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
    """One transaction's work. Statements of all tenants travel in one pipeline; its round trips do not grow with their number."""

    def __init__(self, conn: AsyncConnection, by_tenant: dict[str, list[Submission]]) -> None:
        self.conn = conn
        self.by_tenant = by_tenant
        self.outcomes: dict[str, Outcome] = {}
        self.news: dict[str, list[Item]] = defaultdict(list)

    async def run(self) -> None:
        async with self.conn.pipeline():
            await self._insert()
            for tenant_id, submissions in self.by_tenant.items():
                left_out = [submission for submission in submissions if submission.id not in self.outcomes]
                if left_out:
                    await self.conn.execute(SET_TENANT, (tenant_id,))
                    await self._answer_alike(left_out)
            for tenant_id, items in self.news.items():
                await self._tell(tenant_id, items)

    async def _insert(self) -> None:
        cursors = []
        for tenant_id, submissions in self.by_tenant.items():
            await self.conn.execute(SET_TENANT, (tenant_id,))
            cursors.append(await self.conn.execute(queries.RECORD_OBSERVATIONS, _columns(map(_row, submissions))))
        written = {row[0] for cursor in cursors for row in await cursor.fetchall()}
        for submissions in self.by_tenant.values():
            for submission in submissions:
                if submission.id in written:
                    self._done(submission, _recorded(submission), is_news=True)

    async def _answer_alike(self, submissions: list[Submission]) -> None:
        async with self.conn.cursor(row_factory=dict_row) as cursor:
            columns = _columns(map(_key, submissions))
            await cursor.execute(queries.FIND_SAME, [*columns, min(columns[-1]), max(columns[-1])])
            rows = await cursor.fetchall()
        same = {row.pop("unused_id"): Observation(**row) for row in rows}
        for submission in submissions:
            found = same.get(submission.id)
            if found is None:
                self.outcomes[submission.id] = DeviceChanged()
            else:
                await self._agree(submission, found)

    async def _agree(self, submission: Submission, found: Observation) -> None:
        """The same reading again: it may add the encounter it was first sent without, not name another one."""
        encounter_id = submission.reading.encounter_id
        if encounter_id is None or encounter_id == found.encounter_id:
            self._done(submission, found, is_news=False)
            return
        named = await self._name_encounter(found, encounter_id)
        if named is None:
            self.outcomes[submission.id] = conflict("This reading was recorded for another encounter.", id=found.id)
        else:
            self._done(submission, named, is_news=True)

    async def _name_encounter(self, found: Observation, encounter_id: str) -> Observation | None:
        where = {"encounter_id": encounter_id, "id": found.id, "observed_at": found.observed_at}
        async with self.conn.cursor(row_factory=class_row(Observation)) as cursor:
            await cursor.execute(queries.NAME_ENCOUNTER, where)
            return await cursor.fetchone()

    def _done(self, submission: Submission, observation: Observation, *, is_news: bool) -> None:
        self.outcomes[submission.id] = observation
        if is_news:
            item = Item(observation, submission.reading.device_class, submission.traceparent)
            self.news[submission.tenant_id].append(item)

    async def _tell(self, tenant_id: str, items: list[Item]) -> None:
        await self.conn.execute(SET_TENANT, (tenant_id,))
        await self.conn.execute(queries.COUNT_TO_ANNOUNCE, _columns(news.counts(items)))
        rows = [outbox.row(tenant_id, message, trace) for message, trace in news.for_epcr(items)]
        if rows:
            async with self.conn.cursor() as cursor:
                await cursor.executemany(outbox.ADD, rows)
            self.conn.has_messages = True


def _order(submission: Submission) -> tuple[Any, ...]:
    reading = submission.reading
    return submission.tenant_id, submission.device_id, reading.observed_at, reading.metric.code10, str(reading.value)


def _row(submission: Submission) -> tuple[Any, ...]:
    reading = submission.reading
    return (
        submission.id,
        submission.device_id,
        reading.device_class,
        reading.metric.refid,
        reading.metric.code10,
        reading.value,
        reading.unit_code,
        reading.data_absent_reason,
        reading.observed_at,
        submission.recorded_at,
        reading.encounter_id,
        bool(reading.flags),
        reading.test,
    )


def _key(submission: Submission) -> tuple[Any, ...]:
    reading = submission.reading
    return (
        submission.id,
        submission.device_id,
        reading.metric.code10,
        reading.value,
        reading.unit_code,
        reading.data_absent_reason,
        reading.observed_at,
    )


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


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """Rows turned into one list per column, as `unnest` takes them."""
    return [list(column) for column in zip(*rows, strict=True)]

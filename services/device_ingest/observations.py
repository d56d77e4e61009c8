"""Observations: checked, written and read.

One INSERT for each tenant writes many observations. The same transaction writes the messages for epcr and the counts for subscribers.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from psycopg import AsyncCursor
from psycopg.rows import dict_row

from services.device_ingest import allowance, checks, messages, nomenclature, queries
from services.device_ingest.checks import Checked
from services.device_ingest.messages import Item
from services.device_ingest.models import Observation, ObservationDraft, ObservationFilter
from shared.messaging import outbox
from shared.primitives import ids
from shared.process import telemetry
from shared.storage.database import SET_TENANT, AsyncConnection, every, first
from shared.web import http, problems
from shared.web.identity import Caller
from shared.web.problems import FieldError, Problem

# The greatest distance of an observation from the time in its id: the bounds of `checks`, and a minute of clock skew.
BEFORE_ID = checks.BEHIND + timedelta(minutes=1)
AFTER_ID = checks.AHEAD + timedelta(minutes=1)
DISTANT_PAST = datetime(1, 1, 1, tzinfo=UTC)
DISTANT_FUTURE = datetime(9999, 12, 31, tzinfo=UTC)


class Submission(NamedTuple):
    """A checked observation to write, with its tenant, device, future id and trace."""

    tenant_id: str
    device_id: str
    id: str
    checked: Checked
    recorded_at: datetime
    traceparent: str | None

    def order(self) -> tuple[Any, ...]:
        """Two transactions that write the same observations in this order wait for each other and never deadlock."""
        checked = self.checked
        return self.tenant_id, self.device_id, checked.observed_at, checked.metric.code10, str(checked.value)


Outcome = Observation | Problem
Confirm = Callable[[], Awaitable[None]]
Write = Callable[[Sequence[Submission]], Awaitable[list[Outcome]]]


class DeviceChanged(Problem):
    """Since the check the device was retired, or got another class."""

    def __init__(self) -> None:
        super().__init__(409, "Conflict", "The device changed while its observation was being recorded; try again.")


def read(item: object) -> ObservationDraft | Problem:
    """One item of a batch, from plain JSON."""
    try:
        return http.convert_item(item, ObservationDraft)
    except Problem as problem:
        return problem


async def record(
    write: Write,
    caller: Caller,
    device_id: str,
    device_class: str,
    drafts: Sequence[ObservationDraft | Problem],
    confirm_clock: Confirm,
) -> list[Outcome]:
    """The outcome of each draft: the recorded observation or its Problem. A draft that is a Problem stays one.

    Raises DeviceChanged, with nothing recorded, when the device is no longer active or of that class. Awaits `confirm_clock` before
    it refuses an observation for its time, and then reads the time again: the clock may have been set right since the first reading.
    """
    now = datetime.now(UTC)
    checked = [_check(draft, device_class, now, caller) for draft in drafts]
    if any(isinstance(each, Problem) and each.concerns("/observed_at") for each in checked):
        await confirm_clock()
        now = datetime.now(UTC)
        checked = [_check(draft, device_class, now, caller) for draft in drafts]
    trace = telemetry.traceparent()
    submissions = [
        Submission(caller.tenant_id, device_id, ids.new_id("obs"), each, now, trace)
        for each in checked
        if not isinstance(each, Problem)
    ]
    written = iter(await write(submissions) if submissions else [])
    outcomes = [each if isinstance(each, Problem) else next(written) for each in checked]
    if any(isinstance(outcome, DeviceChanged) for outcome in outcomes):
        raise DeviceChanged
    return outcomes


def _check(draft: ObservationDraft | Problem, device_class: str, now: datetime, caller: Caller) -> Checked | Problem:
    if isinstance(draft, Problem):
        return draft
    try:
        passed = checks.check(draft, device_class, now)
    except Problem as problem:
        return problem
    # Every observation of a sandbox is a test.
    return passed._replace(test=passed.test or caller.is_sandbox)


async def write(conn: AsyncConnection, most: int, submissions: Sequence[Submission]) -> list[Outcome]:
    """Writes submissions of any tenants in the transaction of `conn`. The outcomes are in the order of the submissions.

    The outcome of an observation that exists is the existing row. `most` is the deployment's allowance of a tenant.
    """
    by_tenant: dict[str, list[Submission]] = defaultdict(list)
    for submission in sorted(submissions, key=Submission.order):
        by_tenant[submission.tenant_id].append(submission)
    writing = _Writing(conn, most, by_tenant)
    await writing.run()
    return [writing.outcomes[submission.id] for submission in submissions]


class _Writing:
    """The work of one transaction. A pipeline carries the statements of all tenants, so that more tenants cost no more round trips."""

    def __init__(self, conn: AsyncConnection, most: int, by_tenant: dict[str, list[Submission]]) -> None:
        self.conn = conn
        self.most = most
        self.by_tenant = by_tenant
        self.outcomes: dict[str, Outcome] = {}

    async def run(self) -> None:
        async with self.conn.pipeline():
            inserts: dict[str, AsyncCursor[Any]] = {}
            for tenant_id, submissions in self.by_tenant.items():
                await self.conn.execute(SET_TENANT, (tenant_id,))
                inserts[tenant_id] = await self.conn.execute(
                    queries.RECORD_OBSERVATIONS, (_json(submissions), self.most)
                )
            for tenant_id, insert in inserts.items():
                await self._settle(tenant_id, {row[0] for row in await insert.fetchall()})

    async def _settle(self, tenant_id: str, written: set[str]) -> None:
        submissions = self.by_tenant[tenant_id]
        new = [submission for submission in submissions if submission.id in written]
        for submission in new:
            columns = _columns(submission)
            del columns["device_class"]
            link = "pending" if submission.checked.encounter_id else None
            self.outcomes[submission.id] = Observation(**columns, encounter_link=link)
        for_epcr = [submission for submission in new if submission.checked.encounter_id is not None]
        if len(self.by_tenant) > 1:
            await self.conn.execute(SET_TENANT, (tenant_id,))
        if len(new) < len(submissions):
            for_epcr += await self._settle_repeats([s for s in submissions if s.id not in written])
        items = [
            Item(outcome, submission.checked.device_class, submission.traceparent)
            for submission in for_epcr
            if isinstance(outcome := self.outcomes[submission.id], Observation)
        ]
        rows = [outbox.row(tenant_id, message, traceparent) for message, traceparent in messages.for_epcr(items)]
        if rows:
            async with self.conn.cursor() as cursor:
                await cursor.executemany(outbox.ADD, rows)
            self.conn.has_messages = True

    async def _settle_repeats(self, submissions: list[Submission]) -> list[Submission]:
        """Sets the outcomes of submissions that the INSERT skipped. Returns those that gave the row its encounter."""
        times = [submission.checked.observed_at for submission in submissions]
        async with self.conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(queries.FIND_SAME, (_json(submissions), min(times), max(times)))
            rows = await cursor.fetchall()
        same = {row.pop("unused_id"): Observation(**row) for row in rows}
        is_missing = any(submission.id not in same for submission in submissions)
        full = await allowance.full(self.conn, self.most) if is_missing else None
        gave: list[Submission] = []
        for submission in submissions:
            encounter_id, existing = submission.checked.encounter_id, same.get(submission.id)
            if existing is None:
                self.outcomes[submission.id] = full or DeviceChanged()
            elif encounter_id is None or encounter_id == existing.encounter_id:
                self.outcomes[submission.id] = existing
            else:
                where = {"encounter_id": encounter_id, "id": existing.id, "observed_at": existing.observed_at}
                named = await first(self.conn, Observation, queries.NAME_ENCOUNTER, where)
                refusal = "This observation was recorded for another encounter."
                self.outcomes[submission.id] = named or problems.conflict(refusal, id=existing.id)
                gave += [submission] if named else []
        return gave


def _json(submissions: Sequence[Submission]) -> str:
    """Rows for json_to_recordset, as one parameter: arrays for each column cost more time than the rest of the write."""
    return http.encode([_columns(s) | {"traceparent": s.traceparent} for s in submissions]).decode()


def _columns(submission: Submission) -> dict[str, Any]:
    checked = submission.checked
    return {
        "id": submission.id,
        "device_id": submission.device_id,
        "device_class": checked.device_class,
        "mdc_code": checked.metric.refid,
        "mdc_code10": checked.metric.code10,
        "value": checked.value,
        "unit_code": checked.unit_code,
        "data_absent_reason": checked.data_absent_reason,
        "observed_at": checked.observed_at,
        "recorded_at": submission.recorded_at,
        "encounter_id": checked.encounter_id,
        "flags": checked.flags,
        "test": checked.test,
    }


async def listed(
    conn: AsyncConnection, device_id: str, wanted: ObservationFilter, after: str | None
) -> tuple[list[Observation], str | None]:
    """One more than the page holds, the latest first by time of observation, and how far it looked if that is not the end.

    `after` and the end are values of `cursor_key`.
    """
    after_time, after_id = None, None
    if after is not None:
        try:
            time, after_id = after.split(" ")
            after_time = datetime.fromisoformat(time)
        except ValueError:
            raise http.foreign_cursor() from None
        if after_time.tzinfo is None:
            raise http.foreign_cursor()
    code10 = None
    if wanted.mdc_code is not None:
        try:
            code10 = nomenclature.find(wanted.mdc_code).code10
        except nomenclature.UnknownCode as error:
            errors = [FieldError("mdc_code", str(error))]
            raise problems.invalid(f"mdc_code {error}.", errors) from None
    parameters: dict[str, Any] = {
        "device_id": device_id,
        "mdc_code10": code10,
        "since": wanted.since or DISTANT_PAST,
        "until": wanted.until or DISTANT_FUTURE,
        "after_time": after_time,
        "after_id": after_id,
        "limit": wanted.limit + 1,
    }
    rows = await every(conn, Observation, queries.LIST_OBSERVATIONS, parameters)
    if code10 is None or len(rows) > wanted.limit:
        return rows, None
    reached = await first(conn, Observation, queries.REACHED, parameters)
    if reached is None:
        return rows, None
    # An observation that came meanwhile has moved the end of the window.
    end = (reached.observed_at, reached.id)
    return [row for row in rows if (row.observed_at, row.id) >= end], cursor_key(reached)


async def find(conn: AsyncConnection, device_id: str, observation_id: str) -> Observation:
    """Raises a 404 Problem for an id that is not an observation of this device."""
    if ids.is_id(observation_id, "obs"):
        earliest, latest = window([observation_id])
        parameters = {"id": observation_id, "earliest": earliest, "latest": latest}
        observation = await first(conn, Observation, queries.FIND_OBSERVATION, parameters)
        if observation is not None and observation.device_id == device_id:
            return observation
    raise problems.not_found("There is no such observation.")


def window(observation_ids: Sequence[str]) -> tuple[datetime, datetime]:
    """The times between which the observations with these ids lie, so that a statement reads few partitions."""
    moments = [ids.milliseconds(ids.uuid_of(observation_id)) / 1000 for observation_id in observation_ids]
    earliest = datetime.fromtimestamp(min(min(moments), DISTANT_FUTURE.timestamp()), UTC)
    latest = datetime.fromtimestamp(min(max(moments), DISTANT_FUTURE.timestamp()), UTC)
    return earliest - BEFORE_ID, min(latest, DISTANT_FUTURE - AFTER_ID) + AFTER_ID


def cursor_key(observation: Observation) -> str:
    """The position of an observation in the list, which a cursor holds."""
    return f"{observation.observed_at.isoformat()} {observation.id}"

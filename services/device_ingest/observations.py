"""Observations: checked and recorded for a device, and read again."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.rows import class_row

from services.device_ingest import nomenclature, queries, readings
from services.device_ingest.models import Observation, ObservationDraft, ObservationFilter
from services.device_ingest.readings import Reading
from services.device_ingest.recording import DeviceChanged, Outcome, Submission
from shared import http, ids, pagination, problems, tracing
from shared.database import AsyncConnection
from shared.identity import Caller
from shared.problems import FieldError, Problem

Confirm = Callable[[], Awaitable[None]]
Write = Callable[[Sequence[Submission]], Awaitable[list[Outcome]]]

# How far an observation may lie from the moment in its id: the bounds of `readings`, and a minute for the clocks of several processes.
BEFORE_ID = readings.BEHIND + timedelta(minutes=1)
AFTER_ID = readings.AHEAD + timedelta(minutes=1)
DISTANT_PAST = datetime(1, 1, 1, tzinfo=UTC)
DISTANT_FUTURE = datetime(9999, 12, 31, tzinfo=UTC)


async def record(
    write: Write,
    caller: Caller,
    device_id: str,
    device_class: str,
    drafts: Sequence[ObservationDraft | Problem],
    confirm_clock: Confirm,
) -> list[Outcome]:
    """What became of each draft: recorded, or the Problem with it, which it may be already.

    Raises DeviceChanged, with nothing recorded, when the device is no longer active or of that class. Nothing is refused for its time
    before `confirm_clock` has returned.
    """
    now = datetime.now(UTC)
    checked = [_check(draft, device_class, now, test=caller.rehearses) for draft in drafts]
    if any(isinstance(each, Problem) and each.concerns("/observed_at") for each in checked):
        await confirm_clock()
    trace = tracing.traceparent()
    submissions = [
        Submission(caller.tenant_id, device_id, ids.new_id("obs"), reading, now, trace)
        for reading in checked
        if not isinstance(reading, Problem)
    ]
    outcomes = iter(await write(submissions) if submissions else [])
    results = [reading if isinstance(reading, Problem) else next(outcomes) for reading in checked]
    if any(isinstance(outcome, DeviceChanged) for outcome in results):
        raise DeviceChanged
    return results


def read(item: object) -> ObservationDraft | Problem:
    """One item of a batch, in plain JSON."""
    try:
        return http.convert_item(item, ObservationDraft)
    except Problem as problem:
        return problem


def _check(draft: ObservationDraft | Problem, device_class: str, now: datetime, *, test: bool) -> Reading | Problem:
    """`test` marks whatever the draft says of itself."""
    if isinstance(draft, Problem):
        return draft
    try:
        reading = readings.check(draft, device_class, now)
        return reading._replace(test=reading.test or test)
    except Problem as problem:
        return problem


async def listed(
    conn: AsyncConnection, device_id: str, wanted: ObservationFilter, after: str | None
) -> list[Observation]:
    """One more than the page holds, the latest first by the time of observation. `after` is what `cursor_key` gave."""
    after_time, after_id = _place(after)
    parameters: dict[str, Any] = {
        "device_id": device_id,
        "mdc_code10": _code10(wanted.mdc_code),
        "since": wanted.since or DISTANT_PAST,
        "until": wanted.until or DISTANT_FUTURE,
        "after_time": after_time,
        "after_id": after_id,
        "limit": wanted.limit + 1,
    }
    async with conn.cursor(row_factory=class_row(Observation)) as cursor:
        return await (await cursor.execute(queries.LIST_OBSERVATIONS, parameters)).fetchall()


async def find(conn: AsyncConnection, device_id: str, observation_id: str) -> Observation:
    """Raises a 404 Problem for an id that is none of this device's observations."""
    if ids.is_id(observation_id, "obs"):
        earliest, latest = window([observation_id])
        parameters = {"id": observation_id, "device_id": device_id, "earliest": earliest, "latest": latest}
        async with conn.cursor(row_factory=class_row(Observation)) as cursor:
            observation = await (await cursor.execute(queries.FIND_OBSERVATION, parameters)).fetchone()
        if observation is not None:
            return observation
    raise problems.not_found("There is no such observation.")


def window(observation_ids: Sequence[str]) -> tuple[datetime, datetime]:
    """Between which times the observations with these ids lie, so that a search looks into a few partitions, not all."""
    moments = [ids.milliseconds(ids.uuid_of(observation_id)) / 1000 for observation_id in observation_ids]
    earliest = datetime.fromtimestamp(min(min(moments), DISTANT_FUTURE.timestamp()), UTC)
    latest = datetime.fromtimestamp(min(max(moments), DISTANT_FUTURE.timestamp()), UTC)
    return earliest - BEFORE_ID, min(latest, DISTANT_FUTURE - AFTER_ID) + AFTER_ID


def cursor_key(observation: Observation) -> str:
    """What a cursor of the list holds."""
    return f"{observation.observed_at.isoformat()} {observation.id}"


def _place(after: str | None) -> tuple[datetime | None, str | None]:
    if after is None:
        return None, None
    try:
        time, observation_id = after.split(" ")
        moment = datetime.fromisoformat(time)
    except ValueError:
        raise pagination.not_ours() from None
    if moment.tzinfo is None:
        raise pagination.not_ours()
    return moment, observation_id


def _code10(mdc_code: str | None) -> int | None:
    if mdc_code is None:
        return None
    try:
        return nomenclature.find(mdc_code).code10
    except nomenclature.UnknownCode as error:
        raise problems.invalid(f"mdc_code {error}.", [FieldError("mdc_code", str(error))]) from None

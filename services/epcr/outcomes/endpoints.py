"""HTTP endpoints of outcomes: the destination's app reports and corrects, the crew's application reads."""

from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.epcr.encounters import store as encounters
from services.epcr.encounters.facts import facts_of, with_readings
from services.epcr.encounters.models import EncounterRow
from services.epcr.encounters.representations import is_known, not_modified, require_match
from services.epcr.handover import access
from services.epcr.handover.access import Bound
from services.epcr.handover.events import outcome_recorded
from services.epcr.outcomes import fhir, queries, rules, store
from services.epcr.outcomes.facts import with_outcome
from services.epcr.outcomes.fhir import OutcomeBundle
from services.epcr.outcomes.models import Outcome, OutcomeDraft, OutcomeRow, latest_time
from shared.messaging import outbox
from shared.messaging.messages import EncounterFacts
from shared.primitives.crypto import Keyring
from shared.process import telemetry
from shared.storage import audit
from shared.storage.caps import Cap, refusal
from shared.storage.database import AsyncConnection, first, tenant_transaction
from shared.web import http, portions, problems
from shared.web.identity import Caller

DAYS = 730
"""Days after the end of the encounter in which the hospital may report and correct."""
VERSIONS = Cap("versions of the outcome", 100, "An encounter", "report the newest state only")


async def record_outcome(request: Request, caller: Caller, encounter_id: str, outcome: OutcomeDraft) -> Response:
    if errors := rules.check(outcome, latest_time(datetime.now(UTC))):
        raise problems.invalid("The outcome contradicts itself, or names a time to come.", errors)
    return await _record(request, caller, encounter_id, outcome)


async def _record(request: Request, caller: Caller, encounter_id: str, outcome: OutcomeDraft) -> Response:
    """The facts of the record are made before the encounter is locked, and again where another version was written meanwhile."""
    keyring = request.state.keyring
    async with tenant_transaction(request, caller) as conn:
        read = await encounters.find(conn, encounter_id)
        await _reporter(conn, caller, read)
    facts = await portions.result(request, partial(_facts, read, keyring), is_heavy=encounters.reserved(request, read))
    async with tenant_transaction(request, caller) as conn:
        row = await encounters.find_briefly(conn, encounter_id, lock=True)
        if row.version != read.version:
            raise problems.unavailable("The record was written meanwhile; try again.")
        bound = await _reporter(conn, caller, row, hold=True)
        before = await store.newest(conn, encounter_id, keyring)
        if before is not None:
            require_match(request.headers.getlist("if-match"), before.version)
        elif request.headers.getlist("if-match"):
            raise problems.precondition_failed("There is no outcome yet; send it without If-Match.")
        if before is None or (before.outcome, before.identity) != (outcome, row.identity):
            made = await _written(conn, caller, request, row, facts, bound, before, outcome)
        else:
            made = before
        detail = {"version": made.version, "destination": bound.destination.id}
        await audit.record(conn, caller, "outcome.record", encounter_id, detail)
    return http.json(made, 201, {"etag": _tag(made)})


async def record_outcome_bundle(request: Request, caller: Caller, encounter_id: str, bundle: OutcomeBundle) -> Response:
    return await record_outcome(request, caller, encounter_id, fhir.read(bundle))


async def read_outcome(request: Request, caller: Caller, encounter_id: str) -> Response:
    """For the destination's app."""
    async with tenant_transaction(request, caller) as conn:
        row = await encounters.find_briefly(conn, encounter_id)
        await _reporter(conn, caller, row)
        outcome = await store.newest(conn, encounter_id, request.state.keyring)
        await audit.record(conn, caller, "outcome.read", encounter_id)
    return _answer(request, outcome)


async def read_outcome_of_record(request: Request, caller: Caller, encounter_id: str) -> Response:
    """For the crew's application, which learns how its patient fared."""
    async with tenant_transaction(request, caller) as conn:
        await encounters.find_briefly(conn, encounter_id)
        outcome = await store.newest(conn, encounter_id, request.state.keyring)
        await audit.record(conn, caller, "outcome.read", encounter_id)
    return _answer(request, outcome)


async def _reporter(conn: AsyncConnection, caller: Caller, row: EncounterRow, *, hold: bool = False) -> Bound:
    """Raises the Problems of reading; but the days are those of the outcome."""
    bound = await access.bound_of(conn, caller, row, hold=hold)
    if bound is None:
        raise access.not_bound()
    if closed := access.reason_closed(bound, row, ends=False):
        raise closed
    if bound.until + timedelta(days=DAYS - bound.destination.readable_days) <= bound.now:
        raise access.handover_closed(f"The {DAYS} days in which an outcome is taken are over.", "days_are_over")
    return bound


async def _written(
    conn: AsyncConnection,
    caller: Caller,
    request: Request,
    row: EncounterRow,
    facts: EncounterFacts,
    bound: Bound,
    before: Outcome | None,
    outcome: OutcomeDraft,
) -> Outcome:
    keyring = request.state.keyring
    version = 1 if before is None else before.version + 1
    if version > VERSIONS.most:
        raise refusal(VERSIONS)
    values = {
        "encounter_id": row.id,
        "version": version,
        "identity": row.identity,
        "destination_id": bound.destination.id,
        "content": store.seal(outcome, keyring, row.tenant_id, row.id),
        "client_id": caller.client_id,
        "actor": caller.subject,
        "trace_id": telemetry.trace_id(),
    }
    made = await first(conn, OutcomeRow, queries.INSERT, values)
    assert made is not None
    [revision] = await (await conn.execute(queries.NEXT_REVISION, (row.id,))).fetchone() or (row.revision,)
    facts = msgspec.structs.replace(facts, version=revision)
    facts = with_readings(facts, await encounters.extremes_of(conn, row.tenant_id, facts))
    event = outcome_recorded(row, bound.destination, version)
    await outbox.add(conn, row.tenant_id, event, with_outcome(facts, outcome))
    return store.opened(made, keyring)


def _facts(row: EncounterRow, keyring: Keyring) -> EncounterFacts:
    return facts_of(encounters.opened(row, keyring).encounter, [])


def _answer(request: Request, outcome: Outcome | None) -> Response:
    if outcome is None:
        raise problems.not_found("No outcome is recorded.")
    headers = {"etag": _tag(outcome)}
    if is_known(request.headers.getlist("if-none-match"), headers["etag"]):
        return not_modified(headers)
    return http.json(outcome, headers=headers)


def _tag(outcome: Outcome) -> str:
    return f'"{outcome.version}"'

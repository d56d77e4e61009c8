"""HTTP endpoints of outcomes: a destination's app reports, corrects and reads its own; the crew's application sees who reported."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.epcr import allowance
from services.epcr.encounters import store as encounters
from services.epcr.encounters.disclosure import add_recipient, policy_for, with_basis
from services.epcr.encounters.facts import facts_of, with_readings
from services.epcr.encounters.models import EncounterRow
from services.epcr.encounters.representations import require_match
from services.epcr.handover import access, disclosures
from services.epcr.handover.access import Bound
from services.epcr.handover.disclosures import Answer
from services.epcr.handover.events import outcome_recorded
from services.epcr.outcomes import fhir, queries, rules, store
from services.epcr.outcomes.facts import with_outcomes
from services.epcr.outcomes.fhir import OutcomeBundle
from services.epcr.outcomes.models import (
    Outcome,
    OutcomeDraft,
    OutcomeReport,
    OutcomeReports,
    OutcomeRow,
    ReportOutcome,
    latest_time,
)
from services.epcr.outcomes.naming import Named, require_present
from services.epcr.outcomes.origins import Origins, in_bundle
from shared.messaging import outbox
from shared.messaging.messages import EncounterFacts
from shared.process import telemetry
from shared.storage import audit
from shared.storage.caps import Cap, refusal
from shared.storage.database import AsyncConnection, every, first, tenant_transaction
from shared.web import http, problems
from shared.web.http import is_known, not_modified
from shared.web.identity import Caller

DAYS = 730
"""Days after the end of the encounter in which the hospital may report and correct."""
VERSIONS = Cap("versions of the outcome of an encounter", 100, "A destination", "report the newest state only")
OUTCOME = "argus:epcr:outcome"


class Report(NamedTuple):
    """An outcome, whom it is about, and from where in a bundle it comes."""

    outcome: OutcomeDraft
    named: Named
    origins: Origins


async def record_outcome(
    request: Request, caller: Caller, encounter_id: str, asked: ReportOutcome, outcome: OutcomeDraft
) -> Response:
    return await _checked(request, caller, encounter_id, Report(outcome, Named(asked.identity), {}))


async def _checked(request: Request, caller: Caller, encounter_id: str, report: Report) -> Response:
    if errors := rules.check(report.outcome, latest_time(datetime.now(UTC))):
        detail = "The outcome contradicts itself, or names a time to come."
        raise problems.invalid(detail, in_bundle(errors, report.origins))
    return await _record(request, caller, encounter_id, report)


async def _record(request: Request, caller: Caller, encounter_id: str, report: Report) -> Response:
    """The facts of the record are made before the encounter is locked, and again where another version was written meanwhile."""
    outcome = report.outcome
    keyring = request.state.keyring
    async with tenant_transaction(request, caller) as conn:
        read = await encounters.find(conn, encounter_id)
        await _reporter(conn, caller, read)
        # Without a basis a later change of the patient would give no new identity, and this outcome would be the next patient's.
        await with_basis(conn, read, request.state.pseudonyms, keyring)
    facts = facts_of(encounters.opened(read, keyring).encounter, [])
    # A record without times may have been begun days after the mission.
    if facts.times and (errors := rules.check_day(outcome, facts.day)):
        raise problems.invalid("The outcome contradicts the day of the encounter.", in_bundle(errors, report.origins))
    async with tenant_transaction(request, caller) as conn:
        row = await encounters.find_briefly(conn, encounter_id, lock=True)
        if row.version != read.version:
            raise problems.unavailable("The record was written meanwhile; try again.")
        bound = await _reporter(conn, caller, row, hold=True)
        before = await _replaced(conn, request, row, bound, report.named)
        if before is None or before.outcome != outcome:
            made = await _written(conn, caller, request, row, facts, bound, outcome)
        else:
            made = before
        detail = {"version": made.version, "destination": bound.destination.id}
        await audit.record(conn, caller, "outcome.record", encounter_id, detail)
    return http.json(made, 201, {"etag": _tag(made)})


async def _replaced(
    conn: AsyncConnection, request: Request, row: EncounterRow, bound: Bound, named: Named
) -> Outcome | None:
    """The version that the report replaces, which `If-Match` names. Raises the Problems of a report about a former patient, 412 and 428."""
    if_match = request.headers.getlist("if-match")
    before = await store.of_destination(conn, row.id, bound.destination.id, request.state.keyring)
    # `*` names no version, and none of a former patient is replaced.
    names_version = before is not None and "*" not in "".join(if_match)
    await require_present(conn, row, bound.destination.id, named, request.state.pseudonyms, is_correction=names_version)
    if before is not None:
        require_match(if_match, before.version)
    elif if_match:
        raise problems.precondition_failed(
            "Your destination has reported no outcome of this patient yet; send it without If-Match."
        )
    return before


async def record_outcome_bundle(
    request: Request, caller: Caller, encounter_id: str, asked: ReportOutcome, bundle: OutcomeBundle
) -> Response:
    outcome, origins = fhir.read(bundle)
    return await _checked(
        request, caller, encounter_id, Report(outcome, Named(asked.identity, fhir.mentioned(bundle)), origins)
    )


async def read_outcome(request: Request, caller: Caller, encounter_id: str) -> Response:
    """For the destination's app: its own report about the present patient. Each answer with data is a disclosure."""
    pseudonyms, keyring = request.state.pseudonyms, request.state.keyring
    while True:
        async with tenant_transaction(request, caller) as conn:
            found = await encounters.find_briefly(conn, encounter_id)
            await _reporter(conn, caller, found)
            policy = await policy_for(conn, caller)
            if policy.mode != "exact":
                raise problems.insufficient_scope(OUTCOME, policy.mode)
            row = await with_basis(conn, found, pseudonyms, keyring)
            # Held before the destination, as a change of the destination locks them.
            [present] = await every(conn, EncounterRow, encounters.queries.HOLD_ENCOUNTER, ([row.id],))
            if present.identity != row.identity or not await add_recipient(conn, caller, policy, row):
                continue
            bound = await _reporter(conn, caller, present, hold=True)
            outcome = await store.of_destination(conn, row.id, bound.destination.id, keyring)
            if outcome is None:
                raise problems.not_found("Your destination has reported no outcome of this patient.")
            headers = {"etag": _tag(outcome), "cache-control": "no-store"}
            if is_known(request.headers.getlist("if-none-match"), headers["etag"]):
                return not_modified(headers)
            if request.method == "HEAD":
                return Response(headers=headers)
            answer = http.json(outcome, headers=headers)
            right = access.Right(bound.destination, "TREAT", bound.until)
            sections = [name for name in OutcomeDraft.__struct_fields__ if getattr(outcome.outcome, name)]
            shown = Answer(hashlib.sha256(answer.body).digest(), "outcome", "en", sections)
            detail = {
                "disclosure": await disclosures.add(conn, caller, row, right, shown),
                "destination": right.destination.id,
                "purpose": right.purpose,
                "content": shown.content,
                "version": outcome.version,
            }
            await audit.record(conn, caller, "outcome.read", row.id, detail)
        return answer


async def list_outcome_reports(request: Request, caller: Caller, encounter_id: str) -> Response:
    """For the crew's application: that there is an outcome. Its answers reach the indicators; it is for the hospital that reported it."""
    async with tenant_transaction(request, caller) as conn:
        row = await encounters.find_briefly(conn, encounter_id)
        rows = await store.rows(conn, row.id)
        await audit.record(conn, caller, "outcome.list", row.id)
    if not rows:
        raise problems.not_found("No outcome of this patient is recorded.")
    reports = [OutcomeReport(one.destination_id, one.version, one.recorded_at) for one in rows]
    return http.json(OutcomeReports(row.id, reports))


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
    outcome: OutcomeDraft,
) -> Outcome:
    keyring = request.state.keyring
    asked = {"encounter_id": row.id, "destination_id": bound.destination.id}
    last, reported = await (await conn.execute(queries.LAST_VERSION, asked)).fetchone() or (0, 0)
    if reported >= VERSIONS.most:
        raise refusal(VERSIONS)
    await allowance.require_room(conn, request.state.settings.most_stored_bytes)
    version = last + 1
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
    await outbox.add(conn, row.tenant_id, event, with_outcomes(facts, await store.current(conn, row.id, keyring)))
    return store.opened(made, keyring)


def _tag(outcome: Outcome) -> str:
    return f'"{outcome.version}"'

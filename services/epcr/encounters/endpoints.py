"""HTTP endpoints of encounters for partners: created from a dispatch system, read de-identified, exported as FHIR."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from services.epcr import allowance
from services.epcr.deidentification.pseudonyms import Pseudonyms
from services.epcr.encounters import events, exporting, store
from services.epcr.encounters.disclosure import (
    Policy,
    add_recipient,
    cursor_of,
    disclosure_of,
    id_in_cursor,
    policy_for,
    shows_patient,
    summary_of,
    undisclosed,
    view_of,
    view_of_new,
    with_basis,
)
from services.epcr.encounters.editions import Edition, Present, reader_for
from services.epcr.encounters.models import EncounterFilter, EncounterRow, ReadBundle, ReadEncounter
from services.epcr.encounters.representations import FHIR, etag, wants_fhir
from services.epcr.fhir.readings import Form
from services.epcr.records import amend, faults
from services.epcr.records.models import Encounter, EncounterDraft
from shared.messaging import outbox
from shared.primitives import ids
from shared.storage import audit, idempotency
from shared.storage.database import AsyncConnection, tenant_transaction
from shared.web import heavy, http, problems
from shared.web.http import is_known, not_modified
from shared.web.identity import Caller
from shared.web.problems import FieldError

READ = "argus:epcr:read"
WRITE = "argus:epcr:write"
PATH = "/api/v1/epcr/encounters"


async def create_encounter(request: Request, caller: Caller, draft: EncounterDraft) -> Response:
    pseudonyms = request.state.pseudonyms
    async with heavy.turn(request, is_heavy=len(await http.read_body(request)) > http.SMALL):
        encounter = _begun(caller, draft)
        sealed = store.sealed(encounter, request.state.keyring, request.state.settings.max_record_bytes)
    async with tenant_transaction(request, caller) as conn:
        policy = await _writers_policy(conn, caller)
        if answer := await _repeated(conn, request, caller):
            return answer
        await allowance.require_room(conn, request.state.settings.most_stored_bytes, begins=True)
        row = await store.insert(conn, caller, sealed, pseudonyms.current)
        await audit.record(conn, caller, "encounter.create", row.id)
        await outbox.add(conn, caller.tenant_id, *events.created(encounter))
        view = view_of_new(encounter, policy, pseudonyms)
        if "patient" in view:
            row = await with_basis(conn, row, pseudonyms, request.state.keyring)
            disclosure = disclosure_of(row, policy, pseudonyms)
            view["patient"]["id"] = disclosure.domain.uuid("patient", disclosure.basis)
        await add_recipient(conn, caller, policy, row)
        response = await idempotency.keep(conn, request, caller, http.created(view, location=f"{PATH}/{row.id}"))
    return response


def _begun(caller: Caller, draft: EncounterDraft) -> Encounter:
    now = datetime.now(UTC)
    faults.refuse_impossible(draft, now)
    return Encounter(
        id=ids.new_id("enc"),
        tenant_id=caller.tenant_id,
        care_model=draft.care_model,
        status=draft.status,
        vehicle_id=draft.vehicle_id,
        cad_incident_id=draft.cad_incident_id,
        patient_number=draft.patient_number,
        test=caller.is_sandbox,
        version=1,
        revision=1,
        amended=False,
        created_at=now,
        updated_at=now,
        record=amend.begin(draft, now, ids.new_id),
    )


async def _writers_policy(conn: AsyncConnection, caller: Caller) -> Policy:
    """Raises a 403 Problem for an app that is shown moved times."""
    policy = await policy_for(conn, caller)
    if policy.mode != "exact":
        raise problems.insufficient_scope(WRITE, policy.mode)
    return policy


async def _repeated(conn: AsyncConnection, request: Request, caller: Caller) -> Response | None:
    answer = await idempotency.stored(conn, request, caller)
    if answer is not None:
        # A repeated answer is another reading of the encounter.
        await audit.record(conn, caller, "encounter.replay", answer.headers["location"].rpartition("/")[2])
    return answer


async def list_encounters(request: Request, caller: Caller, page: EncounterFilter) -> Response:
    pseudonyms: Pseudonyms = request.state.pseudonyms
    async with tenant_transaction(request, caller) as conn:
        reader = await _reader(conn, request, caller)
        policy = reader.policy
        after = id_in_cursor(caller, policy, pseudonyms, http.page_after(request, page))
        rows, last = await reader.listed(page, after)
        cursor = last and http.next_cursor(request, page, cursor_of(caller, policy, pseudonyms, last))
        await audit.record(
            conn, caller, "encounter.list", caller.tenant_id, {"encounter_ids": [row.id for row in rows]}
        )
    content = {"encounters": [summary_of(row, policy, pseudonyms) for row in rows], "next_cursor": cursor}
    return http.json(content, headers=http.link_header(request, cursor))


async def read_encounter(request: Request, caller: Caller, encounter_id: str, asked: ReadEncounter) -> Response:
    if asked.format == "fhir" or (asked.format is None and wants_fhir(request.headers.getlist("accept"))):
        return await _export(request, caller, encounter_id, asked)
    misplaced = [name for name in ("max_entries", "readings", "language") if getattr(asked, name) is not None]
    if misplaced:
        errors = [FieldError(name, "needs format=fhir") for name in misplaced]
        raise problems.invalid(f"{misplaced[0]} goes with format=fhir.", errors)
    return await _read(request, caller, encounter_id)


async def _read(request: Request, caller: Caller, encounter_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        reader = await _reader(conn, request, caller)
        row = await _fetched(reader, encounter_id)
        await audit.record(conn, caller, "encounter.read", row.id)
    policy, pseudonyms = reader.policy, reader.pseudonyms
    headers = {"etag": etag(row, undisclosed(row, policy, pseudonyms), "json"), "vary": "accept"}
    if is_known(request.headers.getlist("if-none-match"), headers["etag"]):
        return not_modified(headers)

    plain = store.decrypted(row, reader.keyring)
    body = await heavy.made(request, len(row.record), _viewed, plain, policy, pseudonyms)
    return Response(body, headers=headers, media_type="application/json")


def _viewed(plain: EncounterRow, policy: Policy, pseudonyms: Pseudonyms) -> bytes:
    return http.encode(view_of(store.read(plain), policy, pseudonyms))


async def export_bundle(request: Request, caller: Caller, encounter_id: str, asked: ReadBundle) -> Response:
    return await _export(request, caller, encounter_id, asked)


async def _reader(conn: AsyncConnection, request: Request, caller: Caller) -> Present | Edition:
    policy = await policy_for(conn, caller)
    return reader_for(conn, caller, policy, request.state.pseudonyms, request.state.keyring)


async def _export(request: Request, caller: Caller, encounter_id: str, asked: ReadBundle | ReadEncounter) -> Response:
    form, most, language = asked.readings or "all", asked.max_entries, asked.language or "en"
    async with tenant_transaction(request, caller) as conn:
        reader = await _reader(conn, request, caller)
        row = await _fetched(reader, encounter_id, form)
        disclosure = disclosure_of(row, reader.policy, reader.pseudonyms)
        headers = {"etag": etag(row, disclosure, f"fhir {most} {form} {language}"), "vary": "accept"}
        known = is_known(request.headers.getlist("if-none-match"), headers["etag"])
        sources = [] if known else await exporting.sources(reader, row, form, disclosure)
        await audit.record(conn, caller, "encounter.export", row.id)
    if known:
        return not_modified(headers)
    headers["cache-control"] = "no-store"
    wanted = exporting.Wanted(most, language, headers, FHIR if most is None else "application/json")
    return await exporting.response(request, caller, sources, wanted)


async def _fetched(reader: Present | Edition, encounter_id: str, form: Form | None = None) -> EncounterRow:
    """The encounter with the patient's identity as the app sees it; the app is recorded as a recipient of both."""
    conn = reader.conn
    while True:
        read = await reader.find(encounter_id)
        is_fixed = read.patient_basis is not None
        row = read
        if form is not None or is_fixed or shows_patient(has_patient=reader.has_patient(read), policy=reader.policy):
            row = await with_basis(conn, read, reader.pseudonyms, reader.keyring)
        readings = None if form is None else reader.readings_of(row)
        if row.identity == read.identity and await add_recipient(
            conn, reader.caller, reader.policy, row, readings, form
        ):
            return row

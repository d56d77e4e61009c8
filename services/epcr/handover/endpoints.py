"""HTTP endpoints of identified reading: the destination's app reads, each reading is recorded, the administrator lists them."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import Response

from services.epcr.encounters import store
from services.epcr.encounters.disclosure import add_recipient, policy_for, rows_with_bases
from services.epcr.encounters.models import EncounterRow
from services.epcr.handover import access, disclosures, events, queries, rendering
from services.epcr.handover.access import Right
from services.epcr.handover.crews import MOST, Other
from services.epcr.handover.destinations import sender_of
from services.epcr.handover.disclosures import Answer
from services.epcr.handover.models import (
    Arrival,
    Destination,
    Disclosure,
    DisclosurePage,
    Emergency,
    EmergencyDraft,
    EmergencyReview,
    EmergencyRow,
    ReadHandover,
)
from services.epcr.handover.rendering import Made, Read, Taken, TakenBefore
from shared.messaging import outbox
from shared.primitives import ids
from shared.process import telemetry
from shared.storage import audit, idempotency
from shared.storage.caps import Cap, require_room
from shared.storage.database import IN_ORDER, AsyncConnection, every, first, tenant_transaction
from shared.web import http, problems
from shared.web.http import Page, is_known, not_modified, tag_of
from shared.web.identity import Caller
from shared.web.problems import FieldError, Problem

# Raise it when a release gives the same record other bytes.
FORMAT = 10
HANDOVER = "argus:epcr:handover"
EMERGENCY_HOURS = 4
EMERGENCIES = Cap(
    "emergency accesses in 24 hours", 20, "An app", "wait, or have the encounter bound for the destination"
)


async def read_handover(request: Request, caller: Caller, encounter_id: str, asked: ReadHandover) -> Response:
    """Nothing leaves before its row in `disclosures` is committed, in a transaction in which the right still holds."""
    while True:
        read = await _readable(request, caller, encounter_id, asked)
        row, right = read.row, read.right
        sender, to = read.sender if asked.format != "json" else None, right.destination
        shown = (row.id, row.revision, row.identity, to.id, to.version, right.purpose, right.until, sender, asked)
        # Earlier readings of this very state change nothing in it.
        taken = read.taken
        if taken is not None:
            taken = taken._replace(replaced={one: taken.replaced[one] for one in taken.gone})
        shown += (taken, read.described_at)
        shown += tuple((one.row.id, one.row.revision, one.row.identity, one.right, one.patients) for one in read.others)
        headers = {"etag": tag_of(FORMAT, *shown), "cache-control": "no-store"}
        if is_known(request.headers.getlist("if-none-match"), headers["etag"]):
            return not_modified(headers)
        if request.method == "HEAD":
            return Response(headers=headers)
        made = await rendering.made(request, caller, read, asked)
        if await _disclosed(request, caller, read, asked, made):
            return Response(made.body, headers=headers, media_type=made.media_type)


async def list_arrivals(request: Request, caller: Caller, page: Page) -> Response:
    parameters = {"client_id": caller.client_id, "after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        await conn.execute(IN_ORDER)
        rows = await every(conn, Arrival, queries.ARRIVALS, parameters)
    return http.listed(request, "arrivals", rows, page, lambda row: row.encounter_id)


async def open_emergency(request: Request, caller: Caller, encounter_id: str, draft: EmergencyDraft) -> Response:
    async with tenant_transaction(request, caller) as conn:
        if answer := await idempotency.stored(conn, request, caller):
            return answer
        destination = await first(conn, Destination, queries.HOLD_DESTINATION, (draft.destination_id,))
        if destination is None or destination.client_id != caller.client_id or not destination.active:
            error = FieldError("/destination_id", "not an active destination of your app", "unknown")
            raise problems.invalid("There is no such destination of your app.", [error])
        if not destination.allows_break_glass:
            raise problems.forbidden("The organisation does not allow emergency access to this destination.")
        row = await store.find_briefly(conn, encounter_id)
        await require_room(conn, EMERGENCIES, caller.client_id, queries.COUNT_EMERGENCIES, (caller.client_id,))
        id = ids.new_id("emg")
        explanation = request.state.keyring.encrypt(draft.explanation.encode(), explained(row.tenant_id, id))
        values = asdict(draft) | {
            "id": id,
            "encounter_id": row.id,
            "client_id": caller.client_id,
            "actor": caller.subject,
            "explanation": explanation,
            "trace_id": telemetry.trace_id(),
            "hours": EMERGENCY_HOURS,
        }
        opened = await first(conn, Emergency, queries.INSERT_EMERGENCY, values)
        assert opened is not None
        event = events.emergency_opened(row, opened, caller.client_id, draft.reason)
        await outbox.add(conn, caller.tenant_id, event)
        detail = {"emergency": id, "destination": destination.id, "reason": draft.reason}
        await audit.record(conn, caller, "emergency.open", row.id, detail)
        answer = http.json(opened, 201)
        return await idempotency.keep(conn, request, caller, answer)


async def list_emergencies(request: Request, caller: Caller, page: Page) -> Response:
    parameters = {"after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        rows = await every(conn, EmergencyRow, queries.LIST_EMERGENCIES, parameters)
        shown_of = {"encounter_ids": [row.encounter_id for row in rows]}
        await audit.record(conn, caller, "emergency.list", caller.tenant_id, shown_of)

    def shown(row: EmergencyRow) -> EmergencyReview:
        text = request.state.keyring.decrypt(row.explanation, explained(caller.tenant_id, row.id)).decode()
        return EmergencyReview(**asdict(row) | {"explanation": text})

    return http.listed(request, "emergencies", rows, page, lambda row: row.id, shown)


async def list_disclosures(request: Request, caller: Caller, encounter_id: str, page: DisclosurePage) -> Response:
    async with tenant_transaction(request, caller) as conn:
        row = await store.find_briefly(conn, encounter_id)
        after = http.page_after(request, page)
        parameters = {
            "encounter_id": row.id,
            "patient_basis": row.patient_basis,
            "after": after,
            "limit": page.limit + 1,
        }
        # A patient without a basis was disclosed to nobody.
        of_patient = page.of == "patient" and row.patient_basis is not None
        statement = queries.DISCLOSURES_OF_PATIENT if of_patient else queries.DISCLOSURES_OF_ENCOUNTER
        rows = await every(conn, Disclosure, statement, parameters)
        await audit.record(conn, caller, "disclosure.list", row.id, {"of": page.of})
    return http.listed(request, "disclosures", rows, page, lambda row: row.id)


def explained(tenant_id: str, emergency_id: str) -> bytes:
    """The context of the ciphertext of an explanation."""
    return f"epcr emergency {tenant_id} {emergency_id}".encode()


async def _readable(request: Request, caller: Caller, encounter_id: str, asked: ReadHandover) -> Read:
    async with tenant_transaction(request, caller) as conn:
        row = await store.find(conn, encounter_id)
        right = await access.right_of(conn, caller, row)
        row, others = await _others(request, conn, caller, row, right, with_patients=asked.format == "transaction")
        sender = await sender_of(conn, caller.tenant_id)
        [closed_at] = await (await conn.execute(queries.CLOSED_AT, (encounter_id,))).fetchone() or (None,)
        [was_another] = await (await conn.execute(queries.WAS_ANOTHER, {"encounter_id": encounter_id})).fetchone() or (
            False,
        )
        others_ids = [one.row.id for one in others]
        taken = await _taken(conn, row, right, others_ids) if asked.format == "transaction" else None
        described_at: datetime | None = None
        if asked.format in ("document", "transaction"):
            [described_at] = await (await conn.execute(queries.DESCRIBED_AT)).fetchone() or (None,)
        await audit.record(conn, caller, "handover.ask", row.id, {"destination": right.destination.id})
    return Read(row, right, sender, closed_at, was_another, taken, described_at, others)


async def _others(
    request: Request, conn: AsyncConnection, caller: Caller, row: EncounterRow, right: Right, *, with_patients: bool
) -> tuple[EncounterRow, list[Other]]:
    """The row with its basis, and other encounters of its incident.

    Those of the same patient that the app may read for the same destination have their records, and its right to read them.
    """
    pseudonyms = request.state.pseudonyms
    asked = {name: getattr(row, name) for name in ("id", "cad_incident_id", "test", "patient_basis")}
    asked |= {"begun": row.anchor or row.created_at, "most": MOST}
    found = await every(conn, EncounterRow, store.queries.OTHERS_OF_INCIDENT, asked)
    row, *found = await rows_with_bases(conn, [row, *found], pseudonyms, request.state.keyring)
    others: list[Other] = []
    for one in found:
        others.append(Other(one))
        if one.patient_basis != row.patient_basis or one.pseudonym_version is None:
            continue
        try:
            own = await access.right_of(conn, caller, one)
        except Problem:
            continue
        if own.destination.id != right.destination.id:
            continue
        [whole] = await every(conn, EncounterRow, store.queries.FIND_ENCOUNTER, ([one.id],))
        domain = pseudonyms.handover_domain(one.pseudonym_version, one.tenant_id, own.destination.id, one.identity)
        patients: list[str] = []
        if with_patients:
            of_one = {"encounter_id": one.id, "destination_id": own.destination.id, "identity": one.identity}
            last = of_one | {"revision": one.revision, "others": []}
            rows = await (await conn.execute(queries.PATIENTS_BEFORE, last)).fetchall()
            patients = [patient for patient, is_before, _ in rows if is_before]
        others[-1] = Other(whole, own, domain, patients[::-1])
    return row, others


async def _taken(conn: AsyncConnection, row: EncounterRow, right: Right, others: Sequence[str]) -> Taken:
    """The transactions that the destination took under former identities; the Patients of the present patient and of other people; and the
    places of readings.
    """
    asked = {
        "encounter_id": row.id,
        "destination_id": right.destination.id,
        "identity": row.identity,
        "revision": row.revision,
        "others": list(others),
    }
    patients = await (await conn.execute(queries.PATIENTS_BEFORE, asked)).fetchall()
    places = await (await conn.execute(queries.PLACES_BEFORE, asked)).fetchall()
    former = await every(conn, TakenBefore, queries.TAKEN_BEFORE, asked) if row.identity > 1 else []
    gone = await (await conn.execute(queries.FORMER_PATIENTS, asked)).fetchall() if row.identity > 1 else []
    earlier = [patient for patient, is_before, _ in reversed(patients) if is_before]
    replaced = {patient: sharing for patient, *_, sharing in (*gone, *reversed(patients))}
    return Taken(former, earlier, dict(sorted(places)), replaced, [patient for patient, _ in gone])


async def _disclosed(request: Request, caller: Caller, read: Read, asked: ReadHandover, made: Made) -> bool:
    """Records the disclosure, and one of each other encounter whose care is shown.

    False if the patient's identity or the right is another one now. Raises the Problems of `right_of`.
    """
    row = read.row
    shown = {one.row.id: one for one in read.others}
    others = [(shown[id], sections) for id, sections in made.others]
    async with tenant_transaction(request, caller) as conn:
        # Held before the destination, as a change of the destination locks them: in another order each could wait for the other.
        held = [row.id, *(one.row.id for one, _ in others)]
        now = {one.id: one for one in await every(conn, EncounterRow, store.queries.HOLD_ENCOUNTER, (held,))}
        present = now[row.id]
        policy = await policy_for(conn, caller)
        if policy.mode != "exact":
            raise problems.insufficient_scope(HANDOVER, policy.mode)
        if present.identity != row.identity or not await add_recipient(conn, caller, policy, row):
            return False
        right = await access.right_of(conn, caller, present, hold=True)
        if right._replace(until=read.right.until) != read.right:
            return False
        for other, sections in others:
            of_other = now[other.row.id]
            if of_other.identity != other.row.identity or not await add_recipient(conn, caller, policy, other.row):
                return False
            try:
                own = await access.right_of(conn, caller, of_other, hold=True)
            except Problem:
                return False
            if other.right is None or own._replace(until=other.right.until) != other.right:
                return False
            excerpt = Answer(made.digest, "other_crew", asked.language, sections)
            detail = {"disclosure": await disclosures.add(conn, caller, other.row, own, excerpt), "of": row.id}
            await audit.record(conn, caller, "handover.read", other.row.id, detail | {"content": "other_crew"})
        answer = Answer(made.digest, asked.format, asked.language, made.sections, made.patient, made.places)
        detail = {
            "disclosure": await disclosures.add(conn, caller, row, right, answer),
            "destination": right.destination.id,
            "purpose": right.purpose,
            "content": asked.format,
        }
        await audit.record(conn, caller, "handover.read", row.id, detail)
    return True

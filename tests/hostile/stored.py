"""Every call that returns stored content, with the worst that can be stored for it.

The cost of a call without a body follows from valid requests that were stored before. A list is in `test_pages.py`, which bounds its
pages. Any other GET call, and any call that opens a record, needs a row here: the name of a measured road, or the reason why its content
is small.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.epcr.deidentification.projection import Disclosure, project
from services.epcr.deidentification.pseudonyms import Pseudonyms
from services.epcr.encounters import exporting, store
from services.epcr.encounters.disclosure import Policy, view_of_new
from services.epcr.encounters.facts import facts_of
from services.epcr.encounters.models import EncounterRow
from services.epcr.handover.document import document as document_of
from services.epcr.handover.models import Sender
from services.epcr.handover.sheet import plain_view, sheet_of
from services.epcr.handover.source import Pdf, Source
from services.epcr.handover.transaction import Before, transaction
from services.epcr.records import amend
from services.epcr.records.models import Encounter, EncounterDraft, RecordPatch, WholeRecord
from shared.primitives import ids
from shared.primitives.crypto import Keyring, base64url_encode
from shared.web import http
from tests.epcr.handovers import DESTINATION
from tests.support.records import SIGNS, heavy

KEYRING = Keyring.from_text(f"1:{base64url_encode(bytes(32))}")
PSEUDONYMS = Pseudonyms({1: bytes(32)})
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SMALL = "a row of bounded columns"
KEPT = "kept in memory, or made of the process's settings"
PIECES = "read and sent in pieces"


class Road(NamedTuple):
    """`make` stores content of a size, in entries, and returns the work of a call that reads it; `most` is the largest size."""

    make: Callable[[int], Callable[[], object]]
    most: int = 240


def stored(entries: int) -> EncounterRow:
    """A row with so many entries of each of nine lists, as far as they take them."""
    draft = http.convert(heavy(entries, entries // 5), EncounterDraft)
    encounter = encounter_of(amend.begin(draft, NOW, ids.new_id))
    sealed = store.sealed(encounter, KEYRING, 1 << 30)
    names = [name for name in EncounterRow.__struct_fields__ if hasattr(encounter, name)]
    members: dict[str, Any] = {name: getattr(encounter, name) for name in names}
    members |= {"patient_basis": b"b" * 32, "pseudonym_version": 1, "moved_by": None, "anchor": NOW}
    everything: dict[str, Any] = members | {"record": sealed.record}
    return EncounterRow(**everything)


def encounter_of(record: Any) -> Encounter:
    return Encounter(
        id=ids.new_id("enc"),
        tenant_id="org_1",
        care_model="prehospital_emergency",
        status="in_progress",
        vehicle_id="AMB-42",
        cad_incident_id="cad_1",
        patient_number=1,
        test=False,
        version=1,
        revision=1,
        amended=False,
        created_at=NOW,
        updated_at=NOW,
        record=record,
    )


def opened(row: EncounterRow) -> Encounter:
    return store.opened(row, KEYRING).encounter


def disclosure() -> Disclosure:
    return Disclosure(PSEUDONYMS.domain(1, "org_1", "app"), "exact", b"b" * 32)


def view(entries: int) -> Callable[[], object]:
    row = stored(entries)
    return lambda: http.encode(view_of_new(opened(row), Policy("app", "exact"), PSEUDONYMS))


def bundle(entries: int) -> Callable[[], object]:
    """The checks of each entry are remembered; `test_stored.py` also measures the first export."""
    row = stored(entries)
    wanted = exporting.Wanted(None, "en", {"etag": row.id}, "")
    content = exporting.Plain(store.decrypted(row, KEYRING), disclosure(), {}, frozenset({"none"}))
    return lambda: exporting._whole([content], wanted, [None])


def document(entries: int) -> Callable[[], object]:
    row, sender = stored(entries), Sender(name="Service")

    def made() -> object:
        encounter = opened(row)
        projection = project(encounter, disclosure())
        sheet_of(encounter, plain_view(encounter, projection.view), [], sender, DESTINATION, "en")
        source = Source(encounter, projection, [], [], sender, DESTINATION, None, "en")
        pdf = Pdf(b"", "https://example.org/")
        return document_of(source, pdf), transaction(source, pdf, Before())

    return made


def record(entries: int) -> Callable[[], object]:
    row = stored(entries)
    return lambda: http.encode(WholeRecord.of(opened(row)))


def amended(entries: int) -> Callable[[], object]:
    row = stored(entries)
    given = {"vital_signs": [SIGNS]}
    patch = http.convert(given, RecordPatch)
    return lambda: store.seal(amend.merge(opened(row).record, patch, given, ids.new_id), KEYRING, "org_1", row.id)


def facts(entries: int) -> Callable[[], object]:
    row = stored(entries)
    return lambda: http.encode(facts_of(opened(row), []))


ROADS: Mapping[str, Road] = {
    "view": Road(view),
    "bundle": Road(bundle),
    "document": Road(document),
    "record": Road(record),
    "amended record": Road(amended),
    "facts": Road(facts),
}
STORED: Mapping[str, str] = {
    "getEncounter": "view",
    "createEncounter": "view",
    "getFhirBundle": "bundle",
    "getHandover": "document",
    "getRecord": "record",
    "writeRecord": "amended record",
    "recordOutcome": "facts",
    "recordOutcomeBundle": "facts",
    "getOutcome": SMALL,
    "listOutcomeReports": SMALL,
    "getSender": SMALL,
    "tryWebhookFilter": "in turns, an event in each step",
    "getDestination": SMALL,
    "getEncounterDestination": SMALL,
    "getMeasureReports": "one report of bounded counts for each indicator, in turns",
    "getReport": SMALL,
    "downloadReport": "a file of bounded counts for each indicator, as it was stored",
    "getReportSchedule": SMALL,
    "listScopes": KEPT,
    "getApp": SMALL,
    "getAppDependents": SMALL,
    "getInvitation": SMALL,
    "getMe": SMALL,
    "getUser": SMALL,
    "listAppRefusals": "at most 300 groups of bounded columns",
    "listAppDecisions": "one row for each scope, event type, bundle and rule of an app, of bounded columns",
    "listEndingCredentials": "at most 100 rows of bounded columns",
    "listRoles": KEPT,
    "getIntegrationRequest": SMALL,
    "getOperatorRequest": SMALL,
    "getTenant": SMALL,
    "getBacklog": SMALL,
    "getOperatorAct": SMALL,
    "getOperatorApp": SMALL,
    "getOperatorAutomation": SMALL,
    "getOperatorWebhook": SMALL,
    "getSandbox": SMALL,
    "authorizeUser": SMALL,
    "getJwks": KEPT,
    "getVersionedJwks": KEPT,
    "getAuthorizationServerMetadata": KEPT,
    "getProtectedResourceMetadata": KEPT,
    "getSamlConnection": SMALL,
    "getSamlDomain": SMALL,
    "getSamlPolicy": SMALL,
    "getSamlMetadata": KEPT,
    "getWebhook": SMALL,
    "getDelivery": SMALL,
    "getReplay": SMALL,
    "getWebhookHealth": SMALL,
    "getWebhookContacts": SMALL,
    "getWebhookAddresses": KEPT,
    "getConsumer": SMALL,
    "getEvent": "an event as it was accepted, whose fields are bounded",
    "getReconciliation": "adds up days, looks at 2,000 deliveries (test_the_books_read_as_much_of_a_long_history_as_of_a_short_one)",
    "listGraphqlBundles": KEPT,
    "getAuditEntry": SMALL,
    "getAuditVerification": SMALL,
    "exportAuditEntries": PIECES,
    "listAuditKeys": KEPT,
    "getDevice": SMALL,
    "getObservation": SMALL,
    "getSigningKey": SMALL,
    "getPackage": SMALL,
    "getPackageVersion": "a manifest, which is checked and bounded where it is stored",
    "downloadPackageContent": PIECES,
    "getRelease": SMALL,
    "getListing": "a manifest, which is checked and bounded where it is stored",
    "getInstallation": SMALL,
    "downloadInstallationContent": PIECES,
    "getAutomation": "an automation, which is checked and bounded where it is stored",
    "getAutomationRun": SMALL,
    "downloadAgentContent": PIECES,
    "getAgent": SMALL,
}

"""Identified data over every route of epcr: no caller but the destination's app and the crew gets a word of it, in no representation."""

import itertools
import json
from collections import Counter

import msgspec
import pytest

from services.epcr.routes import CREW, PART
from shared.primitives import ids
from tests.epcr.conftest import Client, Inside, Organisation
from tests.epcr.deliveries import described, recorded, spo2
from tests.epcr.hospitals import Hospital, Region, handover_of
from tests.epcr.samples import WHOLE
from tests.epcr.test_handover import SECRETS

FORMS = ("json", "document", "transaction", "pdf", "fhir")
# Words that a handover has and a de-identified answer has not: of the patient, the crew's free text, the devices, the crew's ids.
WORDS = (*SECRETS, "elephant", "Dr Byrne", "drawer", "her sister", "Corpuls", "usr_1")
READS = [one for part in (PART, CREW) for one in part.operations if one.method == "GET"]


@pytest.fixture
def region(organisation: Organisation, inside: Inside) -> Region:
    return Region(organisation, inside)


@pytest.fixture
def encounters(region: Region, inside: Inside) -> dict[str, str]:
    """Each was handed over in every form to the destination that it has, or had."""
    reading, made = spo2(), dict[str, str]()
    inside.receive(region.organisation.id, described(reading.device_id))
    for name in ("bound", "moved", "over", "cancelled", "corrected", "emergency"):
        made[name] = region.bound(region.kerry, **WHOLE)
        inside.receive(region.organisation.id, recorded(made[name], spo2(device_id=reading.device_id)))
        for form in FORMS[:4]:
            assert region.kerry.handover(made[name], format=form).status_code == 200
    for name in ("bound", "corrected", "moved"):
        region.bind(made[name], region.cork)
    region.age(made["over"], 31)
    region.crew.write(made["cancelled"], {"status": "cancelled"})
    corrected = {"identifiers": [{"system": "urn:mrn", "value": "A-4711-08"}]}
    assert region.crew.write(made["corrected"], {"patient": corrected}).status_code == 200
    region.bind(made["moved"], _of(region, "726"))
    region.bind(made["emergency"], region.cork)
    assert region.kerry.open(made["emergency"]).status_code == 201
    assert region.kerry.handover(made["emergency"], format="transaction").status_code == 200
    inside.owner.execute(
        "UPDATE emergency_accesses SET until = clock_timestamp() WHERE encounter_id = %s", (made["emergency"],)
    )
    return made


def _of(region: Region, code: str) -> Hospital:
    return region.hospital(code)


def strangers(region: Region, other: Organisation, inside: Inside) -> dict[str, Client]:
    """Every kind of caller that reads no name of these patients."""
    elsewhere, kerry = Region(other, inside), region.kerry.app
    moved = Client(kerry.http, kerry.tenant_id)
    moved.caller = msgspec.structs.replace(kerry.caller, deidentification="shifted")
    abroad = Client(kerry.http, other.id)
    abroad.caller = msgspec.structs.replace(region.cork.app.caller, tenant_id=other.id)
    every = Client(
        kerry.http, kerry.tenant_id, "argus:epcr:handover", "argus:epcr:outcome", "argus:epcr:write", "platform:apps"
    )
    return {
        "a former destination's app": kerry,
        "the same in mode shifted": moved,
        "the present destination's app in another organisation": abroad,
        "a partner that writes": region.partner,
        "a partner that reads": region.reader,
        "the administrator": region.administrator,
        "an app with every scope of partners": every,
        "another organisation's hospital": elsewhere.cork.app,
        "another organisation's administrator": elsewhere.administrator,
        "another organisation's crew": elsewhere.crew,
    }


@pytest.mark.full
def test_no_route_gives_a_stranger_a_word_of_who_the_patient_is(
    region: Region, other: Organisation, inside: Inside, encounters: dict[str, str]
) -> None:
    before = inside.rows("SELECT count(*) FROM disclosures")
    answered, heard = Counter[int](), list[tuple[str, ...]]()
    for who, client in strangers(region, other, inside).items():
        for operation, (name, id) in itertools.product(READS, encounters.items()):
            path = operation.path.format(encounter_id=id, destination_id=region.cork.id)
            has_forms = operation.query is not None and "format" in operation.query.__struct_fields__
            for form in (None, *FORMS) if has_forms else (None,):
                answer = client.get(path, params={"format": form} if form else None)
                answered[answer.status_code] += 1
                heard += [(who, operation.path, name, str(form), word) for word in WORDS if word in answer.text]
    # A destination's app reads its own reports, and nobody reads a name.
    assert heard == []
    assert answered[200] > 20, "the sweep reaches routes that answer"
    assert sum(answered[status] for status in (401, 403, 404)) > 500
    assert not any(status >= 500 for status in answered)
    assert inside.rows("SELECT count(*) FROM disclosures") == before


def test_no_message_and_no_row_in_the_clear_holds_a_word_of_it(
    region: Region, inside: Inside, encounters: dict[str, str]
) -> None:
    """Events, facts of indicators, the audit trail, disclosures, idempotent answers: every table of the service."""
    told = dict.fromkeys([*SECRETS, "elephant", "Dr Byrne", "drawer", "her sister", "usr_1"])
    tables = inside.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    assert {("disclosures",), ("outbox",), ("audit",), ("recipients",)} <= set(tables)
    found = {
        (table, word)
        for (table,) in tables
        for (row,) in inside.rows(f"SELECT t::text FROM {table} t")
        for word in told
        if word in row or word.encode().hex() in row
    }
    assert found == set()
    sent = inside.messages(region.organisation.id, "webhook_dispatcher.event.v1")
    assert {"epcr.destination.changed", "epcr.identity.corrected", "epcr.emergency_access.opened"} <= {
        one["type"] for one in sent
    }
    assert [word for word in WORDS if word in json.dumps(sent)] == []


def test_the_present_destination_alone_reads_them(region: Region, encounters: dict[str, str]) -> None:
    assert all(word in region.cork.handover(encounters["bound"]).text for word in (*SECRETS, "elephant", "usr_1"))
    transaction = region.cork.handover(encounters["bound"], format="transaction").text
    assert all(word in transaction for word in ("Murphy", "1958-04-17", "Corpuls", "usr_1", "elephant"))
    for name in ("moved", "over", "cancelled", "emergency"):
        assert region.kerry.handover(encounters[name], format="transaction").status_code == 403
    assert region.kerry.app.get(handover_of(ids.new_id("enc"))).status_code == 404

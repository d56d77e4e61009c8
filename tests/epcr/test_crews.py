"""Several crews at one incident, and the Patients that a hospital holds of them."""

import copy
import itertools
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import fhirkit
import pytest

from shared.primitives import ids
from tests.epcr.conftest import Inside, Organisation
from tests.epcr.fhir_server import FhirServer
from tests.epcr.hospitals import Hospital, Region
from tests.epcr.samples import ATC, MINIMAL, SNOMED, at
from tests.support.pdf_text import runs_of_pages

pytestmark = pytest.mark.full

TAX_CODE = "http://hl7.it/sid/codiceFiscale"
ROSSI = {"system": TAX_CODE, "value": "RSSMRA85M01H501Q"}
BIANCHI = {"system": TAX_CODE, "value": "BNCLRA90A41H501F"}
TXA = {
    "given_at": at("10:16:00"),
    "medication": {"system": ATC, "code": "B02AA02", "display": "Tranexamic acid"},
    "dose": {"value": 1, "unit": "g"},
}
TOURNIQUET = {
    "performed_at": at("10:13:00"),
    "procedure": {"system": SNOMED, "code": "20655006", "display": "Application of tourniquet"},
}
SIGNS = [
    {"taken_at": at("10:12:00"), "heart_rate": 131},
    {"taken_at": at("10:21:00"), "heart_rate": 118, "systolic": 88},
]
FORMATS = ("json", "document", "transaction", "pdf")
SHOWN = ("Tranexamic acid", "Application of tourniquet", "118", "10:16", "10:13")


@pytest.fixture
def region(organisation: Organisation, inside: Inside) -> Region:
    region = Region(organisation, inside)
    assert region.administrator.call("PUT", "/api/v1/epcr/sender", json={"name": "Riviera"}).status_code == 200
    return region


def patient(*numbers: dict[str, str], **fields: Any) -> dict[str, Any]:
    return {"sex": "male", "identifiers": list(numbers)} | fields


def created(region: Region, incident: str, vehicle: str, hospital: Hospital | None, **fields: Any) -> str:
    body = MINIMAL | {"cad_incident_id": incident, "vehicle_id": vehicle} | fields
    answer = region.partner.post_encounter(body)
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    if hospital is not None:
        assert region.bind(id, hospital).status_code == 200
    return id


def said(hospital: Hospital, id: str, form: str) -> str:
    answer = hospital.handover(id, format=form)
    assert answer.status_code == 200, answer.text
    if form == "pdf":
        return _plain("".join(run for page in runs_of_pages(answer.content) for run in page))
    return _plain(answer.text)


def _plain(text: str) -> str:
    """Letters and digits alone: typst divides the runs of a page."""
    return re.sub(r"[^A-Za-z0-9]", "", text)


def incidents(bundle: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == "Encounter":
            yield from ((one["system"], one["value"]) for one in entry["resource"]["identifier"][1:])


def test_two_crews_of_one_patient_are_one_patient_with_both_crews_care_in_every_form(
    region: Region, other: Organisation, inside: Inside
) -> None:
    faults: list[str] = []
    incident = "CAD-1"
    care = {"medications": [TXA], "procedures": [TOURNIQUET], "vital_signs": SIGNS}
    first = created(region, incident, "MOTO-7", region.cork, patient=patient(ROSSI), **care)
    second = created(
        region, incident, "AMB-42", region.cork, patient=patient(ROSSI, name={"family": "Rossi", "given": ["Mario"]})
    )
    elsewhere = created(region, incident, "AMB-50", region.cork, patient=patient(BIANCHI), **care)
    unknown = created(region, incident, "AMB-51", region.cork, **care)
    moved = created(region, incident, "AMB-53", region.kerry, patient=patient(ROSSI), **care)
    unbound = created(region, incident, "AMB-54", None, patient=patient(ROSSI), **care)
    another_incident = created(region, ids.new_id("cad"), "AMB-55", region.cork, patient=patient(ROSSI), **care)
    foreign = Region(other, inside)
    stranger = created(foreign, incident, "AMB-56", foreign.cork, patient=patient(ROSSI), **care)

    for form in FORMATS:
        text = said(region.cork, second, form)
        faults += [f"{form}: {word} of the other crew is missing" for word in SHOWN if _plain(word) not in text]
        faults += [f"{form}: the first set of vital signs is shown" for _ in (1,) if "rate131" in text.lower()]
        listed = ((first, "MOTO-7"), (elsewhere, "AMB-50"), (unknown, "AMB-51"), (moved, "AMB-53"), (unbound, "AMB-54"))
        for id, vehicle in listed:
            faults += [f"{form}: {vehicle} is not listed" for one in (id, vehicle) if _plain(one) not in text]
        faults += [
            f"{form}: {one} is listed" for one in (another_incident, stranger, "AMB-55", "AMB-56") if one in text
        ]
        shown = text.count(_plain("Application of tourniquet"))
        if shown != 1:
            faults.append(f"{form}: the care of {shown} crews is shown, and one may be")

    read = region.cork.read(second)
    cared = [one["encounter_id"] for one in read["other_crews"] if one["care"] is not None]
    if cared != [first]:
        faults.append(f"json: care of {cared}")
    rows = region.disclosures(first, of="encounter")
    if [row["content"] for row in rows] != ["other_crew"] * (len(FORMATS) + 1):
        faults.append(f"the disclosures of the other crew's record are {[row['content'] for row in rows]}")
    if any(row["sections"] != ["medications", "procedures", "vital_signs"] for row in rows):
        faults.append("a disclosure of the other crew's record names other parts")
    for one in (elsewhere, unknown, moved, unbound):
        if region.disclosures(one, of="encounter"):
            faults.append("a record that is not shown has a disclosure")

    # One Patient, in any order, executed twice, and after the first crew has learned the name too.
    for order in ((first, second), (second, first)):
        server = FhirServer()
        for _ in range(2):
            for id in order:
                bundle = region.cork.read(id, format="transaction")
                faults += [f"{reason}" for reason in fhirkit.validate(json.dumps(bundle))]
                server.transaction(bundle)
        subjects = {one["subject"]["reference"] for one in server.of("Encounter")}
        if len(subjects) != 1 or len(server.of("Patient")) != 1:
            faults.append(f"{len(server.of('Patient'))} Patients with one tax code")
        elif server.of("Patient")[0]["name"][0].get("family") != "Rossi":
            faults.append("the Patient has no name, which one of the crews knows")
        if server.dangling() or server.duplicates():
            faults.append("a reference leads nowhere, or an identifier is there twice")
    learned = {"patient": {"name": {"family": "Rossi", "given": ["Mario"]}, "birth_date": "1985-08-01"}}
    assert region.crew.write(first, learned).status_code == 200
    for id in (second, first):
        server.transaction(region.cork.read(id, format="transaction"))
    present = {one["subject"]["reference"] for one in server.of("Encounter")}
    [place] = present
    links = server.resources[place].get("link", [])
    if len(server.of("Patient")) != 2 or [one["type"] for one in links] != ["replaces"]:
        faults.append(
            f"what is learned later does not make one Patient that replaces the former one: {len(server.of('Patient'))} {links}"
        )

    forms = [region.cork.read(second, format=form) for form in ("document", "transaction")]
    forms += [region.reader.bundle(id) for id in (first, second)]
    forms.append(region.cork.read(first, format="transaction"))
    numbers = {one for bundle in forms for one in incidents(bundle)}
    if len(numbers) != 1 or {value for _, value in numbers} != {incident}:
        faults.append(f"the incident is {len(numbers)} identifiers of Encounters")
    if {one for bundle in [foreign.reader.bundle(stranger)] for one in incidents(bundle)} & numbers:
        faults.append("two organisations have one system of incidents")
    assert faults == [], "\n".join(faults)


def test_the_other_crews_care_is_shown_no_longer_when_it_is_bound_elsewhere_or_corrected(region: Region) -> None:
    incident = ids.new_id("cad")
    first = created(region, incident, "MOTO-7", region.cork, patient=patient(ROSSI), medications=[TXA])
    second = created(region, incident, "AMB-42", region.cork, patient=patient(ROSSI))
    faults: list[str] = []

    def shown() -> bool:
        [one] = region.cork.read(second)["other_crews"]
        return one["care"] is not None

    tag = region.cork.handover(second).headers["etag"]
    steps = (
        (lambda: region.bind(first, region.kerry), False, "it is bound elsewhere"),
        (lambda: region.bind(first, region.cork), True, "it is bound for here again"),
        (lambda: region.crew.write(first, {"patient": {"identifiers": [BIANCHI]}}), False, "it is another patient's"),
        (lambda: region.crew.write(first, {"patient": {"identifiers": [ROSSI]}}), True, "it is this patient's again"),
        (lambda: region.crew.write(first, {"status": "cancelled"}), False, "it is cancelled"),
    )
    for step, is_shown, told in steps:
        assert step().status_code == 200
        if shown() != is_shown:
            faults.append(f"{told}: the care is {'not ' if is_shown else ''}shown")
        answer = region.cork.app.get(f"/api/v1/epcr/encounters/{second}/handover", headers={"if-none-match": tag})
        if answer.status_code != 200:
            faults.append(f"{told}: a reader hears of no change")
        tag = answer.headers["etag"]
    assert faults == [], "\n".join(faults)


PEOPLE: dict[str, dict[str, Any]] = {
    "nobody": {},
    "Rossi": {"name": {"family": "Rossi"}},
    "Mario Rossi": {"name": {"family": "ROSSI", "given": ["Mario"]}, "birth_date": "1985-08-01"},
    "Mario Rossi, day and month swapped": {"name": {"family": "Rossi", "given": ["Mario"]}, "birth_date": "1985-01-08"},
    "Mario Verdi": {"name": {"family": "Verdi", "given": ["Mario"]}, "birth_date": "1985-08-01"},
    "Müller": {"name": {"family": "Müller", "given": ["Jürgen"]}},
    "Mueller": {"name": {"family": "MUELLER", "given": ["Juergen"]}},
    "Rossi in Cyrillic": {"name": {"text": "Росси Марио"}},
    "a woman": {"sex": "female"},
    "Anna Bianchi, a woman": {"name": {"family": "Bianchi"}, "sex": "female"},
    "Anna Bianchi, born later": {"name": {"family": "Bianchi"}, "birth_date": "1990-01-01"},
}
Together = set[tuple[str, str]]


def pairs_of(region: Region, called: tuple[str, ...], number: dict[str, str]) -> tuple[Together, dict[str, list[str]]]:
    """Which crews have one Patient and see each other's care, and the sentences of warning in all forms of each handover."""
    incident = ids.new_id("cad")
    made = [
        created(
            region, incident, f"AMB-{n}", region.cork, patient=patient(number, **PEOPLE[name]), procedures=[TOURNIQUET]
        )
        for n, name in enumerate(called)
    ]
    server, subjects = FhirServer(), list[str]()
    for id in made:
        bundle = region.cork.read(id, format="transaction")
        server.transaction(bundle)
        [sent] = [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Encounter"]
        subjects += [
            one["subject"]["reference"] for one in server.of("Encounter") if one["identifier"] == sent["identifier"]
        ]
    together: Together = set()
    for (n, one), (m, other) in itertools.permutations(enumerate(made), 2):
        [shown] = [crew for crew in region.cork.read(one)["other_crews"] if crew["encounter_id"] == other]
        if shown["care"] is not None or subjects[n] == subjects[m]:
            assert (shown["care"] is not None) == (subjects[n] == subjects[m])
            together.add((called[min(n, m)], called[max(n, m)]))
        assert shown["has_same_number"] == (shown["care"] is None)
    texts = {name: [said(region.cork, id, form) for form in FORMATS] for name, id in zip(called, made, strict=True)}
    return together, texts


def test_one_mistyped_fact_makes_no_two_people_of_one_national_number_and_is_shown(region: Region) -> None:
    """Of a number without check digits, one fact does."""
    rossi, dates, verdi = "Mario Rossi", "Mario Rossi, day and month swapped", "Mario Verdi"
    passport = {"system": "http://hl7.org/fhir/sid/passport-ITA", "value": "YA1234567"}
    cases: tuple[tuple[tuple[str, ...], dict[str, str], Together, tuple[str, ...]], ...] = (
        (("nobody", "Rossi"), ROSSI, {("nobody", "Rossi")}, ()),
        (("Rossi", "Mario Rossi"), ROSSI, {("Rossi", "Mario Rossi")}, ()),
        (("Müller", "Mueller"), ROSSI, {("Müller", "Mueller")}, ()),
        (("Rossi", "Rossi in Cyrillic"), ROSSI, {("Rossi", "Rossi in Cyrillic")}, ()),
        ((rossi, dates), ROSSI, {(rossi, dates)}, ("1985-08-01", "1985-01-08")),
        ((rossi, verdi), ROSSI, {(rossi, verdi)}, ("ROSSI", "Verdi")),
        (("Rossi", "a woman"), ROSSI, {("Rossi", "a woman")}, ("male", "female")),
        ((rossi, "Anna Bianchi, a woman"), ROSSI, set(), ()),
        ((rossi, "Anna Bianchi, born later"), ROSSI, set(), ()),
        (("nobody", rossi, "Anna Bianchi, born later"), ROSSI, set(), ()),
        (("Rossi", rossi, "Anna Bianchi, a woman"), ROSSI, {("Rossi", rossi)}, ()),
        ((rossi, dates), passport, set(), ()),
        ((rossi, verdi), passport, set(), ()),
        (("Rossi", "a woman"), passport, set(), ()),
        (("Müller", "Mueller"), passport, {("Müller", "Mueller")}, ()),
    )
    faults: list[str] = []
    for called, number, together, shown in cases:
        told = f"{called} {number['value']}"
        found, texts = pairs_of(region, called, number)
        faults += [f"{told}: {found} are one, not {together}"] if found != together else []
        for name, forms in texts.items():
            for form, text in zip(FORMATS, forms, strict=True):
                faults += [f"{told}: {form} of {name} lacks {one}" for one in shown if _plain(one) not in text]
                warned = "Checkwhothepatientis" in text or form == "json"
                faults += [f"{told}: {form} of {name} has no warning"] if shown and not warned else []
                apart = "hasthesamenumberandisnottaken" in text
                wanted = len(called) - 1 > sum(name in pair for pair in together)
                if form != "json" and apart != wanted:
                    faults.append(f"{told}: {form} of {name} {'has' if apart else 'lacks'} the warning of the number")
    assert faults == [], "\n".join(faults)


def test_a_number_of_an_incident_that_is_used_again_joins_nothing(region: Region) -> None:
    """A dispatch system counts from one each year. Within two days the crews are those of one incident, the newest first."""

    def crew(hours: float, vehicle: str, incident: str = "118-000001", **more: Any) -> str:
        call = datetime.now(UTC) - timedelta(days=300) + timedelta(hours=hours)
        times = {"call": call.isoformat()}
        return created(region, incident, vehicle, region.cork, patient=patient(ROSSI), times=times, **more)

    present = crew(0, "AMB-1")
    near = {crew(-47, "AMB-2"), crew(47, "AMB-3")}
    far = {crew(-49, "AMB-4"), crew(49, "AMB-5"), crew(-7000, "AMB-6"), crew(7000, "AMB-7")}
    shown = {one["encounter_id"] for one in region.cork.read(present)["other_crews"]}
    assert shown == near, f"{shown & far} of another incident; {near - shown} missing"
    many = [crew(0, f"AMB-{n}", "118-000002", patient_number=1) for n in range(23)]
    shown = {one["encounter_id"] for one in region.cork.read(many[0])["other_crews"]}
    assert shown == set(many[-20:]), "the newest twenty"


def test_patients_of_former_identities_are_listed_for_the_index_and_none_is_changed(region: Region) -> None:
    """Unknown, then Rossi, then Bianchi. Meanwhile the hospital merged Rossi with its own."""
    faults: list[str] = []
    for is_merged in (False, True):
        server = FhirServer()
        own = {"resourceType": "Patient", "active": True, "identifier": [{"system": "urn:hospital", "value": "H-1"}]}
        kept = server.add(own)
        id = created(region, ids.new_id("cad"), "AMB-42", region.cork, patient={"sex": "male"}, vital_signs=SIGNS)
        server.transaction(region.cork.read(id, format="transaction"))
        rossi = patient(ROSSI, name={"family": "Rossi", "given": ["Mario"]}, birth_date="1985-08-01")
        assert region.crew.write(id, {"patient": rossi}).status_code == 200
        server.transaction(region.cork.read(id, format="transaction"))
        made = {
            f"Patient/{one['id']}": one["identifier"][0]["value"]
            for one in server.of("Patient")
            if f"Patient/{one['id']}" != kept
        }
        [named] = [place for place in made if server.resources[place]["name"][0].get("family") == "Rossi"]
        if is_merged:
            server.merge(kept, named)
        before = {place: copy.deepcopy(server.resources[place]) for place in (kept, *made) if place in server.resources}
        bianchi = patient(BIANCHI, name={"family": "Bianchi", "given": ["Luca"]}, birth_date="1990-01-01")
        assert region.crew.write(id, {"patient": bianchi}).status_code == 200
        bundle = region.cork.read(id, format="transaction")
        faults += [str(reason) for reason in fhirkit.validate(json.dumps(bundle))]
        server.transaction(bundle)
        held = copy.deepcopy(server.resources)
        if set(server.transaction(region.cork.read(id, format="transaction"))) != {"200"} or server.resources != held:
            faults.append("the second execution is another one")
        faults += [
            "a Patient that is there was changed" for place, one in before.items() if server.resources[place] != one
        ]
        faults += ["a resource is left on a former Patient" for place in before if server.about(place)]
        lists = server.of("List")
        if len(lists) != 1:
            faults.append(f"{len(lists)} lists")
            continue
        listed = {one["item"]["identifier"]["value"] for one in lists[0]["entry"]}
        if listed != set(made.values()):
            faults.append("the list has other Patients than those of former identities")
        if (
            {"subject", "encounter"} & lists[0].keys()
            or "Rossi" in json.dumps(bundle)
            or "RSSMRA" in json.dumps(bundle)
        ):
            faults.append("the present patient's transaction tells of the former one")
        [present] = [one for one in server.of("Patient") if one.get("name", [{}])[0].get("family") == "Bianchi"]
        if "link" in present:
            faults.append("the present Patient is linked to a stranger")
    assert faults == [], "\n".join(faults)

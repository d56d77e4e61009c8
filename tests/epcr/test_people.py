"""Whom the numbers of a patient make one person: all systems, with the same number, another one, or none, in every order."""

import csv
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import fhirkit
import pytest

from services.epcr.deidentification.numbers import TABLE, is_published, system_of
from shared.primitives import ids
from tests.epcr.conftest import Inside, Organisation
from tests.epcr.fhir_server import FhirServer
from tests.epcr.hospitals import Region
from tests.epcr.numbers import ALMOST, GOOD, PASSPORT, PLACEHOLDERS, TAX_CODE, number
from tests.epcr.samples import MINIMAL
from tests.epcr.test_outcomes import report
from tests.support.pdf_text import runs_of_pages

pytestmark = pytest.mark.full

Number = dict[str, str]
SENDER = "/api/v1/epcr/sender"
MRN, OTHER_MRN = "https://cork.example/mrn", "https://kerry.example/mrn"
POLICY = "https://insurer.example/policy"
# Systems whose numbers have no check digits.
UNCHECKED = (PASSPORT, "http://hl7.org/fhir/sid/us-ssn")
NO_PERSONS = (
    *(
        POLICY,
        "urn:insurance",
        "policy",
        "polizza",
        "family",
        "https://insurer.example/group",
        "account",
        "urn:oid:2.999.1",
    ),
    *(
        "MRN",
        "CF",
        "x",
        "https://unlisted.example/mrn",
        "http://hl7.org/fhir/sid/us-medicare",
        "http://hl7.org/fhir/sid/passport",
    ),
    # Almost the system of a hospital, or of a state.
    *(f"{MRN}/2", "https://corkexample/mrn", "urn:oid:2.16.840.1.113883.2.9.4.32", "1.2.372.98001.0.1.2"),
)


class System(NamedTuple):
    name: str
    is_person: bool
    also: str


def systems() -> Iterator[System]:
    with Path(TABLE).open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            names = [row["system"], *filter(None, row["also"].split("|"))]
            yield from (System(one, True, other) for one, other in zip(names, [*names[1:], names[0]], strict=True))
    yield System("2.16.840.1.113883.2.9.4.3.2", True, TAX_CODE)
    yield from (
        System(one, True, one.upper()) for one in (PASSPORT, "http://hl7.org/fhir/sid/passport-FRA", MRN, OTHER_MRN)
    )
    yield from (System(one, False, one) for one in NO_PERSONS)


def of(system: str, value: str) -> Number:
    return {"system": system, "value": value}


@pytest.fixture
def region(organisation: Organisation, inside: Inside) -> Region:
    region = Region(organisation, inside)
    listed = {"name": "Riviera Emergency Services", "person_systems": [MRN, OTHER_MRN]}
    assert region.administrator.call("PUT", SENDER, json=listed).status_code == 200
    return region


def created(region: Region, *numbers: Number) -> str:
    return region.partner.create(patient={"sex": "female", "identifiers": list(numbers)})


def bound(region: Region, *numbers: Number) -> str:
    id = created(region, *numbers)
    assert region.bind(id, region.cork).status_code == 200
    return id


def patients(server: FhirServer, bundles: list[dict[str, Any]]) -> list[str]:
    """The Patients of the bundles' Encounters on a server that executed all bundles, twice."""
    for bundle in bundles * 2:
        server.transaction(bundle)
    found: list[str] = []
    for bundle in bundles:
        [sent] = [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Encounter"]
        [held] = [one for one in server.of("Encounter") if one["identifier"][0] == sent["identifier"][0]]
        found.append(held["subject"]["reference"])
    return found


def cases(system: System, count: Iterator[int]) -> Iterator[tuple[str, list[list[Number]], bool]]:
    """Patients of two encounters, and whether they are one person. Each case has numbers of its own."""
    tax_system = PASSPORT if system_of(system.name) == TAX_CODE else TAX_CODE
    # Nobody knows whether the marks in a number of a system that is not published tell two numbers apart.
    is_written_freely = is_published(system_of(system.name))

    def made(name: str) -> Number:
        return of(name, number(name, next(count)))

    def written(one: Number) -> Number:
        value = one["value"].replace("-", "").lower()
        return of(system.also, " ".join((value[:3], value[3:])) if is_written_freely else value)

    for told, is_one, make in (
        ("the same number", system.is_person, lambda one, *_: ([one], [one])),
        ("the same number, written in another way", is_written_freely, lambda one, *_: ([one], [written(one)])),
        (
            "the same number, another name of the system",
            system.is_person,
            lambda one, *_: ([one], [one | {"system": system.also}]),
        ),
        ("other numbers", False, lambda one, other, *_: ([one], [other])),
        ("no number on one side", False, lambda one, *_: ([one], [])),
        ("no number on either side", False, lambda *_: ([], [])),
        ("other numbers, one policy", False, lambda one, other, tax, policy: ([one, policy], [other, policy])),
        ("one policy alone", False, lambda one, other, tax, policy: ([policy], [policy])),
        ("a policy, and a number that one alone has", False, lambda one, other, tax, policy: ([one, policy], [policy])),
        (
            "the same number and another policy",
            system.is_person,
            lambda one, other, tax, policy: ([one, policy], [one, made(POLICY)]),
        ),
        (
            "other numbers, one tax code",
            not system.is_person,
            lambda one, other, tax, policy: ([one, tax], [other, tax]),
        ),
        (
            "a second number, one tax code",
            not system.is_person,
            lambda one, other, tax, policy: ([one, tax], [one, other, tax]),
        ),
        ("one tax code, a number that one alone has", True, lambda one, other, tax, policy: ([one, tax], [tax])),
        ("one number, other tax codes", False, lambda one, other, tax, policy: ([one, tax], [one, made(tax_system)])),
    ):
        yield told, list(make(made(system.name), made(system.name), made(tax_system), made(POLICY))), is_one


def test_no_numbers_make_two_people_one_or_one_person_two(region: Region) -> None:
    faults: list[str] = []
    count, tried = itertools.count(), itertools.count(1)
    for system in systems():
        for told, people, is_one in cases(system, count):
            # Every other one is in the other order.
            made = people[:: 1 if next(tried) % 2 else -1]
            is_of_family = told == "other numbers, one policy"
            ids = [bound(region, *one) if is_of_family else created(region, *one) for one in made]
            seen = patients(FhirServer(), [region.reader.bundle(id) for id in ids])
            if (seen[0] == seen[1]) != is_one:
                faults.append(f"{system.name}: {told}: {'split' if is_one else 'joined'}")
            if is_of_family:
                named = patients(FhirServer(), [region.cork.read(id, format="transaction") for id in ids])
                if named[0] == named[1]:
                    faults.append(f"{system.name}: {told}: joined by name")
    assert next(tried) > 500
    assert faults == []


def test_what_cannot_be_a_number_of_its_system_joins_nobody(region: Region) -> None:
    """The examples of each published system join, in each way of writing; words, dates and numbers with an error do not."""
    faults: list[str] = []

    def are_one(system: str, *texts: str) -> bool:
        seen = [region.reader.read(created(region, of(system, text)))["patient"]["id"] for text in texts]
        return seen[0] == seen[1]

    with Path(TABLE).open(encoding="utf-8") as file:
        published = {row["system"] for row in csv.DictReader(file)}
    faults += [f"{system}: without an example" for system in published - GOOD.keys()]
    for system, examples in GOOD.items():
        faults += [f"{system}: {pair} split" for pair in examples if not are_one(system, *pair)]
        for text in (*PLACEHOLDERS, *ALMOST):
            if are_one(system, text, text):
                faults.append(f"{system}: {text} joins")
        # One of the last sign's neighbours at most is another person's number.
        wrong = [examples[0][0][:-1] + end for end in "1234567KX" if end != examples[0][0][-1]]
        found = [one for one in wrong if are_one(system, one, one)]
        if len(found) > 1 and system not in UNCHECKED:
            faults.append(f"{system}: {found} join")
    for text in PLACEHOLDERS:
        if are_one(MRN, text, text):
            faults.append(f"{MRN}: {text} joins")
    assert faults == []


def test_two_numbers_of_a_hospital_are_one_only_as_they_are(region: Region) -> None:
    """Nobody but the hospital knows which marks and letters of its numbers count."""
    faults: list[str] = []
    pairs = (
        *(("1/1234", "11/234"), ("2026/1/23", "2026/12/3"), ("47-13", "471-3"), ("A1B23", "A1.B23"), ("AB12", "ab12")),
        *(
            ("4-7.14/1", "47/1.41"),
            ("0004712", "4712"),
            ("12 845", "128 45"),
            ("A\u00e9 123", "Ae 123"),
            ("№ 77120", "No 77120"),
        ),
    )
    for pair in pairs:
        one, again, other = [
            region.reader.read(created(region, of(MRN, text)))["patient"]["id"] for text in (pair[0], *pair)
        ]
        faults += [f"{pair} join"] if one == other else []
        faults += [f"{pair[0]} is two people"] if one != again else []
    assert faults == []


def test_no_chain_of_numbers_connects_two_people_in_any_order(region: Region) -> None:
    """Ada and Bea have one tax code by mistake, or a third encounter has a number of each."""
    faults: list[str] = []
    count = itertools.count(2000)
    chains = {
        "a third has the tax code of one and the passport of the other": lambda n: [
            [of(TAX_CODE, number(TAX_CODE, n)), of(MRN, f"A{n}")],
            [of(TAX_CODE, number(TAX_CODE, n)), of(PASSPORT, number(PASSPORT, n))],
            [of(MRN, f"B{n}"), of(PASSPORT, number(PASSPORT, n))],
        ],
        "a third has the number that both have": lambda n: [
            [of(TAX_CODE, number(TAX_CODE, n)), of(MRN, f"A{n}")],
            [of(TAX_CODE, number(TAX_CODE, n))],
            [of(TAX_CODE, number(TAX_CODE, n)), of(MRN, f"B{n}")],
        ],
        "a third has both numbers": lambda n: [
            [of(MRN, f"A{n}")],
            [of(MRN, f"A{n}"), of(MRN, f"B{n}")],
            [of(MRN, f"B{n}")],
        ],
        "a fourth leads further": lambda n: [
            [of(MRN, f"A{n}"), of(PASSPORT, number(PASSPORT, n))],
            [of(PASSPORT, number(PASSPORT, n)), of(TAX_CODE, number(TAX_CODE, n))],
            [of(MRN, f"B{n}"), of(OTHER_MRN, f"K{n}1")],
            [of(OTHER_MRN, f"K{n}1"), of(TAX_CODE, number(TAX_CODE, n))],
        ],
    }
    for told, chain in chains.items():
        size = len(chain(0))
        for order in itertools.permutations(range(size)):
            for at_once in (False, True):
                numbers = chain(next(count))
                ids, seen = dict[int, str](), dict[int, str]()
                for place in order:
                    ids[place] = region.partner.create()
                    if numbers[place]:
                        region.crew.write(ids[place], {"patient": {"identifiers": numbers[place]}})
                    if not at_once:
                        seen[place] = region.reader.read(ids[place])["patient"]["id"]
                seen = {place: region.reader.read(ids[place])["patient"]["id"] for place in order}
                for one, other in itertools.combinations(range(size), 2):
                    of_hospital = [{x["value"] for x in numbers[k] if x["system"] == MRN} for k in (one, other)]
                    if all(of_hospital) and of_hospital[0] != of_hospital[1] and seen[one] == seen[other]:
                        faults.append(f"{told}, in the order {order}: {one} and {other} are joined")
    assert faults == []


def test_a_correction_takes_two_people_apart_and_never_joins_two(region: Region) -> None:
    tax, other_tax = of(TAX_CODE, "RSSMRA85M01H501Q"), of(TAX_CODE, "BNCLRA90A41H501F")
    ada, bea, family = of(MRN, "A-471108"), of(MRN, "B-471180"), of(POLICY, "P-194412")
    faults: list[str] = []

    def seen(id: str) -> str:
        return region.reader.read(id)["patient"]["id"]

    def correct(id: str, *numbers: Number, **more: Any) -> None:
        answer = region.crew.write(id, {"patient": {"identifiers": list(numbers)}} | more)
        assert answer.status_code == 200, answer.text

    first, second = bound(region, tax, ada), bound(region, tax)
    if seen(first) != seen(second):
        faults.append("one tax code is two people")
    correct(second, tax, bea, family)
    if seen(first) == seen(second):
        faults.append("another number of the hospital, learned later, leaves two people joined")
    third = bound(region, other_tax, family)
    correct(first, tax, ada, family)
    if seen(first) == seen(third) or seen(second) == seen(third):
        faults.append("a policy that is learned later joins a family")
    correct(second, tax, ada, family)
    if seen(first) != seen(second):
        faults.append("the number that is corrected to the same does not join them again")
    # The other person of the family: the policy stays, and nobody asks for another one.
    before = seen(second)
    correct(second, other_tax, family)
    if seen(second) == before or seen(second) != seen(third):
        faults.append("another tax code beside the same policy is not the other person")
    swapped = bound(region, family)
    before = seen(swapped)
    correct(swapped, family, is_other_patient=True)
    if seen(swapped) == before:
        faults.append("another patient of the same policy keeps the pseudonym")
    assert faults == []


# Whom the crew of one encounter records, one after the other, and the numbers that earlier encounters have. `Rossi` and `Bianchi` are two.
CASES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "a new number is learned": ((), ("unknown", "Rossi")),
    "the number of an earlier encounter is learned": (("Rossi",), ("unknown", "Rossi")),
    "a correction of new numbers is corrected": ((), ("unknown", "Rossi", "Bianchi", "Rossi")),
    "a correction is corrected, Rossi has an earlier encounter": (("Rossi",), ("unknown", "Rossi", "Bianchi", "Rossi")),
    "both have earlier encounters": (("Rossi", "Bianchi"), ("Rossi", "Bianchi", "Rossi", "Bianchi")),
    "another person": ((), ("Rossi", "Bianchi")),
}


def test_the_hospital_learns_of_another_person_only_where_there_is_one(region: Region) -> None:
    """Banner, outcome and transaction agree, and each Patient of the present person is the present one or replaced by it."""
    faults: list[str] = []
    count = itertools.count(4000)
    for told, (earlier, steps) in CASES.items():
        names = {"Rossi": ("Maria", "1985-08-01"), "Bianchi": ("Anna", "1990-01-01")}
        people: dict[str, dict[str, Any]] = {"unknown": {"sex": "female"}}
        for family, (given, born) in names.items():
            name = {"family": family, "given": [given]}
            numbers = [of(TAX_CODE, number(TAX_CODE, next(count)))]
            people[family] = {"sex": "female", "name": name, "birth_date": born, "identifiers": numbers}
        for one in earlier:
            known = region.bound(region.cork, patient=people[one])
            region.reader.bundle(known)
            region.cork.read(known, format="transaction")
        id = region.bound(region.cork, patient=people[steps[0]])
        server, made = FhirServer(), dict[str, str]()
        identities: dict[int, str] = {}
        for step, person in enumerate(steps):
            if step:
                answer = region.crew.write(id, {"patient": people[person]})
                assert answer.status_code == 200, answer.text
            region.reader.bundle(id)
            before = {one["id"] for one in server.of("Patient")}
            bundle = region.cork.read(id, format="transaction")
            server.transaction(bundle)
            if set(server.transaction(region.cork.read(id, format="transaction"))) != {"200"}:
                faults.append(f"{told}, {step}: the second execution is another one")
            made |= {one["id"]: person for one in server.of("Patient") if one["id"] not in before}
            identities[region.cork.read(id)["identity"]] = person
        # A person without a name is the one who is named next.
        made = {id: steps[1] if person == "unknown" else person for id, person in made.items()}
        identities = {one: steps[1] if person == "unknown" else person for one, person in identities.items()}
        present = steps[-1]
        [place] = {one["subject"]["reference"] for one in server.of("Encounter") if one["status"] != "entered-in-error"}
        [shown] = [one for one in server.of("Patient") if f"Patient/{one['id']}" == place]
        # Also over several Patients.
        replaced, waiting = {shown["id"]}, [shown]
        pseudonyms = {one["identifier"][0]["value"]: one for one in server.of("Patient")}
        while waiting:
            for link in waiting.pop().get("link", []):
                assert link["type"] == "replaces"
                other = pseudonyms[link["other"]["identifier"]["value"]]
                if other["id"] not in replaced:
                    replaced.add(other["id"])
                    waiting.append(other)
        wanted = {id for id, person in made.items() if person == present}
        if replaced != wanted:
            faults.append(f"{told}: the present Patient replaces {[made[one] for one in replaced]}, of {made}")
        lists = [one for one in server.of("List") if one["status"] == "current"]
        listed = {entry["item"]["identifier"]["value"] for one in lists for entry in one["entry"]}
        strangers = {value for value, one in pseudonyms.items() if made[one["id"]] != present}
        if listed != strangers or len(lists) != bool(strangers):
            faults.append(f"{told}: the list has {[made[pseudonyms[one]['id']] for one in listed]}, of {made}")
        is_corrected = any(person != present for person in identities.values())
        text = "".join(
            "".join(
                run for page in runs_of_pages(region.cork.handover(id, format="pdf").content) for run in page
            ).split()
        )
        if ("namedanotherperson" in text) != is_corrected:
            faults.append(f"{told}: the page {'lacks' if is_corrected else 'has'} the notice of another person")
        for identity, person in identities.items():
            answer = report(region.cork, id, identity=identity)
            is_taken = answer.status_code in (201, 428)
            if is_taken != (person == present):
                faults.append(f"{told}: an outcome about {person} under identity {identity}: {answer.status_code}")
    assert faults == [], "\n".join(faults)


def test_no_list_names_a_patient_whose_correction_was_corrected(region: Region) -> None:
    """Two patients of one incident, one of whose records had the other one's number for a while."""
    incident, faults = ids.new_id("cad"), list[str]()
    rossi, bianchi = (of(TAX_CODE, number(TAX_CODE, n)) for n in (4900, 4901))

    def begun(vehicle: str, one: Number) -> str:
        body = MINIMAL | {"cad_incident_id": incident, "vehicle_id": vehicle, "patient": {"identifiers": [one]}}
        answer = region.partner.post_encounter(body)
        assert answer.status_code == 201, answer.text
        assert region.bind(answer.json()["id"], region.cork).status_code == 200
        return answer.json()["id"]

    first, second, server = begun("AMB-1", rossi), begun("AMB-2", bianchi), FhirServer()
    for one in (rossi, bianchi, rossi):
        assert region.crew.write(first, {"patient": {"identifiers": [one]}}).status_code == 200
        for id in (first, second):
            bundle = region.cork.read(id, format="transaction")
            faults += [str(reason) for reason in fhirkit.validate(json.dumps(bundle))]
            server.transaction(bundle)
    present = {one["subject"]["reference"] for one in server.of("Encounter") if one["status"] != "entered-in-error"}
    [mine] = [one for one in server.of("Patient") if f"Patient/{one['id']}" in present and rossi in one["identifier"]]
    linked = {link["other"]["identifier"]["value"] for link in mine.get("link", [])}
    for one in server.of("List"):
        listed = {entry["item"]["identifier"]["value"] for entry in one.get("entry", [])}
        faults += ["a list names a Patient that the present one replaces"] if listed & linked else []
    faults += [] if linked else ["the first Patient is not replaced"]
    assert faults == [], "\n".join(faults)

"""Whom the numbers of a patient make one person: all systems, with the same number, another one, or none, in every order."""

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from services.epcr.deidentification.numbers import TABLE, system_of
from tests.epcr.conftest import Inside, Organisation
from tests.epcr.fhir_server import FhirServer
from tests.epcr.hospitals import Region

Number = dict[str, str]
SENDER = "/api/v1/epcr/sender"
MRN, OTHER_MRN = "https://cork.example/mrn", "https://kerry.example/mrn"
TAX_CODE, PASSPORT = "http://hl7.it/sid/codiceFiscale", "http://hl7.org/fhir/sid/passport-ITA"
POLICY = "https://insurer.example/policy"
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


def cases(system: System, n: int) -> Iterator[tuple[str, list[list[Number]], bool]]:
    """Patients of two encounters, and whether they are one person. `n` makes the numbers those of this case alone."""
    number, other = f"A-{n}-4711", f"A-{n}-4712"
    is_tax_code = system_of(system.name) == TAX_CODE
    tax = of(PASSPORT if is_tax_code else TAX_CODE, f"RSS{n}85M01H501Z")
    family = of(POLICY, f"P{n}-1944")
    mine, written, theirs = of(system.name, number), of(system.also, f"a {n} / 4711"), of(system.name, other)
    yield "the same number", [[mine], [mine]], system.is_person
    yield "the same number, written in another way", [[mine], [written]], system.is_person
    yield "other numbers", [[mine], [theirs]], False
    yield "no number on one side", [[mine], []], False
    yield "no number on either side", [[], []], False
    yield "other numbers, one policy", [[mine, family], [theirs, family]], False
    yield "one policy alone", [[family], [family]], False
    yield "a policy, and a number that one alone has", [[mine, family], [family]], False
    yield "the same number and another policy", [[mine, family], [mine, of(POLICY, f"P{n}-1945")]], system.is_person
    yield "other numbers, one tax code", [[mine, tax], [theirs, tax]], not system.is_person
    yield "a second number, one tax code", [[mine, tax], [mine, theirs, tax]], not system.is_person
    yield "one tax code, a number that one alone has", [[mine, tax], [tax]], True
    yield "one number, other tax codes", [[mine, tax], [mine, tax | {"value": f"RSS{n}85M01H501X"}]], False


def test_no_numbers_make_two_people_one_or_one_person_two(region: Region) -> None:
    faults: list[str] = []
    count = itertools.count(1000)
    tried = 0
    for system in systems():
        for told, people, is_one in cases(system, next(count)):
            # Each case has numbers of its own, and every other one is in the other order.
            own = next(count)
            made = [
                [one | {"value": f"{one['value']}{own}"} for one in of_one]
                for of_one in people[:: 1 if own % 2 else -1]
            ]
            is_of_family = told == "other numbers, one policy"
            ids = [bound(region, *one) if is_of_family else created(region, *one) for one in made]
            seen = patients(FhirServer(), [region.reader.bundle(id) for id in ids])
            tried += 1
            if (seen[0] == seen[1]) != is_one:
                faults.append(f"{system.name}: {told}: {'split' if is_one else 'joined'}")
            if is_of_family:
                named = patients(FhirServer(), [region.cork.read(id, format="transaction") for id in ids])
                if named[0] == named[1]:
                    faults.append(f"{system.name}: {told}: joined by name")
    assert tried > 500
    assert faults == []


def test_no_chain_of_numbers_connects_two_people_in_any_order(region: Region) -> None:
    """Ada and Bea have one tax code by mistake, or a third encounter has a number of each."""
    faults: list[str] = []
    count = itertools.count(5000)
    chains = {
        "a third has the tax code of one and the passport of the other": lambda n: [
            [of(TAX_CODE, f"T{n}1"), of(MRN, f"A{n}")],
            [of(TAX_CODE, f"T{n}1"), of(PASSPORT, f"P{n}1")],
            [of(MRN, f"B{n}"), of(PASSPORT, f"P{n}1")],
        ],
        "a third has the number that both have": lambda n: [
            [of(TAX_CODE, f"T{n}1"), of(MRN, f"A{n}")],
            [of(TAX_CODE, f"T{n}1")],
            [of(TAX_CODE, f"T{n}1"), of(MRN, f"B{n}")],
        ],
        "a third has both numbers": lambda n: [
            [of(MRN, f"A{n}")],
            [of(MRN, f"A{n}"), of(MRN, f"B{n}")],
            [of(MRN, f"B{n}")],
        ],
        "a fourth leads further": lambda n: [
            [of(MRN, f"A{n}"), of(PASSPORT, f"P{n}1")],
            [of(PASSPORT, f"P{n}1"), of(TAX_CODE, f"T{n}1")],
            [of(MRN, f"B{n}"), of(OTHER_MRN, f"K{n}1")],
            [of(OTHER_MRN, f"K{n}1"), of(TAX_CODE, f"T{n}1")],
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
    tax, other_tax = of(TAX_CODE, "RSSMRA85M01H501Z"), of(TAX_CODE, "BNCLRA90A41H501X")
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

"""`docs/fhir-completeness.md` is true: each section and element that it names is where it says, and no other section is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.epcr.handover.contents import CODES
from services.epcr.records.models import Encounter, Record
from tests.epcr import golden, handovers
from tests.epcr.faultless import document_of, transaction_of
from tests.epcr.golden import bundle
from tests.epcr.handovers import PDF, extremes, source
from tests.epcr.samples import EVERYTHING, MINIMAL, RESUSCITATED, STROKE, TRAUMA, WHOLE

TEXT = (Path(__file__).parents[2] / "docs" / "fhir-completeness.md").read_text()
FULL = WHOLE | {
    **{name: EVERYTHING[name] for name in ("injury", "airway_attempts", "cpr", "stroke")},
    "arrest": RESUSCITATED["arrest"],
    "past_conditions": [{"condition": {"system": "http://snomed.info/sct", "code": "49436004"}, "state": "active"}],
    "inquiries": {},
}
FIELDS = {*Record.__struct_fields__, *Encounter.__struct_fields__}


def table(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, as texts."""
    section = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


SECTIONS, ELEMENTS = table("Sections"), table("Elements")


@pytest.fixture(scope="module")
def made() -> dict[str, dict[str, Any]]:
    """The same record in each form."""
    encounter = golden.encounter(FULL, "handed_over")
    told = source(encounter, readings=extremes())
    return {
        "bundle": bundle(golden.projection(encounter, golden.readings())),
        "document": document_of(told, PDF),
        "transaction": transaction_of(told, PDF),
    }


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == kind]


def sections(bundle: dict[str, Any]) -> dict[str, dict[str, Any]]:
    [composition] = resources(bundle, "Composition")
    return {one["code"]["coding"][0]["code"]: one for one in composition["section"]}


def kinds_in(bundle: dict[str, Any], section: dict[str, Any]) -> set[str]:
    kinds = {one["fullUrl"]: one["resource"]["resourceType"] for one in bundle["entry"]}
    return {kinds[one["reference"]] for one in section.get("entry", [])}


def test_the_table_has_every_section_once() -> None:
    codes = [row[2] for row in SECTIONS]
    assert sorted(codes) == sorted([*(one.code or name for name, one in CODES.items()), "55107-7"])


@pytest.mark.parametrize("row", SECTIONS, ids=lambda row: row[0])
def test_a_section_has_the_entries_and_the_fields_of_its_row(row: list[str], made: dict[str, dict[str, Any]]) -> None:
    _, _, code, entries, fields = row
    expected = set() if entries == "none" else set(entries.split(", "))
    for form in ("document", "transaction"):
        assert kinds_in(made[form], sections(made[form])[code]) == expected
    in_bundle = sections(made["bundle"]).get(code)
    assert (in_bundle is None) == ("handover alone" in fields)
    assert in_bundle is None or kinds_in(made["bundle"], in_bundle) == expected
    assert {name.partition(".")[0] for name in re.findall(r"`([a-z_.]+)`", fields)} <= FIELDS


@pytest.mark.parametrize("body", [MINIMAL, STROKE, TRAUMA])
def test_the_sections_that_pcs_and_ips_require_are_in_every_handover(body: dict[str, Any]) -> None:
    """IPS asks for title, code and text, no nested sections, and entries or the reason for none."""
    found = sections(document_of(source(golden.encounter(body, "handed_over")), PDF))
    assert {row[2] for row in SECTIONS if row[1] == "1..1"} <= found.keys()
    required = [row[2] for row in SECTIONS if "IPS: required" in row[0]]
    assert len(required) == 3
    for code in required:
        assert {"title", "code", "text"} <= found[code].keys()
        assert "section" not in found[code]
        assert ("entry" in found[code]) != ("emptyReason" in found[code])


@pytest.mark.parametrize("row", ELEMENTS, ids=lambda row: row[0])
def test_an_element_is_where_its_row_says(row: list[str], made: dict[str, dict[str, Any]]) -> None:
    element, in_bundle, in_handover, _ = row
    path = element.strip("`").split(".")
    found = {form: any(any(_at(one, path[1:])) for one in resources(made[form], path[0])) for form in made}
    handover = {"yes": (True, True), "no": (False, False), "document": (True, False)}[in_handover]
    assert (found["document"], found["transaction"]) == handover
    assert found["bundle"] == (in_bundle == "yes")


def test_no_field_is_named_that_the_record_lacks() -> None:
    named = {name.partition(".")[0] for row in ELEMENTS for name in re.findall(r"`([a-z_.]+)`", row[3])}
    assert named <= FIELDS


def test_the_handovers_are_of_every_sort() -> None:
    for make in handovers.ALL.values():
        assert len(make()) >= 12


def _at(value: Any, path: list[str]) -> Iterator[bool]:
    """True for each value at a path. `name[x]` is a choice, `extension[name]` an extension whose URL ends so."""
    if isinstance(value, list):
        for one in value:
            yield from _at(one, path)
    elif not path:
        yield True
    elif isinstance(value, dict):
        name, *rest = path
        if name.startswith("extension["):
            yield from (name[10:-1] in one["url"] for one in value.get("extension", []))
        elif name.endswith("[x]"):
            yield any(one.startswith(name[:-3]) for one in value)
        elif name in value:
            yield from _at(value[name], rest)

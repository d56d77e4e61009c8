"""Our own FHIR definitions, as resources for the docs host: the CodeSystem, a ValueSet for each field, and the extensions."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from services.epcr.fhir.terms import EMS, EXTENSIONS, Json
from services.epcr.fhir.vocabulary import concepts, value_sets

CANONICAL = "https://knogin.com/fhir"
VERSION = "1.0.0"
DATE = "2026-11-26"


class Extension(NamedTuple):
    """The datatype of the value, the elements that have the extension, and its description. `parts` are those of a complex one."""

    kind: str
    contexts: tuple[str, ...]
    description: str
    parts: tuple[str, ...] = ()


_CLOCK = ("call", "mobile", "on-scene", "at-patient", "left-scene", "at-destination", "handover")
OWN: dict[str, Extension] = {
    "mission-times": Extension("dateTime", ("Encounter",), "The clock of the mission.", _CLOCK),
    "procedure-attempts": Extension("integer", ("Procedure",), "The number of attempts."),
    "medication-response": Extension(
        "code", ("MedicationAdministration",), "The response of the patient: improved, unchanged or worse."
    ),
    "medication-route": Extension(
        "CodeableConcept", ("MedicationAdministration",), "The route of a drug whose dose is not recorded."
    ),
    "informant": Extension(
        "CodeableConcept",
        ("AllergyIntolerance", "Condition", "MedicationStatement"),
        "The person or record from which the crew learned it.",
    ),
    "last-taken": Extension("dateTime", ("MedicationStatement",), "When the patient last took the medicine."),
    "crew-qualification": Extension(
        "CodeableConcept", ("Encounter.participant",), "The qualification of a member of the crew."
    ),
}


def resources() -> Iterator[Json]:
    """Each definition, once."""
    listed: list[Json] = [
        {"code": code, "display": words["en"], "designation": [{"language": "it", "value": words["it"]}]}
        for code, words in concepts().items()
    ]
    yield _head("CodeSystem", "ems", "Prehospital care", "Concepts of prehospital care without a public code.") | {
        "caseSensitive": True,
        "valueSet": f"{CANONICAL}/ValueSet/ems",
        "content": "complete",
        "count": len(listed),
        "concept": listed,
    }
    for name, codes in value_sets().items():
        include: dict[str, Any] = {"system": EMS}
        if codes:
            include["concept"] = [{"code": code, "display": concepts()[code]["en"]} for code in codes]
        title = "All concepts of prehospital care" if not codes else f"Values of {name.replace('-', ' ')}"
        yield _head("ValueSet", name, title, f"{title}.") | {"compose": {"include": [include]}}
    for name, extension in OWN.items():
        yield _structure_definition(name, extension)


def _head(kind: str, name: str, title: str, description: str) -> Json:
    return {
        "resourceType": kind,
        "id": name,
        "url": f"{CANONICAL}/{kind}/{name}",
        "version": VERSION,
        "name": "".join(word.title() for word in name.split("-")),
        "title": title,
        "status": "active",
        "experimental": False,
        "date": DATE,
        "publisher": "Knogin",
        "description": description,
    }


def _structure_definition(name: str, extension: Extension) -> Json:
    url = f"{EXTENSIONS}/{name}"
    elements: list[Json] = [
        {"id": "Extension", "path": "Extension", "short": extension.description, "definition": extension.description}
    ]
    if extension.parts:
        for part in extension.parts:
            at = f"Extension.extension:{part}"
            elements += [
                {"id": at, "path": "Extension.extension", "sliceName": part, "min": 0, "max": "1"},
                {"id": f"{at}.extension", "path": "Extension.extension.extension", "max": "0"},
                {"id": f"{at}.url", "path": "Extension.extension.url", "fixedUri": part},
                {
                    "id": f"{at}.value[x]",
                    "path": "Extension.extension.value[x]",
                    "min": 1,
                    "type": [{"code": extension.kind}],
                },
            ]
        value: Json = {"max": "0"}
    else:
        elements.append({"id": "Extension.extension", "path": "Extension.extension", "max": "0"})
        value = {"min": 1, "type": [{"code": extension.kind}]}
    elements += [
        {"id": "Extension.url", "path": "Extension.url", "fixedUri": url},
        {"id": "Extension.value[x]", "path": "Extension.value[x]", **value},
    ]
    return _head("StructureDefinition", name, name.replace("-", " "), extension.description) | {
        "fhirVersion": "4.0.1",
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": expression} for expression in extension.contexts],
        "type": "Extension",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
        "derivation": "constraint",
        "differential": {"element": elements},
    }

"""Procedure and MedicationAdministration: acts of the crew, or the reason why one was not done."""

import re
from collections.abc import Mapping
from typing import Any

from services.epcr.fhir.displays import in_xml
from services.epcr.fhir.entries import Entry, Scene
from services.epcr.fhir.terms import SNOMED, Json, coded, coding, concept, ems, extension, moment, named, quantity

PRODUCT: Json = {"reference": "#product", "type": "Medication"}
URI = re.compile(r"(https?://|urn:)[!-~]+")
OUTCOMES = {
    "successful": ("385669000", "Successful"),
    "partially_successful": ("385670004", "Partially successful"),
    "unsuccessful": ("385671000", "Unsuccessful"),
}


def procedure(scene: Scene, done: dict[str, Any]) -> Entry:
    uuid = scene.uuid("Procedure", done["id"])
    attempts = [extension("procedure-attempts", "Integer", done["attempts"])] if "attempts" in done else []
    products = _products(done, "procedure")
    resource = scene.begin("Procedure", uuid, extensions=attempts, contained=products)
    resource["status"] = _status(done)
    if "not_done" in done:
        resource["statusReason"] = ems(done["not_done"])
    resource |= {"code": coded(done["procedure"]), "subject": scene.subject(), "encounter": scene.context()}
    if "ended_at" in done:
        resource["performedPeriod"] = {"start": moment(done["performed_at"]), "end": moment(done["ended_at"])}
    else:
        resource["performedDateTime"] = moment(done["performed_at"])
    if "body_site" in done:
        resource["bodySite"] = [coded(done["body_site"])]
    if "outcome" in done:
        resource["outcome"] = concept(coding(SNOMED, *OUTCOMES[done["outcome"]]))
    if "tracing" in done:
        resource["report"] = [tracing(done["tracing"])]
    if products:
        resource["usedReference"] = [PRODUCT]
    return Entry(resource, uuid, done["id"] in scene.projection.rewritten)


def medication(scene: Scene, given: dict[str, Any]) -> Entry:
    uuid = scene.uuid("MedicationAdministration", given["id"])
    extensions: list[Json] = []
    if "response" in given:
        extensions.append(extension("medication-response", "Code", given["response"]))
    if "route" in given and "dose" not in given:
        # A dosage needs a dose or a rate (mad-1): a route alone makes no dosage.
        extensions.append(extension("medication-route", "CodeableConcept", coded(given["route"])))
    products = _products(given, "medication")
    resource = scene.begin("MedicationAdministration", uuid, extensions=extensions, contained=products)
    resource["status"] = _status(given)
    if "not_done" in given:
        resource["statusReason"] = [ems(given["not_done"])]
    resource |= {
        "medicationCodeableConcept": named(given, "medication"),
        "subject": scene.subject(),
        "context": scene.context(),
        **({"supportingInformation": [PRODUCT]} if products else {}),
        "effectiveDateTime": moment(given["given_at"]),
    }
    if "dose" in given:
        unit: str = given["dose"]["unit"]
        name = "rateQuantity" if unit.endswith(("/min", "/h")) else "dose"
        route: Json = {"route": coded(given["route"])} if "route" in given else {}
        resource["dosage"] = route | {name: quantity(given["dose"]["value"], unit)}
    return Entry(resource, uuid, given["id"] in scene.projection.rewritten)


def tracing(seen: Mapping[str, Any]) -> Json:
    """A reference to the tracing of an ECG by its identifier: the document is in another system."""
    identifier: Json = {"value": seen["reference"]}
    store: str | None = seen.get("store")
    if store and URI.fullmatch(store):
        identifier = {"system": store} | identifier
    elif store:
        identifier |= {"assigner": {"display": in_xml(store)}}
    about = " ".join(["12-lead ECG tracing", *([seen["device"]] if "device" in seen else [])])
    at = f", {moment(seen['recorded_at'])}" if "recorded_at" in seen else ""
    return {"type": "DocumentReference", "identifier": identifier, "display": about + at}


def _products(entry: dict[str, Any], name: str) -> list[Json]:
    """The bag or vial, where its numbers are known, as the Medication `PRODUCT`: the entry's own code names the product.

    R4's BiologicallyDerivedProduct has no batch, and a Procedure may not refer to it.
    """
    if not {"unit_number", "lot_number"} & entry.keys():
        return []
    made: Json = {"resourceType": "Medication", "id": PRODUCT["reference"].removeprefix("#")}
    if "unit_number" in entry:
        made["identifier"] = [{"type": {"text": "Unit number"}, "value": entry["unit_number"]}]
    if name == "medication":
        made["code"] = named(entry, name)
    if "lot_number" in entry:
        made["batch"] = {"lotNumber": entry["lot_number"]}
    return [made]


def _status(entry: dict[str, Any]) -> str:
    """The event status of an act: completed, not done, or entered in error."""
    if entry.get("entered_in_error"):
        return "entered-in-error"
    return "not-done" if "not_done" in entry else "completed"

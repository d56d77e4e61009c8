"""Procedure and MedicationAdministration: acts of the crew, or the reason why one was not done."""

from typing import Any

from services.epcr.fhir.entries import Entry, Scene
from services.epcr.fhir.terms import SNOMED, Json, coded, coding, concept, ems, extension, moment, named, quantity

OUTCOMES = {
    "successful": ("385669000", "Successful"),
    "partially_successful": ("385670004", "Partially successful"),
    "unsuccessful": ("385671000", "Unsuccessful"),
}


def procedure(scene: Scene, done: dict[str, Any]) -> Entry:
    uuid = scene.uuid("Procedure", done["id"])
    attempts = [extension("procedure-attempts", "Integer", done["attempts"])] if "attempts" in done else []
    resource = scene.begin("Procedure", uuid, extensions=attempts)
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
    return Entry(resource, uuid, done["id"] in scene.projection.rewritten)


def medication(scene: Scene, given: dict[str, Any]) -> Entry:
    uuid = scene.uuid("MedicationAdministration", given["id"])
    extensions: list[Json] = []
    if "response" in given:
        extensions.append(extension("medication-response", "Code", given["response"]))
    if "route" in given and "dose" not in given:
        # A dosage needs a dose or a rate (mad-1): a route alone makes no dosage.
        extensions.append(extension("medication-route", "CodeableConcept", coded(given["route"])))
    resource = scene.begin("MedicationAdministration", uuid, extensions=extensions)
    resource["status"] = _status(given)
    if "not_done" in given:
        resource["statusReason"] = [ems(given["not_done"])]
    resource |= {
        "medicationCodeableConcept": named(given, "medication"),
        "subject": scene.subject(),
        "context": scene.context(),
        "effectiveDateTime": moment(given["given_at"]),
    }
    if "dose" in given:
        unit: str = given["dose"]["unit"]
        name = "rateQuantity" if unit.endswith(("/min", "/h")) else "dose"
        route: Json = {"route": coded(given["route"])} if "route" in given else {}
        resource["dosage"] = route | {name: quantity(given["dose"]["value"], unit)}
    return Entry(resource, uuid, given["id"] in scene.projection.rewritten)


def _status(entry: dict[str, Any]) -> str:
    """The event status of an act: completed, not done, or entered in error."""
    if entry.get("entered_in_error"):
        return "entered-in-error"
    return "not-done" if "not_done" in entry else "completed"

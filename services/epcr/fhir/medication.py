"""MedicationAdministration: the drug, its dose or rate, route and response; or the reason why it was not given."""

from typing import Any

from services.epcr.fhir.entries import Entry, Scene
from services.epcr.fhir.procedure import status
from services.epcr.fhir.terms import Json, coded, ems, extension, moment, quantity


def medication(scene: Scene, given: dict[str, Any]) -> Entry:
    uuid = scene.uuid("MedicationAdministration", given["id"])
    resource = scene.begin("MedicationAdministration", uuid, extensions=_extensions(given))
    resource["status"] = status(given)
    if "not_done" in given:
        resource["statusReason"] = [ems(given["not_done"])]
    resource |= {
        "medicationCodeableConcept": coded(given["medication"]),
        "subject": scene.subject(),
        "context": scene.context(),
        "effectiveDateTime": moment(given["given_at"]),
    }
    if "dose" in given:
        resource["dosage"] = _dosage(given)
    return Entry(resource, uuid, given["id"] in scene.projection.rewritten)


def _extensions(given: dict[str, Any]) -> list[Json]:
    found: list[Json] = []
    if "response" in given:
        found.append(extension("medication-response", "Code", given["response"]))
    if "route" in given and "dose" not in given:
        # A dosage needs a dose or a rate (mad-1): a route alone makes no dosage.
        found.append(extension("medication-route", "CodeableConcept", coded(given["route"])))
    return found


def _dosage(given: dict[str, Any]) -> Json:
    unit: str = given["dose"]["unit"]
    amount = quantity(given["dose"]["value"], unit)
    is_rate = unit.endswith(("/min", "/h"))
    route: Json = {"route": coded(given["route"])} if "route" in given else {}
    return route | ({"rateQuantity": amount} if is_rate else {"dose": amount})

"""MedicationAdministration: the drug, its dose or rate, route and response; or the reason why it was not given."""

from typing import Any

from services.epcr.fhir.entries import Entry, Scene
from services.epcr.fhir.procedure import status
from services.epcr.fhir.terms import Json, coding, concept, ems, extension, moment, quantity


def medication(scene: Scene, given: dict[str, Any]) -> Entry:
    uuid = scene.uuid("MedicationAdministration", given["id"])
    resource = scene.begin("MedicationAdministration", uuid)
    if "response" in given:
        response = extension("medication-response", "Code", given["response"])
        resource = {
            "resourceType": "MedicationAdministration",
            "meta": resource["meta"],
            "extension": [response],
            "identifier": resource["identifier"],
        }
    resource["status"] = status(given)
    if "not_done" in given:
        resource["statusReason"] = [ems(given["not_done"])]
    resource |= {
        "medicationCodeableConcept": concept(coding(given["medication"]["system"], given["medication"]["code"])),
        "subject": scene.subject(),
        "context": scene.context(),
        "effectiveDateTime": moment(given["given_at"]),
    }
    if "dose" in given:
        resource["dosage"] = _dosage(given)
    return Entry(resource, uuid, given["id"] in scene.projection.rewritten)


def _dosage(given: dict[str, Any]) -> Json:
    """A dosage needs a dose or a rate (mad-1): a route alone makes no dosage."""
    unit: str = given["dose"]["unit"]
    amount = quantity(given["dose"]["value"], unit)
    is_rate = unit.endswith(("/min", "/h"))
    route: Json = (
        {"route": concept(coding(given["route"]["system"], given["route"]["code"]))} if "route" in given else {}
    )
    return route | ({"rateQuantity": amount} if is_rate else {"dose": amount})

"""Patient: a pseudonym, sex, the year of birth and a country; a required element without a value is marked as masked."""

from services.epcr.fhir.entries import Entry, Scene
from services.epcr.fhir.terms import DATA_ABSENT_EXTENSION, Json

_MASKED = {"extension": [{"url": DATA_ABSENT_EXTENSION, "valueCode": "masked"}]}


def patient(scene: Scene) -> Entry:
    seen = scene.projection.view["patient"]
    resource: Json = scene.begin("Patient", scene.patient) | {"gender": seen.get("sex", "unknown")}
    if "birth_year" in seen:
        resource["birthDate"] = f"{seen['birth_year']:04d}"
    else:
        resource["_birthDate"] = _MASKED
    if "country" in seen:
        resource["address"] = [{"country": seen["country"]}]
    return Entry(resource, scene.patient, mutable=True)

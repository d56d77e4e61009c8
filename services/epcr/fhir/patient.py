"""Patient: a pseudonym and nothing else, so that no encounter changes the Patient of another person; and the demographics of an encounter.

A hospital's server may hold the Patient already, merged with its own or made by another encounter. The demographics
are an Observation of the encounter.
"""

from collections.abc import Iterator
from typing import Any

from services.epcr.fhir import panels
from services.epcr.fhir.entries import Entry, Scene
from services.epcr.fhir.terms import (
    COUNTRY,
    DATA_ABSENT_EXTENSION,
    GENDER,
    LOINC,
    Json,
    coding,
    concept,
    ems,
    quantity,
)

_MASKED = {"extension": [{"url": DATA_ABSENT_EXTENSION, "valueCode": "masked"}]}
_SEX = concept(coding(LOINC, "46098-0", "Sex"))
_BIRTH_YEAR = concept(coding(LOINC, "80904-6", "Birth year"))
_AGE = concept(coding(LOINC, "30525-0", "Age"))


def patient(scene: Scene) -> Entry:
    resource: Json = scene.begin("Patient", scene.patient) | {"_gender": _MASKED, "_birthDate": _MASKED}
    return Entry(resource, scene.patient, mutable=False)


def demographics(scene: Scene) -> Iterator[Entry]:
    """Sex, year of birth or age, and country, as one Observation; in error where a correction removed all of them."""
    seen: dict[str, Any] = scene.projection.view["patient"]
    components: list[Json] = []
    if "sex" in seen:
        components.append({"code": _SEX, "valueCodeableConcept": concept(coding(GENDER, seen["sex"]))})
    if "birth_year" in seen:
        components.append({"code": _BIRTH_YEAR, "valueDateTime": f"{seen['birth_year']:04d}"})
    if "age_years" in seen:
        components.append({"code": _AGE, "valueQuantity": quantity(seen["age_years"], "a")})
    if "country" in seen:
        components.append({"code": ems("country"), "valueCodeableConcept": concept(coding(COUNTRY, seen["country"]))})
    if not components and "patient" not in scene.projection.withdrawn:
        return
    uuid = scene.uuid("Observation", f"{scene.encounter}/demographics")
    content = {"component": components} if components else panels.UNKNOWN
    code, at = ems("patient-demographics"), scene.start()
    resource = panels.observation(scene, uuid, code, at, content, "social-history", in_error=not components)
    yield Entry(resource, uuid, mutable=True)

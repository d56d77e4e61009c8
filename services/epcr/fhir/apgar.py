"""The Apgar scores of a newborn: an Observation for each, with the LOINC codes of its minute for the total and the parts.

Codes and displays are those of R4's example `10minute-apgar-score` and its siblings (HL7) and of the profiles nl-core-ApgarScore (Nictiz),
which agree.
"""

from collections.abc import Iterator
from typing import Any

from services.epcr.fhir import panels
from services.epcr.fhir.entries import Entry, Scene
from services.epcr.fhir.terms import LOINC, Json, coding, concept, quantity
from services.epcr.records.assessment import APGAR_PARTS, apgar_total

UNIT = "{score}"
TOTALS = {1: "9272-6", 5: "9274-2", 10: "9271-8"}
# In the order of APGAR_PARTS.
PARTS = {
    1: ("32406-1", "32407-9", "32409-5", "32408-7", "32410-3"),
    5: ("32411-1", "32412-9", "32414-5", "32413-7", "32415-2"),
    10: ("32401-2", "32402-0", "32404-6", "32403-8", "32405-3"),
}
NAMES = ("Color", "Heart rate", "Reflex irritability", "Muscle tone", "Respiratory effort")


def apgar(scene: Scene) -> Iterator[Entry]:
    """Of a reader who may not know when the child was born, the scores have no time of their own."""
    for seen in scene.projection.view.get("apgar", []):
        uuid = scene.uuid("Observation", seen["id"])
        minute: int = seen["minute"]
        code = concept(coding(LOINC, TOTALS[minute], f"{minute} minute Apgar Score"))
        at = seen.get("scored_at")
        in_error: bool = seen["entered_in_error"]
        resource = panels.observation(scene, uuid, code, at or scene.start(), _result(seen), "survey", in_error)
        is_moved = at is None and scene.has_another_start()
        yield Entry(resource, uuid, seen["id"] in scene.projection.rewritten or is_moved)


def _result(seen: dict[str, Any]) -> Json:
    """The total, or the sum of all five parts; the parts that are known are components."""
    minute: int = seen["minute"]
    components = [
        {
            "code": concept(coding(LOINC, code, f"{minute} minute Apgar {words}")),
            "valueQuantity": quantity(seen[name], UNIT),
        }
        for name, code, words in zip(APGAR_PARTS, PARTS[minute], NAMES, strict=True)
        if name in seen
    ]
    total = apgar_total(seen)
    value = panels.UNKNOWN if total is None else {"valueQuantity": quantity(total, UNIT)}
    return value | ({"component": components} if components else {})

"""Observation made by a device (HL7 PHD): MDC with LOINC beside it, UCUM, and a reason where there is no value."""

from typing import Any

from services.epcr import nomenclature
from services.epcr.fhir.entries import Entry, Scene, reference
from services.epcr.fhir.terms import (
    DATA_ABSENT,
    EMS,
    LOINC,
    OBSERVATION_CATEGORY,
    PHD_CATEGORY,
    Json,
    coding,
    concept,
    moment,
    quantity,
)


def device_observation(scene: Scene, seen: dict[str, Any]) -> Entry:
    uuid: str = seen["id"]
    metric = nomenclature.find(seen["mdc_code"], seen["mdc_code10"])
    unit = seen.get("unit_code")
    loinc = nomenclature.loinc_codes(metric, unit)
    resource = scene.begin("Observation", uuid, test=seen["test"])
    if seen.get("flags"):
        resource["meta"] = resource["meta"] | {"tag": [coding(EMS, flag) for flag in seen["flags"]]}
    resource |= {
        "status": "final",
        "category": _categories(metric, loinc),
        "code": concept(
            coding(nomenclature.MDC, str(metric.code10), metric.refid), *(coding(LOINC, code) for code in loinc)
        ),
        "subject": scene.subject(),
        "encounter": scene.context(),
        "effectiveDateTime": moment(seen["observed_at"]),
        **_result(seen, unit),
        "device": reference("Device", seen["device_id"]),
    }
    return Entry(resource, uuid, mutable=False, needs=(seen["device_id"],))


def _categories(metric: nomenclature.Metric, loinc: list[str]) -> list[Json]:
    # R4's vital signs profile asks for a LOINC code of its own; what has none is filed as what it came from.
    category = metric.category if loinc or metric.category == "laboratory" else "procedure"
    return [concept(coding(OBSERVATION_CATEGORY, category)), concept(coding(PHD_CATEGORY, "phd"))]


def _result(seen: dict[str, Any], unit: str | None) -> Json:
    value = seen.get("value")
    if value is None or unit is None:
        return {"dataAbsentReason": concept(coding(DATA_ABSENT, seen.get("data_absent_reason") or "unknown"))}
    return {"valueQuantity": quantity(*nomenclature.in_expected_unit(value, unit))}

"""Observations made by devices (HL7 PHD): MDC with LOINC beside it, UCUM, and a reason where there is no value."""

from collections.abc import Iterator
from typing import Any

from services.epcr.fhir import nomenclature, pressure
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

Reading = dict[str, Any]
Panel = dict[str, Reading]


def device_observations(scene: Scene, readings: list[Reading]) -> Iterator[Entry]:
    """One Observation per reading, and one for the parts of a pressure that a device sent together."""
    for group in _grouped(readings):
        if isinstance(group, list):
            yield _single(scene, group[0])
        else:
            yield _panel(scene, group)


def _grouped(readings: list[Reading]) -> list[list[Reading] | Panel]:
    """Parts belong together when one device sent them for one moment in one revision: a later part never joins."""
    groups: list[list[Reading] | Panel] = []
    panels: dict[Any, Panel] = {}
    for reading in readings:
        part = pressure.part_of(reading)
        if part is None:
            groups.append([reading])
            continue
        together = ("device_id", "moment", "revision", "test")
        key = (pressure.parent_of(reading, part), *(reading[name] for name in together))
        if key not in panels or part in panels[key]:
            panels[key] = {}
            groups.append(panels[key])
        panels[key][part] = reading
    return groups


def _single(scene: Scene, reading: Reading) -> Entry:
    metric = nomenclature.find(reading["mdc_code"], reading["mdc_code10"])
    unit = reading.get("unit_code")
    loinc = nomenclature.loinc_codes(metric, unit)
    own = coding(nomenclature.MDC, str(metric.code10), metric.refid)
    code = concept(own, *(coding(LOINC, one) for one in loinc))
    # R4's vital signs profile requires a LOINC code. A reading without one is a procedure's.
    category = metric.category if loinc or metric.category == "laboratory" else "procedure"
    return _observation(scene, reading["id"], [reading], category, code, _result(reading, unit))


def _panel(scene: Scene, panel: Panel) -> Entry:
    readings = list(panel.values())
    uuid = (
        readings[0]["id"] if len(readings) == 1 else scene.uuid("Observation", "+".join(one["id"] for one in readings))
    )
    result = {"component": pressure.reading_components(panel)}
    return _observation(scene, uuid, readings, "vital-signs", pressure.panel_code(panel), result)


def _observation(scene: Scene, uuid: str, readings: list[Reading], category: str, code: Json, result: Json) -> Entry:
    first = readings[0]
    resource = scene.begin("Observation", uuid, test=first["test"])
    flags = sorted({flag for reading in readings for flag in reading.get("flags", [])})
    if flags:
        resource["meta"] = resource["meta"] | {"tag": [coding(EMS, flag) for flag in flags]}
    # In the specification's order a value comes before `device`, components after it.
    device = {"device": reference("Device", first["device_id"])}
    resource |= {
        "status": "final",
        "category": [concept(coding(OBSERVATION_CATEGORY, category)), concept(coding(PHD_CATEGORY, "phd"))],
        "code": code,
        "subject": scene.subject(),
        "encounter": scene.context(),
        "effectiveDateTime": moment(first["observed_at"]),
        **(device | result if "component" in result else result | device),
    }
    return Entry(resource, uuid, mutable=False, needs=(first["device_id"],))


def _result(reading: Reading, unit: str | None) -> Json:
    value = reading.get("value")
    if value is None or unit is None:
        return {"dataAbsentReason": concept(coding(DATA_ABSENT, reading.get("data_absent_reason") or "unknown"))}
    return {"valueQuantity": quantity(*nomenclature.in_expected_unit(value, unit))}

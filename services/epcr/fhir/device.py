"""Devices and the Observations they make (HL7 PHD): MDC with LOINC beside it, UCUM, and a reason where there is no value.

A Device is a pseudonym and a class; where the reader may know it, also its maker and model. The serial number never reaches this service.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from services.epcr.fhir import nomenclature, pressure
from services.epcr.fhir.entries import Entry, Scene, reference
from services.epcr.fhir.profiles import claiming
from services.epcr.fhir.terms import (
    LOINC,
    OBSERVATION_CATEGORY,
    PHD_CATEGORY,
    Json,
    coding,
    concept,
    ems_coding,
    moment,
    quantity,
    value_or_reason,
)

if TYPE_CHECKING:
    from services.epcr.fhir.readings import Series, Shape

Reading = dict[str, Any]
Panel = dict[str, Reading]


class Make(NamedTuple):
    """The maker and model of a device: free text of the partner that enrolled it."""

    manufacturer: str | None
    model: str | None


def devices(scene: Scene, shapes: "Iterable[Shape]", makes: Mapping[str, Make] | None = None) -> list[Entry]:
    """Each device with observations, once, in the order of the shapes. `makes` are by the ids of devices."""
    classes: dict[str, str] = {}
    for shape in shapes:
        classes.setdefault(shape.device_id, shape.device_class)
    entries: list[Entry] = []
    for device_id, device_class in classes.items():
        uuid, make = scene.projection.moves.device(device_id), (makes or {}).get(device_id)
        resource = scene.begin("Device", uuid)
        if make is not None:
            named = {"manufacturer": make.manufacturer, "modelNumber": make.model}
            resource |= {name: words for name, words in named.items() if words is not None}
        # HL7 PHD: every device has this type, and its class is a specialization.
        resource["type"] = concept(coding(nomenclature.MDC, "65573", "MDC_MOC_VMS_MDS_SIMP"))
        if device_class in nomenclature.DEVICE_TYPES:
            specialization = coding(nomenclature.MDC, *nomenclature.DEVICE_TYPES[device_class])
            resource["specialization"] = [{"systemType": concept(specialization)}]
        entries.append(Entry(resource, uuid, mutable=False))
    return entries


def single(scene: Scene, reading: Reading) -> Entry:
    metric = nomenclature.find(reading["mdc_code"], reading["mdc_code10"])
    unit = reading.get("unit_code")
    loinc = nomenclature.loinc_codes(metric, unit)
    own = coding(nomenclature.MDC, str(metric.code10), metric.refid)
    code = concept(own, *(coding(LOINC, one) for one in loinc))
    # R4's vital signs profile requires a LOINC code. A reading without one is a procedure's.
    category = metric.category if loinc or metric.category == "laboratory" else "procedure"
    value = reading.get("value")
    if value is not None and unit is not None:
        value, unit = nomenclature.in_expected_unit(value, unit)
    result = value_or_reason(None if unit is None else value, unit or "", reading.get("data_absent_reason"))
    return _observation(scene, reading["id"], [reading], category, code, result, _at(reading))


def series(scene: Scene, one: "Series") -> Entry:
    """A series under its MDC code alone: R4's vital signs profiles, which go by LOINC codes, take no samples."""
    shape = one.shape
    reading = one.reading()
    unit = nomenclature.in_expected_unit(Decimal(0), shape.unit_code or "")[1]
    uuid = scene.uuid("Observation", f"{scene.encounter}/series/{'/'.join(map(str, one.key))}")
    metric = nomenclature.find(shape.mdc_code, shape.mdc_code10)
    category = "laboratory" if metric.category == "laboratory" else "procedure"
    samples = {
        "origin": quantity(0, unit),
        "period": one.period_ms,
        "dimensions": 1,
        "data": one.data,
    }
    at = {"effectivePeriod": {"start": moment(one.start), "end": moment(one.end)}}
    code = concept(coding(nomenclature.MDC, str(metric.code10), metric.refid))
    entry = _observation(scene, uuid, [reading], category, code, {"valueSampledData": samples}, at)
    return entry._replace(mutable=True)


def panel(scene: Scene, parts: Panel) -> Entry:
    readings = list(parts.values())
    uuid = (
        readings[0]["id"] if len(readings) == 1 else scene.uuid("Observation", "+".join(one["id"] for one in readings))
    )
    result = {"component": pressure.reading_components(parts)}
    return _observation(scene, uuid, readings, "vital-signs", pressure.panel_code(parts), result, _at(readings[0]))


def _observation(
    scene: Scene, uuid: str, readings: list[Reading], category: str, code: Json, result: Json, at: Json
) -> Entry:
    first = readings[0]
    resource = scene.begin("Observation", uuid, test=first["test"])
    flags = sorted({flag for reading in readings for flag in reading.get("flags", [])})
    if flags:
        resource["meta"] = resource["meta"] | {"tag": [ems_coding(flag) for flag in flags]}
    # In the specification's order a value comes before `device`, components after it.
    device = {"device": reference("Device", first["device_id"])}
    resource |= {
        "status": "final",
        "category": [concept(coding(OBSERVATION_CATEGORY, category)), concept(coding(PHD_CATEGORY, "phd"))],
        "code": code,
        "subject": scene.subject(),
        "encounter": scene.context(),
        **at,
        **(device | result if "component" in result else result | device),
    }
    return Entry(claiming(resource), uuid, mutable=False, needs=(first["device_id"],))


def _at(reading: Reading) -> Json:
    return {"effectiveDateTime": moment(reading["observed_at"])}

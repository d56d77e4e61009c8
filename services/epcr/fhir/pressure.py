"""Blood pressure in R4: one panel (LOINC 85354-9) with both components, measured by the crew or by a device."""

from collections.abc import Iterable, Mapping
from typing import Any

from services.epcr.fhir import nomenclature
from services.epcr.fhir.measurements import CODES, COMPONENTS
from services.epcr.fhir.terms import LOINC, Json, coding, concept, value_or_reason

UNIT = "mm[Hg]"
PANEL = coding(LOINC, CODES["blood_pressure"].loinc[0], CODES["blood_pressure"].display)
_FIELDS = {COMPONENTS[field].loinc[0]: field for field in ("systolic", "diastolic", "mean_pressure")}
_CODES = {
    field: concept(coding(LOINC, COMPONENTS[field].loinc[0], COMPONENTS[field].display)) for field in _FIELDS.values()
}
# In ISO/IEEE 11073-10101 systolic, diastolic and mean follow the pressure they are parts of.
_OFFSETS = {"systolic": 1, "diastolic": 2, "mean_pressure": 3}
_PARENTS = {
    150016: "MDC_PRESS_BLD",
    150020: "MDC_PRESS_BLD_NONINV",
    150032: "MDC_PRESS_BLD_ART",
    150036: "MDC_PRESS_BLD_ART_ABP",
    150300: "MDC_PRESS_CUFF",
}


def part_of(reading: Mapping[str, Any]) -> str | None:
    """The component that a device's reading is; None if it is no arterial pressure, or in a unit that R4's panel refuses."""
    metric = nomenclature.find(reading["mdc_code"], reading["mdc_code10"])
    codes = nomenclature.loinc_codes(metric, reading.get("unit_code"))
    return next((_FIELDS[code] for code in codes if code in _FIELDS), None)


def parent_of(reading: Mapping[str, Any], part: str) -> int:
    """The 32-bit code of the pressure that a reading is a part of."""
    return reading["mdc_code10"] - _OFFSETS[part]


def panel_code(readings: Mapping[str, Mapping[str, Any]]) -> Json:
    """The code of the pressure that the readings are parts of, beside the panel's. A part's own code is its component's alone."""
    part, first = next(iter(readings.items()))
    parent = parent_of(first, part)
    return concept(coding(nomenclature.MDC, str(parent), _PARENTS.get(parent)), PANEL)


def components(values: Mapping[str, Json]) -> list[Json]:
    """Both components, the missing one with a reason (R4 bp profile, vs-3), and the mean where there is one.

    `values` maps a field to its `valueQuantity` or `dataAbsentReason`.
    """
    unknown = value_or_reason(None, UNIT)
    parts = {"systolic": unknown, "diastolic": unknown} | dict(values)
    return [{"code": _CODES[field], **parts[field]} for field in _OFFSETS if field in parts]


def reading_components(readings: Mapping[str, Mapping[str, Any]]) -> list[Json]:
    """The components of a device's pressure, each with the device's own code."""
    values = {
        part: value_or_reason(reading.get("value"), UNIT, reading.get("data_absent_reason"))
        for part, reading in readings.items()
    }
    parts = components(values)
    own = {COMPONENTS[part].loinc[0]: reading for part, reading in readings.items()}
    for component in parts:
        reading = own.get(component["code"]["coding"][0]["code"])
        if reading:
            mdc = coding(nomenclature.MDC, str(reading["mdc_code10"]), reading["mdc_code"])
            component["code"] = concept(*component["code"]["coding"], mdc)
    return parts


def crew_components(signs: Mapping[str, Any]) -> list[Json]:
    fields: Iterable[str] = (field for field in _OFFSETS if field in signs)
    return components({field: value_or_reason(signs[field], UNIT) for field in fields})

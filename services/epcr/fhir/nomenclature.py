"""Codes of devices (ISO/IEEE 11073-10101) in FHIR: their LOINC codes, their categories, the units that hospitals expect."""

import csv
from decimal import Context, Decimal
from functools import cache
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).parents[1] / "data" / "mdc_codes.csv"
MDC = "urn:iso:std:iso:11073:10101"
UCUM = "http://unitsofmeasure.org"

# Units in which a LOINC code is true of a value. Some codes state a property: an amount, a mass, a fraction, a pressure. For others
# R4's vital signs profiles fix the unit, and a value in another unit has only its MDC code.
_PER_MINUTE = frozenset({"/min", "{beat}/min", "{beats}/min", "{breath}/min", "{breaths}/min"})
_PRESSURE = frozenset({"mm[Hg]"})
_ONLY_FOR_UNITS = {
    "19891-1": frozenset({"mm[Hg]", "kPa"}),
    "19889-5": frozenset({"%"}),
    "2339-0": frozenset({"mg/dL"}),
    "41653-7": frozenset({"mg/dL"}),
    "15074-8": frozenset({"mmol/L"}),
    "14743-9": frozenset({"mmol/L"}),
    "2708-6": frozenset({"%"}),
    "59408-5": frozenset({"%"}),
    "8867-4": _PER_MINUTE,
    "9279-1": _PER_MINUTE,
    "8310-5": frozenset({"Cel", "[degF]"}),
    "8302-2": frozenset({"cm", "m", "[in_i]"}),
    "29463-7": frozenset({"kg", "g", "[lb_av]"}),
    "8480-6": _PRESSURE,
    "8462-4": _PRESSURE,
    "8478-0": _PRESSURE,
}
# Decimal's default context would round the values of devices to 28 digits.
_EVERY_DIGIT = Context(prec=100)
_MOLAR_TWIN = {"2339-0": "15074-8", "41653-7": "14743-9"}
# A pressure or a fraction; a mass or an amount.
_OF_ONE_PROPERTY = frozenset({"19891-1", "19889-5", *_MOLAR_TWIN, *_MOLAR_TWIN.values()})
# The R4 vital signs profiles fix the unit. These units convert to it exactly.
_SAME_IN = {
    "{beat}/min": ("/min", 0),
    "{beats}/min": ("/min", 0),
    "{breath}/min": ("/min", 0),
    "{breaths}/min": ("/min", 0),
    "m": ("cm", 2),
}

# Device specialisations of ISO/IEEE 11073-10101. Where none is defined for the class, the generic one.
_GENERIC = ("528457", "MDC_DEV_SPEC_PROFILE_GENERIC")
DEVICE_TYPES = {
    "oximeter": ("528388", "MDC_DEV_SPEC_PROFILE_PULS_OXIM"),
    "ecg": ("528390", "MDC_DEV_SPEC_PROFILE_MIN_ECG"),
    "bp": ("528391", "MDC_DEV_SPEC_PROFILE_BP"),
    "thermometer": ("528392", "MDC_DEV_SPEC_PROFILE_TEMP"),
    "glucose": ("528401", "MDC_DEV_SPEC_PROFILE_GLUCOSE"),
    "defib": ("69769", "MDC_DEV_GEN_ELEC_POTL_HEART_DEFIB_MDS"),
    "etco2": _GENERIC,
    "multiparameter": _GENERIC,
}


class Metric(NamedTuple):
    refid: str
    code10: int
    loinc: tuple[str, ...]
    category: str


@cache
def metrics() -> dict[int, Metric]:
    """Every numeric metric by its 32-bit code."""
    with TABLE.open(newline="") as file:
        rows = [(row, int(row["code10"]), tuple(filter(None, row["loinc"].split("|")))) for row in csv.DictReader(file)]
    return {code10: Metric(row["refid"], code10, loinc, row["category"]) for row, code10, loinc in rows}


def find(refid: str, code10: int) -> Metric:
    """The metric of a code. One that is not in the table has only its MDC code."""
    return metrics().get(code10) or Metric(refid, code10, (), "procedure")


def loinc_codes(metric: Metric, unit: str | None) -> list[str]:
    """The LOINC codes that are true of a value in `unit`. Without a unit, those that are true for every property."""
    if unit is None:
        return [code for code in metric.loinc if code not in _OF_ONE_PROPERTY]
    codes = [code for listed in metric.loinc for code in (listed, _MOLAR_TWIN.get(listed)) if code]
    return [code for code in codes if unit in _ONLY_FOR_UNITS.get(code, {unit})]


def in_expected_unit(value: Decimal, unit: str) -> tuple[Decimal, str]:
    """The same quantity, exactly, in the unit of FHIR's vital signs."""
    expected, places = _SAME_IN.get(unit, (unit, 0))
    return (value.scaleb(places, _EVERY_DIGIT) if places else value), expected

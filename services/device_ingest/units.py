"""UCUM units: the plausible range in each of them, and hints for units that are not UCUM or not allowed. Pure.

Only limits are converted, never values: the record holds the decimal that the device sent.
"""

import csv
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple


class Range(NamedTuple):
    """Inclusive limits in one unit; None where the table gives none."""

    low: Decimal | None
    high: Decimal | None

    def holds(self, value: Decimal) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


class Conversion(NamedTuple):
    """From the canonical unit to another: `value * factor + offset`."""

    factor: Decimal
    offset: Decimal = Decimal(0)


def _factor(numerator: str, denominator: str = "1") -> Conversion:
    return Conversion(Decimal(numerator) / Decimal(denominator))


# (unit of the table's range, other unit). Glucose needs its molar mass, 180.156 g/mol; HbA1c the IFCC/NGSP master equation.
CONVERSIONS = {
    ("mm[Hg]", "kPa"): _factor("0.133322387415"),
    ("mm[Hg]", "cm[H2O]"): _factor("0.133322387415", "0.0980665"),
    ("%", "mm[Hg]"): _factor("7.6"),
    ("%", "kPa"): _factor("1.01325"),
    ("%", "mmol/mol"): Conversion(Decimal("10.929"), Decimal("-23.5")),
    ("Cel", "[degF]"): Conversion(Decimal("1.8"), Decimal(32)),
    ("ms", "s"): _factor("0.001"),
    ("s", "min"): _factor("1", "60"),
    ("uV", "mV"): _factor("0.001"),
    ("mV", "uV"): _factor("1000"),
    ("mg/dL", "mmol/L"): _factor("1", "18.0156"),
    ("kg", "g"): _factor("1000"),
    ("kg", "[lb_av]"): _factor("1", "0.45359237"),
    ("cm", "m"): _factor("0.01"),
    ("cm", "[in_i]"): _factor("1", "2.54"),
    ("L/min", "mL/min"): _factor("1000"),
}

# A difference of temperatures converts without an offset.
DIFFERENCES = {"MDC_TEMP_DIFF": {"K": _factor("1"), "[degF]": _factor("1.8")}}

# A volume fraction of carbon dioxide is another quantity than its partial pressure, with a range of its own.
FRACTION_OF_CO2 = Range(Decimal(0), Decimal(20))
CO2_METRICS = frozenset({"MDC_CONC_AWAY_CO2_ET", "MDC_CONC_AWAY_CO2_INSP", "MDC_CONC_AWAY_CO2"})

# Units that differ only in their annotation, and the perfusion index, which monitors send as a number without the per cent.
SAME = frozenset({"/min", "{beat}/min", "{beats}/min", "{breath}/min", "{breaths}/min", "1", "{count}", "{score}", "%"})

HINTS = {
    "bpm": "/min",
    "rpm": "/min",
    "1/min": "/min",
    "beats/min": "{beats}/min",
    "breaths/min": "{breaths}/min",
    "mmhg": "mm[Hg]",
    "mm(hg)": "mm[Hg]",
    "cmh2o": "cm[H2O]",
    "°c": "Cel",
    "c": "Cel",
    "degc": "Cel",
    "celsius": "Cel",
    "cel": "Cel",
    "°f": "[degF]",
    "f": "[degF]",
    "degf": "[degF]",
    "fahrenheit": "[degF]",
    "percent": "%",
    "pct": "%",
    "mg/dl": "mg/dL",
    "mmol/l": "mmol/L",
    "kpa": "kPa",
    "ohms": "Ohm",
    "ohm": "Ohm",
    "msec": "ms",
    "sec": "s",
    "mv": "mV",
    "µv": "uV",
    "μv": "uV",
    "lb": "[lb_av]",
    "lbs": "[lb_av]",
    "in": "[in_i]",
    "l/min": "L/min",
    "ml/min": "mL/min",
}


def ranges(refid: str, units: list[str], low: str, high: str) -> dict[str, Range]:
    """The limits of a row in each unit it allows. `low` and `high` are in the first unit."""
    first = units[0]
    canonical = Range(Decimal(low) if low else None, Decimal(high) if high else None)
    found: dict[str, Range] = {}
    for unit in units:
        if unit == first or canonical.low is None or canonical.high is None:
            found[unit] = canonical
        elif unit == "%" and refid in CO2_METRICS:
            found[unit] = FRACTION_OF_CO2
        elif first in SAME and unit in SAME:
            found[unit] = canonical
        else:
            factor, offset = DIFFERENCES.get(refid, {}).get(unit) or CONVERSIONS[first, unit]
            found[unit] = Range(canonical.low * factor + offset, canonical.high * factor + offset)
    return found


def meaning(unit: str, allowed: Iterable[str]) -> str:
    """The UCUM spelling of a known other name of a unit, if it is allowed; "" otherwise."""
    meant = MDC_UNITS.get(unit.split("^")[0]) or HINTS.get(unit.strip().lower()) or ""
    return meant if meant in allowed else ""


def refusal(unit: str, allowed: Iterable[str]) -> str:
    """The reason to refuse `unit`, with the UCUM spelling of a known other name."""
    allowed = list(allowed)
    meant = meaning(unit, allowed)
    hint = f"; write {meant}" if meant else ""
    return f"is not a UCUM unit of this code, which allows {', '.join(allowed)}{hint}"


def read_mdc_units(path: Path) -> dict[str, str]:
    """The MDC_DIM_… names and numbers of 11073 messages, each with its UCUM unit."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [(row["refid"], row["code10"], row["ucum"].split(" ")[0]) for row in csv.DictReader(file)]
    return {name: ucum for refid, code10, ucum in rows for name in (refid, code10)}


MDC_UNITS = read_mdc_units(Path(__file__).parent / "data" / "mdc_units.csv")

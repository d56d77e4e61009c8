"""The metrics a device may report: ISO/IEEE 11073-10101 codes with device classes, UCUM units and plausible ranges. Pure.

The table is `data/mdc_codes.csv`. Every spelling that is accepted is a key of one dictionary: a look-up costs well under a
microsecond.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

import msgspec

from services.device_ingest.units import Range, ranges

DATA = Path(__file__).parent / "data"
PARTITION = 1 << 16
PRIVATE_TERMS = 0xF000

# Two names of one code in the standard; the table has the first.
ALIASES = {"MDC_ECG_CARD_BEAT_RATE": "MDC_ECG_HEART_RATE"}

# The reasons to refuse a known code, by the table's `accept` column.
NOT_ACCEPTED = {
    "waveform": "is a waveform sample, which a single observation cannot carry",
    "compound": "is a compound without a value of its own; send its systolic, diastolic and mean parts",
    "never": "is measured on a control solution, which never enters a patient's record",
}


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table. `code10` is the 32-bit code (partition * 65536 + term); `units` maps each allowed UCUM unit to its range."""

    refid: str
    code10: int
    name: str
    device_classes: frozenset[str]
    units: dict[str, Range]
    loinc: tuple[str, ...]
    accept: str


class UnknownCode(Exception):
    """The text names no metric of the table. The message gives the partner the reason."""


def find(code: str | int) -> Metric:
    """The metric of a reference id, a numeric code or `code^refid^MDC`. Raises UnknownCode, also where the parts disagree."""
    metric = _BY_SPELLING.get(code)
    if metric is None:
        raise UnknownCode(_explain(code))
    return metric


def metrics() -> Iterable[Metric]:
    return _BY_REFID.values()


def read_table(path: Path) -> dict[str, Metric]:
    with path.open(newline="", encoding="utf-8") as file:
        return {
            row["refid"]: Metric(
                refid=row["refid"],
                code10=int(row["code10"]),
                name=row["name"],
                device_classes=frozenset(row["device_classes"].split("|")),
                units=ranges(row["refid"], row["ucum_units"].split("|"), row["plausible_low"], row["plausible_high"]),
                loinc=tuple(filter(None, row["loinc"].split("|"))),
                accept=row["accept"],
            )
            for row in csv.DictReader(file)
        }


def _explain(code: str | int) -> str:
    text = str(code)
    if "^" in text:
        parts = text.split("^")
        if len(parts) != 3 or parts[2] != "MDC":
            return "must be written code^refid^MDC"
        by_number, by_name = _BY_SPELLING.get(parts[0]), _BY_SPELLING.get(parts[1])
        if by_number is None or by_name is None or not parts[0].isdigit():
            return "is not a known MDC code with its reference id"
        return f"contradicts itself: {by_number.code10} is {by_number.refid}, and {by_name.refid} is {by_name.code10}"
    if text in _BY_LOINC:
        return f"is a LOINC code; the MDC code for it is {_BY_LOINC[text]}"
    if text.upper() in _BY_SPELLING:
        return f"is unknown; reference ids are upper-case: {text.upper()}"
    if text.isascii() and text.isdigit() and len(text) <= 10:
        number = int(text)
        if number % PARTITION >= PRIVATE_TERMS:
            return "is a vendor's private code, which no receiver could interpret"
        whole = [metric for metric in metrics() if metric.code10 % PARTITION == number]
        if whole:
            return f"is a term without its partition; {whole[0].refid} is {whole[0].code10}"
        return "is not a known MDC code"
    return "is not a known MDC reference id or code"


_BY_REFID = read_table(DATA / "mdc_codes.csv")
_BY_NAME = _BY_REFID | {alias: _BY_REFID[refid] for alias, refid in ALIASES.items()}
_BY_SPELLING: dict[str | int, Metric] = {
    spelling: metric
    for name, metric in _BY_NAME.items()
    for spelling in (name, f"{metric.code10}^{name}^MDC", metric.code10, str(metric.code10))
}
_BY_LOINC = {loinc: metric.refid for metric in reversed(_BY_REFID.values()) for loinc in metric.loinc}

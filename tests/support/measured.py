"""A reading of every metric of the table, in each of its units, for each reason of absence, and out of its range."""

import csv
from collections.abc import Iterator
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple, get_args

from services.device_ingest import nomenclature
from services.device_ingest.models import AbsentReason

TABLE = Path(nomenclature.__file__).parent / "data" / "mdc_codes.csv"
REASONS: tuple[str, ...] = get_args(AbsentReason)


class Measured(NamedTuple):
    """A row of the table, and the values that a device sends for it."""

    row: dict[str, str]
    value: Decimal | None
    unit: str | None
    reason: str | None = None
    is_flagged: bool = False

    @property
    def refid(self) -> str:
        return self.row["refid"]

    @property
    def device_class(self) -> str:
        return self.row["device_classes"].split("|")[0]

    def body(self) -> dict[str, Any]:
        members = {
            "mdc_code": self.refid,
            "value": None if self.value is None else float(self.value),
            "unit_code": self.unit,
            "data_absent_reason": self.reason,
        }
        return {name: value for name, value in members.items() if value is not None}


def rows() -> list[dict[str, str]]:
    with TABLE.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def refused() -> list[Measured]:
    """Of the rows that no single observation can carry."""
    return [Measured(row, Decimal(1), row["ucum_units"].split("|")[0]) for row in rows() if row["accept"] != "numeric"]


def everything() -> list[Measured]:
    """Each row in each unit, once without a value, and out of its range; of a pressure without a value for each reason."""
    reasons = cycle(REASONS)
    return [one for row in rows() if row["accept"] == "numeric" for one in _of_row(row, reasons)]


def _of_row(row: dict[str, str], reasons: Iterator[str]) -> Iterator[Measured]:
    ranges = nomenclature.find(row["refid"]).units
    for unit in row["ucum_units"].split("|"):
        low, high = ranges[unit]
        assert low is not None
        assert high is not None
        yield Measured(row, ((low + high) / 2).quantize(Decimal("0.001")), unit)
        yield Measured(row, (high + (high - low)).quantize(Decimal("0.1")) + Decimal("0.03"), unit, is_flagged=True)
    for reason in REASONS if "PRESS" in row["refid"] else [next(reasons)]:
        yield Measured(row, None, None, reason)
    yield Measured(row, None, row["ucum_units"].split("|")[-1], next(reasons))

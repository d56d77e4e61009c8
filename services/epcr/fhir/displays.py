"""Official displays of public codes, from a table of those that may be redistributed; see `data/displays.md` for the licences."""

import csv
from collections import defaultdict
from functools import cache
from pathlib import Path

from services.epcr.records.care import ICD10_CM

DATA = Path(__file__).parents[1] / "data"


@cache
def _table() -> dict[str, dict[str, str]]:
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    with (DATA / "displays.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found[row["system"]][row["code"]] = row["display"]
    with (DATA / "icd10cm.csv").open(newline="") as file:
        found[ICD10_CM] = {row["code"]: row["display"] for row in csv.DictReader(file)}
    return dict(found)


def display(system: str, code: str) -> str | None:
    """The official English display; None for a code that the table does not know."""
    return _table().get(system, {}).get(code)

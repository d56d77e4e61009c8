"""Executes an encounter with 60,000 readings, each an Observation, on Medplum's FHIR server. `make bench-fhir_readings`.

Medplum takes the entries of a transaction one after another, and all or nothing only in a project with the feature
`transaction-bundles`. Then one with conditional entries, as all of ours are, has 8 at most (`packages/fhir-router/src/batch.ts`). So
it is sent whole and in bundles of 5,000 entries without the feature, and in bundles of 8 with it, which `max_entries` is for.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.epcr import golden, handovers
from tests.epcr.samples import MINIMAL, WHOLE

pytestmark = pytest.mark.bench
READINGS, FEWER = 60_000, 2_000
MOST_STRICT = 8
TOO_MANY = "Transaction requires strict isolation but has too many entries"


def answer(folder: Path, number: int, most: int | None) -> Path:
    """The answer with so many readings, each a resource."""
    file = folder / f"{number}_{most}.json"
    given = golden.projection(golden.encounter(MINIMAL), handovers.many(number))
    file.write_bytes(golden.exported(given, most=most, portion=500))
    return file


def executed(medplum: Path, mode: str, *files: Path) -> list[dict[str, Any]]:
    script = shutil.copy(Path(__file__).parent / "fhir_split.mjs", medplum)
    command = ["node", "--max-old-space-size=8000", script, mode, *files]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=1800).stdout
    lines = [json.loads(line) for line in output.splitlines()]
    assert len(lines) == len(files)
    for line in lines:
        size = Path(line["file"]).stat().st_size / 1e6
        print(f"\nMedplum, {mode}, {Path(line['file']).stem:<20} {size:6.1f} MB, {line['resources']} resources", end="")
        for found in line["rounds"]:
            print(
                f"; {found['bundles']} bundles: {found['statuses'] or found['refusals']} in {found['seconds']:.0f} s",
                end="",
            )
    print()
    return lines


def is_taken_twice(line: dict[str, Any]) -> bool:
    """201 for each resource and again 200; resources that several bundles have are found by the later ones."""
    first, second = line["rounds"]
    number = sum(first["statuses"].values())
    return (
        first["refusals"] == second["refusals"] == {}
        and first["statuses"]["201"] == line["resources"]
        and set(first["statuses"]) <= {"200", "201"}
        and second["statuses"] == {"200": number}
        and line["dangling"] == 0
    )


def test_medplum_takes_sixty_thousand_readings_each_a_resource(medplum: Path, tmp_path: Path) -> None:
    whole, split = executed(medplum, "batches", *(answer(tmp_path, READINGS, most) for most in (None, 5_000)))
    assert is_taken_twice(whole)
    assert is_taken_twice(split)
    assert whole["observations"] == split["observations"] == READINGS
    assert whole["rounds"][0]["bundles"] == 1


def test_medplum_takes_them_all_or_nothing_in_bundles_of_its_limit(medplum: Path, tmp_path: Path) -> None:
    files = (answer(tmp_path, FEWER, most) for most in (None, MOST_STRICT))
    whole, split = executed(medplum, "transactions", *files)
    assert (whole["resources"], [one["refusals"] for one in whole["rounds"]]) == (0, [{TOO_MANY: 1}] * 2)
    assert is_taken_twice(split)
    assert split["observations"] == FEWER


def test_medplum_takes_a_whole_record_all_or_nothing_in_bundles_of_its_limit(medplum: Path, tmp_path: Path) -> None:
    """The crew's entries are split too: their references lead to resources of other bundles by identifier."""
    file = tmp_path / "whole_record.json"
    given = golden.projection(golden.encounter(WHOLE), golden.readings())
    file.write_bytes(golden.exported(given, most=MOST_STRICT))
    [line] = executed(medplum, "transactions", file)
    assert is_taken_twice(line)

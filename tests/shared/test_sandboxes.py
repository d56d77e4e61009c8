"""The plan of a sandbox's year: a seed fixes it, and its ids belong to one tenant and one generation."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.messaging.messages import SandboxEncounters
from shared.messaging.sandboxes import CASES, DAYS, SHARES, Year, portion_of
from shared.primitives import ids

UNTIL = datetime(2026, 3, 23, 12, tzinfo=UTC)


def task(**changes: Any) -> SandboxEncounters:
    fields: dict[str, Any] = {
        "sandbox_id": "sbx_1",
        "client_id": "app_1",
        "generation": 1,
        "seed": 7,
        "until": UNTIL,
        "task": "seed",
    }
    return SandboxEncounters(**fields | changes)


def test_a_seed_fixes_kinds_and_times_and_another_seed_gives_another_year() -> None:
    first, again, other = (Year("org_1", task(seed=seed)) for seed in (7, 7, 8))
    cases = [first.case(number) for number in range(CASES)]
    assert cases == [again.case(number) for number in range(CASES)]
    assert [case.kind for case in cases] != [other.case(number).kind for number in range(CASES)]


def test_cases_are_in_order_within_the_year_and_of_every_kind() -> None:
    cases = [Year("org_1", task()).case(number) for number in range(CASES)]
    times = [case.at for case in cases]
    assert times == sorted(times)
    assert UNTIL - timedelta(days=DAYS) <= times[0]
    assert times[-1] + timedelta(hours=2) < UNTIL  # its mission is over
    assert {case.kind for case in cases} == SHARES.keys()


def test_ids_differ_between_tenants_generations_and_cases() -> None:
    years = [Year("org_1", task()), Year("org_2", task()), Year("org_1", task(generation=2))]
    made = {year.case(number).encounter_id for year in years for number in range(CASES)}
    assert len(made) == 3 * CASES
    assert all(ids.is_id(one, "enc") for one in made)
    case = years[0].case(3)
    assert ids.milliseconds(ids.uuid_of(case.encounter_id)) == round(case.at.timestamp() * 1000)


def test_the_devices_and_the_webhook_of_a_scenario_are_those_of_the_year() -> None:
    year, later = Year("org_1", task()), Year("org_1", task(task="arrest", number=3, at=UNTIL + timedelta(days=2)))
    case = later.scenario("arrest", timedelta(hours=1))
    assert case.device_id in {year.case(number).device_id for number in range(12)}
    assert later.webhook_id == year.webhook_id
    assert case.at == UNTIL + timedelta(days=2, hours=-1)


@pytest.mark.parametrize("size", [1, 50, 97, CASES, 2 * CASES])
def test_portions_cover_each_case_once(size: int) -> None:
    found: list[int] = []
    for portion in range(CASES // size + 2):
        found += portion_of(task(portion=portion), size)
    assert found == list(range(CASES))


@pytest.mark.parametrize("number", [-1, CASES])
def test_a_number_outside_the_year_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="no case"):
        Year("org_1", task()).case(number)

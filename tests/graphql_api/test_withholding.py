"""Small counts stay unknown where indicators share cases: an attacker subtracts every range of every indicator from every other."""

import random
from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

import pytest

from services.graphql_api.acqi.cache import Counts
from services.graphql_api.acqi.definitions import Indicator
from services.graphql_api.acqi.indicators import BY_NAME, INDICATORS, PARTS, judgements, outcomes_of
from services.graphql_api.acqi.report import next_month
from services.graphql_api.acqi.suppression import NOTHING_WITHHELD, SMALL_CELL, Cell, Withholding, related
from tests.graphql_api import population

pytestmark = pytest.mark.full

MONTHS = [date(2025, month, 1) for month in range(1, 13)]
RUNS = [(start, end) for start in range(12) for end in range(start + 1, 13)]
FIELDS = ("met", "not_met", "excluded", "unknown")
WHOLE, HOLDER, INNER = "response_time", "no_lights_sirens", "handover_time"
SOME = [part.name for part in PARTS[WHOLE][:3]]


class Group(NamedTuple):
    """Cases that nobody divides further: those of an indicator with one outcome, in one month."""

    name: str
    field: str
    month: int


class Attacker:
    """Solves for all that follows from sums of groups."""

    def __init__(self) -> None:
        self.rows: dict[Group, dict[Group, Fraction]] = {}

    def learn(self, sum_of: Sequence[Group], equal_to: Sequence[Group] = ()) -> None:
        """A sum, or that two sums are equal."""
        row = self._reduced(dict.fromkeys(sum_of, Fraction(1)) | dict.fromkeys(equal_to, Fraction(-1)))
        if row:
            pivot = min(row)
            self.rows[pivot] = {group: value / row[pivot] for group, value in row.items()}

    def knows(self, sum_of: Sequence[Group]) -> bool:
        return not self._reduced(dict.fromkeys(sum_of, Fraction(1)))

    def _reduced(self, row: dict[Group, Fraction]) -> dict[Group, Fraction]:
        while pivots := row.keys() & self.rows.keys():
            pivot = min(pivots)
            factor = row[pivot]
            for group, value in self.rows[pivot].items():
                row[group] = row.get(group, Fraction(0)) - factor * value
            row = {group: value for group, value in row.items() if value}
        return row


def small(number: int) -> bool:
    return 0 < number < SMALL_CELL


def counts_of(indicator: Indicator, numbers: dict[str, int]) -> Counts:
    if indicator.is_time:
        number = numbers["met"] + numbers["not_met"]
        return Counts(0, 0, numbers["excluded"], numbers["unknown"], (number,) if number else ())
    return Counts(numbers["met"], numbers["not_met"], numbers["excluded"], numbers["unknown"])


class Year:
    """Numbers of cases of every group; a population is a list of the groups' names that it holds."""

    def __init__(self, numbers: dict[Group, int], populations: dict[str, list[str]]) -> None:
        self.numbers = numbers
        self.populations = populations
        names = related(list(populations))
        self.months = [
            (MONTHS[month], {name: self._counts(name, month) for name in names}) for month in range(len(MONTHS))
        ]

    def _counts(self, name: str, month: int) -> Counts:
        held = self.populations.get(name, [])
        sums = {field: sum(self.numbers[Group(one, field, month)] for one in held) for field in FIELDS}
        return counts_of(BY_NAME[name], sums)

    def groups(self, name: str, fields: Sequence[str], start: int, end: int) -> list[Group]:
        return [
            Group(one, field, month)
            for one in self.populations[name]
            for field in fields
            for month in range(start, end)
        ]

    def shown(self) -> Iterator[list[Group]]:
        """The sum that each published count is."""
        for start, end in RUNS:
            withholding = Withholding(self.months[start:end])
            for name in self.populations:
                hidden = withholding.of(name)
                both = ("met", "not_met")
                told = [both] if BY_NAME[name].is_time else [both, ("met",)]
                fields = [] if hidden.fraction else told
                fields += [] if hidden.excluded else [("excluded",)]
                fields += [] if hidden.unknown else [("unknown",)]
                for one in fields:
                    yield self.groups(name, one, start, end)

    def attacked(self) -> Attacker:
        attacker = Attacker()
        for sum_of in self.shown():
            attacker.learn(sum_of)
        return attacker

    def total(self, groups: Sequence[Group]) -> int:
        return sum(self.numbers[group] for group in groups)


def drawn(chance: random.Random, names: Sequence[str]) -> dict[Group, int]:
    """Mostly counts that are not small."""
    rare = chance.choice([0.01, 0.04, 0.2])
    groups = [Group(name, field, month) for name in names for field in FIELDS for month in range(12)]
    return {group: chance.randint(1, 4) if chance.random() < rare else chance.choice([0, 9, 20]) for group in groups}


def divided_again(chance: random.Random, numbers: dict[Group, int]) -> dict[Group, int]:
    """The cases of each month, as the holder divides them."""
    made: dict[Group, int] = {}
    for month in range(12):
        cases = sum(number for group, number in numbers.items() if group.month == month)
        unknown, met = min(cases, chance.choice([0, 0, 6, 9, 1])), chance.choice([0, 9, 30])
        shares = {"unknown": unknown, "excluded": 0, "met": min(met, cases - unknown)}
        shares["not_met"] = cases - sum(shares.values())
        made |= {Group("held", field, month): number for field, number in shares.items()}
    return made


def secrets(year: Year, attacker: Attacker, name: str, fields: Sequence[Sequence[str]]) -> Iterator[tuple[object, ...]]:
    """The small counts of that indicator that the attacker can compute."""
    for start, end in RUNS:
        for one in fields:
            groups = year.groups(name, one, start, end)
            if small(year.total(groups)) and attacker.knows(groups):
                yield name, one, start, end


ALL_TOLD = [("met", "not_met"), ("excluded",), ("unknown",)]


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("rest_is_known", [False, True])
def test_the_parts_of_a_whole_tell_no_small_count_of_one_another(seed: int, rest_is_known: bool) -> None:
    """Also to somebody who knows that every response has a category."""
    numbers = drawn(random.Random(seed), [*SOME, "the rest"])
    if rest_is_known:
        numbers |= {group: 0 for group in numbers if group.name == "the rest"}
    year = Year(numbers, {WHOLE: [*SOME, "the rest"], **{name: [name] for name in SOME}})
    attacker = year.attacked()
    for group in numbers:
        if group.name == "the rest" and rest_is_known:
            attacker.learn([group])
    year.populations["nobody's"] = ["the rest"]
    for name in year.populations:
        assert list(secrets(year, attacker, name, ALL_TOLD)) == []


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("has_others", [True, False])
def test_an_indicator_of_the_same_cases_tells_no_small_count(seed: int, has_others: bool) -> None:
    """The holder divides the same cases otherwise; its number of cases is that of the inner one and of the others, if there are any."""
    chance = random.Random(seed)
    numbers = drawn(chance, [INNER, "the others"])
    if not has_others:
        numbers |= {group: 0 for group in numbers if group.name == "the others"}
    year = Year(numbers | divided_again(chance, numbers), {HOLDER: ["held"], INNER: [INNER]})
    attacker = year.attacked()
    for month in range(12):
        inner = [group for group in numbers if group.month == month and (has_others or group.name == INNER)]
        attacker.learn([Group("held", field, month) for field in FIELDS], equal_to=inner)
    year.populations["nobody's"] = ["the others"]
    assert list(secrets(year, attacker, INNER, [*ALL_TOLD, ("excluded", "unknown")])) == []
    assert list(secrets(year, attacker, HOLDER, ALL_TOLD)) == []
    assert list(secrets(year, attacker, "nobody's", [FIELDS])) == []


def test_much_is_shown_all_the_same() -> None:
    """The attacks above would prove nothing if all were withheld."""
    shown = 0
    for seed in range(10):
        numbers = drawn(random.Random(seed), [*SOME, "the rest"])
        year = Year(numbers, {name: [name] for name in SOME} | {WHOLE: [*SOME, "the rest"]})
        shown += sum(not Withholding(year.months[start:end]).hides_fraction(SOME[0]) for start, end in RUNS)
    assert shown > 100


def month_of(**counts: Counts) -> Withholding:
    names = related(list(counts))
    return Withholding([(MONTHS[0], {name: counts.get(name, Counts()) for name in names})])


def times(number: int) -> Counts:
    return Counts(bins=(number,))


def test_the_attack_that_subtracts_categories_from_all_responses_learns_nothing() -> None:
    """100 responses, 60 of category 2 and 37 of category 3 would tell three of category 1."""
    told = month_of(response_time=times(100), response_c1=times(3), response_c2=times(60), response_c3=times(37))
    assert not told.hides_fraction("response_time")
    assert [told.hides_fraction(f"response_c{number}") for number in (1, 2, 3)] == [True, True, True]
    apart = month_of(response_time=times(100), response_c1=times(13), response_c2=times(50), response_c3=times(37))
    assert [apart.hides_fraction(f"response_c{number}") for number in (1, 2, 3, 4)] == [False] * 4


def test_the_attack_on_calls_without_a_category_learns_nothing() -> None:
    told = month_of(response_time=times(100), response_c2=times(60), response_c3=times(37))
    assert told.hides_fraction("response_c2")


def test_the_attack_that_counts_cases_by_another_indicator_learns_nothing() -> None:
    """80 transports, all known, and 77 handovers with a time would tell three without one."""
    holder, inner = Counts(met=40, not_met=40), Counts(unknown=3, bins=(77,))
    assert month_of(no_lights_sirens=holder, handover_time=inner).of("handover_time") == (True, True, True)
    many = Counts(unknown=13, bins=(67,))
    assert month_of(no_lights_sirens=holder, handover_time=many).of("handover_time") == NOTHING_WITHHELD


def test_the_attack_on_two_indicators_of_one_population_learns_nothing() -> None:
    """42 suspected strokes, and 40 that were assessed, would tell two that were excluded."""
    told = month_of(
        stroke_lkw=Counts(met=20, not_met=22), stroke_diagnostic_bundle=Counts(met=20, not_met=20, excluded=2)
    )
    assert told.of("stroke_diagnostic_bundle") == (True, True, True)


def test_the_attack_on_arrests_without_a_known_outcome_learns_nothing() -> None:
    """32 medical arrests, and 30 whose outcome is known, would tell two without."""
    told = month_of(
        rosc_survival=Counts(met=10, not_met=20, excluded=6, unknown=2), bystander_cpr=Counts(met=16, not_met=16)
    )
    assert told.of("bystander_cpr") == (True, True, True)


def test_indicators_of_one_population_are_withheld_together() -> None:
    cases: dict[str, set[int]] = {one.name: set() for one in INDICATORS}
    for number, encounter in enumerate(population.encounters()):
        for name in outcomes_of(judgements(population.facts(encounter))):
            cases[name].add(number)
    for one, other in combinations(INDICATORS, 2):
        if cases[one.name] and cases[one.name] == cases[other.name]:
            assert {*holders(one)} & {*holders(other)}, f"{one.name} and {other.name}"


def holders(one: Indicator) -> Iterator[str]:
    """The indicator, and those that hold its cases."""
    yield one.name
    if one.within is not None:
        yield from holders(BY_NAME[one.within])


def test_lists_of_shown_counts_would_tell_a_withheld_one() -> None:
    """Why no encounters are listed where counts are withheld: an attacker who has lists of shown counts finds a small one in both.

    Two of the comparator group survived, which is withheld. The group's list and that of all survivors, both of shown counts, have them.
    """
    survivors = {*range(8)}
    comparator = {*range(6, 24)}
    told = month_of(
        rosc_survival=Counts(met=len(survivors), not_met=60),
        rosc_utstein=Counts(met=9, not_met=len(comparator) - 9),
        survival_utstein=Counts(met=len(survivors & comparator), not_met=len(comparator - survivors)),
    )
    assert not told.hides_fraction("rosc_survival")
    assert not told.hides_fraction("rosc_utstein")
    assert told.hides_fraction("survival_utstein")
    assert len(survivors & comparator) == 2


def test_an_indicator_is_withheld_with_the_one_that_holds_its_cases() -> None:
    holder, inner = Counts(met=40, not_met=37, unknown=3), Counts(unknown=20, bins=(60,))
    told = month_of(
        no_lights_sirens=holder, handover_time=inner, handover_within_15=Counts(met=30, not_met=30, unknown=20)
    )
    assert told.of("no_lights_sirens") == (False, False, True)
    assert told.of("handover_time") == told.of("handover_within_15") == (True, True, True)


def test_every_indicator_that_shares_cases_names_one_that_exists_and_none_names_itself() -> None:
    for one in INDICATORS:
        for other in (one.within, one.part_of):
            assert other is None or (other in BY_NAME and other != one.name)
        assert one.within is None or one.part_of is None
    assert {whole for whole, parts in PARTS.items() if parts} == {WHOLE}


@pytest.mark.parametrize("name", [one.name for one in INDICATORS])
def test_whoever_is_asked_for_brings_those_by_whom_it_is_withheld(name: str) -> None:
    names = related([name])
    assert len(names) == len(set(names))
    for one in names:
        indicator = BY_NAME[one]
        assert {indicator.within, indicator.part_of} - {None} <= set(names)
        if indicator.part_of:
            assert {part.name for part in PARTS[indicator.part_of]} <= set(names)


def test_the_months_of_the_attacks_are_a_year() -> None:
    assert [next_month(month) for month in MONTHS[:-1]] == MONTHS[1:]
    assert Cell(3, 3).is_small

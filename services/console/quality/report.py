"""An indicator as the pages show it: its definition, its figures of a period and of the one before, and its trend."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from services.console.quality import comparing
from services.console.quality.chart import Chart, Month, chart
from services.console.quality.comparing import Change, Counted, Verdict


class Definition(msgspec.Struct, frozen=True):
    """An entry of the catalogue that the docs host publishes in each language."""

    name: str
    group: str
    version: str
    description: str
    inclusion: str
    exclusion: str
    differs: str
    unit: str
    improves: str
    source: str


class Catalogue(msgspec.Struct, frozen=True):
    language: str
    indicators: list[Definition]


class Point(msgspec.Struct, frozen=True, rename="camel"):
    period_start: datetime
    numerator: int | None
    denominator: int | None
    value: float | None


class Metric(msgspec.Struct, frozen=True, rename="camel"):
    """An indicator as GraphQL answers it (`AcqiMetric`)."""

    name: str
    description: str
    definition_version: str
    unit: str
    value: float | None
    numerator: int | None
    denominator: int | None
    excluded: int | None
    unknown: int | None
    ci95_low: float | None = msgspec.field(name="ci95Low")
    ci95_high: float | None = msgspec.field(name="ci95High")
    p90: float | None = None
    suppressed: bool = False
    sparkline: Sequence[Point] = ()


class Answered(msgspec.Struct, frozen=True, rename="camel"):
    acqi_metrics: list[Metric]


GROUPS = ("arrests", "heart_and_brain", "breathing_and_drugs", "injuries", "system", "hospital", "other")


class Row(NamedTuple):
    """One indicator of a report. `change` is of a share and `minutes` of a time."""

    definition: Definition
    metric: Metric
    before: Metric | None
    change: Change | None
    minutes: float | None
    verdict: Verdict
    months: Sequence[Month]
    trend: Chart | None

    @property
    def is_share(self) -> bool:
        return self.metric.unit == "1"

    @property
    def has_cases(self) -> bool:
        return bool(self.metric.denominator) or self.metric.suppressed


def rows(metrics: Sequence[Metric], before: Sequence[Metric], definitions: Mapping[str, Definition]) -> list[Row]:
    """In the order of `metrics`. An indicator that the catalogue does not know is shown with the API's own description."""
    earlier = {metric.name: metric for metric in before}
    return [_row(metric, earlier.get(metric.name), definitions.get(metric.name)) for metric in metrics]


def _row(metric: Metric, before: Metric | None, definition: Definition | None) -> Row:
    is_share = metric.unit == "1"
    change, minutes, verdict = None, None, "none"
    if is_share and before:
        change = comparing.of_shares(_counted(metric), _counted(before))
        verdict = comparing.verdict(change, definition.improves if definition else "increase")
    elif before:
        minutes = comparing.of_times(metric.value, before.value)
        verdict = "none" if minutes is None else "same" if round(minutes, 1) == 0 else "more" if minutes > 0 else "less"
    months = [
        Month(point.period_start.date(), point.numerator, point.denominator, point.value) for point in metric.sparkline
    ]
    trend = chart(months, is_share=is_share) if months else None
    if definition is None:
        version, text = metric.definition_version, metric.description
        definition = Definition(metric.name, "other", version, text, "", "", "", metric.unit, "increase", "")
    return Row(definition, metric, before, change, minutes, verdict, months, trend)


def _counted(metric: Metric) -> Counted:
    return Counted(metric.numerator, metric.denominator)


def matching(found: Sequence[Row], words: str) -> list[Row]:
    """Those whose name or definition has every one of the words."""
    wanted = words.casefold().split()
    texts = [
        " ".join((one.name, one.description, one.inclusion, one.source)) for one in (row.definition for row in found)
    ]
    return [row for row, text in zip(found, texts, strict=True) if all(word in text.casefold() for word in wanted)]


def by_group(found: Sequence[Row]) -> dict[str, list[Row]]:
    """By field of care. Indicators without any case in either period come last within it."""
    groups: dict[str, list[Row]] = {}
    for group in GROUPS:
        inside = [
            row for row in found if (row.definition.group if row.definition.group in GROUPS else "other") == group
        ]
        if inside:
            groups[group] = sorted(inside, key=lambda row: not row.has_cases)
    return groups

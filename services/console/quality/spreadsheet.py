"""The figures of a report as CSV for a spreadsheet: one row for each period and indicator."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from services.console.quality.chart import Month, wilson
from services.console.quality.periods import Period
from services.console.quality.report import Metric, Row
from shared.web import spreadsheets

COLUMNS = (
    *("from", "to", "indicator", "definition_version", "description", "unit", "numerator", "denominator", "value"),
    *("ci95_low", "ci95_high", "p90", "excluded", "unknown", "suppressed"),
)


def written(rows: Sequence[Row], period: Period, against: Period, language: str) -> str:
    """The period, the one it is compared with, and each month of the trend."""
    lines = (values for row in rows for values in _lines(row, period, against))
    return spreadsheets.written(COLUMNS, lines, language)


def _lines(row: Row, period: Period, against: Period) -> Iterator[Sequence[object]]:
    yield _whole(row, row.metric, period)
    if row.before is not None:
        yield _whole(row, row.before, against)
    for month in row.months:
        yield _month(row, month)


def _whole(row: Row, metric: Metric, period: Period) -> Sequence[object]:
    return (
        *(period.start, period.end - timedelta(days=1), metric.name, metric.definition_version),
        *(row.definition.description, metric.unit, metric.numerator, metric.denominator, metric.value),
        *(metric.ci95_low, metric.ci95_high, metric.p90, metric.excluded, metric.unknown, metric.suppressed),
    )


def _month(row: Row, month: Month) -> Sequence[object]:
    interval: tuple[float | None, float | None] = (None, None)
    if row.is_share and month.denominator and month.numerator is not None:
        interval = wilson(month.numerator, month.denominator)
    last = (month.start.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return (
        *(month.start, last, row.metric.name, row.metric.definition_version, row.definition.description),
        *(row.metric.unit, month.numerator, month.denominator, month.value, *interval, None, None, None),
        month.suppressed,
    )

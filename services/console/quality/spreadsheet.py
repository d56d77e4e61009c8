"""The figures of a report as CSV for a spreadsheet: one row for each period and indicator, with a byte order mark.

In Italian, columns are separated by semicolons and decimals by commas, as a spreadsheet set to Italian reads them.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import timedelta

from services.console.quality.chart import Month, wilson
from services.console.quality.periods import Period
from services.console.quality.report import Metric, Row

COLUMNS = (
    *("from", "to", "indicator", "definition_version", "description", "unit", "numerator", "denominator", "value"),
    *("ci95_low", "ci95_high", "p90", "excluded", "unknown", "suppressed"),
)
MARK = "\ufeff"


def written(rows: Sequence[Row], period: Period, against: Period, language: str) -> str:
    """The period, the one it is compared with, and each month of the trend."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";" if language == "it" else ",", lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        for values in _lines(row, period, against):
            writer.writerow([_cell(value, language) for value in values])
    return MARK + text.getvalue()


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


def _cell(value: object, language: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        text = f"{value:.6g}"
        return text.replace(".", ",") if language == "it" else text
    return str(value)

"""The files of a report: its indicators as CSV in each language, and as a FHIR batch of MeasureReports. Pure."""

import gzip
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from services.graphql_api.acqi import measure_reports
from services.graphql_api.acqi.descriptions import Language, described
from services.graphql_api.acqi.report import Days, Metric
from shared.web import http, spreadsheets

COLUMNS = (
    *("from", "to", "indicator", "definition_version", "description", "unit", "numerator", "denominator", "value"),
    *("ci95_low", "ci95_high", "mean", "p90", "excluded", "unknown", "suppressed", "sandbox"),
)


class Files(NamedTuple):
    """Each is compressed (gzip)."""

    csv_en: bytes
    csv_it: bytes
    fhir: bytes


def files(tenant_id: str, days: Days, metrics: Sequence[Metric], now: datetime, *, sandbox: bool) -> Files:
    batch = measure_reports.batch(tenant_id, days, metrics, now, test=sandbox)
    texts = [table(days, metrics, language, sandbox=sandbox).encode() for language in ("en", "it")]
    return Files(*(gzip.compress(body, mtime=0) for body in (*texts, http.encode(batch))))


def table(days: Days, metrics: Sequence[Metric], language: Language, *, sandbox: bool) -> str:
    """One row for each indicator. A withheld figure is an empty cell."""

    def rows() -> Iterator[Sequence[object]]:
        last = days.end - timedelta(days=1)
        for one in metrics:
            description = described(one.description, language)
            yield (
                *(days.start, last, one.name, one.definition_version, description, one.unit),
                *(one.numerator, one.denominator, one.value, one.ci95_low, one.ci95_high, one.mean, one.p90),
                *(one.excluded, one.unknown, one.suppressed, sandbox),
            )

    return spreadsheets.written(COLUMNS, rows(), language)

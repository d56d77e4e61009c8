"""Metrics as FHIR R4 MeasureReports (`MeasureReport`, type `summary`) in a batch that a FHIR server may execute again and again. Pure.

The resource and its batch are those of IHE QORE, without its `evaluatedResource`: a summary names no record.
"""

import html
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from services.graphql_api.acqi.indicators import BY_NAME
from services.graphql_api.acqi.measures import canonical, concept, improvement
from services.graphql_api.acqi.report import Days, Metric

Json = dict[str, Any]
REPORTS = "https://knogin.com/fhir/measure-reports"
ORGANIZATIONS = "https://knogin.com/fhir/organizations"
UCUM = "http://unitsofmeasure.org"
MASKED = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}],
}
TEST: Json = {
    "meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}]},
}
DIGITS = 6


def batch(tenant_id: str, days: Days, metrics: Sequence[Metric], now: datetime, *, test: bool) -> Json:
    """One MeasureReport for each metric. A repeated batch replaces the reports of the same days, by their identifiers.

    `test` marks those of a sandbox (`HTEST`).
    """
    entries: list[Json] = []
    for one in metrics:
        report = _report(tenant_id, days, one, now)
        (own,) = report["identifier"]
        token = f"{own['system']}|{own['value']}"
        entries.append(
            {
                "fullUrl": uuid.uuid5(uuid.NAMESPACE_URL, token).urn,
                "resource": report | TEST if test else report,
                "request": {"method": "PUT", "url": f"MeasureReport?identifier={quote(token, safe='')}"},
            }
        )
    return {"resourceType": "Bundle", "type": "batch", "timestamp": _instant(now), "entry": entries}


def _report(tenant_id: str, days: Days, one: Metric, now: datetime) -> Json:
    indicator = BY_NAME[one.name]
    last = days.end - timedelta(days=1)
    value = ":".join((tenant_id, one.name, days.start.isoformat(), last.isoformat()))
    return {
        "resourceType": "MeasureReport",
        "text": {"status": "generated", "div": _narrative(one)},
        "identifier": [{"system": REPORTS, "value": value}],
        "status": "complete",
        "type": "summary",
        "measure": canonical(indicator),
        "date": _instant(now),
        "reporter": {"identifier": {"system": ORGANIZATIONS, "value": tenant_id}},
        "period": {"start": days.start.isoformat(), "end": last.isoformat()},
        "improvementNotation": improvement(indicator),
        "group": _times(one) if indicator.is_time else [_share(one)],
    }


def _share(one: Metric) -> Json:
    counts = {
        "initial-population": _everyone(one),
        "denominator-exclusion": one.excluded,
        "denominator": one.denominator,
        "numerator": one.numerator,
    }
    return {"population": _populations(counts)} | _score(one, one.value, "1")


def _times(one: Metric) -> list[Json]:
    """Median, mean and 90th percentile, each a group of its own; the first has the populations."""
    counts = {
        "initial-population": _everyone(one),
        "measure-population-exclusion": one.excluded,
        "measure-population": one.denominator,
    }
    median = {"code": concept("observation-statistics", "median"), "population": _populations(counts)}
    mean, p90 = {"code": concept("observation-statistics", "average")}, {"code": {"text": "90th percentile"}}
    return [
        median | _score(one, one.value, "min"),
        mean | _score(one, one.mean, "min"),
        p90 | _score(one, one.p90, "min"),
    ]


def _everyone(one: Metric) -> int | None:
    """None where a part is withheld, which would follow from the whole."""
    if one.denominator is None or one.excluded is None or one.unknown is None:
        return None
    return one.denominator + one.excluded + one.unknown


def _populations(counts: dict[str, int | None]) -> list[Json]:
    return [
        {"code": concept("measure-population", code)} | ({"_count": MASKED} if count is None else {"count": count})
        for code, count in counts.items()
    ]


def _score(one: Metric, value: float | None, unit: str) -> Json:
    """No score without cases."""
    if one.suppressed:
        return {"measureScore": MASKED}
    if value is None:
        return {}
    return {"measureScore": {"value": round(value, DIGITS), "unit": unit, "system": UCUM, "code": unit}}


def _narrative(one: Metric) -> str:
    if one.suppressed:
        figures = "withheld, since a small count would follow"
    elif one.value is None:
        figures = "no cases"
    elif one.unit == "min":
        figures = f"median {one.value:.1f} min of {one.denominator} cases"
    else:
        figures = f"{one.numerator} of {one.denominator} cases"
    return (
        f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{html.escape(one.description)} {html.escape(figures)}</p></div>'
    )


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")

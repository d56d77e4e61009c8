"""Reads indicators and their definitions from the platform."""

import time
from datetime import date

from services.console.pages import graphql
from services.console.pages.visit import Loaded, Visit
from services.console.quality.periods import Period
from services.console.quality.report import Answered, Catalogue, Definition, Metric
from services.console.upstream.errors import UpstreamFailure

DOCUMENT = graphql.document(__file__, "AcqiReport")
DEFINITIONS_SECONDS = 600

_definitions: dict[str, tuple[float, dict[str, Definition]]] = {}


async def metrics(visit: Visit, period: Period, names: list[str] | None = None) -> Loaded[list[Metric]]:
    """The indicators of a period, each with the twelve months that end with it, as a part of a page."""
    variables = {"from": _start(period.start), "to": _start(period.end), "names": names}
    read = await graphql.load(visit, DOCUMENT, Answered, **variables)
    return Loaded(None, read.failure) if read.failure else Loaded(read.value.acqi_metrics)


async def definitions(visit: Visit) -> dict[str, Definition]:
    """By name, in the visit's language. Empty if the documentation does not answer: figures are shown without it."""
    language = visit.t.language
    at, known = _definitions.get(language, (0.0, {}))
    if known and time.monotonic() < at + DEFINITIONS_SECONDS:
        return known
    try:
        catalogue = await visit.documentation(f"/api/docs/{language}/catalogues/indicators.json", Catalogue)
    except UpstreamFailure:
        return known
    found = {one.name: one for one in catalogue.indicators}
    _definitions[language] = (time.monotonic(), found)
    return found


def _start(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"

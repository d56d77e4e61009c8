"""Reads indicators and their definitions from the platform."""

import time
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from services.console.pages.visit import Failure, Loaded, Visit
from services.console.quality.periods import Period
from services.console.quality.report import Answered, Catalogue, Definition, Metric
from services.console.upstream.errors import Refused, UpstreamFailure

DOCUMENT = (Path(__file__).parent / "AcqiReport.graphql").read_text()
DEFINITIONS_SECONDS = 600


class GraphqlError(msgspec.Struct, frozen=True):
    message: str
    extensions: dict[str, Any] = {}


class GraphqlAnswer(msgspec.Struct, frozen=True):
    data: Answered | None = None
    errors: list[GraphqlError] = []


_definitions: dict[str, tuple[float, dict[str, Definition]]] = {}


async def metrics(visit: Visit, period: Period, names: list[str] | None = None) -> Loaded[list[Metric]]:
    """The indicators of a period, each with the twelve months that end with it, as a part of a page."""
    variables = {"from": _start(period.start), "to": _start(period.end), "names": names}
    try:
        answer = await visit.send("POST", "/graphql", {"query": DOCUMENT, "variables": variables})
        read = answer.read(GraphqlAnswer)
        if read.data is None:
            first = read.errors[0] if read.errors else GraphqlError("")
            status = 403 if first.extensions.get("code") == "FORBIDDEN" else 400
            raise Refused(status, str(first.extensions.get("code", "")), first.message, answer.trace_id)
    except UpstreamFailure as error:
        return Loaded(None, Failure(error))
    return Loaded(read.data.acqi_metrics)


async def definitions(visit: Visit) -> dict[str, Definition]:
    """By name, in the visit's language. Empty if the documentation does not answer: figures are shown without it."""
    language = visit.t.language
    at, known = _definitions.get(language, (0.0, {}))
    if known and time.monotonic() < at + DEFINITIONS_SECONDS:
        return known
    try:
        catalogue = await visit.get(f"/api/docs/{language}/catalogues/indicators.json", Catalogue)
    except UpstreamFailure:
        return known
    found = {one.name: one for one in catalogue.indicators}
    _definitions[language] = (time.monotonic(), found)
    return found


def _start(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"

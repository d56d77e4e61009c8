"""The pages of the audit trail: the list, one entry, the check of the chain, and exports."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import Response

from services.console.audit.merging import OF_SERVICE, SHOWN, Merged, folded, merged
from services.console.audit.models import FILTERS, SERVICES, Entries, SealedEntry, Verification
from services.console.pages.downloads import Download
from services.console.pages.visit import Fault, Loaded, Visit

TRAIL = "/v1/audit/{service}"
TRACE = re.compile(r"[0-9a-f]{32}")
DAY = timedelta(days=1)
LONGEST = 256
NAMES = ("subject_id", "actor")
"""Others gave them, and may have begun them with a space."""


async def entries(visit: Visit) -> Response:
    service, query, faults = _asked(visit)
    parts: dict[str, Loaded[Entries]] = {}
    if not faults:
        before = visit.query("before")
        limits = {
            "limit": SHOWN if service else OF_SERVICE,
            "cursor": visit.cursor() if service else "",
        }
        wanted = query if service or not before else query | {"until": before}
        names = (service,) if service else SERVICES
        loads = (visit.load(visit.path_of(TRAIL, service=name), Entries, **wanted, **limits) for name in names)
        parts = dict(zip(names, await visit.together(*loads), strict=True))
    found = {name: part.value for name, part in parts.items() if part.failure is None}
    for name, of_service in found.items():
        for one in of_service.entries:
            one.service = name
    listed = Merged(found[service].entries, None, []) if service in found else merged(found)
    kept = _chosen(visit)
    return visit.page(
        "audit/entries.html",
        status=422 if faults else 200,
        faults=faults,
        listed=listed,
        lines=listed.entries if query["trace_id"] else folded(listed.entries),
        next_cursor=found[service].next_cursor if service in found else None,
        failed={name: part.failure for name, part in parts.items() if part.failure is not None},
        services=_services(visit),
        query=kept | {"cursor": visit.cursor()},
        kept=kept,
        is_filtered=any(kept.values()),
    )


async def entry(visit: Visit) -> Response:
    path = visit.path_of(TRAIL + "/{id}", service=visit.ids["service"], id=visit.ids["id"])
    one = await visit.get(path, SealedEntry)
    detail = json.dumps(one.detail, indent=2, ensure_ascii=False) if one.detail else ""
    return visit.page("audit/entry.html", one=one, service=visit.ids["service"], detail=detail)


async def check(visit: Visit) -> Response:
    loads = (visit.load(visit.path_of(TRAIL + "/verification", service=name), Verification) for name in SERVICES)
    parts: dict[str, Loaded[Verification]] = dict(zip(SERVICES, await visit.together(*loads), strict=True))
    all_hold = all(part.failure is None and part.value.state == "holds" for part in parts.values())
    return visit.page("audit/check.html", parts=parts, all_hold=all_hold)


async def export(visit: Visit) -> Response:
    now = datetime.now(UTC)
    chosen = _chosen(visit)
    chosen["service"] = chosen["service"] or SERVICES[0]
    chosen["from"] = chosen["from"] or f"{now - 30 * DAY:%Y-%m-%d}"
    return visit.page("audit/export.html", chosen=chosen, services=_services(visit)[1:])


async def file(visit: Visit) -> Response:
    """A day that is no date, or no service, is a fault that the form shows."""
    service, query, faults = _asked(visit)
    if not service or "since" not in query or faults:
        chosen = _chosen(visit)
        missing = faults or [Fault("from", visit.t("period_missing"))]
        return visit.page(
            "audit/export.html", status=422, chosen=chosen, services=_services(visit)[1:], faults=missing,
            title=visit.t("title.export"),
        )  # fmt: skip
    name = f"audit-{service}-{visit.query('from')}.ndjson"
    return Download(visit, visit.path_of(TRAIL + "/export", service=service), query, name, "application/x-ndjson")


async def keys(visit: Visit) -> Response:
    service = visit.query("service", SERVICES) or SERVICES[0]
    path = visit.path_of(TRAIL + "/keys", service=service)
    return Download(visit, path, {}, f"audit-{service}-keys.json", "application/json")


def _services(visit: Visit) -> list[tuple[str, str]]:
    return [("", visit.t("all_services")), *((name, visit.t(f"service.{name}")) for name in SERVICES)]


def _chosen(visit: Visit) -> dict[str, str]:
    """The fields of the filter as they were entered."""
    texts = {name: visit.query(name, most=LONGEST, exact=name in NAMES) for name in FILTERS}
    return {"service": visit.query("service", SERVICES)} | texts | {name: visit.query(name) for name in ("from", "to")}


def _asked(visit: Visit) -> tuple[str, dict[str, Any], list[Fault]]:
    """The service ("" for all), the parameters of the calls, and faults. The period is whole days in UTC, both included."""
    query: dict[str, Any] = {name: visit.query(name, most=LONGEST, exact=name in NAMES) for name in FILTERS}
    faults: list[Fault] = []
    for name, parameter, more in (("from", "since", timedelta()), ("to", "until", DAY)):
        if day := visit.query(name):
            try:
                query[parameter] = f"{datetime.strptime(day, '%Y-%m-%d').replace(tzinfo=UTC) + more:%Y-%m-%dT%H:%M:%SZ}"
            except (ValueError, OverflowError):
                faults.append(Fault(name, visit.t("no_day")))
    if query["trace_id"] and not TRACE.fullmatch(query["trace_id"]):
        faults.append(Fault("trace_id", visit.t("no_trace")))
    return visit.query("service", SERVICES), query, faults

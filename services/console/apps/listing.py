"""The list of apps, one app, and its refused calls."""

from collections.abc import Sequence
from typing import NamedTuple

from starlette.responses import Response

from services.console.apps import decisions, guide, timeline
from services.console.apps.models import App, Apps, Catalogue, Refusals, RefusedCalls
from services.console.pages.visit import Visit

APPS = "/v1/platform/apps"
APP = APPS + "/{client_id}"
SCOPES = "/v1/platform/scopes"
PER_PAGE = 25


async def read(visit: Visit) -> App:
    """The app of the page's address. Raises Refused: 404 for another organisation's."""
    return await visit.get(path(visit), App)


def path(visit: Visit, rest: str = "", **ids: str) -> str:
    return visit.path_of(APP + rest, client_id=visit.ids["client_id"], **ids)


def reason_of(visit: Visit) -> dict[str, str]:
    """The reason of a change, if the form has one."""
    reason = visit.form("reason")
    return {"reason": reason} if reason else {}


async def list_apps(visit: Visit) -> Response:
    query = {"status": visit.query("status", ("active", "disabled")), "cursor": visit.cursor()}
    apps = await visit.load(APPS, Apps, usage="true", limit=PER_PAGE, **query)
    return visit.page("apps/list.html", apps=apps, query=query)


async def read_app(visit: Visit) -> Response:
    app = await read(visit)
    refusals, decided, catalogue = await visit.together(
        visit.load(path(visit, "/refusals"), Refusals), decisions.of(visit, app), visit.load(SCOPES, Catalogue)
    )
    granted = [] if catalogue.failure is not None else catalogue.value.graphql_bundles
    return visit.page(
        "apps/one.html",
        title=app.name,
        app=app,
        refusals=refusals,
        lacking=guide.lacking(app.requested_scopes, app.governance.graphql_bundles, granted),
        decided=decided,
        folded_after=decisions.SHOWN,
        calls=[] if refusals.failure is not None else by_reason(refusals.value.calls),
        line=timeline.line_of(app.secrets),
        old_may_end=timeline.old_may_end(app.secrets),
    )


async def list_refusals(visit: Visit) -> Response:
    app, refusals = await visit.together(read(visit), visit.load(path(visit, "/refusals"), Refusals))
    calls = [] if refusals.failure is not None else by_reason(refusals.value.calls)
    return visit.page("apps/refusals.html", app=app, refusals=refusals, calls=calls)


class Group(NamedTuple):
    """Refused calls of one reason, which one act repairs; `scope` is the missing one."""

    status: int
    reason: str
    scope: str
    calls: list[RefusedCalls]

    @property
    def number(self) -> int:
        return sum(one.count for one in self.calls)


def by_reason(calls: Sequence[RefusedCalls]) -> list[Group]:
    """In the order of `calls`, which has the newest first."""
    groups: dict[tuple[int, str, str], Group] = {}
    for one in calls:
        key = one.status, one.reason, one.scope
        groups.setdefault(key, Group(*key, [])).calls.append(one)
    return list(groups.values())

"""The list of apps, one app, and its refused calls."""

from starlette.responses import Response

from services.console.apps import timeline
from services.console.apps.models import App, Apps, Refusals
from services.console.pages.visit import Visit

APPS = "/v1/platform/apps"
APP = APPS + "/{client_id}"
PER_PAGE = 25


async def read(visit: Visit) -> App:
    """The app of the page's address. Raises Refused: 404 for another organisation's."""
    return await visit.get(path(visit), App)


def path(visit: Visit, rest: str = "", **ids: str) -> str:
    return visit.path_of(APP + rest, client_id=visit.ids["client_id"], **ids)


async def list_apps(visit: Visit) -> Response:
    query = {"status": visit.query("status", ("active", "disabled")), "cursor": visit.query("cursor", most=400)}
    apps = await visit.load(APPS, Apps, usage="true", limit=PER_PAGE, **query)
    return visit.page("apps/list.html", apps=apps, query=query)


async def read_app(visit: Visit) -> Response:
    app = await read(visit)
    refusals = await visit.load(path(visit, "/refusals"), Refusals)
    return visit.page(
        "apps/one.html",
        title=app.name,
        app=app,
        refusals=refusals,
        line=timeline.line_of(app.secrets),
        old_may_end=timeline.old_may_end(app.secrets),
    )


async def list_refusals(visit: Visit) -> Response:
    app, refusals = await visit.together(read(visit), visit.load(path(visit, "/refusals"), Refusals))
    return visit.page("apps/refusals.html", app=app, refusals=refusals)

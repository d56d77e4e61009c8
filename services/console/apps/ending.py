"""Disabling, enabling and deleting an app. The page counts the things that stop, and then asks."""

from starlette.responses import Response

from services.console.apps import listing
from services.console.apps.models import Dependents
from services.console.apps.portal import administration
from services.console.pages.visit import Visit


async def _ask(visit: Visit, act: str) -> Response:
    app, counts = await visit.together(listing.read(visit), visit.load(listing.path(visit, "/dependents"), Dependents))
    links = await administration.ending_with_app(visit, app.client_id)
    return visit.page("apps/end.html", app=app, counts=counts, act=act, links=links)


async def ask_disable(visit: Visit) -> Response:
    return await _ask(visit, "disable")


async def ask_delete(visit: Visit) -> Response:
    return await _ask(visit, "delete")


async def ask_enable(visit: Visit) -> Response:
    return visit.page("apps/enable.html", app=await listing.read(visit))


async def disable(visit: Visit) -> Response:
    await visit.send("POST", listing.path(visit, "/disable"))
    return visit.redirect(f"/apps/{visit.ids['client_id']}", done="disabled")


async def enable(visit: Visit) -> Response:
    await visit.send("POST", listing.path(visit, "/enable"))
    return visit.redirect(f"/apps/{visit.ids['client_id']}", done="enabled")


async def delete(visit: Visit) -> Response:
    await visit.send("DELETE", listing.path(visit))
    return visit.redirect("/apps", done="deleted")

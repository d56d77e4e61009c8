"""All routes of the console: the pages of the registry, signing in and out, preferences, and its own files."""

from services.console.apps.portal import opening as portal
from services.console.pages import registry, serve, static
from services.console.session import endpoints as session
from shared.web.routing import Unlisted


def unlisted() -> list[Unlisted]:
    """Pages are outside the contract: they are for people."""
    routes = [
        Unlisted("GET", "/sign-in", session.sign_in),
        Unlisted("GET", "/sign-in/done", session.signed_in),
        Unlisted("POST", "/sign-out", serve.acting(None, None, session.sign_out, session.signed_out_before)),
        Unlisted("GET", "/signed-out", session.signed_out_page),
        Unlisted("POST", "/preferences", serve.acting(None, None, session.change_preferences)),
        Unlisted("GET", "/portal", portal.ask),
        Unlisted("POST", "/portal", portal.open_link),
        Unlisted("GET", "/static/{name}", static.asset),
        Unlisted("GET", "/robots.txt", static.robots),
    ]
    for entry in registry.entries():
        if entry.page.read is not None:
            routes.append(Unlisted("GET", entry.page.path, serve.reading(entry, entry.page.read)))
        if entry.page.act is not None:
            routes.append(Unlisted("POST", entry.page.path, serve.acting(entry, entry.page.act)))
    return routes


UNLISTED = unlisted()

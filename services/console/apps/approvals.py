"""The events and bundles that an app is approved for: a page shows the events that begin and those that end, and then saves."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from starlette.responses import Response

from services.console.apps import listing
from services.console.apps.listing import SCOPES
from services.console.apps.models import App, Catalogue
from services.console.pages.visit import Fault, Visit
from services.console.upstream.errors import Refused
from shared.messaging import event_types

FIELDS = {"approved_events": "events", "graphql_bundles": "bundles", "deidentification": "events"}


class Choice(NamedTuple):
    """An event type, or a pattern such as `incident.*`, with its sentence."""

    value: str
    text: str


def groups(language: str) -> dict[str, list[Choice]]:
    """The event types by the first part of their names, in the language of the page."""
    found: dict[str, list[Choice]] = {}
    for name, kind in event_types.catalogue().items():
        text = kind.description if language == "en" else kind.italian.get(kind.description, kind.description)
        found.setdefault(name.partition(".")[0], []).append(Choice(name, text))
    return found


def approved(patterns: Iterable[str], types: Iterable[str]) -> set[str]:
    """The types that the patterns approve."""
    chosen = list(patterns)
    return {
        one
        for one in types
        if any(one == each or (each.endswith(".*") and one.startswith(each[:-1])) for each in chosen)
    }


async def ask(visit: Visit) -> Response:
    app, catalogue = await visit.together(listing.read(visit), visit.get(SCOPES, Catalogue))
    return _form(visit, app, catalogue, app.governance.approved_events, app.governance.graphql_bundles, [])


def _form(
    visit: Visit, app: App, catalogue: Catalogue, events: list[str], bundles: list[str], faults: list[Fault]
) -> Response:
    known = sorted({*catalogue.graphql_bundles, *app.governance.graphql_bundles})
    context = {"app": app, "groups": groups(visit.t.language), "known": known, "faults": faults}
    return visit.page("apps/approvals.html", status=422 if faults else 200, events=events, bundles=bundles, **context)


async def change(visit: Visit) -> Response:
    app = await listing.read(visit)
    events, bundles = visit.form.every("events"), visit.form.every("bundles")
    types = list(event_types.catalogue())
    before, after = approved(app.governance.approved_events, types), approved(events, types)
    had, get = set(app.governance.graphql_bundles), set(bundles)
    body = {"approved_events": events, "graphql_bundles": bundles}
    try:
        if not visit.form("confirmed"):
            await visit.send("PATCH", listing.path(visit, "/governance"), body, dry_run="true")
            begins, ends = [*sorted(after - before), *sorted(get - had)], [*sorted(before - after), *sorted(had - get)]
            sentences = {
                one.value: f"{one.text} ({one.value})" for group in groups(visit.t.language).values() for one in group
            }
            words = sentences | {one: f"{visit.t.word('bundle', one)} ({one})" for one in had | get}
            context: dict[str, Any] = {
                "events": events,
                "bundles": bundles,
                "begins": begins,
                "ends": ends,
                "words": words,
            }
            return visit.page("apps/approvals_tried.html", app=app, **context)
        await visit.send("PATCH", listing.path(visit, "/governance"), body | listing.reason_of(visit))
    except Refused as refused:
        if refused.status != 422:
            raise
        catalogue = await visit.get(SCOPES, Catalogue)
        return _form(visit, app, catalogue, events, bundles, visit.faults(refused, **FIELDS))
    return visit.redirect(f"/apps/{app.client_id}", done="approvals_changed")

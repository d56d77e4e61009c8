"""A new app: its purposes and its kind, then its scopes in plain words, addresses and credentials. And changing one."""

from typing import Any

from starlette.responses import Response

from services.console.apps import guide, listing, once
from services.console.apps.listing import SCOPES
from services.console.apps.models import App, Catalogue, RegisteredApp
from services.console.apps.once import Shown, Value
from services.console.pages import links
from services.console.pages.visit import Fault, Visit
from services.console.upstream.errors import Refused

FIELDS = {"requested_scopes": "scopes", "token_endpoint_auth_method": "auth", "grant_types": ""}
MOST_SCOPES = 50


async def begin(visit: Visit) -> Response:
    """The first step, and with `kind` in the address the second."""
    catalogue = await visit.get(SCOPES, Catalogue)
    asked = visit.request.query_params
    name, purposes = asked.get("name", "").strip()[:120], asked.getlist("do")[:MOST_SCOPES]
    if "kind" not in asked:
        return _first(visit, catalogue, name, purposes, "server", [])
    faults = [] if name else [Fault("name", visit.t("needs_name"))]
    if faults:
        return _first(visit, catalogue, name, purposes, asked["kind"], faults)
    kind = guide.kind_of(asked["kind"])
    chosen = guide.scopes_for(purposes, kind)
    values = {"name": name, "scopes": chosen, "redirect_uris": "", "auth": "secret", "jwks": ""}
    return _second(visit, catalogue, kind, values, [])


def _first(
    visit: Visit, catalogue: Catalogue, name: str, purposes: list[str], kind: str, faults: list[Fault]
) -> Response:
    possible = guide.possible(catalogue.names)
    context = {"name": name, "purposes": purposes, "kind": guide.kind_of(kind).name, "faults": faults}
    status = 422 if faults else 200
    return visit.page("apps/new.html", status=status, possible=possible, kinds=guide.KINDS, **context)


def _second(
    visit: Visit, catalogue: Catalogue, kind: guide.Kind, values: dict[str, Any], faults: list[Fault]
) -> Response:
    lacking = [one for one in guide.lacking(values["scopes"], (), catalogue.graphql_bundles) if not one.is_granted]
    context = {"kind": kind, "values": values, "names": catalogue.names, "faults": faults, "lacking": lacking}
    context["events"] = guide.events_for(values["scopes"])
    return visit.page("apps/new_details.html", status=422 if faults else 200, **context)


async def make(visit: Visit) -> Response:
    kind, form = guide.kind_of(visit.form("kind")), visit.form
    values: dict[str, Any] = {
        "name": form("name"),
        "scopes": form.every("scopes"),
        "redirect_uris": form("redirect_uris"),
        "auth": form("auth"),
        "jwks": form("jwks"),
    }
    with_keys = values["auth"] == "keys" and not kind.is_public
    keys = guide.keys_of(values["jwks"]) if with_keys else None
    catalogue = await visit.get(SCOPES, Catalogue)
    if faults := faults_of(visit, kind, values, lacks_keys=with_keys and keys is None):
        return _second(visit, catalogue, kind, values, faults)
    body = guide.draft(
        kind,
        name=values["name"],
        scopes=values["scopes"],
        redirect_uris=guide.lines(values["redirect_uris"]),
        keys=keys,
        granted=catalogue.graphql_bundles,
    )

    async def register() -> Shown:
        made = (await visit.send("POST", listing.APPS, body)).read(RegisteredApp)
        secret = [Value("client_secret", made.client_secret, is_secret=True)] if made.client_secret else []
        events = [Value("approved_events", ", ".join(approved))] if (approved := body["approved_events"]) else []
        lines = [Value("client_id", made.client_id), *secret, *events]
        if guide.RECEIVING in values["scopes"] and visit.may(guide.RECEIVING):
            return Shown("app_of_events", lines, links.with_query("/webhooks/new", {"client_id": made.client_id}))
        return Shown("app", lines, f"/apps/{made.client_id}")

    try:
        return await once.only_once(visit, register)
    except Refused as refused:
        if refused.status not in (409, 422):
            raise
        return _second(visit, catalogue, kind, values, visit.faults(refused, **FIELDS))


def faults_of(visit: Visit, kind: guide.Kind, values: dict[str, Any], *, lacks_keys: bool) -> list[Fault]:
    """All faults that the form itself finds, because the API has no dry run that would find them with its own."""
    found = [] if values["name"] else [Fault("name", visit.t("needs_name"))]
    addresses = guide.lines(values["redirect_uris"]) if kind.with_people else []
    if kind.with_people and not addresses:
        found.append(Fault("redirect_uris", visit.t("needs_redirect_uri")))
    if wrong := [one[:80] for one in addresses if not guide.may_lead_back(one)]:
        found.append(Fault("redirect_uris", visit.t("no_redirect_uris", names=", ".join(wrong))))
    if lacks_keys:
        found.append(Fault("jwks", visit.t("keys_unreadable")))
    return found


async def edit(visit: Visit) -> Response:
    app, catalogue = await visit.together(listing.read(visit), visit.get(SCOPES, Catalogue))
    uris = "\n".join(app.redirect_uris)
    values = {"name": app.name, "scopes": app.requested_scopes, "redirect_uris": uris, "reason": ""}
    return _edited(visit, app, catalogue, values, [])


def _edited(visit: Visit, app: App, catalogue: Catalogue, values: dict[str, Any], faults: list[Fault]) -> Response:
    names = [*catalogue.names, *(one for one in app.requested_scopes if one not in catalogue.names)]
    context = {"app": app, "names": names, "values": values, "faults": faults}
    return visit.page("apps/edit.html", status=422 if faults else 200, **context)


async def change(visit: Visit) -> Response:
    """Taking a scope away ends the app's tokens, so a page asks first."""
    app, form = await listing.read(visit), visit.form
    values: dict[str, Any] = {
        "name": form("name"),
        "scopes": form.every("scopes"),
        "redirect_uris": form("redirect_uris"),
        "reason": form("reason"),
    }
    withdrawn = [scope for scope in app.requested_scopes if scope not in values["scopes"]]
    if withdrawn and not form("confirmed"):
        return visit.page("apps/edit_confirm.html", app=app, values=values, withdrawn=withdrawn)
    body: dict[str, Any] = {"name": values["name"], "requested_scopes": values["scopes"]}
    if "authorization_code" in app.grant_types:
        body["redirect_uris"] = guide.lines(values["redirect_uris"])
    try:
        await visit.send("PATCH", listing.path(visit), body | listing.reason_of(visit))
    except Refused as refused:
        if refused.status != 422:
            raise
        catalogue = await visit.get(SCOPES, Catalogue)
        return _edited(visit, app, catalogue, values, visit.faults(refused, **FIELDS))
    return visit.redirect(f"/apps/{app.client_id}", done="changed")

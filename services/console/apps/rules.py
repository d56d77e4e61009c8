"""The rules that an administrator sets for an app. A page shows the effect of a change before it is saved."""

from typing import Any

from starlette.responses import Response

from services.console.apps import listing
from services.console.apps.models import App, Tried
from services.console.pages.visit import Fault, Visit
from services.console.upstream.errors import Refused
from shared.web.scopes import MODES

LIVES = (300, 900, 3600, 14_400, 86_400)
FIELDS = {"deidentification": "mode", "access_token_ttl": "lives"}


async def ask(visit: Visit) -> Response:
    app = await listing.read(visit)
    rules = app.governance
    values: dict[str, Any] = {
        "tokens": rules.allow_service_tokens,
        "pkce": rules.enforce_pkce,
        "lives": rules.access_token_ttl,
        "mode": rules.deidentification,
    }
    return _form(visit, app, values, [])


def _form(visit: Visit, app: App, values: dict[str, Any], faults: list[Fault]) -> Response:
    lives = sorted({*LIVES, app.governance.access_token_ttl})
    context = {"app": app, "values": values, "lives": lives, "modes": MODES, "faults": faults}
    return visit.page("apps/rules.html", status=422 if faults else 200, **context)


def change_of(app: App, values: dict[str, Any]) -> dict[str, Any]:
    """The fields that differ from the present rules."""
    rules = app.governance
    wanted = {
        "allow_service_tokens": values["tokens"],
        "enforce_pkce": values["pkce"],
        "access_token_ttl": values["lives"],
        "deidentification": values["mode"],
    }
    return {name: value for name, value in wanted.items() if getattr(rules, name) != value}


async def change(visit: Visit) -> Response:
    app, lives = await listing.read(visit), visit.form("lives")
    values = {
        "tokens": visit.form("tokens") == "1",
        "pkce": visit.form("pkce") == "1",
        "lives": int(lives) if lives.isascii() and lives.isdecimal() and len(lives) < 7 else 0,
        "mode": visit.form("mode"),
    }
    body, governance = change_of(app, values), listing.path(visit, "/governance")
    if not body:
        return visit.redirect(f"/apps/{app.client_id}", done="nothing_changed")
    try:
        if not visit.form("confirmed"):
            tried = (await visit.send("PATCH", governance, body, dry_run="true")).read(Tried)
            return visit.page("apps/rules_tried.html", app=app, values=values, body=body, tried=tried)
        await visit.send("PATCH", governance, body | listing.reason_of(visit))
    except Refused as refused:
        if refused.status != 422:
            raise
        return _form(visit, app, values, visit.faults(refused, **FIELDS))
    return visit.redirect(f"/apps/{app.client_id}", done="rules_changed")

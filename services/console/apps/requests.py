"""Integration requests: capabilities that Knogin's operators open for the organisation."""

from datetime import datetime
from typing import Any

import msgspec
from starlette.responses import Response

from services.console.apps import guide, once
from services.console.apps.once import Shown, Value
from services.console.pages.visit import Fault, Visit
from services.console.upstream.errors import Refused

REQUESTS = "/v1/platform/integration-requests"
CAPABILITIES = ("graphql_bundles", "telephony", "handover", "platform_api", "federation", "sandbox")
STATUSES = ("pending", "approved", "declined", "withdrawn")
BUNDLES = ("acqi-reporting", "incident-management", "incident-webhooks", "telephony-admin")
SCOPES = {
    "telephony": ("argus:telephony:read", "argus:telephony:write"),
    "handover": ("argus:epcr:handover", "argus:epcr:outcome"),
    "platform_api": ("argus:platform:read", "argus:platform:write"),
}


class Sandbox(msgspec.Struct):
    tenant_id: str
    client_id: str
    credentials_at: datetime | None


class Request(msgspec.Struct):
    id: str
    capability: str
    status: str
    reason: str
    details: dict[str, Any]
    requested_by: str
    created_at: datetime
    decided_at: datetime | None
    decision_reason: str | None
    sandbox: Sandbox | None


class Requests(msgspec.Struct):
    integration_requests: list[Request]
    next_cursor: str | None = None


class Credentials(msgspec.Struct):
    tenant_id: str
    client_id: str
    client_secret: str
    admin_email: str
    password_link: str


def _path(visit: Visit, rest: str = "") -> str:
    return visit.path_of(REQUESTS + "/{request_id}" + rest, request_id=visit.ids["request_id"])


async def list_requests(visit: Visit) -> Response:
    query = {
        "status": visit.query("status", STATUSES),
        "capability": visit.query("capability", CAPABILITIES),
        "cursor": visit.cursor(),
    }
    requests = await visit.load(REQUESTS, Requests, limit=25, **query)
    context = {"requests": requests, "query": query, "statuses": STATUSES, "capabilities": CAPABILITIES}
    return visit.page("apps/requests.html", **context)


async def read_request(visit: Visit) -> Response:
    found = await visit.get(_path(visit), Request)
    return visit.page("apps/request.html", asked=found)


async def begin(visit: Visit) -> Response:
    return _form(visit, visit.query("capability", CAPABILITIES), [])


def _form(visit: Visit, capability: str, faults: list[Fault]) -> Response:
    context = {"capability": capability, "capabilities": CAPABILITIES, "bundles": BUNDLES, "scopes": SCOPES}
    return visit.page("apps/request_new.html", status=422 if faults else 200, faults=faults, form=visit.form, **context)


def details_of(visit: Visit, capability: str) -> dict[str, Any]:
    form = visit.form
    if capability == "graphql_bundles":
        return {"bundles": form.every("bundles")}
    if capability in SCOPES:
        return {"scopes": form.every("scopes")}
    if capability == "federation":
        return {"domains": guide.lines(form("domains")), "identity_provider": form("identity_provider")}
    return {"admin_email": form("admin_email"), "name": form("sandbox_name")}


async def make(visit: Visit) -> Response:
    capability = visit.form("capability")
    if capability not in CAPABILITIES:
        return _form(visit, "", [Fault("capability", visit.t("needs_capability"))])
    body = {"capability": capability, "reason": visit.form("reason"), "details": details_of(visit, capability)}
    try:
        made = (await visit.send("POST", REQUESTS, body)).read(Request)
    except Refused as refused:
        if refused.status not in (409, 422):
            raise
        return _form(visit, capability, visit.faults(refused))
    return visit.redirect(f"/requests/{made.id}", done="asked")


async def ask_withdrawal(visit: Visit) -> Response:
    return visit.page("apps/request_withdraw.html", asked=await visit.get(_path(visit), Request))


async def withdraw(visit: Visit) -> Response:
    await visit.send("POST", _path(visit, "/withdraw"))
    return visit.redirect(f"/requests/{visit.ids['request_id']}", done="withdrawn")


async def ask_credentials(visit: Visit) -> Response:
    return visit.page("apps/request_credentials.html", asked=await visit.get(_path(visit), Request))


async def fetch_credentials(visit: Visit) -> Response:
    async def make_them() -> Shown:
        made = (await visit.send("POST", _path(visit, "/credentials"))).read(Credentials)
        values = [
            Value("tenant_id", made.tenant_id),
            Value("client_id", made.client_id),
            Value("client_secret", made.client_secret, is_secret=True),
            Value("admin_email", made.admin_email),
            Value("password_link", made.password_link, is_secret=True),
        ]
        return Shown("sandbox_credentials", values, f"/requests/{visit.ids['request_id']}")

    return await once.only_once(visit, make_them)

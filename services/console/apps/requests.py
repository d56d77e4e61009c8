"""Integration requests: capabilities that Knogin's operators open for the organisation."""

import re
from datetime import datetime
from typing import Any

import msgspec
from starlette.responses import Response

from services.console.apps import guide, once
from services.console.apps.once import Shown, Value
from services.console.pages.refusals import is_address
from services.console.pages.visit import Fault, Visit
from services.console.upstream.errors import Refused

REQUESTS = "/v1/platform/integration-requests"
CAPABILITIES = ("graphql_bundles", "telephony", "handover", "platform_api", "federation", "sandbox")
STATUSES = ("pending", "approved", "declined", "withdrawn")
BUNDLES = ("acqi-reporting", "incident-management", "incident-webhooks", "telephony-admin")
FIELDS = {
    "details/bundles": "bundles",
    "details/scopes": "scopes",
    "details/domains": "domains",
    "details/identity_provider": "identity_provider",
    "details/admin_email": "admin_email",
    "details/name": "sandbox_name",
}
DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
MOST_DOMAINS = 20
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


def faults_of(visit: Visit, capability: str) -> list[Fault]:
    """Everything that an operator needs for a decision, and that the form lacks. The API has no dry run for requests."""
    form, found = visit.form, list[Fault]()
    if capability == "graphql_bundles" and not form.every("bundles"):
        found.append(Fault("bundles", visit.t("needs_bundles")))
    if capability in SCOPES and not form.every("scopes"):
        found.append(Fault("scopes", visit.t("needs_scopes")))
    if capability == "federation":
        found += _faults_of_domains(visit, guide.lines(form("domains")))
        if not form("identity_provider"):
            found.append(Fault("identity_provider", visit.t("needs_identity_provider")))
    if capability == "sandbox" and not is_address(form("admin_email")):
        found.append(Fault("admin_email", visit.t("needs_admin_email")))
    if not form("reason"):
        found.append(Fault("reason", visit.t("needs_reason")))
    return found


def _faults_of_domains(visit: Visit, domains: list[str]) -> list[Fault]:
    if not domains:
        return [Fault("domains", visit.t("needs_domains"))]
    if len(domains) > MOST_DOMAINS:
        return [Fault("domains", visit.t("unfit.at_most_items", count=MOST_DOMAINS))]
    wrong = [one[:80] for one in domains if not DOMAIN.fullmatch(one)]
    return [Fault("domains", visit.t("no_domains", names=", ".join(wrong)))] if wrong else []


async def make(visit: Visit) -> Response:
    capability = visit.form("capability")
    if capability not in CAPABILITIES:
        return _form(visit, "", [Fault("capability", visit.t("needs_capability"))])
    if faults := faults_of(visit, capability):
        return _form(visit, capability, faults)
    body = {"capability": capability, "reason": visit.form("reason"), "details": details_of(visit, capability)}
    try:
        made = (await visit.send("POST", REQUESTS, body)).read(Request)
    except Refused as refused:
        if refused.status not in (409, 422):
            raise
        return _form(visit, capability, visit.faults(refused, **FIELDS))
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

"""Acts of operators: the choice of a kill switch, the page that asks for a reason, and the act while the platform carries it out."""

from typing import NamedTuple

from starlette.responses import Response

from services.console.audit.models import SERVICES
from services.console.operators import stops
from services.console.operators.models import (
    ACTIONS,
    GENTLE,
    SWITCHES,
    WIDE,
    Act,
    Acts,
    App,
    Automation,
    Request,
    TenantDetail,
    Webhook,
)
from services.console.operators.stops import OPERATIONS, TENANTS, app_path
from services.console.operators.views import REQUESTS
from services.console.pages.visit import Failure, Fault, Visit
from services.console.upstream.errors import Refused

OPERATE = "platform:operate:write"
WEBHOOK = "/v1/operations/webhook-dispatcher/webhooks/{id}"
AUTOMATION = "/v1/operations/control-plane/automations/{id}"
FULL = 1000
"""The platform counts no further."""
BACK = {
    "deliveries.stop": "deliveries.resume",
    "tenant.suspend": "tenant.resume",
    "webhook.stop": "webhook.resume",
    "automation.stop": "automation.resume",
}
"""The act that undoes another one."""


async def switches(visit: Visit) -> Response:
    """The choice leads on to the page that asks for the reason."""
    action, subject = visit.query("action", tuple(SWITCHES)), visit.query("subject", most=64)
    faults: list[Fault] = []
    if action:
        switch = SWITCHES[action]
        if subject.startswith(switch.subject) and subject.replace("_", "").replace("-", "").isalnum():
            path = "/operators/ask/{service}/{action}/{subject}"
            return visit.redirect(visit.path_of(path, service=switch.service, action=action, subject=subject))
        faults.append(Fault("subject", visit.t("no_subject", beginning=switch.subject + "…")))
    elif "subject" in visit.request.query_params:
        faults.append(Fault("action", visit.t("no_switch")))
    stopped = await stops.load(visit, 25)
    context = {"action": action, "subject": subject, "switches": SWITCHES, "wide": WIDE, "stopped": stopped}
    return visit.page("operators/switches.html", status=422 if faults else 200, faults=faults, **context)


async def ask(visit: Visit) -> Response:
    return await _ask(visit, [])


async def _ask(visit: Visit, faults: list[Fault]) -> Response:
    """The former acts on the same subject are shown, whose it is, and for a suspension everything that ends with it.

    Where auth does not answer for a name, the page is shown without it: a switch must work when a part of the platform does not.
    """
    service, action, subject = visit.ids["service"], visit.ids["action"], visit.ids["subject"]
    acts = await visit.get(visit.path_of(OPERATIONS + "/acts", service=service), Acts, subject_id=subject, limit=5)
    named = await _named(visit, subject)
    if named.failure is not None and named.failure.status == 404:
        return visit.page("operators/unknown.html", status=404, title=visit.t("unknown_subject"), subject=subject)
    is_known = action in ACTIONS
    return visit.page(
        "operators/ask.html",
        status=422 if faults else 200,
        title=visit.t.word("ask_title", action) if is_known else action,
        faults=faults,
        service=service,
        action=action if is_known else "",
        subject=subject,
        named=named,
        consequences=_consequences(visit, action, named.tenant),
        is_gentle=action in GENTLE,
        is_wide=action in WIDE,
        acts=acts.acts,
        reason=visit.form("reason"),
        word=visit.form("word"),
    )


class Named(NamedTuple):
    """The thing behind the id of a subject, as far as the platform answers; `failure` where it does not."""

    tenant: TenantDetail | None = None
    request: Request | None = None
    webhook: Webhook | None = None
    automation: Automation | None = None
    app: App | None = None
    failure: Failure | None = None


async def _named(visit: Visit, subject: str) -> Named:
    if subject.startswith("ireq_"):
        request = await visit.load(visit.path_of(REQUESTS + "/{id}", id=subject), Request)
        return Named(failure=request.failure) if request.failure is not None else Named(request=request.value)
    if subject.startswith("wh_"):
        webhook = await visit.load(visit.path_of(WEBHOOK, id=subject), Webhook)
        if webhook.failure is not None:
            return Named(failure=webhook.failure)
        return (await _whose(visit, webhook.value.tenant_id, webhook.value.client_id))._replace(webhook=webhook.value)
    if subject.startswith("auto_"):
        one = await visit.load(visit.path_of(AUTOMATION, id=subject), Automation)
        if one.failure is not None:
            return Named(failure=one.failure)
        return (await _whose(visit, one.value.tenant_id, one.value.client_id))._replace(automation=one.value)
    return await _whose(visit, subject, "") if subject.startswith("org_") else Named()


async def _whose(visit: Visit, tenant_id: str, client_id: str) -> Named:
    """The organisation, and the app if there is one. A missing app is no reason to have no switch."""
    tenant = await visit.load(visit.path_of(TENANTS + "/{id}", id=tenant_id), TenantDetail)
    app = await visit.load(app_path(visit, client_id), App) if client_id else None
    failure = tenant.failure or (app.failure if app is not None else None)
    if client_id and failure is not None and failure.status == 404:
        failure.status = 503  # the subject itself is known
    return Named(
        tenant=None if tenant.failure is not None else tenant.value,
        app=None if app is None or app.failure is not None else app.value,
        failure=failure,
    )


def _consequences(visit: Visit, action: str, tenant: TenantDetail | None) -> list[str]:
    if action not in ACTIONS:
        return []
    first = [visit.t(f"consequence.{action}")]
    if tenant is None or action != "tenant.suspend":
        return first
    counts = {"apps": tenant.apps, "people": tenant.people, "sandboxes": tenant.sandboxes}
    more = [
        visit.t("at_least", what=visit.t(f"ends.{name}", count=number))
        if number >= FULL
        else visit.t(f"ends.{name}", count=number)
        for name, number in counts.items()
    ]
    return [*first, *more]


async def act(visit: Visit) -> Response:
    service, subject = visit.ids["service"], visit.ids["subject"]
    if visit.ids["action"] in WIDE and visit.form("word").casefold() != visit.t("wide_word").casefold():
        return await _ask(visit, [Fault("word", visit.t("no_word", word=visit.t("wide_word")))])
    body = {"action": visit.ids["action"], "subject_id": subject, "reason": visit.form("reason")}
    try:
        made = (await visit.send("POST", visit.path_of(OPERATIONS + "/acts", service=service), body)).read(Act)
    except Refused as refused:
        if refused.status != 422:
            raise
        return await _ask(visit, visit.faults(refused, action="", subject_id=""))
    return visit.redirect(visit.path_of("/operators/acts/{service}/{id}", service=service, id=made.id), done="asked")


async def acts(visit: Visit) -> Response:
    service = visit.query("service", SERVICES) or SERVICES[0]
    query = {
        "service": service,
        "subject_id": visit.query("subject_id", most=64),
        "cursor": visit.cursor(),
    }
    asked = {name: value for name, value in query.items() if name != "service"}
    found = await visit.load(visit.path_of(OPERATIONS + "/acts", service=service), Acts, limit=25, **asked)
    return visit.page("operators/acts.html", acts=found, query=query, services=SERVICES)


async def read_act(visit: Visit) -> Response:
    service = visit.ids["service"]
    found = await visit.get(visit.path_of(OPERATIONS + "/acts/{id}", service=service, id=visit.ids["act_id"]), Act)
    back = BACK.get(found.action, "") if found.state == "done" and visit.may(OPERATE) else ""
    return visit.page("operators/act.html", service=service, act=found, back=back)

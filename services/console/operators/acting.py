"""Acts of operators: the choice of a kill switch, the page that asks for a reason, and the act while the platform carries it out."""

from starlette.responses import Response

from services.console.audit.models import SERVICES
from services.console.operators.models import (
    ACTIONS,
    GENTLE,
    SWITCHES,
    Act,
    Acts,
    Request,
    TenantDetail,
)
from services.console.operators.views import OPERATIONS, REQUESTS, TENANTS, load_stopped
from services.console.pages.visit import Fault, Visit
from services.console.upstream.errors import Refused

OPERATE = "platform:operate:write"
FULL = 1000
"""The platform counts no further."""
BACK = {"deliveries.stop": "deliveries.resume", "tenant.suspend": "tenant.resume"}
"""The act that undoes another one."""


async def switches(visit: Visit) -> Response:
    """The choice leads on to the page that asks for the reason."""
    action, subject = visit.query("action", tuple(SWITCHES)), visit.query("subject", most=64)
    faults: list[Fault] = []
    if action:
        switch = SWITCHES[action]
        subject = subject if switch.subject.endswith("_") else switch.subject
        if subject.startswith(switch.subject) and subject.replace("_", "").replace("-", "").isalnum():
            path = "/operators/ask/{service}/{action}/{subject}"
            return visit.redirect(visit.path_of(path, service=switch.service, action=action, subject=subject))
        faults.append(Fault("subject", visit.t("no_subject", beginning=switch.subject + "…")))
    elif "subject" in visit.request.query_params:
        faults.append(Fault("action", visit.t("no_switch")))
    stopped = await load_stopped(visit, 25)
    context = {"action": action, "subject": subject, "switches": SWITCHES, "stopped": stopped}
    return visit.page("operators/switches.html", status=422 if faults else 200, faults=faults, **context)


async def ask(visit: Visit) -> Response:
    return await _ask(visit, [])


async def _ask(visit: Visit, faults: list[Fault]) -> Response:
    """The former acts on the same subject are shown, its name, and for a suspension everything that ends with it.

    Where auth does not answer for the name, the page is shown without it: a switch must work when a part of the platform does not.
    """
    service, action, subject = visit.ids["service"], visit.ids["action"], visit.ids["subject"]
    acts = await visit.get(visit.path_of(OPERATIONS + "/acts", service=service), Acts, subject_id=subject, limit=5)
    tenant = request = None
    if subject.startswith("org_"):
        tenant = await visit.load(visit.path_of(TENANTS + "/{id}", id=subject), TenantDetail)
    elif subject.startswith("ireq_"):
        request = await visit.load(visit.path_of(REQUESTS + "/{id}", id=subject), Request)
    named = tenant or request
    if named is not None and named.failure is not None and named.failure.status == 404:
        return visit.page("operators/unknown.html", status=404, title=visit.t("unknown_subject"), subject=subject)
    known = tenant.value if tenant is not None and tenant.failure is None else None
    is_known = action in ACTIONS
    return visit.page(
        "operators/ask.html",
        status=422 if faults else 200,
        title=visit.t.word("ask_title", action) if is_known else action,
        faults=faults,
        service=service,
        action=action if is_known else "",
        subject=subject,
        tenant=known,
        request_asked=request.value if request is not None and request.failure is None else None,
        unnamed=named.failure if named is not None else None,
        consequences=_consequences(visit, action, known),
        is_gentle=action in GENTLE,
        acts=acts.acts,
        reason=visit.form("reason"),
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

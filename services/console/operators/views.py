"""The pages that operators read: tenants, requests to decide, backlogs and dead letters."""

from starlette.responses import Response

from services.console.audit.models import SERVICES
from services.console.operators import stops
from services.console.operators.models import (
    ENVIRONMENTS,
    STATES,
    STATUSES,
    Acts,
    Backlog,
    DeadLetters,
    Request,
    Requests,
    StoppedTenants,
    TenantDetail,
    Tenants,
)
from services.console.operators.stops import OPERATIONS, TENANTS
from services.console.pages.visit import Visit

REQUESTS = "/v1/operations/auth/integration-requests"
STOPPED = "/v1/operations/webhook-dispatcher/stopped-tenants"
ACTING = ("auth", "webhook-dispatcher", "control-plane")
"""The services with acts on an organisation."""
SHOWN = 5


async def front(visit: Visit) -> Response:
    loads = (visit.load(visit.path_of(OPERATIONS + "/backlog", service=name), Backlog) for name in SERVICES)
    pending, stopped, *backlogs = await visit.together(
        visit.load(REQUESTS, Requests, status="pending", limit=SHOWN),
        stops.load(visit, SHOWN),
        *loads,
    )
    parts = dict(zip(SERVICES, backlogs, strict=True))
    return visit.page("operators/front.html", pending=pending, stopped=stopped, parts=parts)


async def tenants(visit: Visit) -> Response:
    query = {
        "search": visit.query("search", most=100),
        "status": visit.query("status", STATES),
        "environment": visit.query("environment", ENVIRONMENTS),
        "cursor": visit.cursor(),
    }
    found = await visit.load(TENANTS, Tenants, limit=25, **query)
    context = {"states": STATES, "environments": ENVIRONMENTS}
    return visit.page("operators/tenants.html", tenants=found, query=query, **context)


async def tenant(visit: Visit) -> Response:
    tenant_id = visit.ids["tenant_id"]
    found = await visit.get(visit.path_of(TENANTS + "/{id}", id=tenant_id), TenantDetail)
    former = (
        visit.load(visit.path_of(OPERATIONS + "/acts", service=name), Acts, subject_id=tenant_id, limit=SHOWN)
        for name in ACTING
    )
    requests, stopped, *acts = await visit.together(
        visit.load(REQUESTS, Requests, tenant_id=tenant_id, limit=SHOWN),
        visit.load(STOPPED, StoppedTenants, tenant_id=tenant_id),
        *former,
    )
    return visit.page(
        "operators/tenant.html",
        title=found.name,
        tenant=found,
        requests=requests,
        stopped=stopped,
        acts=dict(zip(ACTING, acts, strict=True)),
    )


async def requests(visit: Visit) -> Response:
    query = {
        "status": visit.query("status", (*STATUSES, "any")) or "pending",
        "cursor": visit.cursor(),
    }
    asked = query | {"status": "" if query["status"] == "any" else query["status"]}
    found = await visit.load(REQUESTS, Requests, limit=25, **asked)
    return visit.page("operators/requests.html", requests=found, query=query, statuses=STATUSES)


async def request(visit: Visit) -> Response:
    found = await visit.get(visit.path_of(REQUESTS + "/{id}", id=visit.ids["request_id"]), Request)
    return visit.page("operators/request.html", asked=found)


async def service(visit: Visit) -> Response:
    name = visit.ids["service"]
    query = {"tenant_id": visit.query("tenant_id", most=40), "cursor": visit.cursor()}
    backlog = await visit.get(visit.path_of(OPERATIONS + "/backlog", service=name), Backlog)
    letters = await visit.load(
        visit.path_of(OPERATIONS + "/dead-letters", service=name), DeadLetters, limit=25, **query
    )
    title = visit.t.word("service", name)
    return visit.page(
        "operators/service.html", title=title, service=name, backlog=backlog, letters=letters, query=query
    )

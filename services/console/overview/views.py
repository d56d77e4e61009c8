"""The front page: open decisions, failing webhooks, expiring credentials, refused apps; everything else is folded."""

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import Response

from services.console.overview.models import (
    App,
    Apps,
    EndingCertificate,
    EndingCredential,
    EndingCredentials,
    IntegrationRequest,
    IntegrationRequests,
    RequestsOfAll,
    Webhook,
    Webhooks,
)
from services.console.pages.visit import Loaded, Visit

MOST = 100
"""Of each kind that one look reads; where there are more, the page says so."""
SHOWN = 5
REQUESTS = "/v1/platform/integration-requests"
SANDBOXES = {"status": "approved", "capability": "sandbox"}
"""Their first secret may wait to be fetched."""
TO_DECIDE = "/v1/operations/auth/integration-requests"
LONG_LIFE = timedelta(days=7)
"""A service token that lives shorter is renewed by its program, and is nobody's concern."""
TOKEN_SOON = timedelta(days=3)


async def front(visit: Visit) -> Response:
    apps, ending, requests, made, webhooks, troubled, to_decide = await visit.together(
        _load(visit, "platform:apps", "/v1/platform/apps", Apps, limit=MOST, usage="true"),
        _load(visit, "platform:apps", "/v1/platform/ending-credentials", EndingCredentials),
        _load(visit, "platform:apps", REQUESTS, IntegrationRequests, status="pending", limit=MOST),
        _load(visit, "platform:apps", REQUESTS, IntegrationRequests, limit=MOST, **SANDBOXES),
        _load(visit, "webhooks:read", "/v1/webhooks", Webhooks, limit=MOST),
        _load(visit, "webhooks:read", "/v1/webhooks", Webhooks, limit=MOST, troubled="true"),
        _load(visit, "platform:operate:read", TO_DECIDE, RequestsOfAll, status="pending", limit=SHOWN),
    )
    # Integration requests that wait or whose credentials do, each once, and webhooks for events that nobody approved.
    asked = [*_requests(requests), *_requests(made)]
    waiting = {one.id: one for one in asked if one.status == "pending" or one.has_credentials}
    decisions = [*waiting.values(), *(one for one in _webhooks(troubled) if one.unapproved_events)]
    parts = {
        "requests": requests,
        "sandboxes": made,
        "webhooks": webhooks,
        "troubled": troubled,
        "apps": apps,
        "credentials": ending,
        "to_decide": to_decide,
    }
    return visit.page(
        "overview/front.html",
        apps=apps,
        webhooks=webhooks,
        to_decide=to_decide,
        silent={name: part.failure for name, part in parts.items() if part is not None and part.failure is not None},
        reads_all=None not in (requests, webhooks, apps, ending),
        has_more=any(
            part is not None and part.failure is None and part.value.next_cursor for part in (apps, requests, made)
        ),
        troubled_more=troubled is not None and troubled.failure is None and troubled.value.next_cursor is not None,
        decisions=decisions,
        are_stopped=any(one.deliveries_stopped for one in _webhooks(webhooks)),
        failing=[
            one for one in _webhooks(troubled) if one.failing_since is not None or one.disabled_reason is not None
        ],
        names={one.client_id: one.name for one in _apps(apps)},
        expiring=_expiring(ending),
        now=datetime.now(UTC),
        refused=sorted(((one, number) for one in _apps(apps) if (number := _refused(one))), key=lambda pair: -pair[1]),
        active=[one for one in _apps(apps) if one.status == "active"],
        shown=SHOWN,
    )


def _refused(app: App) -> int:
    """Refused calls of the last 30 days that somebody can repair.

    The platform's own apps meet refusals where a person's role allows less, and those in which people sign in where a person's access
    has ended: nothing is wrong then.
    """
    if app.usage is None or (app.first_party and "client_credentials" not in app.grant_types):
        return 0
    return app.usage.refused + (0 if app.first_party else app.usage.refused_calls)


async def _load(visit: Visit, scope: str, path: str, kind: Any, **query: str | int) -> Loaded[Any] | None:
    """None where the person may not read it: the page then has no such part."""
    return await visit.load(path, kind, **query) if visit.may(scope) else None


def _webhooks(part: Loaded[Webhooks] | None) -> list[Webhook]:
    return part.value.webhooks if part is not None and part.failure is None else []


def _requests(part: Loaded[IntegrationRequests] | None) -> list[IntegrationRequest]:
    return part.value.integration_requests if part is not None and part.failure is None else []


def _apps(part: Loaded[Apps] | None) -> list[App]:
    return part.value.apps if part is not None and part.failure is None else []


def _expiring(ending: Loaded[EndingCredentials] | None) -> list[EndingCertificate | EndingCredential]:
    """Credentials of apps and certificates of identity providers, the soonest first."""
    if ending is None or ending.failure is not None:
        return []
    soon = datetime.now(UTC) + TOKEN_SOON
    credentials = [
        one
        for one in ending.value.credentials
        if one.kind == "secret" or (one.expires_at - one.created_at > LONG_LIFE and one.expires_at < soon)
    ]
    return sorted([*ending.value.certificates, *credentials], key=lambda one: one.expires_at)

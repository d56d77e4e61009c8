"""The approvals of apps for event types, which an administrator gives in auth. They arrive as messages, a moment later."""

from collections.abc import Iterable, Sequence
from functools import partial

from starlette.requests import Request

from services.webhook_dispatcher.fanout import event_types
from services.webhook_dispatcher.subscriptions import queries
from services.webhook_dispatcher.subscriptions.models import App
from shared.storage.database import first, tenant_transaction
from shared.web import problems
from shared.web.arrival import arrive
from shared.web.identity import Caller
from shared.web.problems import Problem


async def await_approvals(request: Request, caller: Caller, client_id: str, wanted: Sequence[str]) -> None:
    """Waits a moment until the app is approved for the `wanted` types. The call itself decides afterwards."""
    await arrive(request, caller, partial(_is_approved, request, caller, client_id, wanted))


def refusal(unapproved: Iterable[str]) -> Problem:
    """The 403 Problem of an app that is not approved for these types."""
    names = list(unapproved)
    detail = (
        f"This app is not approved for {', '.join(names)}. The organisation's administrator approves event types:"
        " PATCH /v1/platform/apps/{client_id}/governance, approved_events."
    )
    return problems.forbidden(detail, unapproved_events=names)


async def _is_approved(request: Request, caller: Caller, client_id: str, wanted: Sequence[str]) -> bool:
    """Also where no approval can come: the type does not exist, or the app is not active."""
    async with tenant_transaction(request, caller) as conn:
        app = await first(conn, App, queries.FIND_APP, {"client_id": client_id})
    if app is not None and app.status != "active":
        return True
    patterns = event_types.DEFAULT if app is None else app.approved_events
    return all(event_types.is_approved(name, patterns) for name in wanted if name in event_types.catalogue())

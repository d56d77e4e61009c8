"""Reads the decisions about an app, and the requests that opened its scopes and bundles to the organisation."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from starlette.requests import Request

from services.auth.apps import store
from services.auth.apps.decisions import Item
from services.auth.apps.models import AppDecision, AppDecisions, AppRow, OrganisationGrant
from services.auth.requests.models import DETAILS, Capability
from shared.storage import database
from shared.storage.database import tenant_transaction
from shared.web.identity import Caller

MOST_REQUESTS = 200
OF_APP: LiteralString = """
    SELECT kind, item, decided_by, decided_through, decided_at, reason, trace_id FROM app_decisions
    WHERE client_id = %s ORDER BY decided_at DESC, kind, item
"""
# The organisation's approved requests; there are as many as it made in all the years, of which the newest count.
APPROVED: LiteralString = """
    SELECT id, capability, details, requested_by, decided_at, decision_reason FROM integration_requests
    WHERE tenant_id = %s AND status = 'approved' ORDER BY id DESC LIMIT %s
"""


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    capability: Capability
    details: dict[str, Any]
    requested_by: str
    decided_at: datetime
    decision_reason: str | None


async def list_decisions(request: Request, caller: Caller, client_id: str) -> AppDecisions:
    """The decisions that still hold for an app, and the requests that opened its scopes and bundles to the organisation."""
    async with tenant_transaction(request, caller) as conn:
        app = await store.load_app(conn, client_id)
        decided = await database.every(conn, AppDecision, OF_APP, (client_id,))
        approved = await database.every(conn, Approved, APPROVED, (caller.tenant_id, MOST_REQUESTS))
    return AppDecisions(client_id=client_id, decisions=decided, organisation_grants=list(grants_of(app, approved)))


def grants_of(app: AppRow, approved: Sequence[Approved]) -> Iterator[OrganisationGrant]:
    """The newest approved request of each scope and bundle of the app that was opened on request."""
    found: set[Item] = set()
    for one in approved:
        wanted = msgspec.convert(one.details, DETAILS[one.capability])
        held = [Item("scope", name) for name in getattr(wanted, "scopes", ()) if name in app.requested_scopes]
        held += [Item("bundle", name) for name in getattr(wanted, "bundles", ()) if name in app.graphql_bundles]
        for item in held:
            if item not in found:
                found.add(item)
                yield OrganisationGrant(
                    kind="scope" if item.kind == "scope" else "bundle",
                    item=item.name,
                    request_id=one.id,
                    requested_by=one.requested_by,
                    decided_at=one.decided_at,
                    reason=one.decision_reason,
                )

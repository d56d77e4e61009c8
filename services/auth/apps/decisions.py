"""The decisions about an app: one row for each scope, event type, bundle and rule that it has now, in the change's transaction.

Withdrawn ones have no row; the audit trail names them.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, LiteralString, NamedTuple

from msgspec import UNSET, UnsetType

from services.auth.apps.models import AppRow
from shared.process import telemetry
from shared.storage.database import AsyncConnection
from shared.web.identity import Caller

Kind = Literal["scope", "event", "bundle", "rule"]
SETS: dict[Kind, str] = {"scope": "requested_scopes", "event": "approved_events", "bundle": "graphql_bundles"}
"""The field that has the items of a kind."""
RULES = (
    "allow_service_tokens",
    "enforce_pkce",
    "redirect_uris",
    "access_token_ttl",
    "pseudonym_domain",
    "deidentification",
    "jwks",
    "status",
)

DECIDE: LiteralString = """
    INSERT INTO app_decisions AS kept (tenant_id, client_id, kind, item, decided_by, decided_through, reason, trace_id)
    SELECT %(tenant_id)s, %(client_id)s, kind, item, %(decided_by)s, %(decided_through)s, %(reason)s, %(trace_id)s
    FROM unnest(%(kinds)s::text[], %(items)s::text[]) AS decided (kind, item)
    ON CONFLICT (client_id, kind, item) DO UPDATE
    SET decided_by = excluded.decided_by, decided_through = excluded.decided_through, decided_at = excluded.decided_at,
        reason = excluded.reason, trace_id = excluded.trace_id
"""
WITHDRAW: LiteralString = """
    DELETE FROM app_decisions WHERE client_id = %(client_id)s
        AND (kind, item) IN (SELECT kind, item FROM unnest(%(kinds)s::text[], %(items)s::text[]) AS gone (kind, item))
"""


class Item(NamedTuple):
    kind: Kind
    name: str


class Change(NamedTuple):
    """`decided` are items that the app has now and did not have, or that have another value; `withdrawn` it has no more."""

    decided: Sequence[Item]
    withdrawn: Sequence[Item]

    def names(self) -> dict[str, list[str]]:
        """For the audit trail, which names no rule's value."""
        both = {"approved": self.decided, "withdrawn": self.withdrawn}
        found = {name: sorted(one.name for one in items if one.kind != "rule") for name, items in both.items()}
        return {name: items for name, items in found.items() if items}


def change_of(before: AppRow | None, after: AppRow) -> Change:
    """Of a new app `before` is None: nobody has decided about its rules yet."""
    decided: list[Item] = []
    withdrawn: list[Item] = []
    for kind, field in SETS.items():
        old, new = set(getattr(before, field, ())), set(getattr(after, field))
        decided += [Item(kind, name) for name in sorted(new - old)]
        withdrawn += [Item(kind, name) for name in sorted(old - new)]
    if before is not None:
        decided += [Item("rule", name) for name in RULES if getattr(before, name) != getattr(after, name)]
    return Change(decided, withdrawn)


def statements(
    caller: Caller, app: AppRow, change: Change, reason: str | UnsetType | None
) -> Iterator[tuple[LiteralString, dict[str, Any]]]:
    """The statements that write a change, with their parameters."""
    common: dict[str, Any] = {
        "tenant_id": app.tenant_id,
        "client_id": app.client_id,
        "decided_by": caller.subject or caller.client_id,
        "decided_through": caller.client_id,
        "reason": None if reason is UNSET else reason,
        "trace_id": telemetry.trace_id(),
    }
    if change.decided:
        yield DECIDE, common | _lists(change.decided)
    if change.withdrawn:
        yield WITHDRAW, common | _lists(change.withdrawn)


def _lists(items: Sequence[Item]) -> dict[str, list[str]]:
    return {"kinds": [one.kind for one in items], "items": [one.name for one in items]}


async def note(
    conn: AsyncConnection,
    caller: Caller,
    before: AppRow | None,
    after: AppRow,
    reason: str | UnsetType | None = None,
) -> Change:
    change = change_of(before, after)
    for statement, parameters in statements(caller, after, change, reason):
        await conn.execute(statement, parameters)
    return change

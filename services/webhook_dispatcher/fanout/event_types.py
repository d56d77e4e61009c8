"""The catalogue of event types, and the types that an app is approved for."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from services.webhook_dispatcher.fanout import queries
from shared.messaging.event_types import FIRED, catalogue
from shared.storage.database import Connection

__all__ = ["DEFAULT", "FIRED", "approved_patterns", "catalogue", "is_approved", "kind_of", "kinds_of", "types_within"]
# The approved patterns of an app of which auth has sent no state yet.
DEFAULT = ["incident.*"]


def is_approved(event_type: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern covers the type: `incident.updated` itself, `incident.*` for all below, `*` for all there are."""
    return any(
        event_type.startswith(pattern[:-1]) if pattern == "*" or pattern.endswith(".*") else event_type == pattern
        for pattern in patterns
    )


def approved_patterns(conn: Connection, subscription_id: str) -> list[str]:
    """The patterns that the app of a webhook is approved for. They do not change while the webhook is locked."""
    row = conn.execute(queries.APPROVED, {"subscription_id": subscription_id}).fetchone()
    return row[0] if row is not None else DEFAULT


def types_within(event_type: str, body: str) -> list[str]:
    """The types that a delivery's app must be approved for: its own, and of `automation.fired` also the type of the event within it."""
    return [event_type, msgspec.json.decode(body)["data"]["event_type"]] if event_type == FIRED else [event_type]


def kind_of(event_type: str, data: Mapping[str, Any]) -> str:
    """The kind in the log: the type, and of `automation.fired` also the type of the event that triggered it."""
    return f"{event_type}/{data['event_type']}" if event_type == FIRED else event_type


def kinds_of(event_type: str, patterns: Iterable[str]) -> list[str]:
    """The kinds of that type for an app that is approved for `patterns`."""
    if event_type != FIRED:
        return [event_type]
    return [f"{FIRED}/{name}" for name in catalogue() if is_approved(name, patterns)]

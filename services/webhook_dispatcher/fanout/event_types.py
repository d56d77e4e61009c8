"""The event types of the catalogue, and which of them an app is approved for.

Each file of `catalogue/` is one type: the JSON Schema of its `data` and an example.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec

from services.webhook_dispatcher.fanout import queries
from shared.storage.database import Connection

FOLDER = Path(__file__).parents[1] / "catalogue"
# The approved patterns of an app of which auth has sent no state yet.
DEFAULT = ["incident.*"]
FIRED = "automation.fired"


class EventType(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of event. A breaking change of its data is a new type."""

    type: str
    description: str
    schema: dict[str, Any]
    example: dict[str, Any]


@cache
def catalogue() -> dict[str, EventType]:
    """Every type by name."""
    kinds = [msgspec.json.decode(file.read_bytes(), type=EventType) for file in sorted(FOLDER.glob("*.json"))]
    return {kind.type: kind for kind in kinds}


def violation(event_type: str, data: dict[str, Any]) -> str | None:
    """Where `data` breaks the schema of this type, and by which rule, never the value. None when it fits."""
    if event_type not in catalogue():
        return "unknown event type"
    error = next(_validator(event_type).iter_errors(data), None)
    if error is None:
        return None
    place = "/".join(str(part) for part in error.instance_path)
    rule = error.schema_path[-1] if error.schema_path else "schema"
    return f"/{place}: {rule}"


def is_approved(event_type: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern covers the type: `incident.updated` itself, `incident.*` for all below, `*` for all there are."""
    return any(_covers(pattern, event_type) for pattern in patterns)


def approved_patterns(conn: Connection, subscription_id: str) -> list[str]:
    """The patterns that the app of a webhook is approved for. They do not change while the webhook is locked."""
    row = conn.execute(queries.APPROVED, {"subscription_id": subscription_id}).fetchone()
    return row[0] if row is not None else DEFAULT


def types_within(event_type: str, body: str) -> list[str]:
    """The types that a delivery's app must be approved for: its own, and of `automation.fired` also the type of the event within it."""
    return [event_type, msgspec.json.decode(body)["data"]["event_type"]] if event_type == FIRED else [event_type]


def _covers(pattern: str, event_type: str) -> bool:
    if pattern.endswith("*"):
        return event_type.startswith(pattern[:-1]) and (pattern == "*" or pattern.endswith(".*"))
    return pattern == event_type


@cache
def _validator(event_type: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(catalogue()[event_type].schema, validate_formats=True)

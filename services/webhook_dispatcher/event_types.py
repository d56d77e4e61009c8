"""The event types there are: one file each in `catalogue/`, with the JSON Schema that `data` must follow and an example."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec

FOLDER = Path(__file__).parent / "catalogue"


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
    """Why `data` is not an event of this type: the place and the rule, never the value. None when it is one."""
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


def _covers(pattern: str, event_type: str) -> bool:
    if pattern.endswith("*"):
        return event_type.startswith(pattern[:-1]) and (pattern == "*" or pattern.endswith(".*"))
    return pattern == event_type


@cache
def _validator(event_type: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(catalogue()[event_type].schema, validate_formats=True)

"""The event types that subscribers may receive. Each file of `events/` describes one: a producer, an example, texts, a JSON Schema.

A type's name is the name of its file. Its schema is closed, so the file gives only `required` and `properties`. `italian` is given beside
a `description` that no other file translates.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

FOLDER = Path(__file__).parent / "events"
FIRED = "automation.fired"
"""The one type that no service sends: webhook-dispatcher makes the event of an `AutomationDelivery`."""


class EventType(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of event. A breaking change of its data is a new type.

    Only `producer` may send it; None for the event that webhook-dispatcher makes of an automation's action. `with_moved_times`: apps
    with moved times may receive it, because it carries nothing about an encounter, device or incident. `for_named_apps`: each event names
    the only apps that may receive it. `scopes` read its subject: the console approves an app that receives events and has one of
    them. `italian` translates its texts.
    """

    type: str
    producer: str | None
    scopes: list[str]
    description: str
    schema: dict[str, Any]
    example: dict[str, Any]
    italian: dict[str, str]
    with_moved_times: bool = False
    for_named_apps: bool = False

    @property
    def key(self) -> str:
        """The member of `data` with the id of the event's subject, which is the first required one. Events of one id have an order."""
        return self.schema["required"][0]


@cache
def catalogue() -> dict[str, EventType]:
    """Every type by name."""
    types: dict[str, EventType] = {}
    for file in sorted(FOLDER.glob("*.json")):
        italian: dict[str, str] = {}
        named = {"type": file.stem, "italian": italian} | _without_italian(json.loads(file.read_bytes()), italian)
        named["schema"] = {"title": file.stem, "type": "object", "additionalProperties": False} | named["schema"]
        types[file.stem] = msgspec.convert(named, EventType)
    return types


def types_of(producer: str) -> tuple[str, ...]:
    """The types that a service may send."""
    return tuple(kind.type for kind in catalogue().values() if kind.producer == producer)


def with_moved_times() -> list[str]:
    """The types for apps with moved times."""
    return [kind.type for kind in catalogue().values() if kind.with_moved_times]


def _without_italian(node: Any, found: dict[str, str]) -> Any:
    """The same without each text's `italian`, which is added to `found` by the text."""
    if isinstance(node, list):
        return [_without_italian(item, found) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("italian"), str):
        found[node["description"]] = node["italian"]
        node = {name: member for name, member in node.items() if name != "italian"}
    return {name: _without_italian(member, found) for name, member in node.items()}

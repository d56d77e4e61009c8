"""Values of an action: plain JSON in which `{"from": "/pointer"}` stands for a place in the event's data.

`{"from": …, "default": …}` says what to take where nothing stands; without one the run cannot go on. `{"literal": …}` is what it
holds, for objects that would otherwise be read as one of these.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from services.control_plane.automations import pointers
from shared import http
from shared.problems import FieldError

MAX_DEPTH = 10
MAX_BYTES = 16_384
# Of all that is taken from the event: a short template may name it a thousand times.
MAX_TAKEN = 262_144
FROM, DEFAULT, LITERAL = "from", "default", "literal"


class Unresolvable(Exception):
    """Names the place in the event's data where nothing stands."""


class Unfit(Exception):
    """Says why what came of it cannot be used."""


def objections(template: Any, place: str) -> list[FieldError]:
    """What is wrong with it, each with the JSON Pointer to it; `place` is where the template itself stands."""
    if len(msgspec.json.encode(template)) > MAX_BYTES:
        return [FieldError(place, f"over {MAX_BYTES} bytes")]
    return _objections(template, place, 1)[:10]


def fill(template: Any, data: Any) -> Any:
    """The template with values of the event's data in their places. Raises Unresolvable."""
    if isinstance(template, list):
        return [fill(item, data) for item in template]
    if not isinstance(template, dict):
        return template
    if template.keys() == {LITERAL}:
        return template[LITERAL]
    if FROM not in template:
        return {name: fill(member, data) for name, member in template.items()}
    value = pointers.resolve(template[FROM], data)
    if value is pointers.MISSING:
        if DEFAULT not in template:
            raise Unresolvable(template[FROM])
        return template[DEFAULT]
    return value


def check_taken(template: Any, data: Any) -> None:
    """Raises Unfit where it takes more from the event than `MAX_TAKEN` bytes, and measures little more than these."""
    left = MAX_TAKEN
    for pointer in _pointers(template):
        value = pointers.resolve(pointer, data)
        left -= len(http.encode(value)) if value is not pointers.MISSING else 0
        if left < 0:
            raise Unfit(f"The action takes over {MAX_TAKEN} bytes from the event.")


def _pointers(template: Any) -> Iterator[str]:
    if isinstance(template, list):
        for item in template:
            yield from _pointers(item)
    elif isinstance(template, dict) and FROM in template:
        yield template[FROM]
    elif isinstance(template, dict) and template.keys() != {LITERAL}:
        for member in template.values():
            yield from _pointers(member)


def _objections(template: Any, place: str, depth: int) -> list[FieldError]:
    if depth > MAX_DEPTH:
        return [FieldError(place, f"at most {MAX_DEPTH} levels")]
    if isinstance(template, list):
        return [one for index, item in enumerate(template) for one in _objections(item, f"{place}/{index}", depth + 1)]
    if not isinstance(template, dict) or template.keys() == {LITERAL}:
        return []
    if FROM in template:
        return _objections_to_reference(template, place)
    return [
        one
        for name, member in template.items()
        for one in _objections(member, f"{place}/{name.replace('~', '~0').replace('/', '~1')}", depth + 1)
    ]


def _objections_to_reference(template: dict[str, Any], place: str) -> list[FieldError]:
    if template.keys() - {FROM, DEFAULT}:
        return [FieldError(place, "beside from stands default alone; wrap a plain object in literal")]
    pointer = template[FROM]
    reason = pointers.objection(pointer) if isinstance(pointer, str) else "a JSON Pointer is a string"
    return [FieldError(f"{place}/{FROM}", reason)] if reason else []

"""Templates of an automation over an event's data. Pure. Pointers and filters are in `shared/messaging/filters.py`.

A template is plain JSON in which `{"from": "/pointer"}` takes a value from the event's data. `{"from": …, "default": …}` gives the
value for a missing one; without it the run fails. `{"literal": …}` holds objects that would otherwise be read as one of these.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from shared.messaging.filters import MISSING, pointer_error, resolve
from shared.web import http
from shared.web.problems import FieldError

MAX_TEMPLATE_DEPTH = 10
MAX_TEMPLATE = 16_384
# Bytes of all values taken from the event: a short template may take the same large value a thousand times.
MAX_TAKEN = 262_144
FROM, DEFAULT, LITERAL = "from", "default", "literal"


class Unresolvable(Exception):
    """The event's data has no value at a pointer, which is the message."""


class Unfit(Exception):
    """The values taken from the event cannot be used. The message gives the reason."""


def template_errors(template: Any, place: str) -> list[FieldError]:
    """At most ten errors. `place` is the JSON Pointer of the template."""
    if len(msgspec.json.encode(template)) > MAX_TEMPLATE:
        return [FieldError(place, f"over {MAX_TEMPLATE} bytes")]
    return _template_errors(template, place, 1)[:10]


def _template_errors(template: Any, place: str, depth: int) -> list[FieldError]:
    if depth > MAX_TEMPLATE_DEPTH:
        return [FieldError(place, f"at most {MAX_TEMPLATE_DEPTH} levels")]
    if isinstance(template, list):
        items = enumerate(template)
        return [one for index, item in items for one in _template_errors(item, f"{place}/{index}", depth + 1)]
    if not isinstance(template, dict) or template.keys() == {LITERAL}:
        return []
    if FROM in template:
        if template.keys() - {FROM, DEFAULT}:
            return [FieldError(place, "only default may accompany from; wrap a plain object in literal")]
        pointer = template[FROM]
        reason = pointer_error(pointer) if isinstance(pointer, str) else "a JSON Pointer is a string"
        return [FieldError(f"{place}/{FROM}", reason)] if reason else []
    return [
        one
        for name, member in template.items()
        for one in _template_errors(member, f"{place}/{name.replace('~', '~0').replace('/', '~1')}", depth + 1)
    ]


def fill(template: Any, data: Any) -> Any:
    """The template with values of the event's data. Raises Unresolvable."""
    if isinstance(template, list):
        return [fill(item, data) for item in template]
    if not isinstance(template, dict):
        return template
    if template.keys() == {LITERAL}:
        return template[LITERAL]
    if FROM not in template:
        return {name: fill(member, data) for name, member in template.items()}
    value = resolve(template[FROM], data)
    if value is MISSING:
        if DEFAULT not in template:
            raise Unresolvable(template[FROM])
        return template[DEFAULT]
    return value


def require_small(template: Any, data: Any) -> None:
    """Raises Unfit where a template takes more than `MAX_TAKEN` bytes from the event. Stops measuring there."""
    left = MAX_TAKEN
    for pointer in _pointers(template):
        value = resolve(pointer, data)
        left -= len(http.encode(value)) if value is not MISSING else 0
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

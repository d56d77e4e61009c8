"""Arguments of resolvers: Structs, texts, and the pages of Relay connections."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Protocol, TypeVar

from msgspec import Meta

from services.graphql_api import errors
from shared.primitives import ids
from shared.primitives.crypto import base64url_decode, base64url_encode
from shared.web import http, problems
from shared.web.problems import FieldError

T = TypeVar("T")
MAX_PAGE = 100


def convert(value: Any, kind: type[T], place: str) -> T:
    """`value`, whose GraphQL types are right, as `kind`. Raises a BAD_USER_INPUT Refusal that names the field, never its value."""
    try:
        return http.convert(value, kind)
    except problems.Problem as problem:
        raise errors.Unfit(errors.UNFIT, as_arguments(problem.errors, f"/{place}")) from None


def as_arguments(found: Sequence[FieldError], place: str = "") -> list[FieldError]:
    """Faults with pointers as partners write them here: `/cadIncidentId` for `/cad_incident_id`."""
    camel = [re.sub("_(.)", lambda letter: letter[1].upper(), error.pointer) for error in found]
    return [error._replace(pointer=place + pointer) for error, pointer in zip(found, camel, strict=True)]


def text(value: Any, place: str, longest: int = 128) -> str:
    """A text that PostgreSQL can store and an index can find. Raises a BAD_USER_INPUT Refusal."""
    if not isinstance(value, str) or not 1 <= len(value) <= longest or "\0" in value:
        raise errors.bad_argument(f"/{place}", f"1 to {longest} characters", "length", limit=longest)
    return value


class Identified(Protocol):
    @property
    def id(self) -> str: ...


PageSize = Annotated[int, Meta(ge=1, le=MAX_PAGE)]


def page(after: str | None, prefix: str, others: dict[str, Any], kind: type[T]) -> tuple[str | None, T]:
    """The last id of the page before, from the opaque cursor `after`, and the other arguments of a connection as `kind`.

    Raises a BAD_USER_INPUT Refusal with the faults of all of them.
    """
    last = None if after is None else _opened(after)
    is_ours = last is None or ids.is_id(last, prefix)
    found = [] if is_ours else [FieldError("/after", "This is not a cursor of this list.")]
    try:
        asked = http.convert(others, kind)
    except problems.Problem as problem:
        raise errors.Unfit(errors.UNFIT, [*as_arguments(problem.errors), *found]) from None
    if found:
        raise errors.Unfit(errors.UNFIT, found)
    return last, asked


def _opened(cursor: str) -> str:
    try:
        return base64url_decode(cursor).decode("ascii")
    except (ValueError, UnicodeDecodeError):
        return ""


def connection(rows: Sequence[Identified], first: int, reached: str | None = None) -> dict[str, Any]:
    """A connection of `first` rows, from a list of one more. A shorter list goes on after the id that it `reached`, if there is one."""
    nodes = rows[:first]
    edges = [{"cursor": base64url_encode(node.id.encode()), "node": node} for node in nodes]
    has_next, end = len(rows) > first, edges[-1]["cursor"] if edges else None
    if not has_next and reached is not None:
        has_next, end = True, base64url_encode(reached.encode())
    return {"edges": edges, "nodes": nodes, "page_info": {"has_next_page": has_next, "end_cursor": end}}

"""Arguments of resolvers: Structs, texts, and the pages of Relay connections."""

import re
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from services.graphql_api import errors
from shared.primitives import ids
from shared.primitives.crypto import base64url_decode, base64url_encode
from shared.web import http, problems
from shared.web.problems import FieldError

T = TypeVar("T")
MAX_PAGE = 100
UNFIT = "An argument does not fit."


def convert(value: Any, kind: type[T], place: str) -> T:
    """`value`, whose GraphQL types are right, as `kind`. Raises a BAD_USER_INPUT Refusal that names the field, never its value."""
    try:
        return http.convert(value, kind)
    except problems.Problem as problem:
        # `/cad_incident_id` as partners write it, `/cadIncidentId`.
        placed = [
            error._replace(pointer=f"/{place}" + re.sub("_(.)", lambda letter: letter[1].upper(), error.pointer))
            for error in problem.errors
        ]
        raise errors.bad_fields(UNFIT, placed) from None


def text(value: Any, place: str, longest: int = 128) -> str:
    """A text that PostgreSQL can store and an index can find. Raises a BAD_USER_INPUT Refusal."""
    if not isinstance(value, str) or not 1 <= len(value) <= longest or "\0" in value:
        raise errors.bad_fields(UNFIT, [FieldError(f"/{place}", f"1 to {longest} characters", "length", limit=longest)])
    return value


class Identified(Protocol):
    @property
    def id(self) -> str: ...


def after(cursor: str | None, prefix: str) -> str | None:
    """The last id of the page before, from an opaque cursor. Raises a BAD_USER_INPUT Refusal for any other text."""
    if cursor is None:
        return None
    try:
        last = base64url_decode(cursor).decode("ascii")
    except (ValueError, UnicodeDecodeError):
        last = ""
    if not ids.is_id(last, prefix):
        raise errors.bad_input("The cursor is not one we gave out.", argument="after")
    return last


def page_size(first: int) -> int:
    if not 1 <= first <= MAX_PAGE:
        raise errors.bad_input(f"`first` is between 1 and {MAX_PAGE}.", argument="first")
    return first


def connection(rows: Sequence[Identified], first: int, reached: str | None = None) -> dict[str, Any]:
    """A connection of `first` rows, from a list of one more. A shorter list goes on after the id that it `reached`, if there is one."""
    nodes = rows[:first]
    edges = [{"cursor": base64url_encode(node.id.encode()), "node": node} for node in nodes]
    has_next, end = len(rows) > first, edges[-1]["cursor"] if edges else None
    if not has_next and reached is not None:
        has_next, end = True, base64url_encode(reached.encode())
    return {"edges": edges, "nodes": nodes, "page_info": {"has_next_page": has_next, "end_cursor": end}}

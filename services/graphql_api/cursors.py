"""Relay connections: an opaque cursor holds the last id seen."""

from collections.abc import Sequence
from typing import Any, Protocol

from services.graphql_api import errors
from services.graphql_api.limits import MAX_PAGE
from shared import ids
from shared.encoding import base64url_decode, base64url_encode


class Identified(Protocol):
    @property
    def id(self) -> str: ...


def after(cursor: str | None, prefix: str) -> str | None:
    """The id in a cursor we gave out. Raises BAD_USER_INPUT for any other."""
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


def connection(rows: Sequence[Identified], first: int) -> dict[str, Any]:
    """`first + 1` rows as a connection of `first`."""
    nodes = rows[:first]
    edges = [{"cursor": base64url_encode(node.id.encode()), "node": node} for node in nodes]
    return {
        "edges": edges,
        "nodes": nodes,
        "page_info": {"has_next_page": len(rows) > first, "end_cursor": edges[-1]["cursor"] if edges else None},
    }

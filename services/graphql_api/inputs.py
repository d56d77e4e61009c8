"""Arguments of resolvers as Structs: GraphQL has checked their types, these check what they may hold."""

from typing import Any, TypeVar

from services.graphql_api import errors
from shared import http, problems

T = TypeVar("T")


def convert(value: Any, kind: type[T], place: str) -> T:
    """`value` as `kind`. Raises a BAD_USER_INPUT Refusal that names the field, never its value."""
    try:
        return http.convert(value, kind)
    except problems.Problem as problem:
        placed = [error._replace(pointer=f"/{place}{_camel(error.pointer)}") for error in problem.errors]
        faults = [error.document() for error in placed]
        raise errors.bad_input("An argument does not fit; see errors.", errors=faults) from None


def text(value: Any, place: str, longest: int = 128) -> str:
    """A string PostgreSQL can hold and an index can find. Raises BAD_USER_INPUT."""
    if not isinstance(value, str) or not 1 <= len(value) <= longest or "\0" in value:
        raise errors.bad_input(
            "An argument does not fit; see errors.",
            errors=[{"pointer": f"/{place}", "detail": f"1 to {longest} characters"}],
        )
    return value


def _camel(pointer: str) -> str:
    """`/cad_incident_id` as the partner wrote it, `/cadIncidentId`."""
    first, *rest = pointer.split("_")
    return first + "".join(word.capitalize() for word in rest)

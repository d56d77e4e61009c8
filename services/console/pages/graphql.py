"""Reads by the approved GraphQL documents, as a part of a page. A document lies beside the views that use it."""

from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from services.console.pages.visit import Failure, Loaded, Visit
from services.console.upstream.errors import Refused, UpstreamFailure

T = TypeVar("T")


class Error(msgspec.Struct, frozen=True):
    message: str = ""
    extensions: dict[str, Any] = {}


class Answered(msgspec.Struct, Generic[T], frozen=True):
    data: T | None = None
    errors: list[Error] = []


def document(folder: str, name: str) -> str:
    """The text of `<name>.graphql` in the folder of the module `folder`, which is a `__file__`."""
    return (Path(folder).parent / f"{name}.graphql").read_text()


async def load(visit: Visit, text: str, kind: type[T], **variables: Any) -> Loaded[T]:
    """The answer's data, or why it is missing: a refusal of GraphQL (`FORBIDDEN`, `NOT_FOUND`, …) is one of the platform."""
    try:
        answer = await visit.send("POST", "/graphql", {"query": text, "variables": variables})
        read = answer.read(Answered[kind])
        if read.errors or read.data is None:
            code = str(read.errors[0].extensions.get("code", "")) if read.errors else ""
            status = {"FORBIDDEN": 403, "NOT_FOUND": 404}.get(code, 400)
            raise Refused(status, code, "", answer.trace_id)
    except UpstreamFailure as error:
        return Loaded(None, Failure(error))
    return Loaded(read.data)

"""Reads by the approved GraphQL documents, as a part of a page. A document lies beside the views that use it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from services.console.pages.visit import Failure, Loaded, Visit
from services.console.upstream.errors import Reason, Refused, Unavailable, UpstreamFailure

T = TypeVar("T")
FAILED: Mapping[str, Reason] = {"UNAVAILABLE": "unreachable", "INTERNAL": "faulty"}
STATUSES = {"FORBIDDEN": 403, "OPERATION_NOT_APPROVED": 403, "NOT_FOUND": 404}


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
    """The answer's data, or why it is missing: an error of GraphQL is a refusal (400 for bad input), or a failure of the platform."""
    try:
        answer = await visit.send("POST", "/graphql", {"query": text, "variables": variables})
        read = answer.read(Answered[kind])
        if read.errors or read.data is None:
            code = str(read.errors[0].extensions.get("code", "")) if read.errors else "INTERNAL"
            if code in FAILED:
                raise Unavailable(FAILED[code], answer.trace_id)
            raise Refused(STATUSES.get(code, 400), code, "", answer.trace_id)
    except UpstreamFailure as error:
        return Loaded(None, Failure(error))
    return Loaded(read.data)

"""Reads an answer of success as the contract's model of it."""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, Any

import msgspec

from ._model import decode
from .errors import GraphqlRefused, UnreadableAnswer

if TYPE_CHECKING:
    from ._transport import Answer, Call

GRAPHQL = "/graphql"


def decoded(call: Call, answer: Answer) -> Any:
    """None for an answer without a body. Raises UnreadableAnswer, and GraphqlRefused for an answer of GraphQL with errors."""
    kind = call.operation.answers.get(answer.status)
    if kind is None:
        return None
    if kind is bytes or (isinstance(kind, UnionType) and _is_chosen(call, answer)):
        return answer.content
    try:
        read = decode(answer.content, kind)
    except msgspec.DecodeError as error:
        raise UnreadableAnswer(call.operation.id, answer.status, answer.headers, answer.content) from error
    if call.operation.path == GRAPHQL and read.errors:
        raise GraphqlRefused(call.operation.id, answer.status, answer.headers, answer.content)
    return read


def _is_chosen(call: Call, answer: Answer) -> bool:
    """Whether the answer is a form that is not JSON, and that the caller asked for: application/pdf for `format="pdf"`."""
    media = answer.headers.get("content-type", "").partition(";")[0].strip()
    return media.rpartition("/")[2] == call.query.get("format")

"""The body and the answers of the GraphQL transport."""

from decimal import Decimal
from typing import Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from services.graphql_api import errors
from shared.web import http

MAX_VARIABLES_BYTES = 65_536


class GraphqlRequest(http.Body, kw_only=True, rename="camel"):
    """GraphQL over HTTP. `extensions` must be empty: persisted queries and their like are not offered."""

    max_bytes: ClassVar[int] = 128 << 10
    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None

    def checked_variables(self) -> dict[str, Any]:
        """Raises LIMIT_EXCEEDED for too many variables, OPERATION_NOT_APPROVED for an extension."""
        if self.extensions:
            raise errors.not_approved()
        try:
            variables = _plain(self.variables or {})
            size = len(msgspec.json.encode(variables))
        except RecursionError:
            raise errors.Refusal("LIMIT_EXCEEDED", "The variables are nested too deeply.") from None
        if size > MAX_VARIABLES_BYTES:
            raise errors.Refusal("LIMIT_EXCEEDED", f"The variables are over {MAX_VARIABLES_BYTES} bytes.")
        return variables


def _plain(value: Any) -> Any:
    """Replaces exact decimals by floats, which GraphQL knows."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


class ErrorExtensions(msgspec.Struct):
    """`code` is for programs: see the error catalogue."""

    code: str
    trace_id: str


class GraphqlError(msgspec.Struct):
    message: str
    extensions: ErrorExtensions
    path: list[str | int] | UnsetType = UNSET
    locations: list[dict[str, int]] | UnsetType = UNSET


class GraphqlAnswer(msgspec.Struct):
    data: dict[str, Any] | UnsetType | None = UNSET
    errors: list[GraphqlError] | UnsetType = UNSET


class ApprovedDocument(msgspec.Struct):
    """`document` is sent as it is; `variables_schema` is a JSON Schema of its variables."""

    name: str
    document: str
    variables_schema: dict[str, Any]


class ApprovedBundle(msgspec.Struct):
    name: str
    version: str
    description: str
    scopes: list[str]
    operations: list[ApprovedDocument]


class ApprovedBundles(msgspec.Struct):
    bundles: list[ApprovedBundle]

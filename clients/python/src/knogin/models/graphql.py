"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from .._model import Model


class ApprovedBundle(Model, kw_only=True):
    """A bundle of approved documents"""

    name: str
    """The bundle's name, such as `incident-management`"""
    version: str
    """The version"""
    description: str
    """A text for people"""
    scopes: list[str]
    """Scopes, such as `argus:epcr:read`"""
    operations: list[ApprovedDocument]
    """The documents of the bundle"""


class ApprovedBundles(Model, kw_only=True):
    """The bundles that the app was granted"""

    bundles: list[ApprovedBundle]
    """The bundles"""


class ApprovedDocument(Model, kw_only=True):
    """`document` is sent as it is; `variables_schema` is a JSON Schema of its variables."""

    name: str
    """The name, for people"""
    document: str
    """The GraphQL document to send, unchanged"""
    variables_schema: dict[str, Any]
    """A JSON Schema of the document's variables"""


class ErrorExtensions(Model, kw_only=True):
    """`code` is for programs: see the error catalogue. `scope` is the missing one. `bundles` are those that have the
    document `operation`
    with the root fields `fields`, none of which the app was granted. Where `operationName` is another one,
    `operation` is the document's
    own. `errors` are all faults of the variables; `pointer`, `allowed`, `limit` and `did_you_mean` are of the first
    one.
    """

    code: str
    """A code of the error catalogue, such as `FORBIDDEN`"""
    trace_id: str
    """The trace of the call, 32 hex digits; give it to support"""
    scope: str | None = None
    """The scope that is missing"""
    operation: str | None = None
    """The name of the document"""
    fields: list[str] | None = None
    """The root fields of the document"""
    bundles: list[str] | None = None
    """The bundles that have the document"""
    pointer: str | None = None
    """Where in the variables, as a JSON Pointer"""
    allowed: list[str] | None = None
    """The accepted values"""
    limit: float | None = None
    """The limit that was passed"""
    did_you_mean: str | None = None
    """The accepted value or name that is nearest to the one that was sent"""
    errors: list[ErrorFault] | None = None
    """All faults of the variables"""


class ErrorFault(Model, kw_only=True):
    """A fault of the variables, in the form of a REST call's 422. `pointer` is a JSON Pointer into `variables`. It
    begins with the
    argument's name where the document itself gives the value.
    """

    pointer: str
    """Where in the variables, as a JSON Pointer"""
    code: str
    """The code within the code system"""
    detail: str
    """An explanation for people"""
    allowed: list[str] | None = None
    """The accepted values"""
    limit: float | None = None
    """The limit that was passed"""
    did_you_mean: str | None = None
    """The accepted value or name that is nearest to the one that was sent"""


class GraphqlAnswer(Model, kw_only=True):
    """The answer to a GraphQL request"""

    data: dict[str, Any] | None = None
    """The answer, in the form of the document; null if all of it was refused"""
    errors: list[GraphqlError] | None = None
    """The errors"""


class GraphqlError(Model, kw_only=True):
    """Why a part of the request was refused"""

    message: str
    """An explanation for people"""
    extensions: ErrorExtensions
    path: list[str | int] | None = None
    """The place in the answer: names and indexes"""
    locations: list[dict[str, int]] | None = None
    """Places in the document: `line` and `column`"""


class GraphqlRequest(Model, kw_only=True):
    """GraphQL over HTTP. `extensions` must be empty: persisted queries and their like are not offered."""

    query: str
    """The approved document, unchanged"""
    variables: dict[str, Any] | UnsetType | None = UNSET
    """The variables of the document, by name"""
    operationName: str | UnsetType | None = UNSET
    """The document's operation; it has one, so this may be left out"""
    extensions: dict[str, Any] | UnsetType | None = UNSET
    """Must be empty"""

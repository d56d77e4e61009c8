"""The contract as an SDK of any language needs it: operations with their parameters, bodies and answers."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import gateway.docs
from deploy.docs.references import METHODS

DOCUMENT = gateway.docs.FILES / "openapi-client.json"
BODIES = {"application/json": "json", "application/x-www-form-urlencoded": "form"}
# A browser goes there, with a person before it; a program only makes the address.
NOT_CALLED_BY_PROGRAMS = {"authorizeUser"}
# A consumer's calls: at least once is their promise, and a commit never moves back.
REPEATABLE = {"readEvents", "commitEvents", "extendLease"}
Schema = Mapping[str, Any]


class Parameter(NamedTuple):
    """`place` is path, query or header."""

    name: str
    place: str
    required: bool
    description: str
    schema: Schema


class Body(NamedTuple):
    """`kind` is json, form or bytes."""

    kind: str
    schema: Schema
    required: bool


class Answer(NamedTuple):
    """A status of success; `schema` is None for an answer without a body, `kind` is json or bytes. `forms` has the schema of each media
    type: the caller chooses among several by a parameter."""

    status: int
    kind: str
    schema: Schema | None
    forms: Mapping[str, Schema]

    @property
    def may_be_bytes(self) -> bool:
        """Whether one of several forms is not JSON, and the usual one is."""
        return self.kind == "json" and len(self.forms) > 1 and not all(media.endswith("json") for media in self.forms)

    @property
    def byte_formats(self) -> list[str]:
        """The values of the parameter `format` that choose a form that is not JSON: `pdf` of application/pdf."""
        return [media.rpartition("/")[2] for media in self.forms if not media.endswith("json")]


class Operation(NamedTuple):
    """`auth` is bearer, client (the token endpoints) or open. `page` is the member with the items of a list: "" for a bare array, None for
    an operation that has no pages."""

    id: str
    method: str
    path: str
    tag: str
    summary: str
    description: str
    scopes: list[str]
    parameters: list[Parameter]
    body: Body | None
    answers: list[Answer]
    has_not_modified: bool
    auth: str
    page: str | None

    @property
    def is_keyed(self) -> bool:
        return any(parameter.name == "Idempotency-Key" for parameter in self.parameters)

    @property
    def is_repeatable(self) -> bool:
        """Whether a repetition is safe although neither the method nor a key says so."""
        return self.id in REPEATABLE


class Contract:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.schemas: dict[str, Schema] = document["components"]["schemas"]
        self.version: str = document["info"]["version"]
        self.tags: dict[str, str] = {tag["name"]: tag.get("description", "") for tag in document["tags"]}
        self.servers: list[str] = [server["url"] for server in document["servers"]]

    @classmethod
    def read(cls) -> "Contract":
        return cls(json.loads(DOCUMENT.read_text()))

    @cached_property
    def operations(self) -> list[Operation]:
        return [
            self._operation(path, method, entry)
            for path, entries in self.document["paths"].items()
            for method, entry in entries.items()
            if method in METHODS and entry["operationId"] not in NOT_CALLED_BY_PROGRAMS
        ]

    @cached_property
    def sent(self) -> set[str]:
        """Names of the schemas that a client sends."""
        return self._reachable(op.body.schema for op in self.operations if op.body)

    @cached_property
    def received(self) -> set[str]:
        """Names of the schemas that a client reads, among them the events."""
        answers = self._reachable(answer.schema for op in self.operations for answer in op.answers if answer.schema)
        return answers | {name for name in self.schemas if name.startswith("events.")}

    @cached_property
    def chosen(self) -> set[str]:
        """Names of the schemas that a client reads only if it chooses that form of an answer."""
        forms = (schema for op in self.operations for one in op.answers for schema in one.forms.values())
        return self._reachable(forms) - self.received

    def _reachable(self, schemas: Iterator[Schema]) -> set[str]:
        found: set[str] = set()
        waiting: list[Any] = list(schemas)
        while waiting:
            node = waiting.pop()
            if isinstance(node, dict):
                name = referred(node)
                if name and name not in found:
                    found.add(name)
                    waiting.append(self.schemas[name])
                waiting += [value for key, value in node.items() if key not in ("example", "examples", "mapping")]
            elif isinstance(node, list):
                waiting += node
        return found

    def item_of(self, operation: Operation) -> Schema:
        """The schema of one item of an operation with pages."""
        schema = operation.answers[0].schema or {}
        return (schema if operation.page == "" else self.schemas[referred(schema)]["properties"][operation.page])[
            "items"
        ]

    def _operation(self, path: str, method: str, entry: Mapping[str, Any]) -> Operation:
        shared = self.document["components"].get("parameters", {})
        listed = [shared[referred(one)] if "$ref" in one else one for one in entry.get("parameters", [])]
        parameters = [
            Parameter(one["name"], one["in"], one.get("required", False), one.get("description", ""), one["schema"])
            for one in listed
        ]
        answers = [self._answer(status, one) for status, one in entry["responses"].items() if status.startswith("2")]
        security = entry["security"]
        auth = "open" if not security else "client" if "client" in security[0] else "bearer"
        page = None
        if any(parameter.name == "cursor" for parameter in parameters):
            schema, page = answers[0].schema or {}, ""
            if schema.get("type") != "array":
                properties = self.schemas[referred(schema)]["properties"]
                (page,) = [name for name, one in properties.items() if one.get("type") == "array"]
        body = None
        if asked := entry.get("requestBody"):
            ((media, content),) = asked["content"].items()
            body = Body(BODIES.get(media, "bytes"), content["schema"], asked.get("required", False))
        return Operation(
            entry["operationId"],
            method.upper(),
            path,
            entry["tags"][0],
            entry["summary"],
            entry.get("description", ""),
            [scope for each in security for scope in each.get("oauth2", [])],
            parameters,
            body,
            answers,
            "304" in entry["responses"],
            auth,
            page,
        )

    @staticmethod
    def _answer(status: str, answer: Mapping[str, Any]) -> Answer:
        content = answer.get("content", {})
        if not content:
            return Answer(int(status), "json", None, {})
        forms = {media: one["schema"] for media, one in content.items()}
        if "application/json" in content:
            is_fhir = "application/fhir+json" in content and "anyOf" not in content["application/json"]["schema"]
            # FHIR is the reader's own model: it stays JSON.
            schema = {"type": "object"} if is_fhir else content["application/json"]["schema"]
            return Answer(int(status), "json", schema, forms)
        return Answer(int(status), "bytes", {"type": "string", "format": "binary"}, forms)


def referred(schema: Schema) -> str:
    """The name of the schema that a `$ref` names, or the empty text."""
    reference = schema.get("$ref")
    return reference.rpartition("/")[2] if isinstance(reference, str) else ""


def words(name: str) -> list[str]:
    """The words of an identifier in any style: `createSamlConnection`, `Integration requests`, `X-Tenant-ID`."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def snake(name: str) -> str:
    return "_".join(words(name))


def pascal(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in words(name))


def camel(name: str) -> str:
    first, *rest = words(name)
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def module_of(schema: str) -> str:
    """The part of the platform that a schema belongs to: `webhooks.Attempt` gives webhooks."""
    return schema.partition(".")[0]

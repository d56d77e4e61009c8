"""Writes the generated part of the Python SDK: models, problems, and a resource class for each tag, synchronous and asynchronous."""

import builtins
import keyword
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.clients.contract import Contract, Operation, Parameter, Schema, module_of, pascal, referred, snake
from deploy.clients.problems import STATUSES, kinds, meaning_of

PACKAGE = Path("clients/python/src/knogin")
NOTE = "Generated from the contract by `make clients`; do not edit."
WIDTH = 120
# Imports that a module does not need are removed.
HEAD = (
    f'"""{NOTE}"""\n\nfrom __future__ import annotations\n\nfrom datetime import datetime\n'
    "from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload\n\n"
)
SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}


def files(contract: Contract, version: str) -> dict[Path, str]:
    """The content of each generated file, formatted, by its path in the repository."""
    written: dict[str, str] = {
        "_version.py": f'"""{NOTE}"""\n\nVERSION = "{version}"\nCONTRACT = "{contract.version}"\n',
        "problems.py": _problems(),
    }
    modules = sorted({module_of(name) for name in contract.sent | contract.received})
    for module in modules:
        written[f"models/{module}.py"] = Models(contract, module).text()
    listed = ", ".join(modules)
    everything = ", ".join(f'"{module}"' for module in modules)
    written["models/__init__.py"] = f'"""{NOTE}"""\n\nfrom . import {listed}\n\n__all__ = [{everything}]\n'
    for tag in contract.tags:
        written[f"resources/{attribute(tag)}.py"] = Resource(contract, tag).text()
    written["resources/__init__.py"] = _resources(contract)
    return {PACKAGE / name: _formatted(text) for name, text in written.items()}


def _formatted(text: str) -> str:
    for command in (
        ["check", "--fix", "--isolated", "--select", "F401,I", "-"],
        ["format", "--line-length", str(WIDTH), "-"],
    ):
        ruff = [sys.executable, "-m", "ruff", *command, "--quiet"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout
    return text


def attribute(tag: str) -> str:
    """`Integration requests` gives integration_requests, `ePCR` gives epcr."""
    return tag.lower().replace(" ", "_")


def member(name: str) -> str:
    """A Python name for a member or parameter."""
    plain = name if name.isidentifier() else snake(name)
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def class_name(schema: str) -> str:
    """The class of a schema: `webhooks.Attempt` gives Attempt, `events.incident.closed` IncidentClosed."""
    module, _, rest = schema.partition(".")
    return pascal(rest.replace(".", "_")) if module == "events" else rest


def _doc(text: str, indent: str = "") -> str:
    """A docstring of that text; each of its lines is wrapped."""
    safe = text.replace("\\", "\\\\").replace('"""', "'''").strip()
    if not safe:
        return ""
    lines = [
        wrapped
        for line in safe.split("\n")
        for wrapped in textwrap.wrap(line, WIDTH - 4 - len(indent), break_on_hyphens=False) or [""]
    ]
    if len(lines) == 1 and len(lines[0]) + len(indent) + 6 <= WIDTH and not safe.endswith('"'):
        return f'{indent}"""{lines[0]}"""\n'
    body = "\n".join(indent + line if line else "" for line in lines).lstrip()
    return f'{indent}"""{body}\n{indent}"""\n'


class Types:
    """Python types of schemas. `home` is the module in which they are written; models of others are named `models.<module>.<class>`."""

    def __init__(self, contract: Contract, home: str) -> None:
        self.contract = contract
        self.home = home
        self.nested: list[tuple[str, Schema, bool]] = []
        self.unions: list[tuple[str, Schema, list[str]]] = []

    def name(self, schema: str) -> str:
        if module_of(schema) == self.home:
            return class_name(schema)
        return f"models.{module_of(schema)}.{class_name(schema)}"

    def of(self, schema: Schema, hint: str, *, sent_only: bool) -> str:
        """`hint` names the class of a nested object. Values of an enum may grow: in answers they are plain texts."""
        if name := referred(schema):
            return self.name(name)
        if "enum" in schema:
            values = schema["enum"]
            kinds = sorted({type(value).__name__ for value in values if value is not None})
            null = " | None" if None in values else ""
            if sent_only:
                return f"Literal[{', '.join(repr(value) for value in values if value is not None)}]{null}"
            return " | ".join(kinds) + null
        if parts := schema.get("anyOf") or schema.get("oneOf"):
            return self._union(schema, parts, hint, sent_only)
        kind = schema.get("type")
        if isinstance(kind, list):
            return " | ".join(self.of({**schema, "type": one}, hint, sent_only=sent_only) for one in kind)
        if kind == "null":
            return "None"
        if kind == "array":
            return f"list[{self.of(schema.get('items', {}), hint, sent_only=sent_only)}]"
        if kind == "object":
            more = schema.get("additionalProperties")
            if schema.get("properties") and more is not True and self.home:
                self.nested.append((hint, schema, sent_only))
                return hint
            inner = self.of(more, hint, sent_only=sent_only) if isinstance(more, Mapping) and more else "Any"
            return f"dict[str, {inner}]"
        if kind == "string" and schema.get("format") == "date-time":
            return "datetime"
        if kind == "string" and schema.get("format") == "binary":
            return "bytes"
        return SCALARS.get(kind or "", "Any")

    def _union(self, schema: Schema, parts: list[Schema], hint: str, sent_only: bool) -> str:
        structs = [part for part in parts if referred(part)]
        if len(structs) > 1 or (structs and any(part.get("type") == "object" for part in parts)):
            found = [self.name(referred(part)) for part in structs]
            self.unions.append((hint, schema, found))
            return hint
        # One kind of text or number is enough: a reader must not find two of them in one union.
        names = list(dict.fromkeys(self.of(part, hint, sent_only=sent_only) for part in parts))
        return " | ".join(sorted(names, key=lambda one: one == "None"))


class Models:
    """A module of models: one class for each schema and nested object, and one for each union of several models."""

    def __init__(self, contract: Contract, module: str) -> None:
        self.contract = contract
        self.module = module
        self.types = Types(contract, module)

    def text(self) -> str:
        names = sorted(name for name in self.contract.sent | self.contract.received if module_of(name) == self.module)
        classes: list[str] = []
        for name in names:
            schema = self.contract.schemas[name]
            if "oneOf" in schema or "anyOf" in schema:
                self.types.of(schema, class_name(name), sent_only=False)
            else:
                classes.append(
                    self._model(class_name(name), schema, name in self.contract.sent, name in self.contract.received)
                )
            while self.types.nested:
                hint, nested, sent_only = self.types.nested.pop()
                sent = name in self.contract.sent
                classes.append(self._model(hint, nested, sent, not sent_only))
        unions = [_union(*one) for one in self.types.unions]
        body = "\n\n".join(classes + unions)
        if self.module == "events":
            body += self._events(names)
        return HEAD + "from msgspec import UNSET, UnsetType, field\n\nfrom .._model import Model, OneOf\n\n\n" + body

    def _model(self, name: str, schema: Schema, sent: bool, received: bool) -> str:
        required = set(schema.get("required", []))
        lines = [f"class {name}(Model, kw_only=True):\n", _doc(schema.get("description", ""), "    ")]
        for wire, one in schema.get("properties", {}).items():
            lines.append(self._field(name, wire, one, wire in required, sent, received))
        if not schema.get("properties") and not schema.get("description"):
            lines.append("    pass\n")
        return "".join(lines)

    def _field(self, owner: str, wire: str, schema: Schema, required: bool, sent: bool, received: bool) -> str:
        name = member(wire)
        kind = self.types.of(schema, f"{owner}{pascal(wire)}", sent_only=sent and not received)
        constant = schema.get("enum", [])
        default = None
        if not required:
            default = "UNSET" if sent else "None"
            missing = "UnsetType" if sent else "None"
            kinds = kind.split(" | ")
            if missing == "UnsetType":
                kind = " | ".join(sorted([*kinds, missing], key=lambda one: one == "None"))
            elif "None" not in kinds and kind != "Any":
                kind = f"{kind} | None"
        elif sent and len(constant) == 1:
            default = repr(constant[0])
        if name != wire:
            value = f' = field(name="{wire}"' + (f", default={default})" if default else ")")
        else:
            value = f" = {default}" if default else ""
        described = schema.get("description", "")
        values = [value for value in constant if value is not None]
        if values and received and len(values) > 1:
            described = f"{described.rstrip('.')}. One of: {', '.join(map(str, values))}"
        return f"    {name}: {kind}{value}\n{_doc(described, '    ')}"

    def _events(self, names: list[str]) -> str:
        unknown = (
            "\n\nclass UnknownEvent(Model, kw_only=True):\n"
            '    """An event of a type that this version does not know, or of a thin webhook, whose data is its `event_id`."""\n\n'
            "    type: str\n    timestamp: datetime\n    data: dict[str, Any]\n    test: bool | None = None\n"
            "    thin: bool | None = None\n"
        )
        types = {self.contract.schemas[name]["properties"]["type"]["enum"][0]: class_name(name) for name in names}
        table = "".join(f'    "{kind}": {one},\n' for kind, one in types.items())
        union = " | ".join([*types.values(), "UnknownEvent"])
        return f"{unknown}\n\nTYPES: dict[str, type[Model]] = {{\n{table}}}\nEvent: TypeAlias = {union}\n"


def _union(name: str, schema: Schema, members: list[str]) -> str:
    discriminator = schema.get("discriminator", {})
    keys = {target.rpartition("/")[2]: key for key, target in discriminator.get("mapping", {}).items()}
    parts = [part for part in schema.get("anyOf") or schema["oneOf"] if referred(part)]
    listed = [
        (keys.get(referred(part), str(number)), one)
        for number, (part, one) in enumerate(zip(parts, members, strict=True))
    ]
    table = ", ".join(f'"{key}": {one}' for key, one in listed)
    # A checker sees the members; at run time the class chooses among them.
    return (
        f"if TYPE_CHECKING:\n    {name}: TypeAlias = {' | '.join([*members, 'dict[str, Any]'])}\nelse:\n\n    class {name}(OneOf):\n"
        f'        field = "{discriminator.get("propertyName", "")}"\n        members = {{{table}}}\n'
    )


class Resource:
    """A module with the operations of one tag: their constants, and a class for each of the two clients with one method an operation."""

    def __init__(self, contract: Contract, tag: str) -> None:
        self.contract = contract
        self.tag = tag
        self.operations = [operation for operation in contract.operations if operation.tag == tag]
        self.types = Types(contract, "")

    def text(self) -> str:
        constants = [self._constant(operation) for operation in self.operations]
        bodies = [self._class(is_async=False), self._class(is_async=True)]
        unions = [_union(*one) for one in {one[0]: one for one in self.types.unions}.values()]
        body = "\n\n".join(["\n".join(unions), "\n".join(constants), *bodies])
        imports = (
            "from .. import models\nfrom .._model import OneOf\nfrom .._paging import AsyncPages, Pages\n"
            "from .._transport import Call, Caller, Operation\n\n"
        )
        return HEAD + imports + body

    def _constant(self, operation: Operation) -> str:
        path = re.sub("{[^}]*}", "{}", operation.path)
        answers = ", ".join(
            f"{one.status}: {self._answer(operation, one.schema)}{' | bytes' if one.may_be_bytes else ''}"
            for one in operation.answers
        )
        more = [f'body="{operation.body.kind}"'] if operation.body else []
        more += ["keyed=True"] if operation.is_keyed else []
        more += ["repeatable=True"] if operation.is_repeatable else []
        more += [f'auth="{operation.auth}"'] if operation.auth != "bearer" else []
        given = ", ".join([f'"{operation.id}", "{operation.method}", "{path}", {{{answers}}}', *more])
        return f"_{snake(operation.id).upper()} = Operation({given})"

    def _answer(self, operation: Operation, schema: Schema | None) -> str:
        return "None" if schema is None else self.types.of(schema, f"{pascal(operation.id)}Answer", sent_only=False)

    def _class(self, *, is_async: bool) -> str:
        name = ("Async" if is_async else "") + pascal(attribute(self.tag))
        lines = [f"class {name}:\n", _doc(self.contract.tags[self.tag], "    ")]
        lines.append("\n    def __init__(self, client: Caller) -> None:\n        self._client = client\n")
        lines += [self._method(operation, is_async) for operation in self.operations]
        return "".join(lines)

    def _method(self, operation: Operation, is_async: bool) -> str:
        parameters = sorted(operation.parameters, key=lambda one: not one.required)
        path = [one for one in operation.parameters if one.place == "path"]
        named = [one for one in parameters if one.place != "path"]
        signature = ["self", *(f"{member(one.name)}: str" for one in path)]
        if operation.body:
            kind = self.types.of(operation.body.schema, f"{pascal(operation.id)}Body", sent_only=True)
            signature.append(f"body: {kind}" + ("" if operation.body.required else " | None = None"))
        signature.append("*")
        for one in named:
            kind = self.types.of(one.schema, pascal(one.name), sent_only=True)
            signature.append(f"{member(snake(one.name))}: {kind}" + ("" if one.required else " | None = None"))
        signature.append("timeout: float | None = None")
        prefix = "Async" if is_async else ""
        if operation.page is not None:
            answer = f"{prefix}Pages[{self.types.of(self.contract.item_of(operation), '', sent_only=False)}]"
        else:
            answer = " | ".join(dict.fromkeys(self._answer(operation, one.schema) for one in operation.answers))
        start = "async def" if is_async and operation.page is None else "def"
        call = self._call(operation, path, named)
        if operation.page is not None:
            done = f"return self._client._pages({call})"
        elif is_async:
            done = f"return await self._client._call({call})"
        else:
            done = f"return self._client._call({call})"
        documented = _doc(self._documentation(operation, path, named), "        ")
        overloads = "".join(
            f"\n    @overload\n    {start} {snake(operation.id)}({', '.join(given)}) -> {result}: ...\n"
            for given, result in _overloads(operation, signature, answer)
        )
        answer += " | bytes" if any(one.may_be_bytes for one in operation.answers) else ""
        answer += " | None" if operation.has_not_modified else ""
        return f"{overloads}\n    {start} {snake(operation.id)}({', '.join(signature)}) -> {answer}:\n{documented}        {done}\n"

    @staticmethod
    def _call(operation: Operation, path: list[Parameter], named: list[Parameter]) -> str:
        given = [f"_{snake(operation.id).upper()}"]
        if path:
            given.append(f"path=({', '.join(member(one.name) for one in path)},)")
        for place, argument in (("query", "query"), ("header", "headers")):
            pairs = [f'"{one.name}": {member(snake(one.name))}' for one in named if one.place == place]
            if pairs:
                given.append(f"{argument}={{{', '.join(pairs)}}}")
        if operation.body:
            given.append("body=body")
        given.append("timeout=timeout")
        if operation.page:
            given.append(f'page="{operation.page}"')
        return f"Call({', '.join(given)})"

    @staticmethod
    def _documentation(operation: Operation, path: list[Parameter], named: list[Parameter]) -> str:
        paragraphs = [f"{operation.summary}.", operation.description]
        if operation.scopes:
            paragraphs.append(f"Scope: {', '.join(f'`{scope}`' for scope in operation.scopes)}.")
        if operation.has_not_modified:
            paragraphs.append("None means that nothing has changed since `if_none_match`.")
        described = [
            (member(snake(one.name)), one.description.rstrip(".")) for one in (*path, *named) if one.description
        ]
        paragraphs.append("\n".join(f"`{name}`: {about}." for name, about in described))
        return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _overloads(operation: Operation, signature: list[str], answer: str) -> Iterator[tuple[list[str], str]]:
    """The signatures of a method whose answer depends on its arguments: None comes only with an ETag, bytes with their format."""
    for given, result in _formats(operation, signature, answer):
        if not operation.has_not_modified:
            if given != signature:
                yield given, result
            continue
        for kind, more in (("None = None", ""), ("str", " | None")):
            tagged = [f"if_none_match: {kind}" if one.startswith("if_none_match:") else one for one in given]
            yield tagged, result + more


def _formats(operation: Operation, signature: list[str], answer: str) -> Iterator[tuple[list[str], str]]:
    formats = [name for one in operation.answers if one.may_be_bytes for name in one.byte_formats]
    given = next((one for one in signature if one.startswith("format:")), None)
    if not formats or given is None:
        yield signature, answer
        return
    others = given
    for name in formats:
        others = re.sub(rf"""['"]{name}['"], |, ['"]{name}['"]""", "", others)
    yield [others if one == given else one for one in signature], answer
    literal = ", ".join(f'"{name}"' for name in formats)
    yield [f"format: Literal[{literal}]" if one == given else one for one in signature], "bytes"


def _problems() -> str:
    about = "A class for each status, and below it one for each kind of problem with that status."
    lines = [f'"""{NOTE}\n\n{about}\n"""\n\nfrom .errors import APIError\n']
    for status, name in STATUSES.items():
        lines.append(f"\n\nclass {name}(APIError):\n{_doc(meaning_of(status), '    ')}")
    lines.append('\n\nclass ServerError(APIError):\n    """A status of 500 or more without a class of its own."""\n')
    for kind in kinds():
        if not kind.is_the_status:
            lines.append(f"\n\nclass {kind.name}({STATUSES[kind.status]}):\n{_doc(kind.meaning, '    ')}")
    by_type = {f"{kind.status} {kind.type}": kind.name for kind in kinds()}
    statuses = "".join(f"    {status}: {name},\n" for status, name in STATUSES.items())
    types = "".join(f'    "{kind}": {name},\n' for kind, name in by_type.items())
    lines.append(
        f"\n\nSTATUSES: dict[int, type[APIError]] = {{\n{statuses}}}\nTYPES: dict[str, type[APIError]] = {{\n{types}}}\n"
    )
    lines.append(
        "\n\ndef class_of(status: int, type: str) -> type[APIError]:\n"
        '    """The class for an answer; a kind that this version does not know has the class of its status."""\n'
        "    general = ServerError if status >= 500 else APIError\n"
        '    return TYPES.get(f"{status} {type}") or STATUSES.get(status, general)\n'
    )
    return "".join(lines)


def _resources(contract: Contract) -> str:
    lines = [f'"""{NOTE}"""\n\nfrom functools import cached_property\n\n']
    names = {attribute(tag): pascal(attribute(tag)) for tag in contract.tags}
    lines += [f"from .{name} import Async{one}, {one}\n" for name, one in sorted(names.items())]
    lines.append("from .._transport import Caller\n")
    for prefix in ("", "Async"):
        lines.append(
            f'\n\nclass {prefix}Resources(Caller):\n    """The operations of a client, by the part of the platform."""\n'
        )
        for name, one in names.items():
            lines.append(
                f"\n    @cached_property\n    def {name}(self) -> {prefix}{one}:\n        return {prefix}{one}(self)\n"
            )
    return "".join(lines)


assert not {name for name in STATUSES.values() if hasattr(builtins, name)}, "an error must not hide one of Python's own"

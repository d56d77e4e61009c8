"""Samples of each operation for the contract (`x-codeSamples`): curl, the Python SDK and the TypeScript SDK. Pure.

They take the token from the environment: `KNOGIN_TOKEN`, or `KNOGIN_CLIENT_ID` and `KNOGIN_CLIENT_SECRET` for the SDKs. They name the
address, which a platform replaces by its own: a pasted sample sends its secret to the platform that showed it.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from deploy.clients.contract import (
    NOT_CALLED_BY_PROGRAMS,
    Contract,
    Operation,
    Parameter,
    Schema,
    camel,
    pascal,
    referred,
    snake,
)
from deploy.clients.python import attribute as python_attribute
from deploy.clients.python import class_name, member
from deploy.clients.typescript import attribute as typescript_attribute
from deploy.clients.typescript import quoted
from deploy.docs import curl

WIDTH = 88
PACKAGE = "package.zip"


class Group(NamedTuple):
    """Items between brackets, in one line where it fits; `pad` is beside the brackets then."""

    opening: str
    items: list[tuple[str, "Node"]]
    closing: str
    pad: str = ""


Node: TypeAlias = str | Group


def add(document: dict[str, Any]) -> None:
    """Adds the samples to each operation of a whole document."""
    contract = Contract(document)
    by_id = {operation.id: operation for operation in contract.operations}
    server = document["servers"][0]["url"]
    for path, entries in document["paths"].items():
        for method, entry in entries.items():
            shown = [{"lang": "Shell", "label": "curl", "source": curl.command(server, method, path, entry)}]
            if entry["operationId"] not in NOT_CALLED_BY_PROGRAMS:
                contents = entry.get("requestBody", {}).get("content", {})
                operation, example = by_id[entry["operationId"]], next(iter(contents.values()), {}).get("example")
                # The values of the parameters that a call needs, by their names on the wire.
                examples = {one["name"]: one["example"] for one in entry.get("parameters", []) if "example" in one}
                needed: dict[str, Any] = {}
                for one in operation.parameters:
                    if one.place == "path":
                        needed[one.name] = examples.get(one.name, one.name)
                    elif one.required:
                        needed[one.name] = curl.VALUES.get(one.name) or one.schema["enum"][0]
                given = needed | ({"If-Match": curl.ETAG} if "428" in entry["responses"] else {})
                shown += [
                    {
                        "lang": "Python",
                        "label": "Python",
                        "source": python(contract, server, operation, given, example),
                    },
                    {
                        "lang": "TypeScript",
                        "label": "TypeScript",
                        "source": typescript(server, operation, given, example),
                    },
                ]
            entry["x-codeSamples"] = shown


def python(contract: Contract, server: str, operation: Operation, given: Mapping[str, Any], example: Any) -> str:
    values = PythonValues(contract)
    arguments: list[tuple[str, Node]] = [
        ("", quoted_python(given[one.name])) for one in operation.parameters if one.place == "path"
    ]
    if operation.body and operation.body.kind == "bytes":
        arguments.append(("", f'Path("{PACKAGE}").read_bytes()'))
    elif operation.body and example is not None:
        arguments.append(("", values.of(example, operation.body.schema, f"{pascal(operation.id)}Body")))
    for one in _named(operation, given):
        arguments.append((f"{member(snake(one.name))}=", values.of(given[one.name], one.schema, "")))
    call = f"client.{python_attribute(operation.tag)}.{snake(operation.id)}"
    head = {"page": "for item in ", "none": "", "value": "answer = "}[_outcome(operation)]
    made = head + printed(Group(f"{call}(", arguments, ")"), "    ", len(head) + 1, "    ")
    after = {"page": ":\n        print(item)", "none": "", "value": "\n    print(answer)"}[_outcome(operation)]
    body = f"    {made}{after}\n"
    imports = "from datetime import datetime\n" if "datetime." in body else ""
    imports += "from pathlib import Path\n" if "Path(" in body else ""
    names = "Knogin, models" if "models." in body else "Knogin"
    opened = f'from knogin import {names}\n\nwith Knogin(base_url="{server}") as client:\n{body}'
    return f"{imports}{chr(10) if imports else ''}{opened}"


def typescript(server: str, operation: Operation, given: Mapping[str, Any], example: Any) -> str:
    arguments: list[tuple[str, Node]] = [
        ("", quoted(given[one.name])) for one in operation.parameters if one.place == "path"
    ]
    if operation.body and operation.body.kind == "bytes":
        arguments.append(("", f"await readFile('{PACKAGE}')"))
    elif operation.body and example is not None:
        arguments.append(("", literal(example)))
    options = {camel(one.name): given[one.name] for one in _named(operation, given)}
    arguments += [("", literal(options))] if options else []
    call = f"client.{typescript_attribute(operation.tag)}.{operation.id}"
    head = {"page": "for await (const item of ", "none": "await ", "value": "const answer = await "}[
        _outcome(operation)
    ]
    made = head + printed(Group(f"{call}(", arguments, ")"), "", len(head) + 1, "  ")
    after = {"page": ") console.log(item);", "none": ";", "value": ";\nconsole.log(answer);"}[_outcome(operation)]
    imports = "import { readFile } from 'node:fs/promises';\n" if "readFile(" in made else ""
    client = f"const client = new Knogin({{ baseUrl: {quoted(server)} }});"
    return f"{imports}import {{ Knogin }} from 'knogin';\n\n{client}\n{made}{after}\n"


def _named(operation: Operation, given: Mapping[str, Any]) -> list[Parameter]:
    return [one for one in operation.parameters if one.place != "path" and one.name in given]


def _outcome(operation: Operation) -> str:
    if operation.page is not None:
        return "page"
    return "none" if all(one.schema is None for one in operation.answers) else "value"


def printed(node: Node, indent: str, before: int, step: str) -> str:
    """The node in one line, or with a line for each item; `before` is the number of characters before it."""
    flat = _flat(node)
    if isinstance(node, str) or not node.items or len(indent) + before + len(flat) <= WIDTH:
        return flat
    inner = indent + step
    (prefix, only), *more = node.items
    if not more and not prefix and isinstance(only, Group) and node.opening[-1] == "(" and step == "  ":
        return node.opening + printed(only, indent, before, step) + node.closing  # f({ … })
    lines = [f"{inner}{prefix}{printed(item, inner, len(prefix) + 1, step)},\n" for prefix, item in node.items]
    return f"{node.opening}\n{''.join(lines)}{indent}{node.closing}"


def _flat(node: Node) -> str:
    if isinstance(node, str):
        return node
    inner = ", ".join(prefix + _flat(item) for prefix, item in node.items)
    pad = node.pad if inner else ""
    return f"{node.opening}{pad}{inner}{pad}{node.closing}"


def literal(value: Any) -> Node:
    """A value as TypeScript writes it."""
    if isinstance(value, Mapping):
        names = [name if re.fullmatch(r"[A-Za-z_$][\w$]*", name) else quoted(name) for name in value]
        items = [(f"{name}: ", literal(one)) for name, one in zip(names, value.values(), strict=True)]
        return Group("{", items, "}", " ")
    if isinstance(value, list):
        return Group("[", [("", literal(one)) for one in value], "]")
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def quoted_python(text: str) -> str:
    if '"' in text and "'" not in text and "\\" not in text:
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False)


class PythonValues:
    """Values of the contract as the Python SDK's models."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract

    def of(self, value: Any, schema: Schema, hint: str, module: str = "") -> Node:
        """`hint` is the class of an object without a schema of its own, in the models of `module`."""
        if name := referred(schema):
            target = self.contract.schemas[name]
            own, rest = name.partition(".")[0], class_name(name)
            if "oneOf" in target or "anyOf" in target:
                return self._chosen(value, target, rest, own)
            return self.of(value, target, rest, own)
        if "oneOf" in schema or "anyOf" in schema:
            return self._chosen(value, schema, hint, module)
        if isinstance(value, Mapping):
            members = schema.get("properties")
            if members and schema.get("additionalProperties") is not True and module:
                arguments = [
                    (f"{member(wire)}=", self.of(one, members[wire], f"{hint}{pascal(wire)}", module))
                    for wire, one in value.items()
                ]
                return Group(f"models.{module}.{hint}(", arguments, ")")
            items = [(f"{quoted_python(name)}: ", self.of(one, {}, "")) for name, one in value.items()]
            return Group("{", items, "}")
        if isinstance(value, list):
            return Group("[", [("", self.of(one, schema.get("items", {}), hint, module)) for one in value], "]")
        if isinstance(value, str) and schema.get("format") == "date-time":
            return f"datetime.fromisoformat({quoted_python(value)})"
        return quoted_python(value) if isinstance(value, str) else repr(value)

    def _chosen(self, value: Any, schema: Schema, hint: str, module: str) -> Node:
        """The member of a union that the value is."""
        parts = [part for part in schema.get("oneOf") or schema["anyOf"] if part != {"type": "null"}]
        if value is None:
            return "None"
        tag = schema.get("discriminator", {})
        if tag and isinstance(value, Mapping):
            return self.of(value, {"$ref": tag["mapping"][value[tag["propertyName"]]]}, hint, module)
        return self.of(value, next((part for part in parts if self._fits(value, part)), parts[0]), hint, module)

    def _fits(self, value: Any, part: Schema) -> bool:
        target = self.contract.schemas[referred(part)] if referred(part) else part
        if "oneOf" in target or "anyOf" in target:
            return any(self._fits(value, one) for one in target.get("oneOf") or target["anyOf"])
        if not isinstance(value, Mapping):
            kinds = {"string": str, "number": int | float, "integer": int, "boolean": bool, "array": list}
            return isinstance(value, kinds.get(str(target.get("type")), ()))
        members = target.get("properties", {})
        return (
            set(target.get("required", [])) <= set(value)
            and set(value) <= set(members)
            and all(one in members[name]["enum"] for name, one in value.items() if "enum" in members[name])
        )

"""Writes the generated part of the TypeScript SDK: models, problems, and a resource class for each tag."""

import json
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from deploy.clients.contract import Contract, Operation, Parameter, Schema, camel, module_of, pascal, referred
from deploy.clients.problems import STATUSES, kinds, meaning_of

PACKAGE = Path("clients/typescript/src")
NOTE = "Generated from the contract by `make clients`; do not edit."
WIDTH = 120
SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
SHARED = ("Open", "UnknownMember", "UnknownValue")
# Names that a model must not have, because its module uses the global ones.
GLOBALS = {"Record", "Uint8Array", *SHARED}


class Form(NamedTuple):
    """An answer that the caller chooses by `options`."""

    options: str
    answer: str


BUNDLES = Form("{ maxEntries: number }", "FhirBundles")
FORMS = {
    "getEncounter": [
        Form("{ format: 'fhir'; maxEntries: number }", "FhirBundles"),
        Form("{ format: 'fhir'; maxEntries?: undefined }", "FhirBundle"),
        Form("{ format?: 'json' | undefined }", "models.epcr.EncounterView"),
    ],
    "getFhirBundle": [BUNDLES, Form("{ maxEntries?: undefined }", "FhirBundle")],
    "getHandover": [
        Form("{ format: 'pdf' }", "Uint8Array"),
        Form("{ format: 'document' }", "FhirBundle"),
        Form("{ format?: 'json' | undefined }", "models.epcr.Handover"),
    ],
    "sendTestWebhook": [
        Form("{ wait: true }", "models.webhooks.Diagnosis"),
        Form("{ wait?: false | undefined }", "models.webhooks.Queued"),
    ],
    "updateAppGovernance": [
        Form("{ dryRun: true }", "models.apps.GovernanceTried"),
        Form("{ dryRun?: false | undefined }", "models.apps.GovernanceChanged"),
    ],
}
"""The general answer is any of them: for options whose values are known only when the program runs."""


def files(contract: Contract, version: str) -> dict[Path, str]:
    """The content of each generated file by its path in the repository."""
    versions = (
        f"// {NOTE}\n\n{comment('The version of this package.')}export const VERSION: string = {quoted(version)};\n"
        f"{comment('The version of the contract that it was made from.')}export const CONTRACT: string = {quoted(contract.version)};\n"
    )
    written = {"version.ts": versions, "problems.ts": _problems()}
    modules = sorted({module_of(name) for name in contract.sent | contract.received})
    for module in modules:
        written[f"models/{module}.ts"] = Models(contract, module).text()
    exports = "".join(f"export type * as {module} from './{module}.js';\n" for module in modules)
    written["models/index.ts"] = f"// {NOTE}\n\n{exports}"
    for tag in contract.tags:
        written[f"resources/{camel(attribute(tag))}.ts"] = Resource(contract, tag).text()
    written["resources/index.ts"] = _resources(contract)
    return {PACKAGE / name: text for name, text in written.items()}


def attribute(tag: str) -> str:
    """`Integration requests` gives integrationRequests, `ePCR` gives epcr."""
    return camel(tag.lower())


def comment(text: str, indent: str = "") -> str:
    """A documentation comment of that text; each of its lines is wrapped."""
    safe = text.replace("*/", "*\\/").strip()
    if not safe:
        return ""
    lines = [
        wrapped
        for line in safe.split("\n")
        for wrapped in textwrap.wrap(line, WIDTH - 3 - len(indent), break_on_hyphens=False, break_long_words=False)
        or [""]
    ]
    if len(lines) == 1 and len(lines[0]) + len(indent) + 7 <= WIDTH:
        return f"{indent}/** {lines[0]} */\n"
    body = "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines)
    return f"{indent}/**\n{body}{indent} */\n"


def quoted(text: str) -> str:
    """A literal in single quotes."""
    return "'" + json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"


def union(parts: Iterable[str]) -> str:
    """The distinct parts, null last."""
    return " | ".join(sorted(dict.fromkeys(parts), key=lambda one: one == "null"))


def declared(head: str, kind: str, indent: str = "") -> str:
    """`head kind;` in lines that fit: a long union has a line for each part."""
    line = f"{indent}{head} {kind};\n"
    if len(line) <= WIDTH + 1 or " | " not in kind:
        return line
    opened, parts, closed = "", kind.split(" | "), ""
    if kind.startswith("Open<") and kind.count("<") == 1:
        inner, _, rest = kind[5:].partition(">")
        opened, parts, closed = "Open<", inner.split(" | "), f"\n{indent}>{rest}"
    listed = "".join(f"\n{indent}  | {part}" for part in parts)
    return f"{indent}{head} {opened}{listed}{closed};\n".replace(" \n", "\n")


class Types:
    """TypeScript types of schemas. `home` is the module in which they are written, "" for a resource."""

    def __init__(self, contract: Contract, home: str) -> None:
        self.contract = contract
        self.home = home
        self.nested: list[tuple[str, Schema, bool]] = []
        self.modules: set[str] = set()

    def name(self, schema: str) -> str:
        module, _, rest = schema.partition(".")
        written = pascal(rest.replace(".", "_")) if module == "events" else rest
        if module == self.home:
            return written
        self.modules.add(module)
        return f"{module}.{written}" if self.home else f"models.{module}.{written}"

    def of(self, schema: Schema, hint: str, *, is_open: bool) -> str:
        """`hint` names the interface of a nested object. Where `is_open`, texts may have values that the contract does not list yet."""
        if name := referred(schema):
            return self.name(name)
        if "enum" in schema:
            values = schema["enum"]
            texts = [quoted(value) for value in values if isinstance(value, str)]
            others = [json.dumps(value) for value in values if not isinstance(value, str)]
            # One value is the mark of a member of a union.
            if is_open and len(texts) > 1:
                texts = [f"Open<{' | '.join(texts)}>"]
            return union([*texts, *others])
        if parts := schema.get("anyOf") or schema.get("oneOf"):
            return union(self.of(part, hint, is_open=is_open) for part in parts)
        kind = schema.get("type")
        if isinstance(kind, list):
            return union(self.of({**schema, "type": one}, hint, is_open=is_open) for one in kind)
        if kind == "array":
            items = self.of(schema.get("items", {}), hint, is_open=is_open)
            items = f"({items})" if " | " in items else items
            return f"{items}[]" if is_open else f"readonly {items}[]"
        if kind == "object":
            return self._object(schema, hint, is_open)
        if kind == "string" and schema.get("format") == "binary":
            return "Uint8Array"
        return SCALARS.get(kind or "", "unknown")

    def _object(self, schema: Schema, hint: str, is_open: bool) -> str:
        more = schema.get("additionalProperties")
        if schema.get("properties") and more is not True and self.home:
            self.nested.append((hint, schema, is_open))
            return hint
        inner = self.of(more, hint, is_open=is_open) if isinstance(more, Mapping) and more else "unknown"
        return f"Record<string, {inner}>"


class Models:
    """A module of models: an interface for each schema and nested object, and a type for each union of several models."""

    def __init__(self, contract: Contract, module: str) -> None:
        self.contract = contract
        self.module = module
        self.types = Types(contract, module)

    def text(self) -> str:
        contract = self.contract
        known = contract.sent | contract.received | contract.chosen
        names = sorted(name for name in known if module_of(name) == self.module)
        written: list[str] = []
        for name in names:
            schema = contract.schemas[name]
            is_open = name in contract.received or name not in contract.sent
            if "oneOf" in schema or "anyOf" in schema:
                parts = [
                    self.types.of(one, self.types.name(name), is_open=is_open)
                    for one in schema.get("oneOf") or schema["anyOf"]
                ]
                tag = schema.get("discriminator", {}).get("propertyName", "")
                parts += [f"UnknownMember<{quoted(tag)}>"] if is_open and tag else []
                described = comment(schema.get("description", ""))
                written.append(described + declared(f"export type {self.types.name(name)} =", union(parts)))
            else:
                written.append(self._model(self.types.name(name), schema, is_open))
            while self.types.nested:
                written.append(self._model(*self.types.nested.pop(0)))
        if self.module == "events":
            written.append(self._events(names))
        body = "\n".join(written)
        imports = [f"import type * as {module} from './{module}.js';\n" for module in sorted(self.types.modules)]
        shared = [name for name in SHARED if f"{name}<" in body or f" {name};" in body]
        imports += [f"import type {{ {', '.join(shared)} }} from '../types.js';\n"] if shared else []
        return f"// {NOTE}\n\n" + "".join(imports) + ("\n" if imports else "") + body

    def _model(self, name: str, schema: Schema, is_open: bool) -> str:
        assert name not in GLOBALS, f"{name} hides a name that its module uses"
        required = set(schema.get("required", []))
        lines = [comment(schema.get("description", "")), f"export interface {name} {{\n"]
        for wire, one in schema.get("properties", {}).items():
            kind = self.types.of(one, f"{name}{pascal(wire)}", is_open=is_open)
            mark = "" if wire in required else "?"
            lines.append(comment(one.get("description", ""), "  "))
            lines.append(declared(f"{wire if wire.isidentifier() else quoted(wire)}{mark}:", kind, "  "))
        return "".join([*lines, "}\n"])

    def _events(self, names: list[str]) -> str:
        described = (
            "An event of a type that this version does not know, or of a thin webhook, whose data is its `event_id`."
        )
        unknown = comment(described) + (
            "export interface UnknownEvent {\n  type: UnknownValue;\n  timestamp: string;\n"
            "  data: Record<string, unknown>;\n  test?: boolean;\n  thin?: boolean;\n}\n"
        )
        known = [self.types.name(name) for name in names]
        every = comment("Every event. `type` says which one it is.")
        return f"{unknown}\n{every}" + declared("export type Event =", union([*known, "UnknownEvent"]))


class Resource:
    """A module with the operations of one tag: a class with a method for each, and the options that the methods take."""

    def __init__(self, contract: Contract, tag: str) -> None:
        self.contract = contract
        self.tag = tag
        self.operations = [operation for operation in contract.operations if operation.tag == tag]
        self.types = Types(contract, "")

    def text(self) -> str:
        options = [self._options(operation) for operation in self.operations]
        methods = "\n".join(self._method(operation) for operation in self.operations)
        body = "\n".join(one for one in options if one)
        body += ("\n" if body else "") + comment(self.contract.tags[self.tag])
        body += (
            f"export class {pascal(attribute(self.tag))} {{\n  readonly #caller: Caller;\n\n"
            f"  constructor(caller: Caller) {{\n    this.#caller = caller;\n  }}\n\n{methods}}}\n"
        )
        return f"// {NOTE}\n\n{self._imports(body)}\n{body}"

    @staticmethod
    def _imports(body: str) -> str:
        known = {
            "../calls.js": ["Caller", "CallOptions", "KeyedOptions", "PageOptions", "Unchanged"],
            "../fhir.js": ["FhirBundle", "FhirBundles"],
            "../models/index.js": ["models"],
            "../paging.js": ["Pages"],
        }
        lines: list[str] = []
        for module, names in known.items():
            used = [name for name in names if any(f"{name}{end}" in body for end in ".<; ,)\n") and name != "models"]
            if names == ["models"] and "models." in body:
                lines.append(f"import type * as models from '{module}';\n")
            elif used:
                lines.append(f"import type {{ {', '.join(used)} }} from '{module}';\n")
        return "".join(lines)

    def _named(self, operation: Operation) -> tuple[str, list[Parameter]]:
        """The type of options that others take too, and the parameters that only this operation takes."""
        named = [one for one in operation.parameters if one.place != "path"]
        names = {one.name for one in named}
        base = "CallOptions"
        for general, shared in (("KeyedOptions", {"Idempotency-Key"}), ("PageOptions", {"limit", "cursor"})):
            if shared <= names:
                base = general
                named = [one for one in named if one.name not in shared]
        return base, named

    def _options(self, operation: Operation) -> str:
        """The interface of its options, where it has some of its own."""
        base, named = self._named(operation)
        if not named:
            return ""
        parameters = "<ETag extends string | undefined = string | undefined>" if operation.has_not_modified else ""
        lines = [
            comment(f"The options of `{operation.id}`."),
            f"export interface {pascal(operation.id)}Options{parameters} extends {base} {{\n",
        ]
        for one in named:
            kind = "ETag" if one.name == "If-None-Match" else self.types.of(one.schema, pascal(one.name), is_open=False)
            lines.append(comment(one.description, "  "))
            lines.append(declared(f"{camel(one.name)}{'' if one.required else '?'}:", kind, "  "))
        return "".join([*lines, "}\n"])

    def _result(self, operation: Operation) -> str:
        if operation.page is not None:
            return f"Pages<{self.types.of(self.contract.item_of(operation), '', is_open=True)}>"
        forms = [form.answer for form in FORMS.get(operation.id, [])]
        answers = forms[::-1] or [
            "void" if one.schema is None else self.types.of(one.schema, pascal(operation.id), is_open=True)
            for one in operation.answers
        ]
        return f"Promise<{_unchanged(operation, union(answers))}>"

    def _method(self, operation: Operation) -> str:
        documented = comment(self._documentation(operation), "  ")
        head = operation.id
        if operation.has_not_modified:
            head += "<ETag extends string | undefined = undefined>"
        arguments = [f"{camel(one.name)}: string" for one in operation.parameters if one.place == "path"]
        if operation.body:
            kind = self.types.of(operation.body.schema, f"{pascal(operation.id)}Body", is_open=False)
            arguments.append(f"body{'' if operation.body.required else '?'}: {kind}")
        base, named = self._named(operation)
        parameters = "<ETag>" if operation.has_not_modified else ""
        options = f"{pascal(operation.id)}Options{parameters}" if named else base
        is_required = any(one.required for one in self._named(operation)[1])
        overloads = ""
        for form in FORMS.get(operation.id, []):
            mark = "?" if all("?:" in part for part in form.options.split(";")) else ""
            given = [*arguments, f"options{mark}: {options} & {form.options}"]
            overloads += (
                documented + _signature(head, given, f"Promise<{_unchanged(operation, form.answer)}>", ";") + "\n"
            )
        default = f"options: {options}" + ("" if is_required else " = {}")
        if overloads:
            overloads += documented + _signature(
                head, [*arguments, f"options?: {options}"], self._result(operation), ";"
            )
            documented = ""
        done = "pages" if operation.page is not None else "value"
        return (
            f"{overloads}{documented}{_signature(head, [*arguments, default], self._result(operation), ' {')}"
            f"    return this.#caller.{done}({{\n{self._call(operation)}    }});\n  }}\n"
        )

    def _call(self, operation: Operation) -> str:
        answers: list[str] = []
        for one in operation.answers:
            kind = (
                "bytes" if one.kind == "bytes" else "array" if (one.schema or {}).get("type") == "array" else "object"
            )
            kind = "none" if one.schema is None else "any" if one.may_be_bytes else kind
            answers.append(f"{one.status}: {quoted(kind)}")
        about = [f"{name}: {quoted(getattr(operation, name))}" for name in ("id", "method", "path")]
        about.append(f"answers: {{ {', '.join(answers)} }}")
        about += [f"body: {quoted(operation.body.kind)}"] if operation.body else []
        about += ["keyed: true"] if operation.is_keyed else []
        about += ["repeatable: true"] if operation.is_repeatable else []
        about += [f"auth: {quoted(operation.auth)}"] if operation.auth != "bearer" else []
        lines = [_object("operation", about)]
        path = [camel(one.name) for one in operation.parameters if one.place == "path"]
        lines += [f"path: [{', '.join(path)}],"] if path else []
        for place, argument in (("query", "query"), ("header", "headers")):
            pairs = [
                f"{one.name if one.name.isidentifier() else quoted(one.name)}: options.{camel(one.name)}"
                for one in operation.parameters
                if one.place == place
            ]
            lines += [_object(argument, pairs)] if pairs else []
        lines += ["body,"] if operation.body else []
        lines += ["options,"]
        lines += [f"page: {quoted(operation.page)},"] if operation.page else []
        return "".join(f"      {line}\n" for line in lines)

    @staticmethod
    def _documentation(operation: Operation) -> str:
        paragraphs = [f"{operation.summary}.", operation.description]
        if operation.scopes:
            paragraphs.append(f"Scope: {', '.join(f'`{scope}`' for scope in operation.scopes)}.")
        if operation.has_not_modified:
            paragraphs.append("null means that nothing has changed since `ifNoneMatch`.")
        path = [one for one in operation.parameters if one.place == "path" and one.description]
        paragraphs.append("\n".join(f"@param {camel(one.name)} - {one.description}" for one in path))
        return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _unchanged(operation: Operation, answer: str) -> str:
    return f"{answer} | Unchanged<ETag>" if operation.has_not_modified else answer


def _signature(head: str, arguments: list[str], result: str, end: str) -> str:
    line = f"  {head}({', '.join(arguments)}): {result}{end}\n"
    if len(line) <= WIDTH + 1:
        return line
    listed = "".join(f"    {argument},\n" for argument in arguments)
    return f"  {head}(\n{listed}  ): {result}{end}\n"


def _object(name: str, pairs: list[str]) -> str:
    line = f"{name}: {{ {', '.join(pairs)} }},"
    if len(line) + 6 <= WIDTH:
        return line
    return f"{name}: {{\n" + "".join(f"        {pair},\n" for pair in pairs) + "      },"


def _class(name: str, base: str, meaning: str) -> str:
    named = f"  static {{\n    this.prototype.name = {quoted(name)};\n  }}\n"
    return f"\n{comment(meaning)}export class {name} extends {base} {{\n{named}}}\n"


def _problems() -> str:
    lines = [
        f"// {NOTE}\n\n/** A class for each status, and below it one for each kind of problem with that status. */\n"
    ]
    lines.append("\nimport { APIError } from './errors.js';\n")
    lines += [_class(name, "APIError", meaning_of(status)) for status, name in STATUSES.items()]
    lines.append(_class("ServerError", "APIError", "A status of 500 or more without a class of its own."))
    lines += [_class(kind.name, STATUSES[kind.status], kind.meaning) for kind in kinds() if not kind.is_the_status]
    statuses = "".join(f"  {status}: {name},\n" for status, name in STATUSES.items())
    by_type = {f"{kind.status} {kind.type}": kind.name for kind in kinds()}
    types = "".join(f"  {quoted(kind)}: {name},\n" for kind, name in by_type.items())
    lines.append(
        f"\nconst STATUSES: Partial<Record<number, typeof APIError>> = {{\n{statuses}}};\n"
        f"\nconst TYPES: Partial<Record<string, typeof APIError>> = {{\n{types}}};\n\n"
        + comment("The class for an answer; a kind that this version does not know has the class of its status.")
        + "export function classOf(status: number, type: string): typeof APIError {\n"
        "  return TYPES[`${status} ${type}`] ?? STATUSES[status] ?? (status >= 500 ? ServerError : APIError);\n}\n"
    )
    return "".join(lines)


def _resources(contract: Contract) -> str:
    names = {attribute(tag): pascal(attribute(tag)) for tag in contract.tags}
    lines = [f"// {NOTE}\n\nimport type {{ Caller }} from '../calls.js';\n"]
    lines += [f"import {{ {name} }} from './{module}.js';\n" for module, name in sorted(names.items())]
    lines.append("\n" + "".join(f"export type * from './{module}.js';\n" for module in sorted(names)))
    lines.append("\n/** The operations of a client, by the part of the platform. */\nexport class Resources {\n")
    for tag in contract.tags:
        about = comment(contract.tags[tag], "  ")
        lines.append(f"{about}  readonly {attribute(tag)}: {pascal(attribute(tag))};\n")
    lines.append("\n  constructor(caller: Caller) {\n")
    lines += [f"    this.{module} = new {name}(caller);\n" for module, name in names.items()]
    return "".join([*lines, "  }\n}\n"])

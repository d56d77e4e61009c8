"""Finds the changes between two documents of the contract that break programs written for the older one. Pure."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from deploy.docs.references import resolved

# The last released document, without texts and examples. There is none before the first release.
RELEASED = Path(__file__).parent / "released.json"
MIGRATIONS = Path(__file__).parents[2] / "docs" / "migrations.md"
Direction = Literal["sent", "received"]
TEXTS = {
    "description",
    "summary",
    "example",
    "examples",
    "x-errors",
    "x-catalogues",
    "x-codeSamples",
    "externalDocs",
    "info",
    "servers",
    "tags",
}
UPPER, LOWER = (
    ("maximum", "maxLength", "maxItems", "maxProperties"),
    ("minimum", "minLength", "minItems", "minProperties"),
)
JSON_TYPES = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def skeleton(node: Any, *, are_names: bool = False) -> Any:
    """A document without its texts, on which no program depends. The members of `properties` are names, not keywords."""
    if isinstance(node, list):
        return [skeleton(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        name: skeleton(member, are_names=name in ("properties", "schemas", "paths", "webhooks"))
        for name, member in node.items()
        if are_names or name not in TEXTS
    }


def breaking(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """One line for each change: its kind, a colon, and its place. The same list for the same documents."""
    return list(dict.fromkeys(_Comparison(old, new).run()))


class _Comparison:
    def __init__(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        self.old, self.new = old, new
        self.seen: set[tuple[str, Direction]] = set()

    def run(self) -> Iterator[str]:
        for path, operations in self.old["paths"].items():
            for method, operation in operations.items():
                if method in ("servers", "parameters"):
                    continue
                place = f"{method.upper()} {path}"
                later = self.new["paths"].get(path, {}).get(method)
                if later is None:
                    yield f"call removed: {place}"
                else:
                    yield from self._operation(operation, later, place)
        for kind, event in self.old.get("webhooks", {}).items():
            later = self.new.get("webhooks", {}).get(kind)
            if later is None:
                yield f"event removed: {kind}"
            else:
                yield from self._operation(event["post"], later["post"], kind, sent="received")

    def _operation(self, old: Any, new: Any, place: str, sent: Direction = "sent") -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"operationId changed: {place}"
        if not _scopes(new) <= _scopes(old):
            yield f"scope added: {place}"
        elif new.get("security") and not old.get("security"):
            yield f"token needed: {place}"
        yield from self._parameters(old, new, place)
        yield from self._contents(old.get("requestBody", {}), new.get("requestBody", {}), f"{place} body", sent)
        if new.get("requestBody", {}).get("required") and not old.get("requestBody", {}).get("required"):
            yield f"now required: {place} body"
        yield from (
            f"status added: {place} {status}"
            for status in new["responses"]
            if "200" <= status < "300" and status not in old["responses"]
        )
        for status, answer in old["responses"].items():
            if status >= "400":
                continue
            later = new["responses"].get(status)
            if later is None:
                yield f"status removed: {place} {status}"
            else:
                answer, later = resolved(self.old, answer), resolved(self.new, later)
                yield from self._contents(answer, later, f"{place} {status}", "received")

    def _parameters(self, old: Any, new: Any, place: str) -> Iterator[str]:
        before = {(one["in"], one["name"]): one for one in self._all(old, self.old)}
        after = {(one["in"], one["name"]): one for one in self._all(new, self.new)}
        for key, parameter in before.items():
            if key not in after:
                yield f"parameter removed: {place} {key[1]}"
            else:
                yield from self._schemas(parameter["schema"], after[key]["schema"], f"{place} {key[1]}", "sent")
        for key, parameter in after.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                yield f"now required: {place} {key[1]}"

    def _all(self, operation: Any, document: Any) -> list[Any]:
        return [resolved(document, one) for one in operation.get("parameters", [])]

    def _contents(self, old: Any, new: Any, place: str, direction: Direction) -> Iterator[str]:
        for media, content in old.get("content", {}).items():
            if media not in new.get("content", {}):
                yield f"media type removed: {place} {media}"
            elif "schema" in content:
                yield from self._schemas(content["schema"], new["content"][media].get("schema", {}), place, direction)

    def _schemas(self, old: Any, new: Any, place: str, direction: Direction) -> Iterator[str]:
        pair = (json.dumps([old, new], sort_keys=True), direction)
        if old.get("$ref") and pair in self.seen:
            return
        self.seen.add(pair)
        if "$ref" in old:
            place = old["$ref"].rpartition("/")[2]
        before, after = self._choices(old, self.old), self._choices(new, self.new)
        if direction == "sent" and _types(before) - _types(after):
            yield f"type narrowed: {place}"
        if direction == "received" and _types(after) - _types(before):
            yield f"type widened: {place}"
        for kind in JSON_TYPES.values():
            earlier, later = (
                [one for one in choices if kind in _types([one]) and one.get("type") != "any"]
                for choices in (before, after)
            )
            if earlier and later:
                known, possible = _enumerated(earlier), _enumerated(later)
                if direction == "sent" and possible is not None and (known is None or known - possible):
                    yield f"values narrowed: {place}"
                if direction == "received" and known is not None and (possible is None or possible - known):
                    yield f"values widened: {place}"
                if len(earlier) == len(later) == 1:
                    yield from self._limits(earlier[0], later[0], place, direction)
                    yield from self._members(earlier[0], later[0], place, direction)
                elif kind == "object":
                    yield from self._kinds(earlier, later, place, direction)

    def _kinds(self, old: list[Any], new: list[Any], place: str, direction: Direction) -> Iterator[str]:
        """The objects of a union, each beside the one that has its tag, or its position where there are no tags."""
        before, after = self._tagged(old, self.old), self._tagged(new, self.new)
        for tag, earlier in before.items():
            if tag in after:
                yield from self._limits(earlier, after[tag], f"{place}({tag})", direction)
                yield from self._members(earlier, after[tag], f"{place}({tag})", direction)
            elif direction == "sent":
                yield f"kind removed: {place}({tag})"
        if direction == "received":
            yield from (f"kind added: {place}({tag})" for tag in after if tag not in before)

    def _tagged(self, choices: list[Any], document: Any) -> dict[str, Any]:
        tags: list[str] = []
        for one in choices:
            valued = (_values_of(resolved(document, member)) for member in one.get("properties", {}).values())
            tags.append(next((str(values[0]) for values in valued if len(values) == 1), ""))
        named = tags if all(tags) and len(set(tags)) == len(tags) else map(str, range(len(choices)))
        return dict(zip(named, choices, strict=True))

    def _choices(self, schema: Any, document: Any) -> list[Any]:
        schema = resolved(document, schema)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return [leaf for one in schema[keyword] for leaf in self._choices(one, document)]
        return [schema]

    def _limits(self, old: Any, new: Any, place: str, direction: Direction) -> Iterator[str]:
        if direction == "received":
            return
        tighter = any(new.get(name, old.get(name)) < old.get(name, float("inf")) for name in UPPER if name in new)
        tighter = tighter or any(new[name] > old.get(name, float("-inf")) for name in LOWER if name in new)
        fixed = any(new.get(name) not in (None, old.get(name)) for name in ("pattern", "format"))
        closed = new.get("additionalProperties") is False and old.get("additionalProperties") is not False
        if tighter or fixed or closed:
            yield f"limit narrowed: {place}"

    def _members(self, old: Any, new: Any, place: str, direction: Direction) -> Iterator[str]:
        if "items" in old:
            yield from self._schemas(old["items"], new.get("items", {}), f"{place}[]", direction)
        if isinstance(old.get("additionalProperties"), dict) and isinstance(new.get("additionalProperties"), dict):
            values = old["additionalProperties"], new["additionalProperties"]
            yield from self._schemas(*values, f"{place}{{}}", direction)
        members, later = old.get("properties", {}), new.get("properties", {})
        must, must_later = set(old.get("required", [])), set(new.get("required", []))
        for name, member in members.items():
            if name not in later:
                if direction == "received" or new.get("additionalProperties") is False:
                    yield f"member removed: {place}.{name}"
            else:
                yield from self._schemas(member, later[name], f"{place}.{name}", direction)
        if direction == "received":
            yield from (f"no longer always sent: {place}.{name}" for name in sorted(must & set(later) - must_later))
        else:
            yield from (f"now required: {place}.{name}" for name in sorted(must_later - must))


def _scopes(operation: Any) -> set[str]:
    return {scope for scheme in operation.get("security", []) for scopes in scheme.values() for scope in scopes}


def _types(choices: list[Any]) -> set[str]:
    found: set[str] = set()
    for schema in choices:
        kinds = schema.get("type") or [JSON_TYPES[type(one)] for one in _values_of(schema)] or JSON_TYPES.values()
        found.update([kinds] if isinstance(kinds, str) else kinds)
    return found | ({"integer"} if "number" in found else set())


def _values_of(schema: Any) -> list[Any]:
    return [schema["const"]] if "const" in schema else schema.get("enum", [])


def _enumerated(choices: list[Any]) -> set[str] | None:
    """The values of an enumeration as JSON, or None if any other value may come."""
    if not all(_values_of(one) or one.get("type") in ("null", "boolean") for one in choices):
        return None
    return {json.dumps(value) for one in choices for value in _values_of(one) if not isinstance(value, bool)}


def notes() -> dict[str, str]:
    """The remedy of each change, by a pattern of the lines of `breaking`: the table of docs/migrations.md."""
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \|$", MIGRATIONS.read_text(), re.MULTILINE)
    return dict(rows)


def since_release(document: dict[str, Any]) -> list[str]:
    """The lines of `breaking` since the last release; none before the first one."""
    return breaking(json.loads(RELEASED.read_text()), skeleton(document)) if RELEASED.exists() else []


def release(document: dict[str, Any]) -> None:
    """Stores a document as the last released one."""
    RELEASED.write_text(json.dumps(skeleton(document), separators=(",", ":")).replace('},"', '},\n"') + "\n")

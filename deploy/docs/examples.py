"""The answers that the page shows: recorded from a running system, and derived from those for newer fields and calls. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

# operationId, status, media type
Recorded = Mapping[str, Mapping[str, Mapping[str, Any]]]
JSON = re.compile(r"application/([\w.-]+\+)?json")
REF = "#/components/schemas/"


def add(document: dict[str, Any], recorded: Recorded) -> None:
    """Adds an example to each answer with a recorded one, and to each other call one recorded for the same schema.

    A member of the schema that a recorded answer lacks and that may be null is null.
    """
    schemas, by_schema = document["components"]["schemas"], dict[str, Any]()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    for operation in operations:
        for status, by_media in recorded.get(operation["operationId"], {}).items():
            for media, example in by_media.items():
                content = operation["responses"][status]["content"][media]
                content["example"] = _completed(example, content["schema"], schemas)
                by_schema.setdefault(json.dumps(content["schema"]), content["example"])
    for operation in operations:
        contents = list(success_contents(operation))
        if any("example" in content for content in contents):
            continue
        for content in contents:
            schema = content["schema"]
            example = by_schema.get(json.dumps(schema))
            if example is None and schema.get("type") == "array":
                item = by_schema.get(json.dumps(schema["items"]))
                example = None if item is None else [item]
            if example is not None:
                content["example"] = example


def success_contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The JSON bodies of an operation's successful answers."""
    for status, answer in operation["responses"].items():
        if status < "300":
            yield from (content for media, content in answer.get("content", {}).items() if JSON.fullmatch(media))


def _completed(value: Any, schema: Any, schemas: Mapping[str, Any]) -> Any:
    if not isinstance(schema, dict):
        return value
    if "$ref" in schema:
        return _completed(value, schemas[schema["$ref"].removeprefix(REF)], schemas)
    if isinstance(value, list):
        return [_completed(item, schema.get("items"), schemas) for item in value]
    if not isinstance(value, dict):
        return value
    members = schema.get("properties", {})
    known = {name: _completed(member, members.get(name), schemas) for name, member in value.items()}
    may_be_null = {
        name
        for name, member in members.items()
        if isinstance(member, dict) and {"type": "null"} in member.get("anyOf", [])
    }
    lacking = {name for name in schema.get("required", []) if name not in value} & may_be_null
    if not lacking:
        return known
    ordered = {name: known.get(name) for name in members if name in lacking or name in known}
    return ordered | known

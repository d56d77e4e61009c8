"""JSON Schemas as rows a person can read. Pure."""

from typing import Any, NamedTuple

RANGES = (
    ("minimum", "maximum", ("{} to {}", "≥ {}", "≤ {}")),
    ("minLength", "maxLength", ("{} to {} characters", "at least {} characters", "at most {} characters")),
    ("minItems", "maxItems", ("{} to {} items", "at least {} items", "at most {} items")),
)
"""The keywords of a lower and an upper bound, and the texts for both, for the lower alone and for the upper alone."""


class Word(NamedTuple):
    """A piece of a type: prose to translate, a value to show as code, or a link to a schema."""

    text: str
    kind: str = "prose"


class Field(NamedTuple):
    name: str
    words: list[Word]
    is_required: bool
    description: str
    limits: list[tuple[str, tuple[Any, ...]]]
    default: str
    inner: list["Field"]


def fields(schema: dict[str, Any]) -> list[Field]:
    """The members of an object's schema."""
    required = schema.get("required", [])
    return [_field(name, member, name in required) for name, member in schema.get("properties", {}).items()]


def _field(name: str, schema: dict[str, Any], is_required: bool) -> Field:
    default = schema.get("default")
    item = schema.get("items", schema)
    found: list[tuple[str, tuple[Any, ...]]] = []
    for lower, upper, (both, least, most) in RANGES:
        low, high = schema.get(lower), schema.get(upper)
        if lower != "minimum" and (not low or (low == 1 and high is None)):
            low = None  # not worth a text: "at least 0" and "at least 1"
        if low is not None and high is not None:
            found.append((both, (low, high)))
        elif low is not None or high is not None:
            found.append((least, (low,)) if high is None else (most, (high,)))
    return Field(
        name,
        words(schema),
        is_required,
        schema.get("description", ""),
        found,
        "" if default in (None, [], {}) else str(default).lower() if isinstance(default, bool) else str(default),
        fields(item) if isinstance(item, dict) else [],
    )


def words(schema: dict[str, Any]) -> list[Word]:
    """`array of Device or null` and the like."""
    if "$ref" in schema:
        return [Word(schema["$ref"].rpartition("/")[2], "ref")]
    if "const" in schema:
        return [
            Word(str(schema["const"]).lower() if isinstance(schema["const"], bool) else str(schema["const"]), "value")
        ]
    if "enum" in schema:
        return _between([[Word("null" if one is None else str(one), "value")] for one in schema["enum"]])
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return _between([words(one) for one in schema[keyword]])
    return _plain(schema)


def _plain(schema: dict[str, Any]) -> list[Word]:
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        return _between([_plain(schema | {"type": one}) for one in kind])
    if kind == "array":
        return [Word("array of"), *words(schema.get("items", {}))]
    if kind == "string" and schema.get("format") in ("date-time", "date"):
        return [Word({"date-time": "time", "date": "date"}[schema["format"]])]
    return [Word(kind)]


def _between(choices: list[list[Word]]) -> list[Word]:
    joined = choices[0] if choices else []
    for choice in choices[1:]:
        joined = [*joined, Word("or"), *choice]
    return joined

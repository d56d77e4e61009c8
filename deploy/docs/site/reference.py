"""The operations, schemas and limits of the contract in the form that the templates need."""

import re
from typing import Any, NamedTuple

from deploy.docs import fields
from deploy.docs.references import METHODS, resolved
from gateway.settings import Settings

PLACES = {"path": "In the path", "query": "In the query", "header": "Headers"}


class Shown(NamedTuple):
    """One operation. `scope` is None where no token is needed, "" where any is enough; `samples` are label, language and source."""

    id: str
    method: str
    path: str
    tag: str
    scope: str | None
    operation: dict[str, Any]
    parameters: list[tuple[str, list[fields.Field]]]
    samples: list[tuple[str, str, str]]
    answers: list[Any]
    refusals: list[Any]


def slug(tag: str) -> str:
    """`Integration requests` gives integration-requests."""
    return re.sub(r"[^a-z0-9]+", "-", tag.lower())


def module(schema: str) -> str:
    """The page of a schema: `epcr.EncounterDraft` is on that of epcr, `Problem` on common."""
    return schema.partition(".")[0] if "." in schema else "common"


def anchor(schema: str) -> str:
    return schema.rpartition(".")[2].lower()


def groups(document: dict[str, Any]) -> dict[str, list[Shown]]:
    """The operations by their tags."""
    found: dict[str, list[Shown]] = {}
    calls = (
        (path, method, item[method]) for path, item in document["paths"].items() for method in METHODS if method in item
    )
    languages = {"Shell": "sh", "Python": "python", "TypeScript": "ts"}
    for path, method, operation in calls:
        responses = {int(status): resolved(document, one) for status, one in operation["responses"].items()}
        parameters = [resolved(document, one) for one in operation.get("parameters", [])]
        asked = operation["security"][0].get("oauth2") if operation["security"] else None
        shown = Shown(
            operation["operationId"],
            method,
            path,
            operation["tags"][0],
            None if asked is None else (asked[0] if asked else ""),
            operation,
            [(title, rows) for place, title in PLACES.items() if (rows := _rows(parameters, place))],
            [(one["label"], languages[one["lang"]], one["source"]) for one in operation["x-codeSamples"]],
            [(status, one) for status, one in responses.items() if status < 400],
            [(status, one) for status, one in responses.items() if status >= 400],
        )
        found.setdefault(shown.tag, []).append(shown)
    return found


def _rows(parameters: list[dict[str, Any]], place: str) -> list[fields.Field]:
    """The parameters of one place as the members of an object."""
    found = [one for one in parameters if one["in"] == place]
    members = {one["name"]: {"description": one.get("description", "")} | one["schema"] for one in found}
    return fields.fields({"properties": members, "required": [one["name"] for one in found if one.get("required")]})


def rates() -> list[tuple[str, str, str]]:
    """Class, requests and seconds, which the gateway that serves the page fills in (`gateway.docs.numbers`)."""
    classes = [one.removeprefix("rate_limit_") for one in Settings.__struct_fields__ if one.startswith("rate_limit_")]
    return [(name, f"%{name}:amount%", f"%{name}:seconds%") for name in classes]

"""The contract as a page for people, in each language."""

import json
import re
from collections import ChainMap
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from deploy.docs import contract, curl, errors, fields
from deploy.docs.references import resolved
from gateway.settings import Settings
from shared.messaging.event_types import catalogue
from shared.web import scopes

FOLDER = Path(__file__).parent
ITALIAN = FOLDER / "italian.json"
LANGUAGES = {"en": "English", "it": "Italiano"}
PLACES = {"path": "In the path", "query": "In the query", "header": "Headers"}
METHODS = ("get", "post", "put", "patch", "delete")


class Shown(NamedTuple):
    """One operation in the form that the template needs."""

    id: str
    method: str
    path: str
    server: str
    scope: str | None
    operation: dict[str, Any]
    parameters: list[tuple[str, list[fields.Field]]]
    command: str
    answers: list[Any]
    refusals: list[Any]


class Translator:
    """Returns English unchanged and Italian from the dictionary. `used` and `missing` collect the texts it was asked for."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.missing: set[str] = set()
        self.used: set[str] = set()

    def __call__(self, text: str) -> str:
        text = " ".join(text.split())
        if self.language == "en" or not text:
            return text
        self.used.add(text)
        translated = dictionary().get(text)
        if not translated:
            self.missing.add(text)
        return translated or text

    def marked(self, text: str) -> Markup:
        """The translation; text in backquotes becomes code."""
        parts = re.split(r"`([^`]+)`", self(text))
        return Markup("").join(
            Markup("<code>{}</code>").format(part) if index % 2 else escape(part) for index, part in enumerate(parts)
        )


@cache
def dictionary() -> dict[str, str]:
    """Italian by English: the texts of fields, event types and scopes have it beside them, `italian.json` has the rest."""
    return beside() | json.loads(ITALIAN.read_text())


def beside() -> dict[str, str]:
    """The Italian of fields, event types and scopes."""
    of_fields = {one["text"]: one["italian"] for one in json.loads(contract.TEXTS.read_text()).values()}
    of_scopes = {scope.description: scope.italian for scope in scopes.ALL.values() if scope.name in contract.SCOPES}
    return dict(ChainMap(of_scopes, of_fields, *(kind.italian for kind in catalogue().values())))


def update_dictionary() -> list[str]:
    """Removes unused texts from `italian.json` and adds the missing ones, each with "" to fill in. Returns those without Italian."""
    translate = Translator("it")
    render("it", translate)
    kept = {text: dictionary().get(text, "") for text in sorted(translate.used - beside().keys())}
    ITALIAN.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    dictionary.cache_clear()
    return sorted(translate.missing)


def render(language: str, translate: Translator | None = None) -> bytes:
    document = contract.contract()
    translate = translate or Translator(language)
    loader = FileSystemLoader(FOLDER / "templates")
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "t": translate,
        "marked": translate.marked,
        "pretty": partial(json.dumps, indent=2, ensure_ascii=False),
        "anchor": anchor,
    }
    schemas = document["components"]["schemas"].items()
    html = environment.get_template("page.html").render(
        language=language,
        languages=LANGUAGES,
        document=document,
        tags={tag["name"]: tag["description"] for tag in document["tags"]},
        groups=_groups(document),
        events=document["webhooks"],
        event_headers=contract.EVENT_HEADERS,
        schemas=[(name, schema) for name, schema in schemas if not name.startswith("events.")],
        scopes=contract.SCOPES,
        catalogues=document["x-catalogues"],
        problems=errors.PROBLEMS,
        oauth_errors=errors.OAUTH,
        graphql_errors=errors.GRAPHQL,
        rates=_rates(),
        rows=fields.fields,
        words=fields.words,
        headers=document["components"]["headers"],
    )
    return re.sub(r"\n\s*\n+", "\n", html).encode()


def anchor(name: str) -> str:
    return "schema-" + name.replace(".", "-").lower()


def _groups(document: dict[str, Any]) -> list[tuple[str, list[Shown]]]:
    groups: dict[str, list[Shown]] = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                shown = _shown(document, document["servers"][0]["url"], method, path, item[method])
                groups.setdefault(item[method]["tags"][0], []).append(shown)
    return list(groups.items())


def _shown(document: dict[str, Any], server: str, method: str, path: str, operation: dict[str, Any]) -> Shown:
    responses = {int(status): resolved(document, one) for status, one in operation["responses"].items()}
    parameters = [resolved(document, one) for one in operation.get("parameters", [])]
    asked = operation["security"][0].get("oauth2") if operation["security"] else None
    return Shown(
        operation["operationId"],
        method,
        path,
        server,
        None if asked is None else (asked[0] if asked else ""),
        operation,
        [(title, rows) for place, title in PLACES.items() if (rows := _rows(parameters, place))],
        curl.command(server, method, path, operation),
        [(status, one) for status, one in responses.items() if status < 400],
        [(status, one) for status, one in responses.items() if status >= 400],
    )


def _rows(parameters: list[dict[str, Any]], place: str) -> list[fields.Field]:
    """The parameters of one place as the members of an object."""
    found = [one for one in parameters if one["in"] == place]
    members = {one["name"]: {"description": one.get("description", "")} | one["schema"] for one in found}
    return fields.fields({"properties": members, "required": [one["name"] for one in found if one.get("required")]})


def _rates() -> list[tuple[str, str, str]]:
    """Class, requests and seconds, as the gateway has them by default."""
    rows = []
    for name in Settings.__struct_fields__:
        if name.startswith("rate_limit_"):
            index = Settings.__struct_fields__.index(name) - len(Settings.__struct_fields__)
            requests, seconds = str(Settings.__struct_defaults__[index]).split("/")
            rows.append((name.removeprefix("rate_limit_"), requests, seconds))
    return rows

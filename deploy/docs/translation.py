"""The texts of the docs host in each language: English is in the code, Italian beside it or in `italian.json`."""

import json
import re
from collections import ChainMap
from functools import cache
from pathlib import Path

from markupsafe import Markup, escape

from deploy.docs import contract
from services.graphql_api.acqi.descriptions import ITALIAN as ITALIAN_INDICATORS
from shared.messaging.event_types import catalogue
from shared.web import scopes

ITALIAN = Path(__file__).parent / "italian.json"
LANGUAGES = {"en": "English", "it": "Italiano"}


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
    """Italian by English: the texts of fields, event types, scopes and indicators have it beside them, `italian.json` has the rest."""
    return beside() | json.loads(ITALIAN.read_text())


def beside() -> dict[str, str]:
    """The Italian of fields, event types, scopes and indicators."""
    of_fields = {one["text"]: one["italian"] for one in json.loads(contract.TEXTS.read_text()).values()}
    of_scopes = {scope.description: scope.italian for scope in scopes.ALL.values() if scope.name in contract.SCOPES}
    return dict(
        ChainMap(of_scopes, of_fields, dict(ITALIAN_INDICATORS), *(kind.italian for kind in catalogue().values()))
    )


def store(used: set[str]) -> None:
    """Writes `italian.json` with the texts in use, each with "" where there is no Italian yet."""
    kept = {text: dictionary().get(text, "") for text in sorted(used - beside().keys())}
    ITALIAN.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    dictionary.cache_clear()

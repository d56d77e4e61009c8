"""Italian texts use the glossary's words: an "evento" is a message for partners, and an incident is an "incidente" (docs/glossary.md)."""

import json
import re
from collections.abc import Iterator

import pytest

from deploy.local.table import ROOT
from services.auth.signin import texts as sign_in
from services.console.pages.texts import ALL
from shared.messaging.event_types import catalogue
from shared.web import scopes

CODE = re.compile(r"`[^`]*`")
EVENT, EVENTO = re.compile(r"\bevents?\b", re.I), re.compile(r"\bevent[oi]\b", re.I)
INCIDENT, INCIDENTE = re.compile(r"\bincidents?\b", re.I), re.compile(r"\bincident[ei]\b", re.I)
TRANSLATIONS = ("deploy/docs/italian.json", "services/graphql_api/acqi/italian.json")


def texts() -> Iterator[tuple[str, str]]:
    """Each text in English and in Italian: of the console, the sign-in, the consent page, and the documentation."""
    for area, english in ALL["en"].items():
        yield from ((text, ALL["it"][area][key]) for key, text in english.items())
    yield from ((text, sign_in.ITALIAN[key]) for key, text in sign_in.ENGLISH.items())
    for scope in scopes.ALL.values():
        yield from ((scope.description, scope.italian), (scope.consent, scope.consent_italian))
    for kind in catalogue().values():
        yield from kind.italian.items()
    for path in TRANSLATIONS:
        yield from json.loads((ROOT / path).read_text("utf-8")).items()
    for field in json.loads((ROOT / "deploy/docs/fields.json").read_text("utf-8")).values():
        yield field.get("text", ""), field.get("italian", "")


def has_another_word(english: str, italian: str) -> bool:
    english, italian = CODE.sub("", english), CODE.sub("", italian)
    is_event = EVENTO.search(italian) is not None and EVENT.search(english) is None
    is_incident = INCIDENT.search(english) is not None and INCIDENTE.search(italian) is None
    return is_event or is_incident


def test_an_event_is_a_message_and_an_incident_is_none() -> None:
    pairs = list(texts())
    assert len(pairs) > 5000
    assert [pair for pair in pairs if has_another_word(*pair)] == []


@pytest.mark.parametrize(
    ("english", "italian"),
    [
        ("An incident was opened.", "Un evento di soccorso è stato aperto."),
        ("Only encounters of this incident", "Solo gli interventi di questo evento"),
        ("Encounter", "Evento clinico"),
        ("Incidents and events", "Interventi ed eventi"),
    ],
)
def test_other_words_are_found(english: str, italian: str) -> None:
    assert has_another_word(english, italian)

"""Italian texts address one person with "tu", as Italian public services do (docs/console-design.md, rule 18)."""

import re
from collections.abc import Iterator

import pytest

from services.auth.invitations import post
from services.auth.signin.texts import ITALIAN
from services.console.pages.texts import ALL
from services.webhook_dispatcher.notices import mail
from shared.web import scopes

VOI = re.compile(
    r"\b(?:voi|ve|vostr[aeio]|siete|avete|potete|potrete|dovete|dovrete|volete|fate|sapete|vogliate)\b", re.I
)
LEI = re.compile(
    r"\b(?:Lei|La Sua|Il Suo|[Ss]celga|[Ii]nserisca|[Ff]accia|[Vv]oglia|[Dd]arLe|[Cc]licchi)\b|\bper favore\b"
)
IMPERATIVES = re.compile(r"(?:^|[.;:?!] )(?:Non |non |Prima |prima |Poi |poi )?(\w+[aei]te(?:l[aeio]|ne|gli|mi|ci)?)\b")
WITH_PRONOUN = re.compile(r"\b\w+[aei]te(?:l[aio]|ne|gli)\b")
PARTICIPLES = {
    "abbandonate",
    "accettate",
    "chiamate",
    "consegnate",
    "fallite",
    "limite",
    "rete",
    "rifiutate",
    "ritirate",
    "saltate",
    "tramite",
}
"""Words at the beginning of a text that look like an imperative of "voi" and are none."""
INSTRUCTION = re.compile(r"(?:^|[.;:] )[A-ZÈ]\w+(?:[aei]re|[aei]r(?:l[aeio]|ne))\b[^?.]*\.")
SUBJECTS = {"apps.scopes_hint", "webhooks.recover_stop", "apps.portal.write_hint"}
"""Sentences whose infinitive is the subject, or a list of acts."""


def texts() -> Iterator[tuple[str, str]]:
    for area, of_area in ALL["it"].items():
        for key, text in of_area.items():
            yield f"{area}.{key}", text
    yield from ((f"sign-in.{key}", text) for key, text in ITALIAN.items())
    for name, scope in scopes.ALL.items():
        yield f"scope.{name}", scope.italian
        yield f"consent.{name}", scope.consent_italian
    yield "mail.invitation", post.TEXTS[1]
    yield "mail.foot", mail.FOOT[1]
    for kind, (subjects, sentences) in mail.TEXTS.items():
        yield f"mail.{kind}", subjects[1]
        yield f"mail.{kind}", sentences[1]


def faults(key: str, text: str) -> list[str]:
    found = VOI.findall(text) + LEI.findall(text) + WITH_PRONOUN.findall(text)
    found += [word for word in IMPERATIVES.findall(text) if word.lower() not in PARTICIPLES]
    instructions = [] if key in SUBJECTS or key.startswith("scope.") else INSTRUCTION.findall(text)
    return found + instructions


def test_italian_texts_address_one_person() -> None:
    assert not [(key, found) for key, text in texts() if (found := faults(key, text))]


@pytest.mark.parametrize(
    "text",
    [
        "La vostra organizzazione",
        "Potete terminare il vecchio.",
        "È scaduto. Createne uno nuovo.",
        "Non incollate mai una chiave.",
        "Prima attivatela.",
        "Scegliete uno dei ritmi.",
        "Scrivere un fuso orario.",
        "Chiederlo di nuovo.",
        "Scelga qui il nome",
        "Il Suo ruolo",
    ],
)
def test_the_other_forms_are_found(text: str) -> None:
    assert faults("", text)


@pytest.mark.parametrize(
    "text", ["Chiamate rifiutate", "Eliminare {name}?", "Le regole sono state salvate.", "Creane una.", "Accedi"]
)
def test_participles_and_questions_are_not(text: str) -> None:
    assert not faults("", text)

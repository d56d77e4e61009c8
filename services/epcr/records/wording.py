"""The crew's words in place of a code: the entries that may have them, and texts that name nothing.

Only sent entries are checked, because a stored record must stay readable.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from services.epcr.records.care import Worded
from shared.web import http, problems
from shared.web.problems import FieldError

# The field of an entry that has a code or words, by list.
SUBJECTS = {
    "medications": "medication",
    "allergies": "substance",
    "current_medicines": "medicine",
    "past_conditions": "condition",
}
# Lists that have an answer in `inquiries` where there is nothing to enter.
ANSWERED = ("allergies", "current_medicines", "past_conditions")
# Answers that crews type where a name is asked for, without case and signs. On a page for doctors "NKDA" would be an allergy.
ANSWERS = frozenset(
    {
        *("none", "none known", "nil", "nil known", "nothing", "nothing known", "no", "denied", "denies"),
        *(
            "no allergies",
            "no allergy",
            "no known allergies",
            "no known allergy",
            "nil known allergies",
            "nka",
            "nkda",
            "nkfa",
        ),
        *(
            "no known drug allergies",
            "no known food allergies",
            "no drug allergies",
            "denies allergies",
            "allergies none",
        ),
        *("no medicines", "no medicine", "no medication", "no medications", "no meds", "no regular medication"),
        *("no regular medications", "no known medication", "no known medications", "no home medication", "no drugs"),
        *("no history", "no past history", "no past medical history", "no medical history", "no known conditions"),
        *("no conditions", "nil of note", "no previous history", "no pmh", "nil pmh"),
        *(
            "unknown",
            "not known",
            "unk",
            "not asked",
            "not recorded",
            "n a",
            "not applicable",
            "unable to obtain",
            "uto",
        ),
        *("nessuna", "nessuno", "nessuna nota", "nessuno noto", "niente", "nulla", "nega", "negativo", "negativa"),
        *("nessuna allergia", "nessuna allergia nota", "nega allergie", "no allergie", "non allergie", "non allergico"),
        *("non allergica", "allergie negative", "allergie non note", "allergie sconosciute"),
        *(
            "nessun farmaco",
            "nessun medicinale",
            "nessuna terapia",
            "nega farmaci",
            "nega terapia",
            "no farmaci",
            "no terapia",
        ),
        *(
            "nessuna patologia",
            "nessuna patologia nota",
            "nega patologie",
            "nessuna malattia",
            "no patologie",
            "anamnesi muta",
        ),
        *("anamnesi negativa", "non nota", "non note", "non noto", "non noti", "non conosciuta", "non conosciute"),
        *("sconosciuta", "sconosciute", "sconosciuto", "sconosciuti", "ignota", "ignote", "ignoto", "ignoti"),
        *("non chiesto", "non chiesta", "non rilevato", "non rilevata", "non rilevabile", "non rilevabili", "n d"),
    }
)


def refuse_nameless(sent: http.Body) -> None:
    """Raises a 422 Problem with the pointer of each text in place of a code that names nothing, or that answers for the whole list."""
    errors = [error for name in SUBJECTS for error in _faults(name, getattr(sent, name))]
    if errors:
        raise problems.invalid("Words in place of a code name nothing.", errors)


def _faults(name: str, entries: Any) -> Iterator[FieldError]:
    if entries is msgspec.UNSET:
        return
    for at, entry in enumerate(entries):
        subject: Worded = getattr(entry, SUBJECTS[name])
        if entry.entered_in_error or subject.code is not None:
            continue
        pointer, words = f"/{name}/{at}/{SUBJECTS[name]}/display", _plain(subject.display or "")
        if not words:
            yield FieldError(pointer, "has no letter and no digit")
        elif name in ANSWERED and words in ANSWERS:
            yield FieldError(pointer, f"names nothing: answer in /inquiries/{name}")


def _plain(words: str) -> str:
    """Letters and digits alone, in small letters, with one space for all between them. Abbreviations may have full stops."""
    return " ".join(re.findall(r"[^\W_]+", words.casefold().replace(".", "")))

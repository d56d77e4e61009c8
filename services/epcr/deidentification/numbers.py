"""Which numbers tell who a patient is: the systems whose numbers are of one person each, and how numbers and systems are written.

The number of a policy, a family, a group or an account has several people. A system that is in no list may be one of those.
"""

import csv
import re
import unicodedata
from functools import cache
from pathlib import Path

from services.epcr.deidentification.forms import has_form

TABLE = Path(__file__).parents[1] / "data" / "person_systems.csv"
# The name space of HL7 for the passports of a country.
_PASSPORT = re.compile(r"http://hl7\.org/fhir/sid/passport-[a-z]{3}")
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
# Texts in the place of an unknown number must not make two patients one: a digit repeated or counted up, words, "N.N.", and a date.
_COUNTED = re.compile(r"(.)\1*|0*1?2?3?4?5?6?7?8?9?0?")
_WORDS = frozenset(
    (
        *("anonima", "anonimo", "ignota", "ignoto", "inesistente", "mancante", "nessuna", "nessuno", "prova", "senza"),
        *(
            "sconosciuta",
            "sconosciuto",
            "anonymous",
            "doe",
            "dummy",
            "missing",
            "nobody",
            "noname",
            "none",
            "null",
            "pending",
        ),
        *("tbd", "test", "undefined", "unidentified", "unknown", "unnamed", "xxx"),
        *("anonym", "anonyme", "desconocida", "desconocido", "inconnu", "inconnue", "onbekend", "unbekannt"),
    )
)
# "N.N. 2026", "n/a": a real number would be longer.
_NOBODY = re.compile(r"(n[.\s]*n|n[./]\s?[ad])(?![^\W\d_])\D*(\d\D*){0,6}")
_DAY, _MONTH, _YEAR = "(0[1-9]|[12][0-9]|3[01])", "(0[1-9]|1[0-2])", "(19|20)[0-9]{2}"
# Of a day. A year first, and no zeros, is how hospitals count: "2026/1/23".
_DATE = re.compile(
    rf"(0?[1-9]|[12][0-9]|3[01])[^a-z0-9]+(0?[1-9]|1[0-2])[^a-z0-9]+({_YEAR}|[0-9]{{2}})"
    rf"|{_YEAR}[^a-z0-9]+{_MONTH}[^a-z0-9]+{_DAY}|{_YEAR}{_MONTH}{_DAY}|{_DAY}{_MONTH}{_YEAR}"
)


@cache
def person_systems() -> dict[str, str]:
    """Published systems of numbers of one person, by all names that a system has."""
    found: dict[str, str] = {}
    with TABLE.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for name in (row["system"], *filter(None, row["also"].split("|"))):
                found[_folded(name)] = row["system"]
    return found


def system_of(text: str) -> str:
    """One name for a system, however it is written."""
    folded = _folded(text)
    return person_systems().get(folded, folded)


def is_published(system: str) -> bool:
    """Whether the numbers of a `system_of` are of one person each, without any word of the organisation."""
    return system in person_systems().values() or _PASSPORT.fullmatch(system) is not None


def number_of(system: str, text: str) -> str | None:
    """The number as numbers of a `system_of` are compared; None for a text that is none.

    A published system has a form of its numbers, however people write them. Of others nobody knows which marks and letters tell
    two numbers apart ("1/1234" and "11/234"), so that they are compared as they are.
    """
    if is_published(system):
        number = plain(text)
        return number if has_form(system, number) and not _is_placeholder(text) else None
    return None if _is_placeholder(text) else unicodedata.normalize("NFC", text).strip()


def plain(text: str) -> str:
    """A number without case, and without the marks that people write between its parts."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(
        one for one in folded if one not in "./" and unicodedata.category(one)[0] not in "CZ" and not _is_dash(one)
    )


def is_long(number: str) -> bool:
    """Whether a number is long enough that no second person has it by chance."""
    return len(plain(number)) >= 4 and len(set(re.findall(r"[0-9]", number))) >= 2


def _is_placeholder(text: str) -> bool:
    """Whether the text is a placeholder for an unknown number."""
    number, folded = plain(text), unicodedata.normalize("NFKC", text).casefold().strip()
    words = re.findall(r"[^\W\d_]+", folded)
    return (
        re.search(r"[0-9]", number) is None
        or _COUNTED.fullmatch(number) is not None
        or not _WORDS.isdisjoint(words)
        or _NOBODY.fullmatch(folded) is not None
        or _DATE.fullmatch(folded) is not None
    )


def _folded(text: str) -> str:
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return f"urn:oid:{folded}" if _OID.fullmatch(folded) else folded


def _is_dash(one: str) -> bool:
    return unicodedata.category(one) == "Pd"

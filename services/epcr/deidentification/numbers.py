"""Which numbers tell who a patient is: the systems whose numbers are of one person each, and how numbers and systems are written.

The number of a policy, a family, a group or an account has several people. A system that is in no list may be one of those.
"""

import csv
import re
import unicodedata
from functools import cache
from pathlib import Path

TABLE = Path(__file__).parents[1] / "data" / "person_systems.csv"
# The name space of HL7 for the passports of a country.
_PASSPORT = re.compile(r"http://hl7\.org/fhir/sid/passport-[a-z]{3}")
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
# A placeholder for an unknown number must not give two patients one pseudonym.
_PLACEHOLDER = re.compile(r"(.)\1*|0*1?2?3?4?5?6?7?8?9?0?")


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


def plain(text: str) -> str:
    """A number without case, and without the marks that people write between its parts."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(
        one for one in folded if one not in "./" and unicodedata.category(one)[0] not in "CZ" and not _is_dash(one)
    )


def is_number(number: str) -> bool:
    """Whether a `plain` number is one at all: not words ("sconosciuto"), and no digit that is repeated, or counted up, for want of one."""
    return re.search(r"[0-9]", number) is not None and _PLACEHOLDER.fullmatch(number) is None


def is_long(number: str) -> bool:
    """Whether a `plain` number is long enough that no second person has it by chance."""
    return len(number) >= 4 and len(set(re.findall(r"[0-9]", number))) >= 2


def _folded(text: str) -> str:
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return f"urn:oid:{folded}" if _OID.fullmatch(folded) else folded


def _is_dash(one: str) -> bool:
    return unicodedata.category(one) == "Pd"

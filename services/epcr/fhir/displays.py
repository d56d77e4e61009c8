"""Words for a code, for people. A code that no table knows has its system's name beside it, and says that no words are known.

Of a drug or procedure that indicators count it names the group: licences keep the names of ATC's codes from us, not our own groups.
"""

import csv
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from services.epcr.encounters.facts import kind_of_drug, kind_of_procedure
from services.epcr.fhir.words import Language, word
from services.epcr.records.care import ATC, ICD10, ICD10_CM, RXNORM, SNOMED, display

TABLE = Path(__file__).parents[1] / "data" / "displays_it.csv"
SYSTEMS = {ICD10: "ICD-10", ICD10_CM: "ICD-10-CM", SNOMED: "SNOMED CT", ATC: "ATC", RXNORM: "RxNorm"}

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
Coded = Mapping[str, Any]


@cache
def italian() -> dict[tuple[str, str], str]:
    """By system and code, our own translations of official displays: for texts only, they are no displays of a coding."""
    with TABLE.open(newline="") as file:
        return {(row["system"], row["code"]): row["display"] for row in csv.DictReader(file)}


def words_of(one: Coded, language: Language) -> str | None:
    """The crew's words, then the official display or its translation. Where both are the same, or one is missing, the other alone."""
    key = (one["system"], one["code"])
    official, written = display(*key), one.get("display")
    shown = official if language == "en" else italian().get(key) or official
    if shown is None or written is None:
        return shown or written
    is_same = _folded(written) in (_folded(shown), _folded(official or ""))
    return shown if is_same else f"{written} – {shown}"


def in_xml(words: str) -> str:
    """The words without the control characters that neither XML nor FHIR's strings hold, not even escaped."""
    return _NOT_IN_XML.sub("\ufffd", words)


def _folded(words: str) -> str:
    """Without differences of case, spaces and a full stop at the end."""
    return " ".join(words.casefold().split()).removesuffix(".")


def unknown(one: Coded, language: Language) -> str:
    """For a code without any words: the name of its system, that no display is known, and the group that indicators count it in."""
    system, code = one["system"], one["code"]
    kinds = (kind_of_drug(system, code), kind_of_procedure(code) if system == SNOMED else "other")
    groups = [word(kind, language, "group") for kind in kinds if kind not in ("other", "unknown")]
    notes = [word("no_display", language), *(f"{word('group', language)}: {group}" for group in groups)]
    return f"{SYSTEMS.get(system, system)} {code} ({'; '.join(notes)})"


def with_texts(view: Any, record: Any, language: Language) -> Any:
    """The de-identified view for a reader of the whole `record`: crew's words that differ from the official display are beside it.

    Both are the `display` of the concept. In Italian each concept that was translated has one; a code without any words says that none are
    known. Words are those of the entry: for one code the crew may have written several.
    """
    if isinstance(view, list):
        whole = record if isinstance(record, list) and len(record) == len(view) else [None] * len(view)
        return [with_texts(one, beside, language) for one, beside in zip(view, whole, strict=True)]
    if not isinstance(view, Mapping):
        return view
    of = record if isinstance(record, Mapping) else {}
    members = {name: with_texts(one, of.get(name), language) for name, one in view.items()}
    if is_coded(view):
        is_same = (of.get("system"), of.get("code")) == (view["system"], view["code"])
        coded = of if is_same else view
        words = words_of(coded, language) or unknown(coded, language)
        if words is not None and words != display(coded["system"], coded["code"]):
            members["display"] = words
    return members


def is_coded(value: Any) -> bool:
    """Whether a value of a record is a concept of one of the systems."""
    return isinstance(value, Mapping) and "code" in value and value.get("system") in SYSTEMS

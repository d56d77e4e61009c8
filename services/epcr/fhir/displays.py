"""Words for a code, for people. A code that no table knows has its system's name beside it, and says that no words are known.

Of a drug or procedure that indicators count it names the group: licences keep the names of ATC's codes from us, not our own groups.
"""

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from services.epcr.encounters.facts import kind_of_drug, kind_of_procedure
from services.epcr.fhir.words import Language, word
from services.epcr.records.care import ATC, ICD10, ICD10_CM, RXNORM, SNOMED, display

TABLE = Path(__file__).parents[1] / "data" / "displays_it.csv"
SYSTEMS = {ICD10: "ICD-10", ICD10_CM: "ICD-10-CM", SNOMED: "SNOMED CT", ATC: "ATC", RXNORM: "RxNorm"}

Coded = Mapping[str, Any]


@cache
def italian() -> dict[tuple[str, str], str]:
    """By system and code, our own translations of official displays: for texts only, they are no displays of a coding."""
    with TABLE.open(newline="") as file:
        return {(row["system"], row["code"]): row["display"] for row in csv.DictReader(file)}


def words_of(one: Coded, language: Language) -> str | None:
    """The official display, or the crew's words for a code without one. Where an Italian text has no translation, both."""
    key = (one["system"], one["code"])
    official, written = display(*key), one.get("display")
    if language == "en":
        return official or written
    both = [words for words in (written, official) if words]
    return italian().get(key) or " – ".join(dict.fromkeys(both)) or None


def unknown(one: Coded, language: Language) -> str:
    """For a code without any words: the name of its system, that no display is known, and the group that indicators count it in."""
    system, code = one["system"], one["code"]
    kinds = (kind_of_drug(system, code), kind_of_procedure(code) if system == SNOMED else "other")
    groups = [word(kind, language, "group") for kind in kinds if kind not in ("other", "unknown")]
    notes = [word("no_display", language), *(f"{word('group', language)}: {group}" for group in groups)]
    return f"{SYSTEMS.get(system, system)} {code} ({'; '.join(notes)})"


def with_texts(view: Any, record: Any, language: Language) -> Any:
    """The de-identified view for a reader of the whole `record`: a concept without an official display has the crew's words as `display`.

    So has, in Italian, each concept that was translated; one without any words says that none are known. Words are those of the entry: for
    one code the crew may have written several.
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
        text = _text_of(of if is_same else view, language)
        members |= {} if text is None else {"display": text}
    return members


def _text_of(one: Coded, language: Language) -> str | None:
    """None for a code whose official display is enough."""
    if display(one["system"], one["code"]) is None:
        return words_of(one, language) or unknown(one, language)
    return italian().get((one["system"], one["code"])) if language == "it" else None


def is_coded(value: Any) -> bool:
    """Whether a value of a record is a concept of one of the systems."""
    return isinstance(value, Mapping) and "code" in value and value.get("system") in SYSTEMS

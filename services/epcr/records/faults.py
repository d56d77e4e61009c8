"""Faults of sent values, each by itself: times that cannot be, blank texts, numbers out of bounds, ids of no concept, words of no name.

Only sent values are checked, because a stored record must stay readable: these rules are no constraints of the types.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec

from services.epcr.records.care import SNOMED, Item, Part, Worded
from services.epcr.records.models import Patient
from shared.web import http, problems
from shared.web.problems import FieldError

# A time further ahead of this service's clock is a typing error.
AHEAD = timedelta(hours=1)
# An arrival is expected: a long transfer lasts less than a day.
EXPECTED, EXPECTED_AHEAD = "/disposition/expected_at", timedelta(days=1)
# A mission before this is that of a clock that was reset: to 1970, 1980 or 2000.
FIRST_YEAR = 2001
# A date of birth may be that of a time zone ahead.
DAY_AHEAD = timedelta(days=1)
# The times of entries, which are those of the mission.
TIMES = {
    "vital_signs": "taken_at",
    "procedures": "performed_at",
    "medications": "given_at",
    "airway_attempts": "attempted_at",
    "pupils": "examined_at",
    "examinations": "examined_at",
}
# The partition identifier of an id, before the check digit: concepts of the international edition and of extensions (SNOMED CT, SCTID).
CONCEPTS = frozenset({"00", "10"})
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


def refuse_impossible(sent: http.Body, now: datetime) -> None:
    """Raises a 422 Problem for times of care, and a date of birth, that are ahead of the clock, for codes that are no concepts, for blank
    texts and for numbers out of bounds.
    """
    errors = [
        FieldError(pointer, "is in the future", "future")
        for name in sent.__struct_fields__
        for pointer, at in _times(getattr(sent, name), f"/{name}")
        if at > now + (EXPECTED_AHEAD if pointer == EXPECTED else AHEAD)
    ]
    errors += [
        FieldError(pointer, f"is before {FIRST_YEAR}: the clock was reset", "range")
        for pointer, at in _mission_times(sent)
        if at.year < FIRST_YEAR
    ]
    patient = getattr(sent, "patient", None)
    born: date | None = patient.birth_date if isinstance(patient, Patient) else None
    if born is not None and born > (now + DAY_AHEAD).date():
        errors.append(FieldError("/patient/birth_date", "is in the future", "future"))
    errors += [*foreign_ids(sent), *blank_or_out_of_bounds(sent)]
    if errors:
        raise problems.invalid("A value cannot be, or is none; see errors.", errors)


def _times(value: Any, pointer: str) -> Iterator[tuple[str, datetime]]:
    if isinstance(value, datetime):
        yield pointer, value
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _times(item, f"{pointer}/{at}")
    elif isinstance(value, Part):
        for name in value.__struct_fields__:
            yield from _times(getattr(value, name), f"{pointer}/{name}")


def _mission_times(sent: http.Body) -> Iterator[tuple[str, datetime]]:
    """The clock of the mission, and the times of entries that are of the mission."""
    times = getattr(sent, "times", None)
    yield from _times(times, "/times")
    for name, field in TIMES.items():
        entries: Any = getattr(sent, name)
        for at, entry in enumerate(entries if isinstance(entries, list) else ()):
            if not entry.entered_in_error:
                yield f"/{name}/{at}/{field}", getattr(entry, field)


def foreign_ids(sent: Any, pointer: str = "") -> Iterator[FieldError]:
    """The codes in `sent` that are ids of descriptions or relationships. A withdrawn entry may have one, as it was stored."""
    if isinstance(sent, list):
        for at, one in enumerate(sent):
            yield from foreign_ids(one, f"{pointer}/{at}")
    if not isinstance(sent, msgspec.Struct) or (isinstance(sent, Item) and sent.entered_in_error):
        return
    code = getattr(sent, "code", None)
    if getattr(sent, "system", None) == SNOMED and isinstance(code, str) and code[-3:-1] not in CONCEPTS:
        yield FieldError(f"{pointer}/code", "is the id of no concept of SNOMED CT", "rule")
    for name in sent.__struct_fields__:
        yield from foreign_ids(getattr(sent, name), f"{pointer}/{name}")


def blank_or_out_of_bounds(sent: Any, pointer: str = "") -> Iterator[FieldError]:
    """The blank texts and the numbers out of bounds in `sent`. A withdrawn entry may have them, as it was stored."""
    if isinstance(sent, str):
        if is_blank(sent):
            yield FieldError(pointer, "is blank", "pattern")
    elif isinstance(sent, list):
        for at, one in enumerate(sent):
            yield from blank_or_out_of_bounds(one, f"{pointer}/{at}")
    elif isinstance(sent, msgspec.Struct) and not (isinstance(sent, Item) and sent.entered_in_error):
        numbers = bounds_of(type(sent), getattr(sent, "unit", None))
        for name in sent.__struct_fields__:
            value = getattr(sent, name)
            if isinstance(value, Decimal) and name in numbers:
                low, high = numbers[name]
                if not low <= value <= high:
                    detail = f"is not between {low} and {high}"
                    yield FieldError(f"{pointer}/{name}", detail, "range", limit=float(low if value < low else high))
            elif isinstance(value, str | list | msgspec.Struct):
                yield from blank_or_out_of_bounds(value, f"{pointer}/{name}")


def is_blank(text: str) -> bool:
    """Whether nothing of the text can be seen: separators, control characters and others without a form."""
    return not text[:1].isalnum() and all(unicodedata.category(one)[0] in "ZC" for one in text)


@cache
def bounds_of(kind: type[Any], unit: str | None = None) -> dict[str, tuple[Decimal, Decimal]]:
    """The lowest and highest value of each number that has both in its schema, of the `unit` where they depend on it."""
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        for option in (hint, *get_args(hint)):
            for meta in getattr(option, "__metadata__", ()):
                schema = meta.extra_json_schema or {} if isinstance(meta, msgspec.Meta) else {}
                schema = schema.get("x-ranges", {}).get(unit, schema)
                if {"minimum", "maximum"} <= schema.keys():
                    found[name] = Decimal(str(schema["minimum"])), Decimal(str(schema["maximum"]))
    return found


def refuse_nameless(sent: http.Body) -> None:
    """Raises a 422 Problem with the pointer of each text in place of a code that names nothing, or that answers for the whole list."""
    errors: list[FieldError] = []
    for name, field in SUBJECTS.items():
        entries: Any = getattr(sent, name)
        for at, entry in enumerate(() if entries is msgspec.UNSET else entries):
            subject: Worded = getattr(entry, field)
            if entry.entered_in_error or subject.code is not None:
                continue
            # Letters and digits alone, in small letters, with one space for all between them. Abbreviations may have full stops.
            words = " ".join(re.findall(r"[^\W_]+", (subject.display or "").casefold().replace(".", "")))
            pointer = f"/{name}/{at}/{field}/display"
            if not words:
                errors.append(FieldError(pointer, "has no letter and no digit"))
            elif name in ANSWERED and words in ANSWERS:
                errors.append(FieldError(pointer, f"names nothing: answer in /inquiries/{name}"))
    if errors:
        raise problems.invalid("Words in place of a code name nothing.", errors)

"""The concepts of our own CodeSystem: the fields of a record, the values of its closed vocabularies, and a few names of groups.

A field `initial_rhythm` is the concept `initial-rhythm`, its value `vf` the concept `initial-rhythm-vf`. Their words are those of the
narrative, in English and Italian.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, get_args, get_origin

import msgspec

from services.epcr.fhir.words import word
from services.epcr.records.care import Concept, Disposition, Measurement, Procedure, Worded
from services.epcr.records.models import CareModel, Clinical, Patient

# Groups of fields that are an Observation, and marks of readings.
GROUPS = (
    "cardiac_arrest",
    "stroke_assessment",
    "patient_demographics",
    "examination",
    "airway_attempt",
    "country",
    "out_of_range",
    "other_crews",
    "patients_of_former_identities",
)
# Fields that are never coded.
_PLAIN = frozenset({"id", "entered_in_error", "comment", "text", "display", "narrative"})
# Values that are concepts alone, without the name of their field.
ALONE: dict[type[msgspec.Struct], str] = {Disposition: "outcome", Procedure: "not_done"}


@cache
def concepts() -> dict[str, dict[str, str]]:
    """For each code its English and Italian words."""
    found = {name: _words(name) for name in (*GROUPS, *get_args(CareModel))}
    for name, values in _fields(Clinical):
        if name not in _PLAIN:
            found[name] = _words(name)
        for value in values:
            found[f"{name}-{value}"] = _words(name, value)
    for kind, name in ALONE.items():
        for value in _literals(next(one.type for one in msgspec.structs.fields(kind) if one.name == name)):
            found[value] = _words(value)
    return {name.replace("_", "-"): words for name, words in sorted(found.items())}


@cache
def value_sets() -> dict[str, list[str]]:
    """For each field with a closed vocabulary the codes of its values; `ems` is the whole CodeSystem."""
    found: dict[str, list[str]] = {"ems": []}
    for name, values in _fields(Clinical):
        if values:
            codes = [f"{name}-{value}".replace("_", "-") for value in values]
            found[name.replace("_", "-")] = list(dict.fromkeys([*found.get(name.replace("_", "-"), []), *codes]))
    return found


def _words(name: str, value: str | None = None) -> dict[str, str]:
    return {
        language: word(name, language) if value is None else f"{word(name, language)}: {word(value, language, name)}"
        for language in ("en", "it")
    }


def _fields(kind: type[msgspec.Struct]) -> Iterator[tuple[str, list[str]]]:
    """The fields of a Struct and of its parts, each with its words. Identities and measurements have no concepts of their own."""
    for field in msgspec.structs.fields(kind):
        yield field.name, _literals(field.type)
        for part in _structs(field.type):
            if not issubclass(part, (Patient, Concept, Measurement, Worded)):
                yield from _fields(part)


def _literals(hint: Any) -> list[str]:
    if get_origin(hint) is Literal:
        return [one for one in get_args(hint) if isinstance(one, str)]
    return [one for part in get_args(hint) for one in _literals(part)]


def _structs(hint: Any) -> list[type[msgspec.Struct]]:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return [hint]
    return [one for part in get_args(hint) for one in _structs(part)]

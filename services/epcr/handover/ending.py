"""The top of the page: a banner where the patient was not brought or refused, and the pre-alert."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.epcr.fhir import narrative
from services.epcr.fhir.composition import NOT_BROUGHT
from services.epcr.fhir.words import Language
from services.epcr.handover.words import heading, say

_REFUSAL = ("refused", "has_capacity", "refusal_signed", "refusal_signed_by", "comment")
_PREALERT = ("prealert", "prealert_for", "prealert_at", "expected_at", "destination_type", "lights_and_sirens")


def banner(view: Mapping[str, Any], language: Language) -> list[str]:
    """A headline, and a line with the circumstances; nothing of a patient who was brought and refused nothing."""
    end: Mapping[str, Any] = view.get("disposition", {})
    outcome, refused = end.get("outcome"), end.get("refused", [])
    if outcome not in NOT_BROUGHT and not refused:
        return []
    what = narrative.value_of("refused", refused, language)
    if outcome in NOT_BROUGHT:
        headline = f"{say('not_transported', language).upper()}: {narrative.value_of('outcome', outcome, language)}"
        circumstances = [f"{heading('disposition.refused', language)} {what}"] if refused else []
    else:
        headline, circumstances = f"{say('disposition.refused', language).upper()}: {what}", []
    if "has_capacity" in end:
        circumstances.append(say("has_capacity" if end["has_capacity"] else "no_capacity", language))
    if "refusal_signed_by" in end:
        by = narrative.value_of("refusal_signed_by", end["refusal_signed_by"], language)
        circumstances.append(f"{say('refusal_signed_by', language)} {by}")
    elif "refusal_signed" in end:
        circumstances.append(say("refusal_signed" if end["refusal_signed"] else "refusal_unsigned", language))
    lines = [" · ".join(circumstances), end.get("comment", "")]
    return [headline, *(line for line in lines if line)]


def prealert(view: Mapping[str, Any], language: Language, day: date) -> list[str]:
    """The pre-alert: its kind, its time, the expected arrival, and the place. Empty without a recorded pre-alert."""
    end: Mapping[str, Any] = view.get("disposition", {})
    if not _is_prealerted(view):
        return []
    kind = end.get("prealert_for") or ("stroke" if view.get("stroke", {}).get("prealert") else None)
    what = f": {narrative.value_of('prealert_for', kind, language)}" if kind else ""
    parts: list[str] = []
    for name, label in (("prealert_at", "told"), ("expected_at", "eta")):
        if name in end:
            parts.append(f"{say(label, language)} {narrative.value_of(name, end[name], language, day)}")
    if "destination_type" in end:
        parts.append(narrative.value_of("destination_type", end["destination_type"], language))
    if end.get("lights_and_sirens"):
        parts.append(say("lights_and_sirens", language))
    return [f"{say('prealert', language).upper()}{what}", " · ".join(parts)]


def _is_prealerted(view: Mapping[str, Any]) -> bool:
    end: Mapping[str, Any] = view.get("disposition", {})
    is_told = any(end.get(name) for name in ("prealert", "prealert_at", "prealert_for", "expected_at"))
    return is_told or bool(view.get("stroke", {}).get("prealert"))


def remainder(view: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the disposition that neither of them shows."""
    end: Mapping[str, Any] = view.get("disposition", {})
    shown: set[str] = set()
    if _is_prealerted(view):
        shown |= set(_PREALERT) - ({"lights_and_sirens"} if end.get("lights_and_sirens") is False else set())
    if end.get("outcome") in NOT_BROUGHT or end.get("refused"):
        shown |= set(_REFUSAL)
    if end.get("outcome") in NOT_BROUGHT:
        shown.add("outcome")
    return {name: value for name, value in end.items() if name not in shown}

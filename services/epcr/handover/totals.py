"""A long list of drugs or procedures by kind: how often each was given or done, when, and the total of its doses.

A page shows the latest entries of a long list one by one. The kinds are those of all entries, so that no drug is missing on it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from services.epcr.fhir import narrative
from services.epcr.fhir.narrative import Row
from services.epcr.fhir.words import Language, word
from services.epcr.handover.words import say

# Kinds on a page, those of the latest entries; times of one kind, of more the first and the last.
MOST_KINDS, MOST_TIMES = 40, 6
RATES = ("/min", "/h")
SECTIONS = ("medications", "procedures")


class Act(NamedTuple):
    """An entry of a list: the drug or procedure, why it was not done, and its dose or outcome."""

    at: datetime
    about: str
    refused: str
    dose: Mapping[str, Any] | None
    outcome: str | None


def totals(name: str, view: Mapping[str, Any], language: Language, day: date) -> list[Row]:
    """A row for each kind of the entries of a section, the kind of the latest entry first."""
    acts = sorted(_acts(name, view, language, day), key=lambda act: act.at.timestamp(), reverse=True)
    kinds: dict[tuple[str, str], list[Act]] = {}
    for act in acts:
        kinds.setdefault((act.about, act.refused), []).append(act)
    return [Row(about, _summed(of_kind[::-1], language, day)) for (about, _), of_kind in kinds.items()]


def _acts(name: str, view: Mapping[str, Any], language: Language, day: date) -> Iterator[Act]:
    def shown(field: str, value: Any) -> str:
        return narrative.value_of(field, value, language, day)

    at, subject, detail = ("given_at", "medication", "route")
    if name == "procedures":
        at, subject, detail = ("performed_at", "procedure", "body_site")
        for one in _valid(view, "airway_attempts"):
            about = f"{word('airway_attempt', language)} ({shown('device', one['device'])})"
            successful: bool | None = one.get("successful")
            outcome = None if successful is None else "successful" if successful else "unsuccessful"
            yield Act(one["attempted_at"], about, "", None, outcome)
    for one in _valid(view, name):
        about = shown(subject, one[subject]) + (f" ({shown(detail, one[detail])})" if detail in one else "")
        refused = narrative.refusal(name, one["not_done"], language) if "not_done" in one else ""
        yield Act(one[at], about, refused, one.get("dose"), one.get("outcome"))


def _valid(view: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    return (one for one in view.get(name, []) if not one.get("entered_in_error"))


def _summed(acts: Sequence[Act], language: Language, day: date) -> str:
    """Of the entries of one kind, in the order of their times."""
    is_long = len(acts) > MOST_TIMES
    clock = [narrative.time_of(act.at, language, day) for act in ((acts[0], acts[-1]) if is_long else acts)]
    when = (" – " if is_long else ", ").join(clock)
    parts = [f"{len(acts)} × ({when})", *_doses([act.dose for act in acts], language)]
    outcomes = Counter(act.outcome for act in acts if act.outcome is not None)
    parts += [f"{narrative.value_of('outcome', outcome, language)}: {times}" for outcome, times in outcomes.items()]
    refused = acts[0].refused
    return f"{refused}: {parts[0]}" if refused else "; ".join(parts)


def _doses(doses: Sequence[Mapping[str, Any] | None], language: Language) -> Iterator[str]:
    """The sum in each unit, how many had no dose, and the last rate: rates have no sum."""
    known = [dose for dose in doses if dose is not None]
    sums: dict[str, Decimal] = {}
    for dose in known:
        if not dose["unit"].endswith(RATES):
            sums[dose["unit"]] = sums.get(dose["unit"], Decimal()) + Decimal(dose["value"])
    if sums:
        yield f"{say('total', language)}: " + " + ".join(
            narrative.dose(value, unit, language) for unit, value in sums.items()
        )
    rates = [dose for dose in known if dose["unit"].endswith(RATES)]
    if rates:
        yield f"{say('last_rate', language)}: {narrative.dose(rates[-1]['value'], rates[-1]['unit'], language)}"
    if known and len(known) < len(doses):
        yield f"{say('without_a_dose', language)}: {len(doses) - len(known)}"

"""Contradictions within a record: pairs of fields whose values cannot both be true."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from services.epcr.records.care import Item, Part
from services.epcr.records.history import SCALES
from services.epcr.records.models import Record
from shared.web import http, problems
from shared.web.problems import FieldError

# The most by which the clocks of a dispatch centre, a vehicle and a tablet differ.
SKEW = timedelta(minutes=5)
# A time further ahead of this service's clock is a typing error.
AHEAD = timedelta(hours=1)


class Contradiction(NamedTuple):
    """The JSON Pointers of both fields."""

    first: str
    second: str

    def errors(self) -> list[FieldError]:
        return [
            FieldError(self.first, f"contradicts {self.second}", "contradiction"),
            FieldError(self.second, f"contradicts {self.first}", "contradiction"),
        ]


Pair = tuple[str, str, Callable[[Any, Any], bool]]


def _both(one: bool, other: bool) -> bool:
    return one and other


def _denied(one: bool, other: Any) -> bool:
    """The first field is `false`, and the second has a value that it denies."""
    return one is False and other not in (False, 0, [])


def _before(one: datetime, other: datetime) -> bool:
    return other < one


def _none_but(one: str | int, other: Any) -> bool:
    return one in ("none_known", "not_pregnant", 0) and other not in (False, [])


def _skewed(one: datetime, other: datetime) -> bool:
    return other < one - SKEW


_STEPS = ("call", "mobile", "on_scene", "at_patient", "left_scene", "at_destination", "handover")
# Within one entry of a list.
OF_ENTRIES: dict[str, list[Pair]] = {
    "vital_signs": [("systolic", "diastolic", lambda systolic, diastolic: systolic < diastolic)],
    "procedures": [("performed_at", "ended_at", _before)],
    "airway_attempts": [
        ("attempted_at", "ended_at", _before),
        ("successful", "confirmed_by", _denied),
        ("spo2_before", "spo2_lowest", lambda before, lowest: lowest > before),
        ("systolic_before", "systolic_lowest", lambda before, lowest: lowest > before),
        ("device", "technique", lambda device, way: (device == "surgical_airway") != (way == "front_of_neck")),
    ],
    "examinations": [("result", "findings", lambda result, findings: result == "normal" and findings != [])],
    "allergies": [
        ("certainty", "reactions", lambda certainty, reactions: certainty == "refuted" and reactions != []),
        ("certainty", "criticality", lambda certainty, _: certainty == "refuted"),
    ],
    "current_medicines": [("taken", "last_taken_at", lambda taken, _: taken == "not_taking")],
}
# Between fields of sections, named by `section.field`.
OF_SECTIONS: list[Pair] = [
    *((f"times.{one}", f"times.{other}", _skewed) for at, one in enumerate(_STEPS) for other in _STEPS[at + 1 :]),
    ("dispatch.category", "dispatch.determinant", lambda category, code: not _is_of_category(category, code)),
    ("triage.scale", "triage.initial", lambda scale, value: value not in SCALES[scale]),
    ("triage.scale", "triage.final", lambda scale, value: value not in SCALES[scale]),
    ("triage.initial_at", "triage.final_at", _before),
    ("weight.method", "weight.tape", lambda method, _: method != "length_based_tape"),
    *(
        ("pregnancy.status", f"pregnancy.{name}", _none_but)
        for name in ("gestation_weeks", "waters_broken", "contractions", "birth_imminent")
    ),
    ("pregnancy.gravida", "pregnancy.para", _none_but),
    ("directives.status", "directives.kinds", _none_but),
    ("directives.status", "directives.seen", _none_but),
    ("directives.status", "arrest.dnar", _none_but),
    ("injury.mechanism", "injury.fall_m", lambda mechanism, _: mechanism != "fall_from_height"),
    ("arrest.recognised_dead", "arrest.survived_to_discharge", _both),
    ("arrest.recognised_dead", "arrest.rosc_at_handover", _both),
    ("arrest.survived_to_discharge", "arrest.cpc", lambda survived, cpc: survived != (cpc < 5)),
    ("disposition.outcome", "arrest.survived_to_discharge", lambda end, alive: end == "dead_on_scene" and alive),
    ("disposition.outcome", "arrest.rosc_at_handover", lambda end, rosc: end == "dead_on_scene" and rosc),
    ("arrest.rosc", "arrest.rosc_at", _denied),
    ("arrest.rosc", "arrest.rosc_at_handover", _denied),
    ("arrest.shocks", "arrest.first_shock_at", _none_but),
    ("arrest.resuscitation_attempted", "arrest.shocks", _denied),
    *(
        ("arrest.resuscitation_attempted", f"cpr.{name}", _denied)
        for name in ("compression_rate", "compression_depth", "compression_fraction", "mechanical_device")
    ),
    ("stroke.suspected", "stroke.prealert", _denied),
    ("disposition.prealert", "disposition.prealert_at", _denied),
    ("disposition.prealert", "disposition.prealert_for", _denied),
    ("disposition.refusal_signed", "disposition.refusal_signed_by", _denied),
    (
        "disposition.outcome",
        "disposition.refused",
        lambda end, refused: end == "transported" and "transport" in refused,
    ),
]


def contradictions(record: Record) -> Iterator[Contradiction]:
    """Those between sections and lists. Their pointers are those of the record."""
    for one, other, contradict in OF_SECTIONS:
        values = _value(record, one), _value(record, other)
        if None not in values and contradict(*values):
            yield Contradiction("/" + one.replace(".", "/"), "/" + other.replace(".", "/"))
    if record.injury and "no_protection" in record.injury.protection and len(record.injury.protection) > 1:
        yield Contradiction(
            f"/injury/protection/{record.injury.protection.index('no_protection')}",
            f"/injury/protection/{int(record.injury.protection[0] == 'no_protection')}",
        )
    for name in ("allergies", "past_conditions", "current_medicines"):
        silence = getattr(record.inquiries, name) if record.inquiries else None
        known = [at for at, entry in enumerate(getattr(record, name)) if not entry.entered_in_error]
        if silence is not None and known:
            yield Contradiction(f"/inquiries/{name}", f"/{name}/{known[0]}")
    for at, member in enumerate(record.crew):
        if member.id not in record.crew_ids:
            yield Contradiction(f"/crew/{at}/id", "/crew_ids")


def entry_contradictions(name: str, entry: Item, pointer: str) -> list[Contradiction]:
    """Those within an entry of the list `name`. A withdrawn entry may contradict itself."""
    if entry.entered_in_error:
        return []
    return [
        Contradiction(f"{pointer}/{one}", f"{pointer}/{other}")
        for one, other, contradict in OF_ENTRIES.get(name, [])
        if None not in (values := (getattr(entry, one), getattr(entry, other))) and contradict(*values)
    ]


def refuse(found: list[Contradiction]) -> None:
    """Raises a 422 Problem that names both fields of each contradiction."""
    if found:
        errors = [error for one in found for error in one.errors()]
        raise problems.invalid("Values contradict one another.", errors)


def refuse_future(sent: http.Body, now: datetime) -> None:
    """Raises a 422 Problem for times of care that are ahead of the clock."""
    errors = [
        FieldError(pointer, "is in the future", "future")
        for name in sent.__struct_fields__
        for pointer, at in _times(getattr(sent, name), f"/{name}")
        if at > now + AHEAD
    ]
    if errors:
        raise problems.invalid("A time is in the future.", errors)


def _times(value: Any, pointer: str) -> Iterator[tuple[str, datetime]]:
    if isinstance(value, datetime):
        yield pointer, value
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _times(item, f"{pointer}/{at}")
    elif isinstance(value, Part):
        for name in value.__struct_fields__:
            yield from _times(getattr(value, name), f"{pointer}/{name}")


def _value(record: Record, path: str) -> Any:
    section, _, name = path.partition(".")
    part = getattr(record, section)
    return None if part is None else getattr(part, name)


def _is_of_category(category: str, determinant: str) -> bool:
    """The letter of an MPDS determinant is the first of its category. Other scales have their own determinants."""
    scale, _, name = category.partition("_")
    letter = determinant.lstrip("0123456789")[0].lower()
    return scale != "mpds" or letter == name[0]

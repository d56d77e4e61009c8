"""The rules of writes to a record: how it begins and grows, which values contradict one another, and how a status moves.

Pure: the same input gives the same record.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET

from services.epcr.fhir.measurements import kind_without_unit, kinds_of
from services.epcr.records.assessment import SCALES
from services.epcr.records.care import Impression, Item, Part, VitalSigns
from services.epcr.records.models import (
    ITEM_LISTS,
    EncounterDraft,
    Patient,
    Record,
    RecordPatch,
    Sections,
    Status,
    age,
    began,
    start_of,
)
from shared.web import http, problems
from shared.web.problems import FieldError

NewId = Callable[[str], str]
Entry = TypeVar("Entry", bound=Item)
MAX_ENTRIES = 2000
REPLACED = ("crew_ids", "crew", "primary_impression", "secondary_impressions", "narrative")
SECTIONS = tuple(name for name in Sections.__struct_fields__ if name not in REPLACED)
# Fields that contradict `not_done`. Only sent entries are checked, because a stored record must stay readable. An entry that is withdrawn
# may contradict itself.
RESULTS = ("outcome", "finding", "dose", "response")
# Sections that are entries of their own in a bundle, and have a history there.
EXPORTED = tuple(name for name in SECTIONS if name not in ("times", "inquiries"))
NEXT: dict[Status, frozenset[Status]] = {
    "in_progress": frozenset({"completed", "cancelled"}),
    "completed": frozenset({"handed_over"}),
    "handed_over": frozenset(),
    "cancelled": frozenset(),
}


def may_follow(current: Status, wanted: Status) -> bool:
    """Whether a status may change to `wanted`, or is already `wanted`. A status moves forward only."""
    return wanted == current or wanted in NEXT[current]


def begin(draft: EncounterDraft, now: datetime, new_id: NewId) -> Record:
    """The first version of a record. Raises a 422 Problem for an entry that has an id or contradicts itself."""
    clock = [getattr(draft.times, name) for name in draft.times.__struct_fields__] if draft.times else []
    record = Record(anchor=min((at for at in clock if at is not None), default=now), crew_ids=draft.crew_ids)
    for name in (*SECTIONS, *REPLACED[1:]):
        setattr(record, name, getattr(draft, name))
    for name in ITEM_LISTS:
        setattr(record, name, _entries(record, name, getattr(draft, name), new_id))
    refuse(list(contradictions(record)))
    _count_sections(Record(anchor=record.anchor), record)
    return record


def merge(record: Record, patch: RecordPatch, given: Mapping[str, Any], new_id: NewId) -> Record:
    """The next version. `given` is the JSON of the patch: a missing member changes nothing, null clears (RFC 7396).

    Raises a 422 Problem for an entry whose id is not in the record or that contradicts itself, and for a section whose parts no longer fit.
    """
    new = msgspec.structs.replace(record, revisions=dict(record.revisions), withdrawn=dict(record.withdrawn))
    for name in REPLACED:
        if getattr(patch, name) is not UNSET:
            setattr(new, name, getattr(patch, name))
    for name in SECTIONS:
        if getattr(patch, name) is not UNSET:
            setattr(new, name, _merged(getattr(record, name), getattr(patch, name), given[name], f"/{name}"))
    for name in ITEM_LISTS:
        if getattr(patch, name) is not UNSET:
            setattr(new, name, _entries(new, name, getattr(patch, name), new_id))
    # A record of an earlier release may contradict itself: a write of something else is not refused for it.
    known = set(contradictions(record))
    refuse([one for one in contradictions(new) if one not in known])
    _count_sections(record, new)
    if _start(record) != _start(new):
        # The begin is the time of all observations without a time of their own. The first one counts as a write.
        new.revisions["times"] = new.revisions.get("times", 1) + 1
    return new


def _start(record: Record) -> datetime:
    return start_of(msgspec.structs.asdict(record.times) if record.times else {}, record.anchor)


def _entries(record: Record, name: str, sent: list[Entry], new_id: NewId) -> list[Entry]:
    entries: dict[str, Entry] = {entry.id: entry for entry in getattr(record, name)}
    seen: set[str] = set()
    for index, entry in enumerate(sent):
        place, pointer = f"/{name}/{index}", f"/{name}/{index}/id"
        if not entry.entered_in_error and getattr(entry, "not_done", None) is not None:
            # A failed attempt is a way of not doing it.
            results = [result for result in RESULTS if getattr(entry, result, None) not in (None, "unsuccessful")]
            refuse([Contradiction(f"{place}/{result}", f"{place}/not_done") for result in results])
        refuse(entry_contradictions(name, entry, place))
        if entry.id is None:
            entry = msgspec.structs.replace(entry, id=new_id(ITEM_LISTS[name][1]))
        elif entry.id not in entries:
            raise problems.invalid("An entry has an id that is not in the record.", [FieldError(pointer, "unknown id")])
        elif entry.id in seen:
            raise problems.invalid("An entry is named twice.", [FieldError(pointer, "given more than once")])
        assert entry.id is not None
        seen.add(entry.id)
        _count(record, name, entry.id, entries.get(entry.id), entry)
        entries[entry.id] = entry
    if len(entries) > MAX_ENTRIES:
        detail = f"a record holds at most {MAX_ENTRIES} entries of a kind"
        raise problems.invalid("The record is full.", [FieldError(f"/{name}", detail)])
    return list(entries.values())


def _count_sections(old: Record, new: Record) -> None:
    for name in EXPORTED:
        _count(new, name, name, getattr(old, name), getattr(new, name))
    _count(new, "impressions", "impressions", impressions(old), impressions(new))


def impressions(record: Record) -> list[Impression]:
    """The primary impression first."""
    return [one for one in (record.primary_impression, *record.secondary_impressions) if one is not None]


def _count(record: Record, name: str, key: str, old: Any, new: Any) -> None:
    """Counts a write of an entry or section, and records which of its former resources a receiver may still hold."""
    if old == new:
        return
    record.revisions[key] = record.revisions.get(key, 0) + 1
    # The same measurement in another unit is a correction, so that the unit does not count.
    known = {kind_without_unit(kind): kind for kind in (*record.withdrawn.get(key, []), *kinds_of(name, old))}
    present = {kind_without_unit(kind) for kind in kinds_of(name, new)}
    gone = sorted(kind for bare, kind in known.items() if bare not in present)
    if gone:
        record.withdrawn[key] = gone
    else:
        record.withdrawn.pop(key, None)


def _merged(old: Any, new: Any, given: Any, pointer: str) -> Any:
    """`old` with the members of `given` taken from `new`, at every depth."""
    if old is None or new is None or not isinstance(given, dict) or type(old) is not type(new):
        return new
    changes = {
        name: _merged(getattr(old, name), getattr(new, name), value, f"{pointer}/{name}")
        for name, value in given.items()
    }
    try:
        return msgspec.structs.replace(old, **changes)
    except ValueError as error:
        raise problems.invalid("The changed section does not fit.", [FieldError(pointer, str(error))]) from None


# The most by which the clocks of a dispatch centre, a vehicle and a tablet differ.
SKEW = timedelta(minutes=5)
# A time further ahead of this service's clock is a typing error.
AHEAD = timedelta(hours=1)
# Entries may be so much before the call, or after the handover: more is a mistyped date.
DAY = timedelta(days=1)


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


_STEPS = ("call", "mobile", "on_scene", "at_patient", "left_scene", "at_destination", "handover")
# The times of entries, which are those of the mission.
_TIMES = {
    "vital_signs": "taken_at",
    "procedures": "performed_at",
    "medications": "given_at",
    "airway_attempts": "attempted_at",
    "pupils": "examined_at",
    "examinations": "examined_at",
}
# The highest score of each part of the Glasgow Coma Scale. The lowest is 1.
_COMA_SCALE = {"gcs_eye": 4, "gcs_verbal": 5, "gcs_motor": 6}
# From an age in years on, the lowest and highest weight in kg: far outside the percentiles, to find a mistyped unit or point.
_WEIGHTS: list[tuple[int, float, float]] = [
    (18, 15, 700),
    (10, 12, 300),
    (5, 8, 150),
    (2, 5, 70),
    (1, 3, 30),
    (0, 0.3, 20),
]
_KILOGRAMS = {"kg": Decimal(1), "g": Decimal("0.001"), "[lb_av]": Decimal("0.45359237")}
# Within one entry of a list.
OF_ENTRIES: dict[str, list[Pair]] = {
    "vital_signs": [
        ("systolic", "diastolic", lambda systolic, diastolic: systolic < diastolic),
        ("systolic", "mean_pressure", lambda systolic, mean: systolic < mean),
        ("diastolic", "mean_pressure", lambda diastolic, mean: mean < diastolic),
        (
            "avpu",
            "gcs",
            lambda level, score: (level == "unresponsive" and score > 8) or (level == "alert" and score < 6),
        ),
        ("avpu", "gcs_verbal", lambda level, score: level == "unresponsive" and score == 5),
        ("avpu", "gcs_motor", lambda level, score: level == "unresponsive" and score == 6),
    ],
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
        ("certainty", "severity", lambda certainty, _: certainty == "refuted"),
    ],
    "current_medicines": [("taken", "last_taken_at", lambda taken, _: taken == "not_taking")],
}
# Between fields of sections, named by `section.field`.
OF_SECTIONS: list[Pair] = [
    *(
        (f"times.{one}", f"times.{other}", lambda earlier, later: later < earlier - SKEW)
        for one, other in combinations(_STEPS, 2)
    ),
    # The letter of an MPDS determinant is the first of its category. Other scales have their own determinants.
    (
        "dispatch.category",
        "dispatch.determinant",
        lambda category, code: category.startswith("mpds_") and code.lstrip("0123456789")[0].lower() != category[5],
    ),
    ("triage.scale", "triage.initial", lambda scale, value: value not in SCALES[scale]),
    ("triage.scale", "triage.final", lambda scale, value: value not in SCALES[scale]),
    ("triage.initial_at", "triage.final_at", _before),
    ("weight.method", "weight.tape", lambda method, _: method != "length_based_tape"),
    *(
        ("pregnancy.status", f"pregnancy.{name}", _none_but)
        for name in ("gestation_weeks", "waters_broken", "contractions", "birth_imminent")
    ),
    # Births are at most pregnancies: twins are one of each.
    ("pregnancy.gravida", "pregnancy.para", lambda pregnancies, births: births > pregnancies),
    ("directives.status", "directives.kinds", _none_but),
    ("directives.status", "directives.seen", _none_but),
    ("directives.status", "arrest.dnar", _none_but),
    ("injury.mechanism", "injury.fall_m", lambda mechanism, _: mechanism != "fall_from_height"),
    ("arrest.recognised_dead", "arrest.survived_to_discharge", _both),
    ("arrest.recognised_dead", "arrest.rosc_at_handover", _both),
    ("arrest.survived_to_discharge", "arrest.cpc", lambda survived, cpc: survived != (cpc < 5)),
    ("disposition.outcome", "arrest.survived_to_discharge", lambda end, alive: end == "dead_on_scene" and alive),
    ("disposition.outcome", "arrest.rosc_at_handover", lambda end, rosc: end == "dead_on_scene" and rosc),
    *(
        ("arrest.arrested_at", f"arrest.{name}", lambda arrested, later: later < arrested - SKEW)
        for name in ("cpr_started_at", "first_shock_at", "rosc_at", "ended_at")
    ),
    ("stroke.last_known_well", "stroke.assessed_at", lambda well, assessed: assessed < well - SKEW),
    # A child may be born in the mission.
    ("patient.birth_date", "times.call", lambda born, call: born > call.date() + DAY),
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
    yield from _of_another_day(record)
    yield from _of_weight(record)
    patient = record.patient
    if patient and patient.birth_date and patient.age_years is not None:
        years = age(patient.birth_date, began(record).date())
        if abs(years - patient.age_years) > 1:
            yield Contradiction("/patient/age_years", "/patient/birth_date")
    for at, member in enumerate(record.crew):
        if member.id not in record.crew_ids:
            yield Contradiction(f"/crew/{at}/id", "/crew_ids")


def _of_weight(record: Record) -> Iterator[Contradiction]:
    """A weight that nobody of that age has: doses for children are made from it."""
    patient, weight = record.patient, record.weight
    if patient is None or weight is None or weight.value is None:
        return
    born = patient.birth_date
    years = patient.age_years if born is None else max(0, age(born, began(record).date()))
    if years is None:
        return
    mass, (low, high) = weight.value, next(limits for least, *limits in _WEIGHTS if years >= least)
    if not low <= mass.value * _KILOGRAMS[mass.unit] <= high:
        yield Contradiction("/weight/value", f"/patient/{'age_years' if born is None else 'birth_date'}")


def _of_another_day(record: Record) -> Iterator[Contradiction]:
    times = record.times
    for name, field in _TIMES.items() if times else ():
        for index, entry in enumerate(getattr(record, name)):
            at = getattr(entry, field)
            if entry.entered_in_error:
                continue
            if times and times.call and at < times.call - DAY:
                yield Contradiction(f"/{name}/{index}/{field}", "/times/call")
            if times and times.handover and at > times.handover + DAY:
                yield Contradiction(f"/{name}/{index}/{field}", "/times/handover")


def entry_contradictions(name: str, entry: Item, pointer: str) -> list[Contradiction]:
    """Those within an entry of the list `name`. A withdrawn entry may contradict itself."""
    if entry.entered_in_error:
        return []
    pairs = [
        (one, other)
        for one, other, contradict in OF_ENTRIES.get(name, [])
        if None not in (values := (getattr(entry, one), getattr(entry, other))) and contradict(*values)
    ]
    if isinstance(entry, VitalSigns):
        pairs += _of_coma_scale(entry)
    return [Contradiction(f"{pointer}/{one}", f"{pointer}/{other}") for one, other in pairs]


def _of_coma_scale(signs: VitalSigns) -> list[tuple[str, str]]:
    """The total beside each part that is known, where no values of the other parts add up to it."""
    parts: dict[str, int | None] = {name: getattr(signs, name) for name in _COMA_SCALE}
    known = {name: score for name, score in parts.items() if score is not None}
    lowest = sum(known.get(name, 1) for name in _COMA_SCALE)
    highest = sum(known.get(name, most) for name, most in _COMA_SCALE.items())
    return [] if signs.gcs is None or lowest <= signs.gcs <= highest else [("gcs", name) for name in known]


def refuse(found: list[Contradiction]) -> None:
    """Raises a 422 Problem that names both fields of each contradiction."""
    if found:
        errors = [error for one in found for error in one.errors()]
        raise problems.invalid("Values contradict one another.", errors)


def refuse_future(sent: http.Body, now: datetime) -> None:
    """Raises a 422 Problem for times of care, and a date of birth, that are ahead of the clock."""
    errors = [
        FieldError(pointer, "is in the future", "future")
        for name in sent.__struct_fields__
        for pointer, at in _times(getattr(sent, name), f"/{name}")
        if at > now + AHEAD
    ]
    patient = getattr(sent, "patient", None)
    born: date | None = patient.birth_date if isinstance(patient, Patient) else None
    if born is not None and born > (now + DAY).date():
        errors.append(FieldError("/patient/birth_date", "is in the future", "future"))
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

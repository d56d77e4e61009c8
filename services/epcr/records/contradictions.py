"""The values of a record that contradict one another: refused with 422 and the pointers of both fields."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any, NamedTuple

from services.epcr.records.assessment import APGAR_PARTS, MOST_OF_A_PART, SCALES, Apgar
from services.epcr.records.care import Item, Mass, VitalSigns
from services.epcr.records.faults import TIMES
from services.epcr.records.models import Patient, Record, age, began
from shared.web import problems
from shared.web.problems import FieldError

# The most by which the clocks of a dispatch centre, a vehicle and a tablet differ.
SKEW = timedelta(minutes=5)
# As the highest `age_years`.
OLDEST = 130
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


def _off_coma(level: str, score: int) -> bool:
    return (level == "unresponsive" and score > 8) or (level == "alert" and score < 6)


def _off_tape(mass: Mass, colour: str) -> bool:
    low, high = _TAPES[colour]
    return not low / _TAPE_FACTOR <= mass.value * _KILOGRAMS[mass.unit] <= high * _TAPE_FACTOR


def _orders_resuscitation(kinds: list[str], is_ordered_not: bool) -> bool:
    return "do_not_resuscitate" in kinds and is_ordered_not is False


_STEPS = ("call", "mobile", "on_scene", "at_patient", "left_scene", "at_destination", "handover")
# A crew that gives the patient to another one at the scene leaves it later.
_AT_SCENE = ("left_scene", "handover")
# The times of sections. An injury, or the last dose of a medicine, may be of any day before the mission.
_SECTION_TIMES = (
    "triage.initial_at",
    "triage.final_at",
    "stroke.assessed_at",
    "arrest.cpr_started_at",
    "arrest.first_shock_at",
    "arrest.rosc_at",
    "arrest.ended_at",
    "disposition.prealert_at",
    "disposition.expected_at",
)
_BEFORE_MISSION = ("complaint.began_at", "injury.injured_at", "arrest.arrested_at", "stroke.last_known_well")
# Ends of an encounter whose patient lives, and those without a patient.
_LEFT_ALIVE = frozenset({"treated_and_released", "refused", "no_treatment_needed", "no_patient_found"})
# Entries that there are of a patient alone.
_OF_A_PATIENT = ("vital_signs", "pupils", "examinations", "medications", "procedures", "airway_attempts")
# The highest score of each part of the Glasgow Coma Scale.
_COMA_SCALE = {"gcs_eye": 4, "gcs_verbal": 5, "gcs_motor": 6}
# From an age in years on, the lowest and highest weight in kg: far outside the percentiles, to find a mistyped unit or point. Births at the
# limit of viability, and adults of very small growth, are inside.
_WEIGHTS: list[tuple[int, float, float]] = [
    (18, 8, 700),
    (10, 7, 300),
    (5, 5, 150),
    (2, 3, 70),
    (1, 2, 30),
    (0, 0.1, 20),
]
# The weights in kg of the colours of a length-based tape, from the lowest to the highest (Broselow).
_TAPES = {
    "grey": (3, 5),
    "pink": (6, 7),
    "red": (8, 9),
    "purple": (10, 11),
    "yellow": (12, 14),
    "white": (15, 18),
    "blue": (19, 23),
    "orange": (24, 29),
    "green": (30, 36),
}
# A weight may lie so far outside its colour: tapes of other makers differ, and a scale is more exact than a tape.
_TAPE_FACTOR = Decimal("1.5")
_KILOGRAMS = {"kg": Decimal(1), "g": Decimal("0.001"), "[lb_av]": Decimal("0.45359237")}
# Within one entry of a list.
OF_ENTRIES: dict[str, list[Pair]] = {
    "vital_signs": [
        ("systolic", "diastolic", lambda systolic, diastolic: systolic < diastolic),
        ("systolic", "mean_pressure", lambda systolic, mean: systolic < mean),
        ("diastolic", "mean_pressure", lambda diastolic, mean: mean < diastolic),
        ("avpu", "gcs", _off_coma),
        ("avpu", "gcs_verbal", lambda level, score: level == "unresponsive" and score == 5),
        ("avpu", "gcs_motor", lambda level, score: level == "unresponsive" and score == 6),
    ],
    "procedures": [("performed_at", "ended_at", _before)],
    "airway_attempts": [
        ("attempted_at", "ended_at", _before),
        ("successful", "confirmed_by", _denied),
        ("device", "technique", lambda device, way: (device == "surgical_airway") != (way == "front_of_neck")),
    ],
    "examinations": [
        ("result", "findings", lambda result, findings: result == "normal" and findings != []),
        ("result", "burn_depth", lambda result, _: result == "normal"),
    ],
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
        if (one, other) != _AT_SCENE
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
    ("weight.value", "weight.tape", _off_tape),
    *(
        ("pregnancy.status", f"pregnancy.{name}", _none_but)
        for name in ("gestation_weeks", "waters_broken", "contractions", "birth_imminent")
    ),
    # Births are at most pregnancies: twins are one of each.
    ("pregnancy.gravida", "pregnancy.para", lambda pregnancies, births: births > pregnancies),
    ("directives.status", "directives.kinds", _none_but),
    ("directives.status", "directives.seen", _none_but),
    ("directives.status", "arrest.dnar", _none_but),
    ("directives.kinds", "arrest.dnar", _orders_resuscitation),
    (
        "injury.burned_surface",
        "injury.criteria",
        lambda percent, criteria: percent == 0 and "burns_with_trauma" in criteria,
    ),
    ("injury.mechanism", "injury.fall_m", lambda mechanism, _: mechanism != "fall_from_height"),
    # The criterion is ten feet.
    ("injury.fall_m", "injury.criteria", lambda metres, criteria: metres < 3 and "fall_over_3_m" in criteria),
    (
        "injury.mechanism",
        "injury.criteria",
        lambda mechanism, criteria: mechanism == "fall_same_level" and "fall_over_3_m" in criteria,
    ),
    ("arrest.recognised_dead", "arrest.survived_to_discharge", _both),
    ("arrest.recognised_dead", "arrest.rosc_at_handover", _both),
    ("arrest.recognised_dead", "disposition.outcome", lambda is_dead, end: is_dead and end in _LEFT_ALIVE),
    ("arrest.survived_to_discharge", "arrest.cpc", lambda survived, cpc: survived != (cpc < 5)),
    ("disposition.outcome", "arrest.survived_to_discharge", lambda end, alive: end == "dead_on_scene" and alive),
    ("disposition.outcome", "arrest.rosc_at_handover", lambda end, rosc: end == "dead_on_scene" and rosc),
    *(
        ("arrest.arrested_at", f"arrest.{name}", lambda arrested, later: later < arrested - SKEW)
        for name in ("cpr_started_at", "first_shock_at", "rosc_at", "ended_at")
    ),
    ("stroke.last_known_well", "stroke.assessed_at", lambda well, assessed: assessed < well - SKEW),
    # A child may be born in the mission.
    *(("patient.birth_date", f"times.{name}", lambda born, at: born > at.date() + DAY) for name in _STEPS),
    ("arrest.rosc", "arrest.rosc_at", _denied),
    ("arrest.rosc", "arrest.rosc_at_handover", _denied),
    ("arrest.shocks", "arrest.first_shock_at", _none_but),
    ("arrest.resuscitation_attempted", "arrest.shocks", _denied),
    *(
        ("arrest.resuscitation_attempted", f"cpr.{name}", _denied)
        for name in ("compression_rate", "compression_depth", "compression_fraction", "mechanical_device")
    ),
    ("stroke.suspected", "stroke.prealert", _denied),
    ("stroke.suspected", "disposition.prealert_for", lambda is_suspected, why: not is_suspected and why == "stroke"),
    ("stroke.prealert", "disposition.prealert", lambda is_given, alert: is_given and not alert),
    ("disposition.prealert", "disposition.prealert_at", _denied),
    ("disposition.prealert_at", "disposition.expected_at", lambda alerted, arrival: arrival < alerted - SKEW),
    ("disposition.prealert", "disposition.prealert_for", _denied),
    ("disposition.refusal_signed", "disposition.refusal_signed_by", _denied),
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
    end = record.disposition
    if end and end.outcome == "transported" and "transport" in end.refused and end.has_capacity is not False:
        # Without capacity a refusal does not bind.
        yield Contradiction("/disposition/outcome", "/disposition/refused")
    yield from _of_nobody(record)
    yield from _of_name(record)
    yield from _of_weight(record)
    yield from _of_apgar(record)
    yield from _of_burns(record)
    patient = record.patient
    if patient and patient.birth_date and patient.age_years is not None:
        years = age(patient.birth_date, began(record).date())
        if abs(years - patient.age_years) > 1:
            yield Contradiction("/patient/age_years", "/patient/birth_date")
    if patient and patient.birth_date and age(patient.birth_date, began(record).date()) > OLDEST:
        yield Contradiction("/patient/birth_date", "/times")
    triage = record.triage
    if (
        triage
        and triage.initial
        and triage.final
        and not any({triage.initial, triage.final} <= {*one} for one in SCALES.values())
    ):
        # Of no scale, whether it is named or not.
        yield Contradiction("/triage/initial", "/triage/final")
    for at, member in enumerate(record.crew):
        if member.id not in record.crew_ids:
            yield Contradiction(f"/crew/{at}/id", "/crew_ids")


def _of_name(record: Record) -> Iterator[Contradiction]:
    """A whole name that has no word of its parts is another person's. Another alphabet has other words."""
    name = record.patient.name if record.patient else None
    if name is None or name.text is None or not (name.family or name.given):
        return
    whole, parts = words_of(name.text), words_of(name.family, *name.given)
    if whole and parts and not whole & parts and all(one.isascii() for one in whole | parts):
        yield Contradiction("/patient/name/text", "/patient/name/family" if name.family else "/patient/name/given/0")


def words_of(*names: str | None) -> set[str]:
    """The words of a name, without case and accents."""
    plain = unicodedata.normalize("NFKD", " ".join(one for one in names if one)).casefold()
    letters = "".join(one for one in plain if not unicodedata.combining(one))
    return set(re.findall(r"[^\W_]+", letters))


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


def _of_apgar(record: Record) -> Iterator[Contradiction]:
    """A child has one score of each minute, in their order, on the day of the birth or of a time zone beside it."""
    # The day of the mission is no limit: of a transfer the score may be that of another hospital.
    known = [(f"/apgar/{at}", one) for at, one in enumerate(record.apgar) if not one.entered_in_error]
    for (first, one), (second, other) in combinations(known, 2):
        if one.minute == other.minute:
            yield Contradiction(f"{first}/minute", f"{second}/minute")
        elif one.scored_at and other.scored_at and (one.minute < other.minute) != (one.scored_at < other.scored_at):
            yield Contradiction(f"{first}/scored_at", f"{second}/scored_at")
    patient = record.patient or Patient()
    born, years = patient.birth_date, patient.age_years
    for pointer, one in known:
        if born is None:
            if years:
                yield Contradiction(f"{pointer}/minute", "/patient/age_years")
        elif one.scored_at is None:
            if age(born, began(record).date()) > 0:
                yield Contradiction(f"{pointer}/minute", "/patient/birth_date")
        elif abs(one.scored_at.date() - born) > DAY:
            yield Contradiction(f"{pointer}/scored_at", "/patient/birth_date")


def _of_burns(record: Record) -> Iterator[Contradiction]:
    """No burned surface beside a burn that counts: superficial ones do not."""
    if record.injury is None or record.injury.burned_surface != 0:
        return
    for at, one in enumerate(record.examinations):
        if not one.entered_in_error and one.burn_depth not in (None, "superficial"):
            yield Contradiction("/injury/burned_surface", f"/examinations/{at}/burn_depth")


def _of_nobody(record: Record) -> Iterator[Contradiction]:
    """Acts and findings where no patient was found. An act that was not done may be recorded."""
    if record.disposition is None or record.disposition.outcome != "no_patient_found":
        return
    for name in _OF_A_PATIENT:
        for at, entry in enumerate(getattr(record, name)):
            if not entry.entered_in_error and getattr(entry, "not_done", None) is None:
                yield Contradiction("/disposition/outcome", f"/{name}/{at}")


def _of_another_day(record: Record) -> Iterator[Contradiction]:
    times = record.times
    for path in (*_SECTION_TIMES, *_BEFORE_MISSION) if times else ():
        at, pointer = _value(record, path), "/" + path.replace(".", "/")
        if at and times and times.call and path in _SECTION_TIMES and at < times.call - DAY:
            yield Contradiction(pointer, "/times/call")
        if at and times and times.handover and at > times.handover + DAY:
            yield Contradiction(pointer, "/times/handover")
    for name, field in TIMES.items() if times else ():
        for index, entry in enumerate(getattr(record, name)):
            at = getattr(entry, field)
            if entry.entered_in_error:
                continue
            is_of_others = getattr(entry, "prior_to_arrival", None) is True
            if times and times.call and at < times.call - DAY and not is_of_others:
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
        pairs += _of_total(entry, "gcs", 1, _COMA_SCALE)
        parts = [getattr(entry, part) for part in _COMA_SCALE]
        # With a total each part was compared with it, and it with the level.
        if entry.gcs is None and entry.avpu and None not in parts and _off_coma(entry.avpu, sum(parts)):
            pairs += [("avpu", part) for part in _COMA_SCALE if ("avpu", part) not in pairs]
    if isinstance(entry, Apgar):
        pairs += _of_total(entry, "total", 0, dict.fromkeys(APGAR_PARTS, MOST_OF_A_PART))
    return [Contradiction(f"{pointer}/{one}", f"{pointer}/{other}") for one, other in pairs]


def _of_total(entry: Item, name: str, least: int, most_of: Mapping[str, int]) -> list[tuple[str, str]]:
    """The total `name` beside each part that is known, where no values of the other parts add up to it.

    `most_of` has the highest score of each part, `least` is the lowest of all.
    """
    parts: dict[str, int | None] = {part: getattr(entry, part) for part in most_of}
    known = {part: score for part, score in parts.items() if score is not None}
    lowest = sum(known.get(part, least) for part in most_of)
    highest = sum(known.get(part, most) for part, most in most_of.items())
    total: int | None = getattr(entry, name)
    return [] if total is None or lowest <= total <= highest else [(name, part) for part in known]


def refuse(found: list[Contradiction]) -> None:
    """Raises a 422 Problem that names both fields of each contradiction."""
    if found:
        errors = [error for one in found for error in one.errors()]
        raise problems.invalid("Values contradict one another.", errors)


def _value(record: Record, path: str) -> Any:
    section, _, name = path.partition(".")
    part = getattr(record, section)
    return None if part is None else getattr(part, name)

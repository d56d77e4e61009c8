"""Any record that a crew may write has a bundle without fault, and every hospital ends with the same record after any fetches."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.epcr.encounters.facts import facts_of
from services.epcr.fhir.encode import encode
from services.epcr.records import amend
from services.epcr.records.care import DOSE_UNITS
from services.epcr.records.contradictions import _OF_A_PATIENT
from services.epcr.records.models import ITEM_LISTS, Encounter, RecordPatch
from shared.web import http, strict_json
from shared.web.problems import Problem
from tests.epcr import golden
from tests.epcr.faultless import fit
from tests.epcr.fhir_server import FhirServer
from tests.epcr.golden import bundle, split
from tests.epcr.samples import ATC, ICD10, MINIMAL, SNOMED

pytestmark = pytest.mark.full

Strategy = st.SearchStrategy[Any]
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
# Of one day: entries of another day than that of the mission are refused.
TIMES = st.integers(1_774_224_000, 1_774_310_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC).isoformat())
YES = st.booleans()
CLINICAL = st.sampled_from(["268400002", "392230005", "26643006"]).map(lambda code: {"system": SNOMED, "code": code})
DRUGS = st.sampled_from(["B01AC06", "N02AA01"]).map(lambda code: {"system": ATC, "code": code})
WORDED = WORDS.map(lambda words: {"display": f"{words}x"})
REASONS = st.sampled_from(["refused", "contraindicated", "not_indicated", "unable"])


def numbers(low: int, high: int) -> Strategy:
    return st.decimals(low, high, places=2, allow_nan=False)


def some(required: dict[str, Strategy] | None = None, **optional: Strategy) -> Strategy:
    return st.fixed_dictionaries(required or {}, optional={name: st.none() | value for name, value in optional.items()})


def measured(*units: tuple[str, int, int]) -> Strategy:
    return st.one_of(
        [st.fixed_dictionaries({"value": numbers(low, high), "unit": st.just(unit)}) for unit, low, high in units]
    )


ERROR = {"entered_in_error": YES}
VITALS = some(
    {"taken_at": TIMES} | ERROR,
    heart_rate=numbers(0, 300),
    respiratory_rate=numbers(0, 90),
    systolic=numbers(0, 300),
    diastolic=numbers(0, 200),
    mean_pressure=numbers(0, 250),
    spo2=numbers(0, 100),
    temperature=measured(("Cel", 10, 45), ("[degF]", 50, 110)),
    etco2=measured(("mm[Hg]", 0, 150), ("kPa", 0, 20), ("%", 0, 20)),
    glucose=measured(("mmol/L", 0, 60), ("mg/dL", 0, 1000)),
    gcs_eye=st.integers(1, 4),
    gcs_motor=st.integers(1, 6),
    avpu=st.sampled_from(["alert", "verbal", "pain", "unresponsive"]),
    pain=st.integers(0, 10),
)


def in_order(signs: dict[str, Any]) -> dict[str, Any]:
    """Systolic, mean and diastolic pressure, from high to low."""
    known = [signs[name] for name in ("systolic", "mean_pressure", "diastolic") if signs.get(name) is not None]
    return signs if known == sorted(known, reverse=True) else without(signs, "diastolic", "mean_pressure")


def awake(signs: dict[str, Any]) -> dict[str, Any]:
    """A patient who obeys is not unresponsive."""
    return signs if signs.get("gcs_motor") != 6 or signs.get("avpu") != "unresponsive" else without(signs, "avpu")


VITALS = VITALS.map(in_order).map(awake)


def without(entry: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in names}


def without_contradiction(entry: dict[str, Any]) -> dict[str, Any]:
    """An act that was not done has no result, unless the entry is in error."""
    if entry.get("entered_in_error") or entry.get("not_done") is None:
        return entry
    return {name: value for name, value in entry.items() if name not in amend.RESULTS}


PROCEDURES = some(
    {"performed_at": TIMES, "procedure": CLINICAL} | ERROR,
    body_site=CLINICAL,
    attempts=st.integers(1, 50),
    outcome=st.sampled_from(["successful", "partially_successful", "unsuccessful"]),
    not_done=REASONS,
    finding=st.sampled_from(["stemi", "no_stemi"]),
    comment=WORDS,
).map(without_contradiction)
MEDICATIONS = some(
    {"given_at": TIMES, "medication": DRUGS | WORDED} | ERROR,
    dose=st.fixed_dictionaries({"value": numbers(1, 9999), "unit": st.sampled_from(sorted(DOSE_UNITS))}),
    route=CLINICAL,
    response=st.sampled_from(["improved", "unchanged", "worse"]),
    not_done=REASONS,
    comment=WORDS,
).map(without_contradiction)
RHYTHMS = st.sampled_from(["vf", "pulseless_vt", "shockable_unknown", "pea", "asystole", "non_shockable_unknown"])


def plausible(arrest: dict[str, Any]) -> dict[str, Any]:
    """Circulation that did not return has no time, nor one before the arrest, and nobody shocks without resuscitation."""
    is_early = (arrest.get("rosc_at") or "9") < (arrest.get("arrested_at") or "")
    gone = ["rosc_at"] if arrest.get("rosc") is False or is_early else []
    return without(arrest, *gone, *(["shocks"] if arrest.get("resuscitation_attempted") is False else []))


ARREST = some(
    resuscitation_attempted=YES,
    witnessed=st.sampled_from(["bystander", "ems", "unwitnessed"]),
    arrested_at=TIMES,
    initial_rhythm=RHYTHMS,
    shocks=st.integers(0, 100),
    rosc=YES,
    rosc_at=TIMES,
    comment=WORDS,
).map(plausible)
SIGN = st.sampled_from(["normal", "abnormal", "not_assessable"])
STROKE = some(
    suspected=YES, face=SIGN, arm=SIGN, speech=SIGN, last_known_well=TIMES, nihss=st.integers(0, 42), comment=WORDS
)
CLOCK = ("call", "mobile", "on_scene", "at_patient", "left_scene", "at_destination", "handover")


def of_one_person(name: dict[str, Any]) -> dict[str, Any]:
    """The whole name has the family name."""
    family, text = name.get("family"), name.get("text")
    return name | {"text": f"{family} {text}"} if family and text else name


PATIENT = some(
    sex=st.sampled_from(["female", "male", "other", "unknown"]),
    birth_date=st.dates(datetime(1897, 1, 1, tzinfo=UTC).date(), datetime(2026, 1, 1, tzinfo=UTC).date()).map(str),
    name=some(family=WORDS, text=WORDS).map(of_one_person),
    address=some(city=WORDS, country=st.sampled_from(["IE", "IT"])),
)
INFORMANTS = st.sampled_from(["patient", "family"])
LEVELS = st.sampled_from(["level_1", "level_2"])
REACTIONS = st.sampled_from(["brisk", "none"])
IMPRESSIONS = st.sampled_from(
    [{"system": ICD10, "code": "I63.9"}, {"system": ICD10, "code": "I10"}, {"system": SNOMED, "code": "230690007"}]
)
OUTCOMES = st.sampled_from(["transported", "refused", "dead_on_scene", "no_patient_found", "cancelled"])
SECTIONS: dict[str, Strategy] = {
    "patient": st.none() | PATIENT,
    "times": st.none() | st.lists(TIMES, max_size=7).map(lambda times: dict(zip(CLOCK, sorted(times), strict=False))),
    "primary_impression": st.none() | IMPRESSIONS,
    "arrest": st.none() | ARREST,
    "stroke": st.none() | STROKE,
    "disposition": st.none() | some(outcome=OUTCOMES, destination=WORDS),
    "narrative": st.none() | WORDS,
    "complaint": st.none() | some(concept=CLINICAL, text=WORDS, informant=INFORMANTS, began_at=TIMES),
    "dispatch": st.none()
    | some(category=st.sampled_from(["england_c1", "mpds_delta", "italy_red"]), lights_and_sirens=YES),
    "triage": st.none() | some({"scale": st.just("esi")}, initial=LEVELS, final=LEVELS),
    # A weight that a patient of any age may have.
    "weight": st.none()
    | some(value=measured(("kg", 15, 20), ("[lb_av]", 34, 44)), method=st.sampled_from(["measured", "estimated"])),
    "pregnancy": st.none() | some(status=st.sampled_from(["pregnant", "possible", "not_asked"]), born_at=TIMES),
    "directives": st.none() | some({"kinds": st.lists(st.just("living_will"), max_size=1)}, seen=YES, comment=WORDS),
    "injury": st.none()
    | some(
        {"criteria": st.lists(st.sampled_from(["ejection", "amputation"]), max_size=2, unique=True)},
        injured_at=TIMES,
        intent=st.sampled_from(["assault", "self_harm"]),
        burned_surface=numbers(1, 100),
        comment=WORDS,
        entrapped=YES,
    ),
    "cpr": st.none() | some(full_recoil=numbers(0, 100), feedback_device=YES),
    "secondary_impressions": st.lists(IMPRESSIONS, max_size=3),
    "pupils": st.lists(
        some({"examined_at": TIMES} | ERROR, left_mm=numbers(0, 9), left_reaction=REACTIONS), max_size=2
    ),
    "examinations": st.lists(
        some(
            {"examined_at": TIMES, "region": st.sampled_from(["head", "abdomen"]), "result": st.just("abnormal")}
            | ERROR,
            findings=st.lists(CLINICAL, max_size=2),
        ).map(lambda one: one if one.get("findings") is not None else without(one, "findings")),
        max_size=2,
    ),
    "apgar": st.lists(
        some({"minute": st.sampled_from([1, 5, 10]), "total": st.integers(0, 10)} | ERROR, scored_at=TIMES), max_size=1
    ),
    "airway_attempts": st.lists(
        some({"attempted_at": TIMES, "device": st.just("supraglottic_airway")} | ERROR, successful=YES), max_size=2
    ),
    "allergies": st.lists(
        some({"substance": DRUGS | WORDED} | ERROR, severity=st.just("mild"), informant=INFORMANTS, comment=WORDS),
        max_size=2,
    ),
    "past_conditions": st.lists(some({"condition": IMPRESSIONS | WORDED} | ERROR, state=st.just("active")), max_size=2),
    "current_medicines": st.lists(some({"medicine": DRUGS | WORDED} | ERROR, last_taken_at=TIMES), max_size=2),
    "vital_signs": st.lists(VITALS, max_size=3),
    "procedures": st.lists(PROCEDURES, max_size=3),
    "medications": st.lists(MEDICATIONS, max_size=3),
}


def of_nobody_born_before(record: dict[str, Any]) -> dict[str, Any]:
    """A newborn's score is of the day of the birth."""
    return without(record, "apgar") if (record.get("patient") or {}).get("birth_date") else record


def with_a_patient(record: dict[str, Any]) -> dict[str, Any]:
    """Where nobody was found, nobody was treated."""
    is_of_nobody = (record.get("disposition") or {}).get("outcome") == "no_patient_found"
    return (
        without(record, "disposition") if is_of_nobody and any(record.get(name) for name in _OF_A_PATIENT) else record
    )


RECORDS = st.fixed_dictionaries({}, optional=SECTIONS).map(of_nobody_born_before).map(with_a_patient)
STATUSES = st.sampled_from(["in_progress", "completed", "handed_over", "cancelled"])
MODES = st.sampled_from(["exact", "shifted", "safe_harbor"])


@given(RECORDS, STATUSES, MODES, st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_record_makes_bundles_without_fault(record: Any, status: Any, mode: Any, with_devices: bool) -> None:
    encounter = golden.encounter_of(_json(MINIMAL | record), status)
    projection = golden.projection(encounter, golden.readings() if with_devices else [], mode=mode)
    assert fit(bundle(projection))
    assert all(fit(part) for part in split(projection, 5))
    assert http.encode(facts_of(encounter, golden.readings()))


PATCHES = st.lists(st.tuples(RECORDS, st.booleans(), st.randoms(use_true_random=False)), min_size=1, max_size=5)


@given(RECORDS, PATCHES)
@settings(max_examples=60, deadline=None)
def test_a_hospital_that_fetched_often_ends_with_what_one_that_fetched_once_has(first: Any, patches: Any) -> None:
    encounter = golden.encounter_of(_json(MINIMAL | first), "in_progress")
    often, once = FhirServer(), FhirServer()
    often.transaction(_sent(encounter))
    new_id = golden.counted(1000)
    for patch, is_fetched, choice in patches:
        try:
            encounter = _written(encounter, _naming_some(patch, encounter, choice), new_id)
        except Problem:
            # It contradicts the record so far.
            continue
        if is_fetched:
            often.transaction(_sent(encounter))
    last = _sent(encounter)
    often.transaction(last)
    once.transaction(last)
    assert set(often.transaction(last)) == {"200"}
    assert _held(often) == _held(once)
    assert often.dangling() == often.duplicates() == []


def test_a_version_that_was_made_into_the_next_one_is_left_as_it_was() -> None:
    encounter = golden.encounter_of(_json(MINIMAL | {"arrest": {"rosc": True}}), "in_progress")
    before = msgspec.to_builtins(encounter.record)
    patch: dict[str, Any] = {
        "arrest": {"rosc": False},
        "vital_signs": [{"taken_at": "2026-03-23T10:00:00Z", "spo2": Decimal(90)}],
    }
    _written(encounter, patch, golden.counted(1000))
    assert msgspec.to_builtins(encounter.record) == before


def test_no_module_takes_fhir_from_anywhere_but_r4b() -> None:
    """The package's other modules are R5, in which an Encounter is another thing."""
    root = Path(__file__).parents[2]
    files = [file for folder in ("services", "shared", "tests") for file in (root / folder).rglob("*.py")]
    lines = [line.strip() for file in files for line in file.read_text().splitlines()]
    taken = [line for line in lines if line.startswith(("from fhir.resources", "import fhir.resources"))]
    assert taken
    assert [line for line in taken if "fhir.resources.R4B" not in line] == []


def _written(encounter: Encounter, patch: dict[str, Any], new_id: amend.NewId) -> Encounter:
    text = _json(patch)
    record = amend.merge(encounter.record, http.decode_bytes(text, RecordPatch), strict_json.parse(text), new_id)
    return msgspec.structs.replace(encounter, record=record)


def _naming_some(patch: dict[str, Any], encounter: Encounter, choice: Any) -> dict[str, Any]:
    """Some of the entries in the patch take the place of entries that are there."""
    named = dict(patch)
    for name in ITEM_LISTS:
        there = [entry.id for entry in getattr(encounter.record, name)]
        choice.shuffle(there)
        named[name] = [
            entry | ({"id": there.pop()} if there and choice.random() < 0.7 else {}) for entry in patch.get(name, [])
        ]
    return named


def _sent(encounter: Encounter) -> dict[str, Any]:
    return json.loads(encode(fit(bundle(golden.projection(encounter)))))


def _held(server: FhirServer) -> dict[str, Any]:
    """The resources of a server by identifier, with references by identifier."""
    names = {place: _name(resource) for place, resource in server.resources.items()}

    def told(value: Any) -> Any:
        if isinstance(value, list):
            return [told(item) for item in value]
        if not isinstance(value, dict):
            return names.get(value, value) if isinstance(value, str) else value
        return {name: told(item) for name, item in value.items() if name != "id"}

    return {name: told(server.resources[place]) for place, name in names.items()}


def _name(resource: dict[str, Any]) -> str:
    identifier = resource["identifier"]
    return str((identifier[0] if isinstance(identifier, list) else identifier)["value"])


def _json(content: Any) -> bytes:
    return http.encode(content)

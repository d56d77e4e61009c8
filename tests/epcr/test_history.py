"""History, allergies, acuity and examination in a record; contradictions, words for people, and definitions of our own."""

import json
import typing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from deploy.docs import contract
from gateway.docs import Docs
from services.epcr.encounters import store
from services.epcr.encounters.facts import DRUGS, IMPRESSIONS, PROCEDURES, facts_of, kind_of_drug
from services.epcr.fhir import apgar as apgar_codes
from services.epcr.fhir import conformance, narrative, panels
from services.epcr.fhir.checks import UNITS
from services.epcr.fhir.composition import SECTIONS as REPORT
from services.epcr.fhir.displays import italian, unknown, words_of
from services.epcr.fhir.encode import encode
from services.epcr.fhir.measurements import SECTIONS as OBSERVED
from services.epcr.fhir.narrative import value_of
from services.epcr.fhir.terms import EMS, EXTENSIONS
from services.epcr.fhir.vocabulary import concepts
from services.epcr.fhir.words import Language, table
from services.epcr.records import amend, contradictions
from services.epcr.records.assessment import AirwayAttempt, Cpr, Injury, Pupils
from services.epcr.records.care import (
    ATC,
    RXNORM,
    Clinical,
    Drug,
    Illness,
    Impression,
    Measurement,
    VitalSigns,
    display,
    displays,
    is_snomed_id,
    ranges_of,
)
from services.epcr.records.faults import refuse_impossible
from services.epcr.records.models import ITEM_LISTS, Address, EncounterDraft, Name, Patient, Record, RecordPatch
from services.graphql_api.acqi import breathing_and_drugs
from shared.web import http, strict_json
from shared.web.problems import Problem
from tests.epcr import golden
from tests.epcr.conftest import ENCOUNTERS, Inside, Organisation
from tests.epcr.samples import BURNED, CHILD, ICD10, MINIMAL, SNOMED, STROKE, TRAUMA, TYPICAL, WHOLE, at, snomed
from tests.epcr.sealed import unseal

BUNDLES = golden.Bundles()


def refusal(body: dict[str, Any]) -> list[str]:
    """The pointers of the errors of a draft; none if it is taken."""
    try:
        amend.begin(http.decode_bytes(http.encode(MINIMAL | body), EncounterDraft), golden.BEGAN, golden.counted())
    except Problem as problem:
        return [error.pointer for error in problem.errors if problem.status == 422]
    return []


def signs(**fields: Any) -> dict[str, Any]:
    return {"vital_signs": [{"taken_at": at("10:12:00")} | fields]}


def weighing(value: float, unit: str, **patient: Any) -> dict[str, Any]:
    """A patient of that weight on the day of the call."""
    weight = {"value": {"value": value, "unit": unit}}
    return {"times": {"call": at("10:00:00")}, "weight": weight, "patient": patient}


def burn(region: str, depth: str) -> dict[str, Any]:
    return {"examined_at": at("10:12:00"), "region": region, "result": "abnormal", "burn_depth": depth}


def apgar(*scores: dict[str, Any], **patient: Any) -> dict[str, Any]:
    return {"apgar": list(scores), "patient": patient}


APGAR_TOTAL = ("/apgar/0/total", "/apgar/0/pulse")


def on_tape(value: float, unit: str, colour: str) -> dict[str, Any]:
    return {"weight": {"value": {"value": value, "unit": unit}, "method": "length_based_tape", "tape": colour}}


def mission(**sections: Any) -> dict[str, Any]:
    return {"times": {"call": at("10:00:00"), "handover": at("11:00:00")}} | sections


CONTRADICTIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"patient": {"name": {"family": "Rossi", "text": "Bea Bruni"}}}, "/patient/name/text", "/patient/name/family"),
    ({"patient": {"name": {"given": ["Ada"], "text": "Bruni"}}}, "/patient/name/text", "/patient/name/given/0"),
    ({"patient": {"birth_date": "1881-01-01"}, "times": {"call": at("10:00:00")}}, "/patient/birth_date", "/times"),
    ({"triage": {"initial": "red", "final": "level_1"}}, "/triage/initial", "/triage/final"),
    ({"times": {"call": at("10:20:00"), "handover": at("10:10:00")}}, "/times/call", "/times/handover"),
    (
        {"dispatch": {"category": "mpds_alpha", "determinant": "10D04"}},
        "/dispatch/category",
        "/dispatch/determinant",
    ),
    ({"triage": {"scale": "esi", "initial": "red"}}, "/triage/scale", "/triage/initial"),
    ({"triage": {"scale": "manchester", "final": "level_1"}}, "/triage/scale", "/triage/final"),
    (
        {"triage": {"initial_at": at("10:20:00"), "final_at": at("10:10:00")}},
        "/triage/initial_at",
        "/triage/final_at",
    ),
    ({"weight": {"method": "measured", "tape": "blue"}}, "/weight/method", "/weight/tape"),
    (
        {"pregnancy": {"status": "not_pregnant", "gestation_weeks": 20}},
        "/pregnancy/status",
        "/pregnancy/gestation_weeks",
    ),
    ({"pregnancy": {"status": "not_pregnant", "contractions": True}}, "/pregnancy/status", "/pregnancy/contractions"),
    ({"pregnancy": {"gravida": 0, "para": 1}}, "/pregnancy/gravida", "/pregnancy/para"),
    ({"pregnancy": {"gravida": 1, "para": 2}}, "/pregnancy/gravida", "/pregnancy/para"),
    (
        {"directives": {"status": "none_known", "kinds": ["living_will"]}},
        "/directives/status",
        "/directives/kinds",
    ),
    ({"directives": {"status": "none_known", "seen": True}}, "/directives/status", "/directives/seen"),
    ({"directives": {"status": "none_known"}, "arrest": {"dnar": True}}, "/directives/status", "/arrest/dnar"),
    ({"injury": {"mechanism": "burn", "fall_m": 3}}, "/injury/mechanism", "/injury/fall_m"),
    (
        {"injury": {"burned_surface": 0, "criteria": ["burns_with_trauma"]}},
        "/injury/burned_surface",
        "/injury/criteria",
    ),
    (
        {"injury": {"burned_surface": 0}, "examinations": [burn("chest", "superficial"), burn("face", "deep_partial")]},
        "/injury/burned_surface",
        "/examinations/1/burn_depth",
    ),
    (
        {"examinations": [burn("face", "superficial") | {"result": "normal"}]},
        "/examinations/0/result",
        "/examinations/0/burn_depth",
    ),
    (apgar({"minute": 5, "total": 1, "pulse": 2}), *APGAR_TOTAL[:2]),
    (apgar({"minute": 1, "total": 9, "pulse": 0}), *APGAR_TOTAL[:2]),
    (apgar({"minute": 1, "total": 3}, {"minute": 1, "total": 4}), "/apgar/0/minute", "/apgar/1/minute"),
    (
        apgar(
            {"minute": 5, "total": 3, "scored_at": at("10:01:00")},
            {"minute": 1, "total": 4, "scored_at": at("10:05:00")},
        ),
        "/apgar/0/scored_at",
        "/apgar/1/scored_at",
    ),
    (apgar({"minute": 1, "total": 9}, age_years=1), "/apgar/0/minute", "/patient/age_years"),
    (
        apgar({"minute": 1, "total": 9}, birth_date="2025-03-22") | {"times": {"call": at("10:00:00")}},
        "/apgar/0/minute",
        "/patient/birth_date",
    ),
    (
        apgar({"minute": 1, "total": 9, "scored_at": at("10:00:00")}, birth_date="2026-03-21"),
        "/apgar/0/scored_at",
        "/patient/birth_date",
    ),
    ({"injury": {"protection": ["helmet", "no_protection"]}}, "/injury/protection/1", "/injury/protection/0"),
    (
        {"arrest": {"recognised_dead": True, "survived_to_discharge": True}},
        "/arrest/recognised_dead",
        "/arrest/survived_to_discharge",
    ),
    ({"arrest": {"survived_to_discharge": False, "cpc": 1}}, "/arrest/survived_to_discharge", "/arrest/cpc"),
    ({"arrest": {"survived_to_discharge": True, "cpc": 5}}, "/arrest/survived_to_discharge", "/arrest/cpc"),
    ({"arrest": {"rosc": False, "rosc_at": at("10:10:00")}}, "/arrest/rosc", "/arrest/rosc_at"),
    ({"arrest": {"rosc": False, "rosc_at_handover": True}}, "/arrest/rosc", "/arrest/rosc_at_handover"),
    ({"arrest": {"shocks": 0, "first_shock_at": at("10:10:00")}}, "/arrest/shocks", "/arrest/first_shock_at"),
    (
        {"arrest": {"resuscitation_attempted": False, "shocks": 2}},
        "/arrest/resuscitation_attempted",
        "/arrest/shocks",
    ),
    (
        {"arrest": {"resuscitation_attempted": False}, "cpr": {"compression_rate": 110}},
        "/arrest/resuscitation_attempted",
        "/cpr/compression_rate",
    ),
    (
        {"disposition": {"outcome": "dead_on_scene"}, "arrest": {"survived_to_discharge": True}},
        "/disposition/outcome",
        "/arrest/survived_to_discharge",
    ),
    (
        {"disposition": {"outcome": "dead_on_scene"}, "arrest": {"rosc_at_handover": True}},
        "/disposition/outcome",
        "/arrest/rosc_at_handover",
    ),
    ({"stroke": {"suspected": False, "prealert": True}}, "/stroke/suspected", "/stroke/prealert"),
    (
        {"disposition": {"prealert": False, "prealert_for": "stemi"}},
        "/disposition/prealert",
        "/disposition/prealert_for",
    ),
    (
        {"disposition": {"refusal_signed": False, "refusal_signed_by": "patient"}},
        "/disposition/refusal_signed",
        "/disposition/refusal_signed_by",
    ),
    (
        {"disposition": {"outcome": "transported", "refused": ["transport"], "has_capacity": True}},
        "/disposition/outcome",
        "/disposition/refused",
    ),
    (
        {"inquiries": {"allergies": "nil_known"}, "allergies": [{"substance": snomed("372687004")}]},
        "/inquiries/allergies",
        "/allergies/0",
    ),
    (
        {"inquiries": {"current_medicines": "not_asked"}, "current_medicines": [{"medicine": snomed("372756006")}]},
        "/inquiries/current_medicines",
        "/current_medicines/0",
    ),
    ({"crew": [{"id": "usr_2", "role": "lead"}]}, "/crew/0/id", "/crew_ids"),
    (
        {"vital_signs": [{"taken_at": at("10:00:00")}, {"taken_at": at("10:00:00"), "systolic": 80, "diastolic": 90}]},
        "/vital_signs/1/systolic",
        "/vital_signs/1/diastolic",
    ),
    (
        {"procedures": [TYPICAL["procedures"][1] | {"not_done": "refused"}]},
        "/procedures/0/outcome",
        "/procedures/0/not_done",
    ),
    (
        {"procedures": [TYPICAL["procedures"][0] | {"not_done": "refused"}]},
        "/procedures/0/finding",
        "/procedures/0/not_done",
    ),
    (
        {"procedures": [TYPICAL["procedures"][1] | {"not_done": "unable", "outcome": "partially_successful"}]},
        "/procedures/0/outcome",
        "/procedures/0/not_done",
    ),
    (
        {"medications": [TYPICAL["medications"][3] | {"not_done": "refused"}]},
        "/medications/0/dose",
        "/medications/0/not_done",
    ),
    (
        {"medications": [TYPICAL["medications"][2] | {"response": "improved"}]},
        "/medications/0/response",
        "/medications/0/not_done",
    ),
    (
        {"airway_attempts": [TRAUMA["airway_attempts"][0] | {"successful": False}]},
        "/airway_attempts/0/successful",
        "/airway_attempts/0/confirmed_by",
    ),
    (
        {"times": {"left_scene": at("10:32:00"), "at_destination": at("10:51:00"), "handover": at("10:40:00")}},
        "/times/at_destination",
        "/times/handover",
    ),
    (
        {"airway_attempts": [TRAUMA["airway_attempts"][0] | {"device": "surgical_airway"}]},
        "/airway_attempts/0/device",
        "/airway_attempts/0/technique",
    ),
    (
        {"examinations": [WHOLE["examinations"][0] | {"result": "normal"}]},
        "/examinations/0/result",
        "/examinations/0/findings",
    ),
    (
        {"allergies": [{"substance": snomed("372687004"), "certainty": "refuted", "criticality": "high"}]},
        "/allergies/0/certainty",
        "/allergies/0/criticality",
    ),
    (
        {"current_medicines": [WHOLE["current_medicines"][0] | {"taken": "not_taking"}]},
        "/current_medicines/0/taken",
        "/current_medicines/0/last_taken_at",
    ),
    (
        {"vital_signs": [{"taken_at": at("10:00:00"), "systolic": 120, "mean_pressure": 130}]},
        "/vital_signs/0/systolic",
        "/vital_signs/0/mean_pressure",
    ),
    (
        {"vital_signs": [{"taken_at": at("10:00:00"), "diastolic": 80, "mean_pressure": 79}]},
        "/vital_signs/0/diastolic",
        "/vital_signs/0/mean_pressure",
    ),
    (
        {"times": {"call": at("10:00:00")}, "vital_signs": [{"taken_at": "2025-03-23T10:00:00Z", "heart_rate": 80}]},
        "/vital_signs/0/taken_at",
        "/times/call",
    ),
    (
        {"times": {"handover": at("11:00:00")}, "pupils": [{"examined_at": "2026-05-23T10:00:00Z", "left_mm": 3}]},
        "/pupils/0/examined_at",
        "/times/handover",
    ),
    (
        {"arrest": {"rosc": True, "arrested_at": at("10:12:00"), "rosc_at": at("10:06:00")}},
        "/arrest/arrested_at",
        "/arrest/rosc_at",
    ),
    (
        {"arrest": {"shocks": 1, "arrested_at": at("10:12:00"), "first_shock_at": at("09:00:00")}},
        "/arrest/arrested_at",
        "/arrest/first_shock_at",
    ),
    (
        {"stroke": {"last_known_well": at("10:30:00"), "assessed_at": at("10:14:00")}},
        "/stroke/last_known_well",
        "/stroke/assessed_at",
    ),
    (
        {"times": {"call": at("10:00:00")}, "patient": {"birth_date": "2026-03-25"}},
        "/patient/birth_date",
        "/times/call",
    ),
    (
        {"times": {"call": at("10:00:00")}, "patient": {"birth_date": "1950-01-01", "age_years": 5}},
        "/patient/age_years",
        "/patient/birth_date",
    ),
    (signs(gcs=15, gcs_eye=1), "/vital_signs/0/gcs", "/vital_signs/0/gcs_eye"),
    (signs(gcs=3, gcs_motor=6), "/vital_signs/0/gcs", "/vital_signs/0/gcs_motor"),
    (signs(gcs=15, avpu="unresponsive"), "/vital_signs/0/avpu", "/vital_signs/0/gcs"),
    (signs(gcs=3, avpu="alert"), "/vital_signs/0/avpu", "/vital_signs/0/gcs"),
    (signs(gcs_verbal=5, avpu="unresponsive"), "/vital_signs/0/avpu", "/vital_signs/0/gcs_verbal"),
    (signs(gcs_motor=6, avpu="unresponsive"), "/vital_signs/0/avpu", "/vital_signs/0/gcs_motor"),
    (weighing(115, "kg", age_years=2), "/weight/value", "/patient/age_years"),
    (weighing(3200, "g", age_years=7), "/weight/value", "/patient/age_years"),
    (weighing(44.1, "[lb_av]", birth_date="2026-03-01"), "/weight/value", "/patient/birth_date"),
    (weighing(0, "kg", age_years=40), "/weight/value", "/patient/age_years"),
    (
        {"allergies": [{"substance": snomed("372687004"), "certainty": "refuted", "severity": "severe"}]},
        "/allergies/0/certainty",
        "/allergies/0/severity",
    ),
    (
        {"directives": {"status": "present", "kinds": ["other", "do_not_resuscitate"]}, "arrest": {"dnar": False}},
        "/directives/kinds",
        "/arrest/dnar",
    ),
    (
        {"arrest": {"recognised_dead": True}, "disposition": {"outcome": "treated_and_released"}},
        "/arrest/recognised_dead",
        "/disposition/outcome",
    ),
    (on_tape(80, "kg", "grey"), "/weight/value", "/weight/tape"),
    (on_tape(3200, "g", "green"), "/weight/value", "/weight/tape"),
    ({"injury": {"fall_m": 1, "criteria": ["fall_over_3_m"]}}, "/injury/fall_m", "/injury/criteria"),
    (
        {"injury": {"mechanism": "fall_same_level", "criteria": ["ejection", "fall_over_3_m"]}},
        "/injury/mechanism",
        "/injury/criteria",
    ),
    (
        signs(heart_rate=80) | {"disposition": {"outcome": "no_patient_found"}},
        "/disposition/outcome",
        "/vital_signs/0",
    ),
    (
        {"stroke": {"suspected": False}, "disposition": {"prealert_for": "stroke"}},
        "/stroke/suspected",
        "/disposition/prealert_for",
    ),
    (
        {"stroke": {"prealert": True}, "disposition": {"prealert": False}},
        "/stroke/prealert",
        "/disposition/prealert",
    ),
    (mission(arrest={"first_shock_at": "2026-03-21T10:00:00Z"}), "/arrest/first_shock_at", "/times/call"),
    (mission(disposition={"prealert_at": "2025-03-23T10:20:00Z"}), "/disposition/prealert_at", "/times/call"),
    (mission(injury={"injured_at": "2026-03-25T10:00:00Z"}), "/injury/injured_at", "/times/handover"),
    (
        {"times": {"on_scene": at("10:00:00")}, "patient": {"birth_date": "2026-03-25"}},
        "/patient/birth_date",
        "/times/on_scene",
    ),
]


def test_a_coma_score_that_is_not_the_sum_of_its_parts_is_refused_with_each() -> None:
    parts = ["gcs", "gcs_eye", "gcs", "gcs_verbal", "gcs", "gcs_motor"]
    assert refusal(signs(gcs=9, gcs_eye=4, gcs_verbal=5, gcs_motor=6)) == [f"/vital_signs/0/{one}" for one in parts]


def test_parts_of_a_coma_score_contradict_the_level_as_their_total_does() -> None:
    parts = ["avpu", "gcs_eye", "avpu", "gcs_verbal", "avpu", "gcs_motor"]
    for told in (
        signs(avpu="alert", gcs_eye=1, gcs_verbal=1, gcs_motor=1),
        signs(avpu="unresponsive", gcs_eye=4, gcs_verbal=4, gcs_motor=5),
    ):
        assert refusal(told) == [f"/vital_signs/0/{one}" for one in parts]


@pytest.mark.parametrize(("body", "one", "other"), CONTRADICTIONS)
def test_a_contradiction_is_refused_with_both_pointers(body: dict[str, Any], one: str, other: str) -> None:
    assert refusal(body) == [one, other]


@pytest.mark.parametrize(
    "body",
    [
        # The pressure rises under an intubation, and the saturation of a patient whose airway was blocked.
        {"airway_attempts": [TRAUMA["airway_attempts"][0] | {"systolic_before": 90, "systolic_lowest": 118}]},
        {"airway_attempts": [TRAUMA["airway_attempts"][0] | {"spo2_before": 62, "spo2_lowest": 84}]},
        # The patient of a transfer was intubated in the first hospital, days ago.
        mission(
            airway_attempts=[
                TRAUMA["airway_attempts"][0]
                | {"attempted_at": "2026-03-19T10:00:00Z", "ended_at": None, "prior_to_arrival": True}
            ]
        ),
        # A helicopter takes the patient over, and the crew leaves the scene later.
        {"times": {"on_scene": at("10:09:00"), "handover": at("10:30:00"), "left_scene": at("10:52:00")}},
        {"disposition": {"outcome": "transported", "refused": ["transport"], "has_capacity": False}},
        weighing(260, "g", age_years=0),
        weighing(11.5, "kg", age_years=24),
        weighing(640, "kg", age_years=31),
        {"injury": {"mechanism": "fall_from_height", "fall_m": 4000}},
        {"vital_signs": [{"taken_at": at("10:00:00"), "glucose": {"value": 147.6, "unit": "mmol/L"}}]},
        {"vital_signs": [{"taken_at": at("10:00:00"), "temperature": {"value": 11.8, "unit": "Cel"}}]},
    ],
)
def test_a_true_record_of_a_rare_patient_is_taken(body: dict[str, Any]) -> None:
    assert refusal(body) == []


@pytest.mark.parametrize("body", [WHOLE, STROKE, TRAUMA, CHILD])
def test_a_record_that_does_not_contradict_itself_is_taken(body: dict[str, Any]) -> None:
    assert refusal(body) == []


@pytest.mark.parametrize(
    "body",
    [
        {"times": {"call": at("23:59:00")}, "patient": {"birth_date": "2026-03-24"}},
        {"times": {"call": at("10:00:00")}, "patient": {"birth_date": "1950-03-24", "age_years": 76}},
        {"times": {"call": at("10:00:00")}, "medications": [TYPICAL["medications"][0] | {"given_at": at("03:00:00")}]},
        {
            "times": {"call": at("10:00:00")},
            "vital_signs": [{"taken_at": "2025-03-23T10:00:00Z", "heart_rate": 80, "entered_in_error": True}],
        },
        {"vital_signs": [{"taken_at": at("10:00:00"), "systolic": 120, "mean_pressure": 120, "diastolic": 120}]},
        signs(gcs=6, avpu="alert", gcs_eye=4),
        signs(gcs=8, avpu="unresponsive"),
        signs(gcs=12, gcs_eye=1, gcs_motor=6),
        signs(gcs=9, gcs_eye=4, gcs_verbal=5, gcs_motor=6, entered_in_error=True),
        weighing(3200, "g", birth_date="2026-03-23"),
        weighing(44, "[lb_av]", age_years=0),
        weighing(15, "kg", age_years=18),
        {"weight": {"value": {"value": 115, "unit": "kg"}}},
        {"pregnancy": {"gravida": 2, "para": 2}},
        apgar({"minute": 1, "total": 2, "pulse": 2}, {"minute": 5, "total": 10, "pulse": 2}, age_years=0),
        apgar({"minute": 1, "total": 2, "pulse": 1}, {"minute": 1, "total": 9, "entered_in_error": True}),
        apgar({"minute": 1, "total": 9, "pulse": 0, "entered_in_error": True}, age_years=40),
        apgar({"minute": 5, "total": 9, "scored_at": at("00:04:00")}, birth_date="2026-03-22"),
        # The score of another hospital, at a transfer.
        apgar({"minute": 5, "total": 9, "scored_at": "2026-03-18T00:04:00Z"}, birth_date="2026-03-18")
        | {"times": {"call": at("10:00:00")}},
        {"injury": {"burned_surface": 0}, "examinations": [burn("face", "superficial")]},
        {
            "injury": {"burned_surface": 0},
            "examinations": [burn("face", "full_thickness") | {"entered_in_error": True}],
        },
        {"injury": {"burned_surface": 100, "criteria": ["burns_with_trauma"]}},
        on_tape(7.5, "kg", "grey"),
        on_tape(4.41, "[lb_av]", "grey"),
        on_tape(54, "kg", "green"),
        {"directives": {"status": "present", "kinds": ["living_will"]}, "arrest": {"dnar": False}},
        {"directives": {"kinds": ["do_not_resuscitate"]}, "arrest": {"dnar": True}},
        {"arrest": {"recognised_dead": True}, "disposition": {"outcome": "dead_on_scene"}},
        {"injury": {"mechanism": "fall_from_height", "fall_m": 3, "criteria": ["fall_over_3_m"]}},
        {
            "disposition": {"outcome": "no_patient_found"},
            "medications": [
                {"given_at": at("10:00:00"), "medication": {"display": "Aspirin"}, "not_done": "unable"},
                {"given_at": at("10:00:00"), "medication": {"display": "Aspirin"}, "entered_in_error": True},
            ],
        },
        # The patient fell, and was last seen well, days before the call.
        mission(injury={"injured_at": "2026-03-20T10:00:00Z"}, stroke={"last_known_well": "2026-03-19T10:00:00Z"}),
        signs(avpu="alert", gcs_eye=1, gcs_verbal=4, gcs_motor=1),
    ],
)
def test_values_at_the_limits_contradict_nothing(body: dict[str, Any]) -> None:
    assert refusal(body) == []


def test_nobody_is_born_in_the_future(organisation: Organisation) -> None:
    draft = MINIMAL | {"patient": {"birth_date": "2090-01-01"}}
    answer = organisation.partner.post_encounter(draft)
    assert answer.status_code == 422
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [("/patient/birth_date", "future")]


# Ids of a description, of the international edition and of an extension, and of a relationship: their check digits are right.
DESCRIPTION, OF_EXTENSION, RELATIONSHIP = "751689013", "1000126119", "100022"


@pytest.mark.parametrize("code", [DESCRIPTION, OF_EXTENSION, RELATIONSHIP])
def test_a_code_that_looks_like_a_concept_is_refused(organisation: Organisation, code: str) -> None:
    drug = {"given_at": at("10:00:00"), "medication": snomed("387458008"), "route": {"system": SNOMED, "code": code}}
    asked = {"primary_impression": {"system": SNOMED, "code": code}, "medications": [drug]}
    id = organisation.partner.create()
    for answer in (organisation.partner.post_encounter(MINIMAL | asked), organisation.crew.write(id, asked)):
        assert answer.status_code == 422
        pointers = [one["pointer"] for one in answer.json()["errors"]]
        assert sorted(pointers) == ["/medications/0/route/code", "/primary_impression/code"]


def test_clocks_may_differ_by_five_minutes() -> None:
    assert refusal({"times": {"mobile": at("10:05:00"), "on_scene": at("10:00:00")}}) == []
    assert refusal({"times": {"mobile": at("10:05:01"), "on_scene": at("10:00:00")}}) != []


def test_the_contract_lists_code_systems_and_units() -> None:
    components = contract.contract()["components"]["schemas"]
    for kind in (Impression, Clinical):
        assert components[f"epcr.{kind.__name__}"]["properties"]["system"]["enum"] == list(kind.systems)
    for kind in (Drug, Illness):
        system, _ = components[f"epcr.{kind.__name__}"]["properties"]["system"]["anyOf"]
        assert system["enum"] == list(kind.systems)
    for kind in Measurement.__subclasses__():
        assert components[f"epcr.{kind.__name__}"]["properties"]["unit"]["enum"] == list(kind.units)
    for kind in (VitalSigns, Pupils, AirwayAttempt, Cpr, Injury):
        schema = components[f"epcr.{kind.__name__}"]["properties"]
        for name, (unit, low, high) in ranges_of(kind).items():
            number, _ = schema[name]["anyOf"]
            assert (number["x-ucum"], number["minimum"], number["maximum"]) == (unit, low, high)


def test_each_pair_names_fields_of_a_record() -> None:
    sections = dict(typing.get_type_hints(Record).items())
    for path in (path for one, other, _ in contradictions.OF_SECTIONS for path in (one, other)):
        section, _, name = path.partition(".")
        [kind] = [one for one in typing.get_args(sections[section]) if one is not type(None)]
        assert name in kind.__struct_fields__
    for name, pairs in contradictions.OF_ENTRIES.items():
        fields = ITEM_LISTS[name][0].__struct_fields__
        assert {field for one, other, _ in pairs for field in (one, other)} <= set(fields)


def test_a_record_of_before_that_contradicts_itself_takes_other_writes() -> None:
    """A write is refused for a contradiction that it adds, and for no other."""
    record = Record(
        anchor=golden.BEGAN, arrest=msgspec.convert({"rosc": False, "rosc_at_handover": True}, amend_arrest())
    )
    assert patched(record, {"narrative": "Better."}).narrative == "Better."
    with pytest.raises(Problem):
        patched(record, {"arrest": {"recognised_dead": True}})
    assert patched(record, {"arrest": {"rosc": True}}).arrest is not None


def amend_arrest() -> Any:
    return next(one for one in typing.get_args(typing.get_type_hints(Record)["arrest"]) if one is not type(None))


def patched(record: Record, patch: dict[str, Any]) -> Record:
    text = http.encode(patch)
    return amend.merge(record, http.decode_bytes(text, RecordPatch), strict_json.parse(text), golden.counted(100))


def test_a_withdrawn_allergy_does_not_contradict_that_none_is_known() -> None:
    allergy = {"substance": snomed("372687004"), "entered_in_error": True}
    assert refusal({"inquiries": {"allergies": "nil_known"}, "allergies": [allergy]}) == []


def test_a_time_ahead_of_the_clock_is_refused(organisation: Organisation) -> None:
    late = {"vital_signs": [{"taken_at": "2131-03-23T10:00:00Z", "heart_rate": 80}]}
    refused = organisation.partner.post_encounter(MINIMAL | late)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/vital_signs/0/taken_at")
    id = organisation.partner.create()
    assert organisation.crew.write(id, late).status_code == 422
    draft = http.decode_bytes(http.encode(MINIMAL | {"times": {"call": at("10:00:00")}}), EncounterDraft)
    refuse_impossible(draft, golden.BEGAN)
    with pytest.raises(Problem):
        refuse_impossible(draft, golden.BEGAN - timedelta(hours=2))


def test_a_partner_reads_the_new_parts_without_words_of_the_crew(organisation: Organisation) -> None:
    view = organisation.hospital.read(organisation.partner.create(**WHOLE))
    assert view["allergies"][0]["substance"] == snomed("372687004")
    assert view["crew"] == [{"role": "lead", "qualification": "advanced_paramedic"}]
    assert view["complaint"].keys() == {"concept", "informant", "began_at"}
    for words in ("elephant", "Sean", "sister", "drawer", "Byrne", "usr_1", "Cork University"):
        assert words not in json.dumps(view)


def test_nothing_known_is_told_from_not_asked_and_not_to_be_learned() -> None:
    sections = {one["code"]["coding"][0]["code"]: one for one in _composition("stroke")["section"]}
    reasons = {code: sections[code]["emptyReason"]["coding"][0]["code"] for code in ("48765-2", "10160-0", "11348-0")}
    assert reasons == {"48765-2": "nilknown", "10160-0": "notasked", "11348-0": "unavailable"}
    assert "none known" in sections["48765-2"]["text"]["div"]
    assert {one["code"]["coding"][0]["code"] for one in _composition("typical")["section"]}.isdisjoint(reasons)


def test_impressions_are_conditions_that_the_encounter_names() -> None:
    entries = {entry["fullUrl"]: entry["resource"] for entry in BUNDLES["stroke"]["entry"]}
    [encounter] = [one for one in entries.values() if one["resourceType"] == "Encounter"]
    codes = [entries[one["condition"]["reference"]]["code"]["coding"][0] for one in encounter["diagnosis"]]
    assert codes == [
        {"system": SNOMED, "code": "422504002", "display": "Ischemic stroke"},
        {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I63.9", "display": "Cerebral infarction, unspecified"},
    ]
    assert entries[encounter["serviceProvider"]["reference"]]["resourceType"] == "Organization"


def test_a_route_without_a_dose_is_said() -> None:
    given = [one for one in _resources("child") if one["resourceType"] == "MedicationAdministration"]
    assert [("dosage" in one, "extension" in one) for one in given] == [(True, False), (False, True)]


@pytest.mark.parametrize("name", list(BUNDLES))
def test_every_code_and_extension_of_our_own_is_published(name: str) -> None:
    published = {one["url"]: one for one in conformance.resources()}
    text = encode(BUNDLES[name]).decode()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("system") == EMS:
                assert value["display"] == concepts()[value["code"]]["en"]
            if str(value.get("url", "")).startswith(EXTENSIONS):
                kind = conformance.OWN[value["url"].removeprefix(EXTENSIONS + "/")]
                assert value["url"] in published
                part = value["extension"][0] if "extension" in value else value
                assert f"value{kind.kind[0].upper()}{kind.kind[1:]}" in part
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)

    walk(json.loads(text))


def test_the_docs_host_serves_each_definition_at_its_canonical_url() -> None:
    docs = Docs()
    for one in conformance.resources():
        answer = docs.answer("GET", one["url"].removeprefix("https://knogin.com"), b"", [])
        assert (b"content-type", b"application/fhir+json") in answer.headers
        assert json.loads(answer.body) == one


def test_a_display_is_official_or_absent() -> None:
    assert display(ICD10, "I21.1") is None
    assert display(ATC, "B01AC06") is None
    assert display(RXNORM, "3992") == "epinephrine"
    table_ = (narrative.SECTIONS, REPORT)
    assert table_[1].keys() <= table_[0].keys()
    assert all(is_snomed_id(code) for code in displays()[SNOMED])


def test_a_code_that_no_table_knows_names_its_system_and_says_so() -> None:
    record = {
        "primary_impression": {"system": ICD10, "code": "I21.1"},
        "medications": [{"given_at": at("10:20:00"), "medication": {"system": ATC, "code": "N02AA01"}}],
    }
    assert "ICD-10 I21.1 (no display known)" in narrative.div("problems", record, "en")
    assert "ICD-10 I21.1 (nessuna descrizione nota)" in narrative.div("problems", record, "it")
    assert "ATC N02AA01 (no display known; group: analgesic)" in narrative.div("medications", record, "en")
    assert "ATC N02AA01 (nessuna descrizione nota; gruppo: analgesico)" in narrative.div("medications", record, "it")
    texts = {one["code"]["text"] for one in _coded_by(ICD10)} | {
        one["medicationCodeableConcept"]["text"] for one in _coded_by(ATC)
    }
    assert texts
    assert all(text.startswith(("ICD-10 ", "ATC ")) and " (no display known" in text for text in texts)


def _coded_by(system: str) -> list[dict[str, Any]]:
    """The resources of the golden bundles that are about a concept of that system."""
    found = [entry["resource"] for made in BUNDLES.values() for entry in made["entry"]]
    return [
        one
        for one in found
        for about in (
            one.get("medicationCodeableConcept"),
            one.get("code") if one["resourceType"] == "Condition" else None,
        )
        if about and about["coding"][0]["system"] == system
    ]


def test_an_italian_text_has_italian_displays_and_dates() -> None:
    drug = {"system": RXNORM, "code": "3992"}
    record = {"medications": [{"given_at": at("10:20:00"), "medication": drug}]}
    assert words_of(drug, "it") == "adrenalina"
    assert words_of({"system": SNOMED, "code": "29857009", "display": "Cardiac"}, "it") == "Cardiac – Dolore toracico"
    chest = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "R07.9"}
    assert words_of(chest | {"display": "Dolore al torace"}, "it") == "Dolore al torace – Chest pain, unspecified"
    assert words_of(chest, "it") == "Chest pain, unspecified"
    assert value_of("given_at", datetime(2026, 3, 23, 10, 20, tzinfo=UTC), "it") == "23/03/2026 10:20 UTC"
    assert value_of("given_at", datetime(2026, 3, 23, 10, 20, tzinfo=UTC), "en") == "2026-03-23 10:20 UTC"
    assert value_of("due_on", date(2026, 12, 1), "it") == "01/12/2026"
    assert "adrenalina (3992)" in narrative.div("medications", record, "it")


@pytest.mark.parametrize(
    ("written", "english", "italian_"),
    [
        (None, "Amoxicillin", "Amoxicillina"),
        ("amoxicillin ", "Amoxicillin", "Amoxicillina"),
        ("AMOXICILLINA", "AMOXICILLINA – Amoxicillin", "Amoxicillina"),
        ("Penicillin V", "Penicillin V – Amoxicillin", "Penicillin V – Amoxicillina"),
    ],
)
def test_an_official_display_hides_no_other_words_of_the_crew(written: str | None, english: str, italian_: str) -> None:
    """The crew chose a code of another drug than they wrote: the reader must see both."""
    drug = snomed("372687004") | ({"display": written} if written else {})
    assert (words_of(drug, "en"), words_of(drug, "it")) == (english, italian_)


@pytest.mark.parametrize(
    ("drug", "pointer"),
    [
        ({}, "/medications/0/medication"),
        ({"display": "  "}, "/medications/0/medication"),
        ({"display": ""}, "/medications/0/medication/display"),
        ({"display": "x" * 301}, "/medications/0/medication/display"),
        ({"system": SNOMED, "display": "Vitamin K"}, "/medications/0/medication/system"),
        ({"code": "372687004", "display": "Vitamin K"}, "/medications/0/medication/system"),
        ({"system": SNOMED, "code": "372687005"}, "/medications/0/medication/code"),
        ({"system": "urn:x", "code": "1", "display": "Vitamin K"}, "/medications/0/medication/system"),
    ],
)
def test_a_drug_has_a_code_or_words(drug: dict[str, Any], pointer: str) -> None:
    assert refusal({"medications": [{"given_at": at("10:20:00"), "medication": drug}]}) == [pointer]


def test_a_drug_without_a_code_may_be_any_drug_for_indicators() -> None:
    given = {"given_at": at("10:20:00"), "medication": {"display": "Glucagon?"}}
    facts = facts_of(golden.encounter(MINIMAL | {"medications": [given]}), [])
    assert [(one.kind, one.code, one.not_done_reason) for one in facts.medications] == [("unknown", None, None)]


def test_a_burned_surface_is_an_injury_and_its_depth_a_part_of_the_finding() -> None:
    assert facts_of(golden.encounter(MINIMAL | {"injury": {"burned_surface": 9}}), []).injury is True
    assert facts_of(golden.encounter(MINIMAL | {"injury": {"burned_surface": 0}}), []).injury is None
    parts = {
        part["code"]["coding"][0]["code"]: part for one in _resources("burned") for part in one.get("component", [])
    }
    assert parts["burned-surface"]["valueQuantity"] == {
        "value": Decimal("18.5"),
        "unit": "%",
        "system": "http://unitsofmeasure.org",
        "code": "%",
    }
    assert parts["burn-depth"]["valueCodeableConcept"]["coding"][0]["code"] == "burn-depth-full-thickness"
    record = msgspec.to_builtins(golden.encounter(BURNED).record, builtin_types=(datetime, date, Decimal))
    names: dict[Language, str] = {"en": "burned body surface", "it": "superficie corporea ustionata"}
    for language, words in names.items():
        assert f"<th>{words[0].upper()}{words[1:]}</th><td>18" in narrative.div("injury", record, language)
    assert "ustione più profonda a tutto spessore" in narrative.div("examinations", record, "it")


def test_a_burned_surface_is_a_percentage() -> None:
    assert refusal({"injury": {"burned_surface": 101}}) == ["/injury/burned_surface"]
    assert refusal({"injury": {"burned_surface": -1}}) == ["/injury/burned_surface"]


def test_each_score_of_a_newborn_has_the_code_of_its_minute() -> None:
    scores = {one["code"]["coding"][0]["code"]: one for one in _resources("newborn") if _is_apgar(one)}
    assert {code: one["valueQuantity"]["value"] for code, one in scores.items()} == {
        "9272-6": 6,
        "9274-2": 8,
        "9271-8": 9,
    }
    parts = [[part["code"]["coding"][0] for part in one.get("component", [])] for one in scores.values()]
    assert [len(one) for one in parts] == [5, 0, 5]
    assert (parts[0][1]["code"], parts[0][1]["display"]) == ("32407-9", "1 minute Apgar Heart rate")
    codes = [code for of_minute in apgar_codes.PARTS.values() for code in of_minute] + [*apgar_codes.TOTALS.values()]
    assert len(set(codes)) == 18
    assert all(_is_loinc(code) for code in codes)


def _is_apgar(resource: dict[str, Any]) -> bool:
    return "Apgar" in resource.get("code", {}).get("coding", [{}])[0].get("display", "")


def _is_loinc(code: str) -> bool:
    """Whether the last digit is the check digit of the others (Luhn), as LOINC gives it."""
    number, _, check = code.partition("-")
    digits = [int(one) * (1 + (place % 2 == 0)) for place, one in enumerate(reversed(number))]
    return (10 - sum(one // 10 + one % 10 for one in digits) % 10) % 10 == int(check)


def test_a_total_that_is_not_the_sum_of_its_parts_is_refused_with_each() -> None:
    score = {"minute": 5, "total": 4, "pulse": 2, "respiration": 2, "activity": 1}
    parts = ("pulse", "activity", "respiration")
    assert refusal({"apgar": [score]}) == [f"/apgar/0/{name}" for part in parts for name in ("total", part)]


@pytest.mark.parametrize("score", [{"minute": 1}, {"minute": 2, "total": 5}, {"minute": 1, "total": 11}])
def test_a_score_that_no_newborn_has_is_refused(score: dict[str, Any]) -> None:
    assert len(refusal({"apgar": [score]})) == 1
    assert len(refusal({"apgar": [{"minute": 1, "pulse": 3}]})) == 1


def test_each_group_of_the_indicators_has_words() -> None:
    for group in (*DRUGS, *PROCEDURES):
        assert {f"group.{group}"} <= table().keys()
    shock = {"system": SNOMED, "code": "426220008"}
    assert unknown(shock, "it") == "SNOMED CT 426220008 (nessuna descrizione nota; gruppo: defibrillazione)"
    assert unknown({"system": ATC, "code": "J01CA04"}, "en") == "ATC J01CA04 (no display known)"


def test_each_translation_is_of_an_official_display() -> None:
    named = {(system, code) for system in (SNOMED, RXNORM) for code in displays()[system]}
    assert italian().keys() == named
    assert all(words.strip() == words != "" for words in italian().values())


def test_every_code_has_a_display_but_those_that_no_table_may_hold() -> None:
    """ICD-10 of the WHO and ATC are not ours to pass on; countries are named by every system itself."""
    without = {ICD10, ATC, "urn:iso:std:iso:3166", "http://hl7.org/fhir/uv/phd/CodeSystem/PhdObservationCategories"}
    missing: set[tuple[str, str]] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if {"system", "code"} <= value.keys() and not {"value", "display"} & value.keys():
                missing.add((value["system"], value["code"]))
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)

    for made in BUNDLES.values():
        walk(made)
    unnamed = {
        *((SNOMED, code) for code in ("392230005", "57485005", "368208006", "426220008", "424979004")),
        *(("http://loinc.org", code) for code in ("11283-9", "8333-7", "8329-5")),
    }
    assert {one for one in missing if one[0] not in without} == unnamed


def test_words_are_there_in_both_languages_for_every_field_and_value() -> None:
    for code, words in concepts().items():
        assert "" not in words.values(), code
    assert all("" not in words.values() for words in table().values())


@pytest.mark.parametrize("language", ["en", "it"])
def test_a_narrative_is_made_of_escaped_words(language: Any) -> None:
    canary = "<script>alert(1)</script>&\"'\x01\ud7ff"
    body = WHOLE | {"narrative": canary, "complaint": {"text": canary}, "patient": {"name": {"family": canary}}}
    record = msgspec.to_builtins(golden.encounter(body).record, builtin_types=(datetime, date, Decimal))
    for section in narrative.SECTIONS:
        div = narrative.div(section, record, language)
        assert "<script" not in div
        assert "\x01" not in div
        assert _parsed(div).attrib["lang"] == language
    assert (
        canary.replace("\x01", "\ufffd") in _parsed(narrative.div("narrative", record, language)).find(".//{*}td").text
    )


def test_the_report_is_in_the_language_that_is_asked_for(organisation: Organisation) -> None:
    id = organisation.partner.create(**WHOLE)
    english, italian = (
        organisation.hospital.get(f"{ENCOUNTERS}/{id}/fhir-bundle", params=params)
        for params in ({}, {"language": "it"})
    )
    assert english.headers["etag"] != italian.headers["etag"]
    [composition] = [
        one["resource"] for one in italian.json()["entry"] if one["resource"]["resourceType"] == "Composition"
    ]
    assert (composition["language"], composition["section"][0]["title"]) == ("it", "Esito della missione")
    misplaced = organisation.hospital.get(f"{ENCOUNTERS}/{id}", params={"language": "it"})
    assert (misplaced.status_code, misplaced.json()["errors"][0]["pointer"]) == (422, "language")


def test_every_section_that_is_an_observation_may_be_withdrawn() -> None:
    assert panels.SECTIONS.keys() == OBSERVED
    units = {unit for kind, _ in ITEM_LISTS.values() for unit, _, _ in ranges_of(kind).values()}
    assert units <= UNITS


@pytest.mark.parametrize(
    ("system", "code", "kind"),
    [
        (SNOMED, "372832002", "other"),
        (SNOMED, "10712001", "unknown"),
        (RXNORM, "999999", "unknown"),
        (RXNORM, "3992", "other"),
        (ATC, "C01CA24", "other"),
        (ATC, "B01", "unknown"),
        (ATC, "B01AC06", "aspirin"),
    ],
)
def test_a_drug_that_no_table_knows_is_unknown(system: str, code: str, kind: str) -> None:
    assert kind_of_drug(system, code) == kind


def test_an_unknown_drug_makes_an_indicator_unknown_and_not_unmet() -> None:
    low = {"taken_at": at("10:00:00"), "glucose": {"value": 2, "unit": "mmol/L"}, "gcs": 9}
    body = {"vital_signs": [low], "patient": {"age_years": 50}}
    drug = {"given_at": at("10:05:00"), "medication": snomed("10712001")}

    def outcome(**more: Any) -> Any:
        return breathing_and_drugs.hypoglycaemia_treated.evaluate(facts_of(golden.encounter(MINIMAL | body | more), []))

    assert outcome() == "not_met"
    assert outcome(medications=[drug]) == "unknown"
    assert outcome(medications=[drug | {"not_done": "refused"}]) == "not_met"
    assert outcome(medications=[drug | {"medication": {"system": RXNORM, "code": "4832"}}, drug]) == "met"


def test_facts_hold_what_indicators_ask_next() -> None:
    facts = facts_of(golden.encounter(TRAUMA), [])
    assert (facts.injury, facts.trauma_criteria) == (True, ["thrown_from_vehicle", "two_long_bone_fractures"])
    assert (facts.destination_type, facts.prealert_for) == ("trauma_centre", "trauma")
    assert (facts.airways[0].successful, facts.airways[0].spo2_lowest) == (True, 93)
    child = facts_of(golden.encounter(CHILD), [])
    assert (child.weight_recorded, child.child_restrained) == (True, True)
    stroke = facts_of(golden.encounter(STROKE), [])
    assert stroke.impressions == [IMPRESSIONS["422504002"], "I63.9"]
    assert stroke.dispatch_category == "england_c2"


BLANK = "\u2003\u200b\t"
BOUNDED: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"narrative": "  "}, {"/narrative": "pattern"}),
    ({"complaint": {"text": BLANK}}, {"/complaint/text": "pattern"}),
    (
        {
            "patient": {
                "name": {"family": " ", "given": ["Ada", BLANK]},
                "phones": ["   "],
                "email": " ",
                "address": {"line": [" "], "city": " ", "latitude": 999, "longitude": -180.5},
                "next_of_kin": [{"name": " ", "address": {"latitude": -91}}],
            }
        },
        {
            "/patient/name/family": "pattern",
            "/patient/name/given/1": "pattern",
            "/patient/phones/0": "pattern",
            "/patient/email": "pattern",
            "/patient/address/line/0": "pattern",
            "/patient/address/city": "pattern",
            "/patient/address/latitude": "range",
            "/patient/address/longitude": "range",
            "/patient/next_of_kin/0/name": "pattern",
            "/patient/next_of_kin/0/address/latitude": "range",
        },
    ),
    (
        {
            "medications": [
                {
                    "given_at": at("10:05:00"),
                    "medication": {"system": RXNORM, "code": "4832", "display": " "},
                    "dose": {"value": 1e12, "unit": "mg"},
                    "comment": BLANK,
                }
            ]
        },
        {
            "/medications/0/medication/display": "pattern",
            "/medications/0/dose/value": "range",
            "/medications/0/comment": "pattern",
        },
    ),
    (
        {
            "times": {"call": "1970-01-01T00:00:00Z"},
            "vital_signs": [{"taken_at": "1980-01-06T00:00:12Z"}],
            "current_medicines": [{"medicine": {"display": "aspirin"}, "last_taken_at": "1999-01-01T00:00:00Z"}],
        },
        {"/times/call": "range", "/vital_signs/0/taken_at": "range"},
    ),
    (
        {"disposition": {"comment": " ", "destination": " "}},
        dict.fromkeys(("/disposition/comment", "/disposition/destination"), "pattern"),
    ),
]


@pytest.mark.parametrize(("fields", "faults"), BOUNDED)
def test_blank_texts_and_numbers_out_of_bounds_are_refused_all_at_once(
    organisation: Organisation, fields: dict[str, Any], faults: dict[str, str]
) -> None:
    id = organisation.partner.create()
    created = organisation.partner.post_encounter(MINIMAL | fields | {"cad_incident_id": "bounds"})
    written = organisation.crew.write(id, fields)
    for answer in (created, written):
        assert answer.status_code == 422, answer.text
        assert {one["pointer"]: one["code"] for one in answer.json()["errors"]} == faults
    assert organisation.crew.record(id)["version"] == 1


def test_the_ends_of_the_earth_and_short_texts_are_taken(organisation: Organisation) -> None:
    edges = {"latitude": -90, "longitude": 180}
    person = {"name": {"family": "O"}, "address": edges, "phones": ["+ 1"], "next_of_kin": [{"name": "李"}]}
    id = organisation.partner.create(patient=person, narrative=" . ")
    assert organisation.crew.record(id)["patient"]["address"]["latitude"] == -90


def test_a_stored_record_out_of_bounds_stays_readable_and_is_written_on(
    organisation: Organisation, inside: Inside
) -> None:
    """As an earlier release took it."""
    id = organisation.partner.create(patient={"sex": "female"})
    [(tenant_id, sealed)] = inside.rows("SELECT tenant_id, record FROM encounters WHERE id = %s", id)
    record = unseal(bytes(sealed), inside.keyring, tenant_id, id)
    address = Address(latitude=Decimal(999), city=" ")
    record.patient = Patient(name=Name(family=" "), address=address)
    stored = store.seal(record, inside.keyring, tenant_id, id)
    inside.owner.execute("UPDATE encounters SET record = %s WHERE id = %s", (stored, id))
    assert organisation.crew.record(id)["patient"]["address"]["latitude"] == 999
    assert organisation.hospital.get(f"{ENCOUNTERS}/{id}/fhir-bundle").status_code == 200
    assert organisation.crew.write(id, {"narrative": "She is better."}).status_code == 200
    mended = {"patient": {"name": {"family": "Rossi"}, "address": {"latitude": 45.5, "city": "Pavia"}}}
    assert organisation.crew.write(id, mended).status_code == 200


def test_the_contract_shows_the_bounds() -> None:
    made = contract.contract()["components"]["schemas"]
    latitude = next(
        option for option in made["epcr.Address"]["properties"]["latitude"]["anyOf"] if option.get("type") == "number"
    )
    assert (latitude["minimum"], latitude["maximum"]) == (-90, 90)
    family = made["epcr.Name"]["properties"]["family"]["anyOf"]
    assert any(option.get("pattern") == r"\S" for option in family)
    temperature = made["epcr.Temperature"]["properties"]["value"]
    dose = made["epcr.Dose"]["properties"]["value"]
    assert (dose["maximum"], dose["x-ranges"]["g"]["maximum"]) == (100_000_000, 500)
    assert (temperature["minimum"], temperature["maximum"], temperature["x-ranges"]["Cel"]["maximum"]) == (0, 122, 50)


def _resources(name: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in BUNDLES[name]["entry"]]


def _composition(name: str) -> dict[str, Any]:
    return next(one for one in _resources(name) if one["resourceType"] == "Composition")


def _parsed(div: str) -> Any:
    from xml.etree import ElementTree

    return ElementTree.fromstring(div)  # noqa: S314 - our own

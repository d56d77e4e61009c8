"""Records of a sandbox's invented encounters, as a dispatch system would send them. Pure; without a person's name, number or address."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from services.epcr.records.care import ATC, ICD10, SNOMED
from shared.messaging.sandboxes import Case, Kind

Draft = dict[str, Any]
Clock = Callable[[float], str]
ECG, OXYGEN, COMPRESSIONS, SHOCK, SUPRAGLOTTIC = "268400002", "57485005", "89666000", "426220008", "424979004"
ASPIRIN, NITRATE, MORPHINE, SALBUTAMOL = "B01AC06", "C01DA02", "N02AA01", "R03AC02"
MIDAZOLAM, GLUCOSE, ADRENALINE = "N05CD08", "V06DC01", "C01CA24"
# By kind: impressions, of which one is chosen, and the youngest and the oldest patient.
USUAL: dict[Kind, tuple[tuple[str, ...], int, int]] = {
    "arrest": (("I46.9", "I46.1"), 35, 89),
    "stroke": (("I63.9", "I64", "G45.9"), 48, 89),
    "chest_pain": (("I21.1", "I21.0", "I20.0", "R07.4"), 38, 88),
    "breathing": (("J44.1", "J45.9", "J96.0", "R06.0"), 8, 89),
    "fall": (("S72.0", "S52.5", "S06.0", "S80.0"), 55, 89),
    "traffic": (("S82.2", "S06.0", "T14.9"), 16, 78),
    "seizure": (("G41.9", "R56.8"), 4, 80),
    "low_glucose": (("E16.2", "E10.6"), 18, 85),
    "other": (("R55", "R10.4", "A09.9"), 16, 89),
}
# Of the dispatch; the other kinds are "mpds_delta".
CATEGORIES: dict[Kind, str] = {"arrest": "mpds_echo", "stroke": "mpds_charlie", "fall": "mpds_alpha"}
# Minutes after the call.
MINUTES = {"mobile": 2, "on_scene": 9, "at_patient": 11, "left_scene": 28, "at_destination": 41, "handover": 52}


def draft(case: Case, chance: random.Random) -> Draft:
    """The body of `POST /api/v1/epcr/encounters` for the case."""
    pace = chance.uniform(0.75, 1.35)

    def clock(minutes: float) -> str:
        return (case.at + timedelta(minutes=minutes * pace)).isoformat()

    impressions, youngest, oldest = USUAL[case.kind]
    made: Draft = {
        "care_model": "prehospital_emergency",
        "vehicle_id": case.vehicle_id,
        "crew_ids": [f"{case.vehicle_id}-LEAD", f"{case.vehicle_id}-DRIVER"],
        "cad_incident_id": case.cad_incident_id,
        "patient": {"age_years": chance.randint(youngest, oldest), "sex": chance.choice(["female", "male"])},
        "times": {"call": clock(0)} | {name: clock(minutes) for name, minutes in MINUTES.items()},
        "dispatch": {
            "category": CATEGORIES.get(case.kind, "mpds_delta"),
            "lights_and_sirens": case.kind != "fall",
        },
        "primary_impression": {"system": ICD10, "code": chance.choice(impressions)},
        "vital_signs": [_vitals(chance, clock(12)), _vitals(chance, clock(30))],
        "procedures": [],
        "medications": [],
        "disposition": {
            "outcome": "transported",
            "destination_type": "emergency_department",
            "prealert": chance.random() < 0.5,
            "lights_and_sirens": chance.random() < 0.35,
        },
    }
    ADD[case.kind](made, clock, chance)
    return made


def _vitals(chance: random.Random, taken_at: str) -> Draft:
    systolic = chance.randint(104, 168)
    return {
        "taken_at": taken_at,
        "heart_rate": chance.randint(62, 112),
        "respiratory_rate": chance.randint(13, 24),
        "systolic": systolic,
        "diastolic": systolic - chance.randint(38, 62),
        "spo2": chance.randint(91, 99),
        "gcs": chance.choice([15, 15, 15, 14]),
        "pain": 0,
    }


def _act(code: str, performed_at: str, **more: Any) -> Draft:
    return {"performed_at": performed_at, "procedure": {"system": SNOMED, "code": code}} | more


def _drug(code: str, given_at: str, value: float, unit: str) -> Draft:
    return {"given_at": given_at, "medication": {"system": ATC, "code": code}, "dose": {"value": value, "unit": unit}}


def _arrest(made: Draft, clock: Clock, chance: random.Random) -> None:
    shockable, rosc = chance.random() < 0.4, chance.random() < 0.38
    survived = rosc and chance.random() < 0.35
    made["vital_signs"] = [
        {"taken_at": clock(12), "heart_rate": 0, "gcs": 3, "avpu": "unresponsive"},
        {"taken_at": clock(25), "etco2": {"value": chance.randint(18, 41), "unit": "mm[Hg]"}, "gcs": 3},
    ]
    made["procedures"] = [
        _act(COMPRESSIONS, clock(11.5), ended_at=clock(27)),
        _act(SUPRAGLOTTIC, clock(18), attempts=1, outcome="successful"),
    ]
    made["medications"] = [_drug(ADRENALINE, clock(17), 1, "mg")]
    made["cpr"] = {
        "dispatcher_instructed": chance.random() < 0.6,
        "compression_rate": chance.randint(102, 122),
        "compression_fraction": chance.randint(68, 92),
    }
    arrest: Draft = {
        "resuscitation_attempted": True,
        "aetiology": "presumed_cardiac",
        "witnessed": chance.choice(["bystander", "bystander", "unwitnessed", "ems"]),
        "bystander_cpr": chance.random() < 0.55,
        "initial_rhythm": chance.choice(["vf", "pulseless_vt"]) if shockable else chance.choice(["pea", "asystole"]),
        "rosc": rosc,
        "rosc_at_handover": rosc,
        "survived_to_discharge": survived,
    }
    if shockable:
        made["procedures"].append(_act(SHOCK, clock(13), attempts=1))
        arrest |= {"first_shock_at": clock(13), "shocks": chance.randint(1, 5)}
    if rosc:
        arrest["rosc_at"] = clock(26)
    if survived:
        arrest["cpc"] = chance.choice([1, 1, 1, 2, 3])
    made["arrest"] = arrest
    made["disposition"] |= {"prealert": True, "prealert_for": "arrest", "lights_and_sirens": True}


def _stroke(made: Draft, clock: Clock, chance: random.Random) -> None:
    made["stroke"] = {
        "suspected": True,
        "assessed_at": clock(12),
        "face": chance.choice(["abnormal", "normal"]),
        "arm": "abnormal",
        "speech": chance.choice(["abnormal", "normal"]),
        "prealert": True,
    }
    if chance.random() < 0.85:
        made["stroke"]["last_known_well"] = clock(-chance.randint(20, 200))
    if chance.random() < 0.9:
        made["vital_signs"][0]["glucose"] = {"value": chance.randint(48, 110) / 10, "unit": "mmol/L"}
    made["disposition"] |= {"destination_type": "stroke_unit", "prealert": True, "prealert_for": "stroke"}


def _chest_pain(made: Draft, clock: Clock, chance: random.Random) -> None:
    pain = chance.randint(4, 9)
    stemi = made["primary_impression"]["code"].startswith("I21")
    made["vital_signs"][0]["pain"], made["vital_signs"][1]["pain"] = pain, max(0, pain - chance.randint(1, 4))
    made["procedures"] = [_act(ECG, clock(14), finding="stemi" if stemi else "no_stemi")]
    made["medications"] = [_drug(ASPIRIN, clock(15), 300, "mg")]
    if chance.random() < 0.85:
        made["medications"].append(_drug(NITRATE, clock(16), 0.4, "mg"))
    if chance.random() < 0.8:
        made["medications"].append(_drug(MORPHINE, clock(18), 2.5, "mg"))
    if stemi:
        made["disposition"] |= {"destination_type": "cath_lab", "prealert": True, "prealert_for": "stemi"}


def _breathing(made: Draft, clock: Clock, chance: random.Random) -> None:
    made["vital_signs"][0] |= {"spo2": chance.randint(82, 91), "respiratory_rate": chance.randint(24, 34)}
    if chance.random() < 0.92:
        made["procedures"] = [_act(OXYGEN, clock(13))]
    if made["primary_impression"]["code"].startswith("J45") and chance.random() < 0.9:
        made["medications"] = [_drug(SALBUTAMOL, clock(14), 5, "mg")]


def _fall(made: Draft, clock: Clock, chance: random.Random) -> None:
    pain = chance.randint(2, 8)
    made["injury"] = {"mechanism": "fall_same_level", "intent": "unintentional", "injured_at": clock(-5)}
    made["vital_signs"][0]["pain"], made["vital_signs"][1]["pain"] = pain, max(0, pain - chance.randint(0, 4))
    if pain > 5:
        made["medications"] = [_drug(MORPHINE, clock(17), 2.5, "mg")]
    if chance.random() < 0.3:
        for name in ("left_scene", "at_destination", "handover"):
            del made["times"][name]
        made["disposition"] = {"outcome": "refused", "refused": ["transport"], "has_capacity": True}


def _traffic(made: Draft, clock: Clock, chance: random.Random) -> None:
    mechanism = chance.choice(["car_occupant", "motorcyclist", "cyclist", "pedestrian"])
    made["injury"] = {"mechanism": mechanism, "intent": "unintentional", "injured_at": clock(-3)}
    made["vital_signs"][0]["pain"], made["vital_signs"][1]["pain"] = 7, chance.randint(3, 7)
    made["disposition"] |= {"destination_type": "trauma_centre", "prealert": True, "prealert_for": "trauma"}


def _seizure(made: Draft, clock: Clock, chance: random.Random) -> None:
    made["vital_signs"][0]["gcs"] = chance.randint(6, 13)
    if made["primary_impression"]["code"].startswith("G41") and chance.random() < 0.9:
        made["medications"] = [_drug(MIDAZOLAM, clock(13), 10, "mg")]


def _low_glucose(made: Draft, clock: Clock, chance: random.Random) -> None:
    made["vital_signs"][0] |= {"glucose": {"value": chance.randint(14, 31) / 10, "unit": "mmol/L"}, "gcs": 11}
    made["vital_signs"][1]["glucose"] = {"value": chance.randint(52, 88) / 10, "unit": "mmol/L"}
    if chance.random() < 0.95:
        made["medications"] = [_drug(GLUCOSE, clock(14), 10, "g")]


def _other(made: Draft, clock: Clock, chance: random.Random) -> None:
    if made["primary_impression"]["code"] == "R55" and chance.random() < 0.85:
        made["procedures"] = [_act(ECG, clock(14), finding="no_stemi")]


ADD: dict[Kind, Callable[[Draft, Clock, random.Random], None]] = {
    "arrest": _arrest,
    "stroke": _stroke,
    "chest_pain": _chest_pain,
    "breathing": _breathing,
    "fall": _fall,
    "traffic": _traffic,
    "seizure": _seizure,
    "low_glucose": _low_glucose,
    "other": _other,
}

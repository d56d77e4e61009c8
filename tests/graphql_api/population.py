"""Encounters as epcr would tell of them, made of plain JSON by a seeded chance: 800 of them over ten weeks."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from shared.messaging.messages import EncounterFacts

FIRST_DAY = date(2026, 2, 20)
DAYS = 70
IMPRESSIONS = [
    ["I21.1"], ["I21.4"], ["I63.9"], ["G45.9"], ["G45.4"], ["E16.2"], ["J45.9"], ["J46"], ["J98.01"], ["J96.0"], ["R06.0"],
    ["G41.0"], ["G40.901"], ["G40.909"], ["R55"], ["R40.4"], ["S72.0"], ["S06.0", "I63.9"], ["T14.9"], ["T36.0"], ["I46.9"], [],
]  # fmt: skip

# In turn, not at random: some facts arrive before the outcome.
LEFT = [None, "refused", "treated_and_released", "no_treatment_needed", "no_patient_found", "cancelled", "dead_on_scene",
    "care_transferred"]  # fmt: skip


def encounters(count: int = 800) -> list[dict[str, Any]]:
    chance = random.Random(7)
    return [_ended(_encounter(chance, number), number) for number in range(count)]


def facts(encounter: dict[str, Any]) -> EncounterFacts:
    return msgspec.convert(encounter, EncounterFacts)


def corrected(encounter: dict[str, Any], seed: int) -> dict[str, Any]:
    """The next version of the same encounter, as if much of it had been put right."""
    other = _ended(_encounter(random.Random(seed), 0), seed)
    return other | {"encounter_id": encounter["encounter_id"], "version": encounter["version"] + 1}


def _ended(encounter: dict[str, Any], number: int) -> dict[str, Any]:
    outcomes = {None: None, True: "transported", False: LEFT[number % len(LEFT)]}
    return encounter | {"outcome": outcomes[encounter["transported"]]} | _reported(random.Random(number))


def _reported(chance: random.Random) -> dict[str, Any]:
    """The hospital's report, of chance of its own."""
    report = {
        "alive_at_30_days": chance.choice([None, True, False]),
        "mrs": chance.choice([None, 0, 3, 4, 6]),
        "injury_severity_score": chance.choice([None, 1, 15, 16, 75]),
    }
    where = chance.choice([None, "trauma_centre", "emergency_department"])
    return {"hospital": report if chance.random() < 0.7 else None, "destination_type": where}


def _encounter(chance: random.Random, number: int) -> dict[str, Any]:
    day = FIRST_DAY + timedelta(days=chance.randrange(DAYS))
    call = datetime(day.year, day.month, day.day, chance.randrange(24), chance.randrange(60), tzinfo=UTC)
    scene = call + timedelta(seconds=chance.randint(120, 2400))
    return {
        "name": "graphql_api.encounter_facts.v1",
        "encounter_id": f"enc_{number:026d}",
        "version": 1,
        "day": day.isoformat(),
        "status": chance.choice(["completed", "completed", "handed_over", "in_progress", "cancelled"]),
        "care_model": "prehospital_emergency",
        "response": chance.choice(["emergency", "emergency", "emergency", "event_medical"]),
        "age_years": chance.choice([None, 0, 1, 2, 17, 18, 45, 60, 75, 90]),
        "newborn": chance.choice([None, False, True]),
        "impressions": chance.choice(IMPRESSIONS),
        "conditions": chance.choice([[], [], ["stemi"]]),
        "times": {name: _text(at) for name, at in {"call": call, "on_scene": scene}.items() if chance.random() < 0.9},
        "vitals": _vitals(chance, scene),
        "medications": _acts(
            chance,
            scene,
            ["aspirin", "gtn", "analgesic", "oxygen", "glucose", "glucagon", "benzodiazepine", "beta_agonist"],
        ),
        "procedures": _acts(chance, scene, ["ecg_12_lead", "advanced_airway", "oxygen", "oral_glucose", "cpr"]),
        "arrest": _arrest(chance, scene) if chance.random() < 0.6 else None,
        "stroke": {
            "suspected": chance.choice([None, True, False]),
            "fast_assessed": chance.choice([None, True, False]),
            "last_known_well_recorded": chance.choice([None, True, False]),
        }
        if chance.random() < 0.4
        else None,
        "transported": chance.choice([None, True, True, False]),
        "prealert": chance.choice([None, True, False]),
        "lights_and_sirens": chance.choice([None, True, False]),
        "injury": chance.choice([None, None, True, False]),
        "test": chance.random() < 0.05,
    }


def _vitals(chance: random.Random, scene: datetime) -> list[dict[str, Any]]:
    vitals: list[dict[str, Any]] = []
    for kind, values, unit in (
        ("spo2", ["84", "89.9", "90", "97"], "%"),
        ("heart_rate", ["60", "120"], "/min"),
        ("respiratory_rate", ["8", "30"], "/min"),
        ("systolic", ["80", "140"], "mm[Hg]"),
        ("diastolic", ["50", "90"], "mm[Hg]"),
        ("gcs", ["3", "8", "9", "15"], None),
        ("pain", ["0", "3", "8"], None),
    ):
        for _ in range(chance.choice([0, 1, 1, 2, 3])):
            vitals.append({"kind": kind, "value": chance.choice(values), "unit": unit, "at": _at(chance, scene)})
    for value, unit in chance.choice(
        [[], [("3.3", "mmol/L")], [("59", "mg/dL")], [("60", "mg/dL"), ("3.4", "mmol/L")]]
    ):
        vitals.append({"kind": "glucose", "value": value, "unit": unit, "at": _at(chance, scene)})
    for value, unit in chance.choice([[], [("4", "mm[Hg]")], [("38", "mm[Hg]")], [("0.7", "kPa")], [("0.6", "%")]]):
        vitals.append({"kind": "etco2", "value": value, "unit": unit, "at": _at(chance, scene)})
    if chance.random() < 0.4:
        vitals.append({"kind": "avpu", "text": chance.choice(["alert", "verbal", "pain", "unresponsive"])})
    if chance.random() < 0.3:
        vitals.append({"kind": "fast", "text": "positive", "at": _at(chance, scene)})
    return vitals


def _acts(chance: random.Random, scene: datetime, kinds: list[str]) -> list[dict[str, Any]]:
    reasons = [None, None, None, "refused", "contraindicated", "unable"]
    return [
        {
            "kind": kind,
            "at": _at(chance, scene),
            "successful": chance.choice([None, True, True, False]),
            "not_done_reason": chance.choice(reasons),
        }
        for kind in kinds
        for _ in range(chance.choice([0, 0, 1, 2]))
    ]


def _arrest(chance: random.Random, scene: datetime) -> dict[str, Any]:
    return {
        "resuscitation_attempted": chance.choice([True, True, True, False, None]),
        "aetiology": chance.choice([None, *["presumed_cardiac"] * 5, "trauma", "overdose", "other"]),
        "witnessed": chance.choice([None, "bystander", "bystander", "bystander", "ems", "unwitnessed"]),
        "bystander_cpr": chance.choice([None, True, False]),
        "initial_rhythm": chance.choice([None, "vf", "vf", "vf", "pulseless_vt", "pea"]),
        "first_shock_at": _at(chance, scene),
        "rosc": chance.choice([None, True, False]),
        "rosc_at_handover": chance.choice([None, True, False]),
        "dnar": chance.choice([None] * 9 + [True]),
        "recognised_dead": chance.choice([None] * 9 + [True]),
        "survived_to_discharge": chance.choice([None, True, False]),
        "cpc": chance.choice([None, 1, 2, 3, 5]),
    }


def _at(chance: random.Random, scene: datetime) -> str | None:
    """Mostly after arrival, sometimes before, sometimes not recorded."""
    if chance.random() < 0.1:
        return None
    return _text(scene + timedelta(seconds=chance.randint(-300, 3600)))


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")

"""Encounters as crews, devices and hospitals report them to epcr, made by a seeded chance: 1,010 over ten weeks. Facts are epcr's."""

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec

from services.epcr.encounters.facts import facts_of
from services.epcr.outcomes.facts import with_outcomes
from services.epcr.outcomes.models import OutcomeDraft
from services.epcr.records.care import ATC, ICD10, ICD10_CM, RXNORM, SNOMED
from services.epcr.records.models import LinkedObservation
from shared.messaging.messages import EncounterFacts
from shared.web import http
from shared.web.problems import Problem
from tests.epcr import golden

FIRST_DAY = date(2026, 2, 20)
DAYS = 70
LATER = datetime(2026, 12, 1, tzinfo=UTC)
IMPRESSIONS = {
    "stemi": [(ICD10, "I21.1"), (ICD10_CM, "I21.09"), (SNOMED, "401303003"), (ICD10, "I21.4")],
    "stroke": [(ICD10, "I63.9"), (ICD10, "G45.9"), (SNOMED, "230690007"), (ICD10, "I60.1"), (ICD10, "G45.4")],
    "injury": [(ICD10, "S72.0"), (ICD10, "T14.9"), (ICD10, "T24.3"), (SNOMED, "125605004"), (ICD10, "T36.0")],
    "brain": [(ICD10, "S06.0"), (ICD10, "S09.90"), (ICD10, "S02.1"), (ICD10, "S07.1"), (ICD10, "S09.1")],
    "breathing": [(ICD10, "J45.9"), (ICD10, "J46"), (ICD10_CM, "J98.01"), (ICD10, "J96.0"), (SNOMED, "267036007")],
    "seizure": [(ICD10, "G41.0"), (ICD10_CM, "G40.901"), (ICD10_CM, "G40.909")],
    "syncope": [(ICD10, "R55"), (ICD10_CM, "R40.4"), (SNOMED, "271594007")],
    "sugar": [(ICD10, "E16.2")],
    "arrest": [(ICD10, "I46.9"), (SNOMED, "410429000")],
    "airway": [(ICD10, "J96.0"), (ICD10, "T36.0")],
    "child": [(ICD10, "R50.9"), (ICD10, "S52.5")],
    "other": [(ICD10, "R10.4"), (SNOMED, "22298006"), (ICD10, "R07.4")],
}
DRUGS = {
    "aspirin": [(ATC, "B01AC06"), (RXNORM, "1191"), (SNOMED, "387458008")],
    "gtn": [(ATC, "C01DA02"), (RXNORM, "4917")],
    "analgesic": [(ATC, "N02AA01"), (RXNORM, "7052"), (ATC, "N01AX14")],
    "oxygen": [(ATC, "V03AN01"), (RXNORM, "7806"), (SNOMED, "24099007")],
    "glucose": [(ATC, "B05BA03"), (RXNORM, "4850")],
    "glucagon": [(ATC, "H04AA01"), (RXNORM, "4832")],
    "benzodiazepine": [(ATC, "N05CD08"), (RXNORM, "6960"), (SNOMED, "373476007")],
    "beta_agonist": [(ATC, "R03AC02"), (RXNORM, "435"), (ATC, "R03AL02")],
    "none": [(ATC, "C01CA24"), (ATC, "R03CC03")],
    "unknown": [(RXNORM, "7443"), (ATC, "N02")],
}
PROCEDURES = {
    "ecg": ["268400002"],
    "airway": ["112798008", "424979004"],
    "oxygen": ["57485005"],
    "food": ["710925007"],
    "none": ["71388002", "78121007"],
}
CATEGORIES = ["england_c1", "england_c1t", "england_c2", "england_c3", "england_c4", "mpds_echo", "mpds_delta", "mpds_bravo",
    "italy_red", "italy_yellow", "italy_green", None]  # fmt: skip
USUAL_DRUGS = {
    "stemi": ["aspirin", "gtn", "analgesic", "oxygen"],
    "breathing": ["beta_agonist", "oxygen"],
    "seizure": ["benzodiazepine"],
    "sugar": ["glucose", "glucagon"],
    "arrest": ["oxygen", "none"],
    "child": ["analgesic", "oxygen"],
}
ANSWERS = ["yes", "no", "unknown", None]
BEHIND = -timedelta(minutes=2)


@cache
def encounters(count: int = 1_010) -> list[dict[str, Any]]:
    """The first 1,000 are of any theme; then come ten seizures, of which chance gives too few that crews treat."""
    any_theme = [_encounter(random.Random(f"first {number}"), number) for number in range(min(count, 1_000))]
    return any_theme + [
        _encounter(random.Random(f"seizure {number - 1_000}"), number, "seizure") for number in range(1_000, count)
    ]


def facts(encounter: dict[str, Any]) -> EncounterFacts:
    """As epcr makes them from the record, the readings and the hospitals' reports; the day is the encounter's."""
    record = golden.encounter(
        encounter["record"],
        encounter["status"],
        id=encounter["encounter_id"],
        revision=encounter["version"],
        cad_incident_id=encounter["incident"],
        test=encounter["test"],
        updated_at=LATER,
    )
    made = facts_of(record, [_reading(number, one) for number, one in enumerate(encounter["readings"])])
    reports = [http.convert(one, OutcomeDraft) for one in encounter["reports"]]
    return with_outcomes(msgspec.structs.replace(made, day=date.fromisoformat(encounter["day"])), reports)


def finished(number: int, **more: Any) -> dict[str, Any]:
    """A finished emergency of a real patient."""
    emergencies = [one for one in encounters() if one["record"]["care_model"] == "prehospital_emergency"]
    chosen = emergencies[number]
    return chosen | {"status": "completed", "test": False, "record": dict(chosen["record"])} | more


def corrected(encounter: dict[str, Any], seed: int) -> dict[str, Any]:
    """The next version of the same encounter, as if much of it had been put right."""
    other = _encounter(random.Random(f"second {seed}"), 0)
    kept = {name: encounter[name] for name in ("encounter_id", "incident", "test")}
    return other | kept | {"version": encounter["version"] + 1}


def _reading(number: int, one: dict[str, Any]) -> LinkedObservation:
    return LinkedObservation(
        id=f"obs_{number:026d}",
        device_id="dev_1",
        device_class="multiparameter",
        mdc_code=one["mdc_code"],
        mdc_code10=0,
        value=Decimal(one["value"]),
        unit_code=one["unit_code"],
        data_absent_reason=None,
        observed_at=datetime.fromisoformat(one["observed_at"]),
        flags=one["flags"],
        test=one["test"],
        revision=1,
    )


def _encounter(chance: random.Random, number: int, theme: str = "") -> dict[str, Any]:
    while True:
        made = _drawn(chance, number, theme)
        try:
            golden.encounter(made["record"], made["status"])
        except Problem:  # values contradict one another
            continue
        return made


def _drawn(chance: random.Random, number: int, theme: str) -> dict[str, Any]:
    day = FIRST_DAY + timedelta(days=chance.randrange(DAYS))
    call = datetime(day.year, day.month, day.day, chance.randrange(2, 18), chance.randrange(60), tzinfo=UTC)
    theme = theme or chance.choice([*IMPRESSIONS, *["arrest"] * 5, "brain", "airway", "stroke", "stemi"])
    clock = _clock(chance, call)
    record = _record(chance, theme, clock)
    told = sorted((record.get("times") or {}).values())
    first = told[0][:10] if told else "2026-03-23"
    made = {
        "encounter_id": f"enc_{number:026d}",
        # Of three encounters, by crews that need not come on one day.
        "incident": f"cad_{number // 3}",
        "version": 1,
        "day": first,
        "status": chance.choice(["completed", "completed", "completed", "handed_over", "in_progress", "cancelled"]),
        "test": chance.random() < 0.04,
        "record": record,
        "readings": _readings(chance, clock["on_scene"]) if chance.random() < 0.4 else [],
        "reports": [_report(chance) for _ in range(chance.choice([0, 0, 1, 1, 2]))],
    }
    _date_deaths(random.Random(f"deaths {number}"), date.fromisoformat(first), made["reports"])
    return made


def _clock(chance: random.Random, call: datetime) -> dict[str, datetime]:
    """The times of the mission; some clocks run behind."""
    wait = chance.choice([240, 420, 1139, 1140, 2400, chance.randint(60, 3000), 12_000])
    scene = call + timedelta(seconds=wait)
    if chance.random() < 0.12:
        scene = call + BEHIND
    left = scene + timedelta(seconds=chance.randint(300, 2400))
    there = left + timedelta(seconds=chance.randint(120, 2400))
    if scene < call and chance.random() < 0.7:
        left, there = scene, scene + timedelta(seconds=30)
    given = there + timedelta(seconds=chance.choice([300, 899, 900, 901, 2000, 12_000, -90]))
    return {"call": call, "on_scene": scene, "left_scene": left, "at_destination": there, "handover": given}


def _record(chance: random.Random, theme: str, clock: dict[str, datetime]) -> dict[str, Any]:
    scene, some = clock["on_scene"], chance.random
    outcome = chance.choice(["transported"] * 9 + ["refused", "treated_and_released", "no_treatment_needed",
        "no_patient_found", "cancelled", "dead_on_scene", "care_transferred", None])  # fmt: skip
    carried = outcome == "transported"
    record: dict[str, Any] = {
        "care_model": chance.choice(["prehospital_emergency"] * 8 + ["interfacility_transfer", "event_medical"]),
        "vehicle_id": "AMB-42",
        "crew_ids": ["usr_1"],
        "cad_incident_id": "cad_1",
        "patient": _patient(chance, theme, clock["call"]),
        "times": {
            name: _text(at)
            for name, at in clock.items()
            if (carried or name not in ("at_destination", "handover")) and some() < 0.93
        },
        "dispatch": {"category": chance.choice(CATEGORIES), "lights_and_sirens": chance.choice([None, True, False])},
        "vital_signs": _vital_signs(chance, theme, scene),
        "procedures": _procedures(chance, theme, scene),
        "medications": _medications(chance, theme, scene),
        "disposition": _disposition(chance, theme, outcome),
        "weight": chance.choice([None, {"value": {"value": 20, "unit": "kg"}}, {"method": "estimated"},
            {"tape": "blue", "method": "length_based_tape"}]),
    }  # fmt: skip
    _add_impressions(chance, theme, record)
    if theme == "stemi" and some() < 0.1:
        _excuse_everything(record, scene)
    if theme == "arrest" or some() < 0.05:
        _add_arrest(chance, clock, record)
    if theme in ("injury", "brain", "child") or some() < 0.05:
        record["injury"] = _injury(chance)
    if theme == "stroke" or some() < 0.1:
        record["stroke"] = _stroke(chance, scene)
    if theme == "airway" or some() < 0.05:
        record["airway_attempts"] = [_attempt(chance, scene) for _ in range(chance.choice([1, 1, 2, 3]))]
    return {name: value for name, value in record.items() if value is not None}


def _excuse_everything(record: dict[str, Any], scene: datetime) -> None:
    """Nothing of the care of a heart attack was done, each with a reason."""
    record["vital_signs"] = [{"taken_at": _text(scene), "gcs": 3}]
    record["medications"] = [
        {"given_at": _text(scene), "medication": {"system": ATC, "code": code}, "not_done": reason}
        for code, reason in (("B01AC06", "contraindicated"), ("C01DA02", "refused"))
    ]


def _patient(chance: random.Random, theme: str, call: datetime) -> dict[str, Any] | None:
    ages = {"child": [0, 1, 2, 7, 8, 12, 17], "arrest": [17, 18, 45, 60, 75, 95]}
    age = chance.choice(ages.get(theme, [0, 1, 2, 17, 18, 45, 60, 75, 95]))
    born = date(call.year - age, 1, 1)
    if age == 0:
        born = chance.choice([call.date(), call.date() - timedelta(days=1), call.date() - timedelta(days=90)])
    known = [{"age_years": age}, {"birth_date": born.isoformat()}, {"birth_date": born.isoformat(), "sex": "male"}]
    return chance.choice([*known, *known, {"sex": "female"}, None])


def _add_impressions(chance: random.Random, theme: str, record: dict[str, Any]) -> None:
    own, foreign = chance.choice(IMPRESSIONS[theme]), chance.choice(IMPRESSIONS[chance.choice(list(IMPRESSIONS))])
    concepts = [{"system": system, "code": code} for system, code in (own, foreign)]
    if chance.random() < 0.9:
        record["primary_impression"] = concepts[0]
    record["secondary_impressions"] = concepts[1:] if chance.random() < 0.15 else []


def _vital_signs(chance: random.Random, theme: str, scene: datetime) -> list[dict[str, Any]]:
    sets: list[dict[str, Any]] = []
    thorough = 0.9 if theme in ("arrest", "brain", "airway", "stroke", "injury") else 0.55
    for _ in range(chance.choice([0, 1, 2, 2, 3, 4])):
        one: dict[str, Any] = {
            "spo2": chance.choice(["84", "89.9", "90", "97"]),
            "heart_rate": chance.choice(["60", "120"]),
            "respiratory_rate": chance.choice(["8", "30"]),
            "systolic": chance.choice(["91", "140"]),
            "diastolic": chance.choice(["50", "90"]),
            "pain": chance.choice([0, 0, 3, 8]),
            "glucose": chance.choice(
                [("3.3", "mmol/L"), ("59", "mg/dL"), ("60", "mg/dL"), ("3.4", "mmol/L"), ("6", "mmol/L")]
            ),
            "etco2": chance.choice([("4", "mm[Hg]"), ("38", "mm[Hg]"), ("0.7", "kPa"), ("0.6", "%")]),
        }
        one = {name: value for name, value in one.items() if chance.random() < thorough}
        for name in ("glucose", "etco2"):
            if name in one:
                one[name] = {"value": _number(one[name][0]), "unit": one[name][1]}
        for name in ("spo2", "heart_rate", "respiratory_rate", "systolic", "diastolic"):
            if name in one:
                one[name] = _number(one[name])
        one |= chance.choice([{}, {"gcs": chance.choice([3, 8, 9, 10, 14, 15, 15])},
            {"gcs_eye": 4, "gcs_verbal": chance.choice([2, 5]), "gcs_motor": 6}, {"gcs_eye": 4, "gcs_motor": 6}])  # fmt: skip
        if chance.random() < 0.35:
            one["avpu"] = _level(chance.choice(["alert", "alert", "verbal", "pain", "unresponsive"]), one)
        sets.append(one | {"taken_at": _text(scene + _minutes(chance, -3, 60)), **_error(chance)})
    return sets


def _level(drawn: str, signs: dict[str, Any]) -> str:
    """A level that the Glasgow score does not contradict."""
    score = signs.get("gcs")
    if drawn == "alert" and score == 3:
        return "unresponsive"
    awake = signs.get("gcs_motor") == 6 or (score is not None and score > 8)
    return "pain" if drawn == "unresponsive" and awake else drawn


def _procedures(chance: random.Random, theme: str, scene: datetime) -> list[dict[str, Any]]:
    kinds = [kind for kind in PROCEDURES for _ in range(chance.choice([0, 0, 1]))]
    if theme in ("stemi", "syncope", "arrest"):
        kinds += ["ecg"] * chance.choice([1, 1, 2])
    return [_procedure(chance, kind, scene) for kind in kinds]


def _procedure(chance: random.Random, kind: str, scene: datetime) -> dict[str, Any]:
    one: dict[str, Any] = {
        "performed_at": _text(scene + _minutes(chance, -2, 60)),
        "procedure": {"system": SNOMED, "code": chance.choice(PROCEDURES[kind])},
        **_error(chance),
    }
    if chance.random() < 0.2:
        return one | {"not_done": chance.choice(["refused", "contraindicated", "unable"])}
    if kind == "ecg":
        one["finding"] = chance.choice(["stemi", "no_stemi", "no_stemi"])
    return one | chance.choice([{}, {"outcome": "successful"}, {"outcome": "unsuccessful"}])


def _medications(chance: random.Random, theme: str, scene: datetime) -> list[dict[str, Any]]:
    kinds = [kind for kind in DRUGS if chance.random() < 0.1]
    kinds += [kind for kind in USUAL_DRUGS.get(theme, []) if chance.random() < 0.85]
    made: list[dict[str, Any]] = []
    for kind in kinds:
        system, code = chance.choice(DRUGS[kind])
        reason = chance.choice([None] * 5 + ["refused", "contraindicated", "unable"])
        one = {"given_at": _text(scene + _minutes(chance, 0, 60)), "medication": {"system": system, "code": code}}
        made.append(one | ({"not_done": reason} if reason else {}) | _error(chance))
    return made


def _disposition(chance: random.Random, theme: str, outcome: str | None) -> dict[str, Any] | None:
    if outcome is None and chance.random() < 0.5:
        return None
    made = {
        "outcome": outcome,
        "destination_type": chance.choice(
            [None, "trauma_centre", "trauma_centre", "emergency_department", "stroke_unit"]
        ),
        "lights_and_sirens": chance.choice([None, True, False]),
        "prealert": chance.choice([None, True, True, False]),
        "child_restrained": chance.choice([None, True, False]),
    }
    if made["prealert"]:
        made["prealert_for"] = chance.choice([None, "trauma", "trauma", "stemi"])
    return {name: value for name, value in made.items() if value is not None}


def _add_arrest(chance: random.Random, clock: dict[str, datetime], record: dict[str, Any]) -> None:
    scene, call = clock["on_scene"], clock["call"]
    rosc = chance.choice([True, True, None, False])
    alive = None if rosc is False else chance.choice([None, True, True, False])
    arrest: dict[str, Any] = {
        "resuscitation_attempted": chance.choice([True] * 6 + [False, None]),
        "aetiology": chance.choice([None, *["presumed_cardiac"] * 8, "trauma", "overdose", "drowning", "electrocution",
            "exsanguination", "other"]),
        "witnessed": chance.choice([None, "bystander", "bystander", "bystander", "ems", "unwitnessed"]),
        "bystander_cpr": chance.choice([None, True, False]),
        "initial_rhythm": chance.choice([None, "vf", "vf", "vf", "pulseless_vt", "shockable_unknown", "pea"]),
        "first_shock_at": chance.choice([None, _text(scene + _minutes(chance, -2, 20))]),
        "cpr_started_at": chance.choice([None, _text(call + _minutes(chance, -2, 20))]),
        "rosc": rosc,
        "rosc_at": chance.choice([None, *[_text(scene + _minutes(chance, 5, 20))] * 3]) if rosc else None,
        "rosc_at_handover": chance.choice([None, True, False]) if rosc is not False else None,
        "dnar": chance.choice([None] * 9 + [True]),
        "recognised_dead": chance.choice([None] * 9 + [True]),
        "survived_to_discharge": alive,
        "cpc": chance.choice([None, 1, 2, 3]) if alive else None,
    }  # fmt: skip
    record["arrest"] = {name: value for name, value in arrest.items() if value is not None}
    if chance.random() < 0.8:
        cpr = {
            "dispatcher_instructed": chance.choice([None, True, False]),
            "compression_rate": chance.choice([None, 99, 100, 110, 120, 121]),
            "compression_depth": chance.choice([None, 49, 50, 55, 60, 61]),
        }
        record["cpr"] = {name: value for name, value in cpr.items() if value is not None}
    if arrest["rosc_at"] is not None and chance.random() < 0.6:
        # The whole care after the return of circulation.
        late = _text(datetime.fromisoformat(arrest["rosc_at"]) + timedelta(minutes=chance.choice([0, 4])))
        signs = {"glucose": {"value": 7, "unit": "mmol/L"}, "etco2": {"value": 38, "unit": "mm[Hg]"}, "systolic": 110}
        record["vital_signs"].append(signs | {"taken_at": late})
        record["procedures"].append(
            {"performed_at": late, "procedure": {"system": SNOMED, "code": PROCEDURES["ecg"][0]}}
        )


def _injury(chance: random.Random) -> dict[str, Any]:
    return chance.choice(
        [
            {"mechanism": chance.choice(["car_occupant", "burn", "fall_same_level"])},
            {"criteria": ["pelvic_fracture"], "mechanism": "pedestrian"},
            {"criteria": ["ejection", "active_bleeding"]},
            {"protection": ["child_restraint"]},
            {"intent": "assault"},
        ]
    )


def _stroke(chance: random.Random, scene: datetime) -> dict[str, Any]:
    tested = {
        name: chance.choice(["normal", "abnormal"]) for name in ("face", "arm", "speech") if chance.random() < 0.85
    }
    made = {
        "suspected": chance.choice([None, True, True, False]),
        "last_known_well": chance.choice([None, _text(scene - timedelta(hours=2))]),
        "nihss": chance.choice([None, None, 6]),
        "prealert": chance.choice([None, None, True]),
    }
    return tested | {name: value for name, value in made.items() if value is not None}


def _attempt(chance: random.Random, scene: datetime) -> dict[str, Any]:
    made = {
        "attempted_at": _text(scene + _minutes(chance, 0, 30)),
        "device": chance.choice(["endotracheal_tube"] * 4 + ["supraglottic_airway"]),
        "successful": chance.choice([True, True, True, False, None]),
        "prior_to_arrival": chance.choice([None, None, None, True, False]),
        "spo2_before": chance.choice([93, 94, 99, None]),
        "spo2_lowest": chance.choice([89, 90, 92, None]),
        "systolic_before": 140,
        "systolic_lowest": chance.choice([89, 90, 110, None]),
    } | _error(chance)
    return {name: value for name, value in made.items() if value is not None}


def _report(chance: random.Random) -> dict[str, Any]:
    """One of a hospital."""
    died = chance.random() < 0.15
    report: dict[str, Any] = {
        "stay": {
            "injury_severity_score": chance.choice([None, 1, 15, 16, 75]),
            "disposition": "died" if died else chance.choice([None, "discharged_home"]),
        },
        "survival": {
            "survived_to_discharge": None if died else chance.choice(ANSWERS),
            "alive_at_30_days": chance.choice(ANSWERS),
        },
        "neurology": {}
        if died
        else {"cpc": chance.choice([None, 1, 2, 3, "unknown"]), "mrs": chance.choice([None, 0, 3, 4, "unknown"])},
    }
    return {
        name: {key: value for key, value in part.items() if value is not None} for name, part in report.items() if part
    }


def _date_deaths(chance: random.Random, day: date, reports: list[dict[str, Any]]) -> None:
    """Deaths on the first days and around the thirtieth, some of them in the emergency department or only by the date of discharge."""
    for report in reports:
        at = f"{day + timedelta(days=chance.choice([0, 2, 30, 31, 90]))}T12:00:00Z"
        where = chance.choice(["died_at", "discharged_at", "department", "nowhere"])
        if report["stay"].get("disposition") != "died" or where == "nowhere":
            continue
        if where == "department":
            report["emergency_department"] = {"disposition": chance.choice(["died", "dead_on_arrival"])}
            del report["stay"]["disposition"]
        elif where == "discharged_at":
            report["stay"]["discharged_at"] = at
        else:
            report.setdefault("survival", {})["died_at"] = at


def _readings(chance: random.Random, scene: datetime) -> list[dict[str, Any]]:
    series = chance.choice(
        [
            ("MDC_PULS_OXIM_SAT_O2", "%", ["84", "89.9", "90", "97"]),
            ("MDC_PRESS_BLD_NONINV_SYS", "mm[Hg]", ["85", "120"]),
            ("MDC_PRESS_BLD_NONINV_DIA", "kPa", ["8", "11.3"]),
            ("MDC_AWAY_CO2_ET", "mm[Hg]", ["4", "38"]),
            ("MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD", "mmol/L", ["3.2", "6.1"]),
            ("MDC_TTHOR_RESP_RATE", "{breath}/min", ["8", "14"]),
            ("MDC_CONC_GLU_ISF", "mmol/L", ["2.9"]),
        ]
    )
    code, unit, values = series
    return [
        {
            "mdc_code": code,
            "value": chance.choice(values),
            "unit_code": unit,
            "observed_at": _text(scene + _minutes(chance, 0, 60)),
            "flags": chance.choice([[], [], [], [], ["out-of-range"]]),
            "test": chance.random() < 0.05,
        }
        for _ in range(chance.randint(1, 12))
    ]


def _error(chance: random.Random) -> dict[str, Any]:
    return {"entered_in_error": True} if chance.random() < 0.06 else {}


def _minutes(chance: random.Random, least: int, most: int) -> timedelta:
    return timedelta(seconds=chance.randint(least * 60, most * 60))


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")

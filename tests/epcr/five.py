"""Five encounters as crews and monitors send them: the bodies of the public API, in their order.

A STEMI with a pre-alert, a child with a seizure, a polytrauma of two crews, an overdose whose patient stays, and an unknown man with a
stroke who is named later. Times are of the day on which they are sent, so that every service takes them.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.epcr.samples import ATC, ICD10, ICD10_CM, RXNORM, snomed

ENCOUNTERS = "/api/v1/epcr/encounters"
RECORD = "/api/v1/epcr/records/{encounter}"
ENROL = "/api/v1/devices/enrol"
BATCH = "/api/v1/devices/{device}/observations:batch"
SENDER = {"name": "118 Liguria Soccorso", "phone": "+39 118", "time_zone": "Europe/Rome"}
ZONE = ZoneInfo(SENDER["time_zone"])
CODICE_FISCALE = "urn:oid:2.16.840.1.113883.2.9.4.3.2"
Json = dict[str, Any]


class Step(NamedTuple):
    """A call. `{encounter}` is the id of the encounter of `crew`, `{device}` that of the last enrolled device.
    A PATCH has the record's version.

    A `later` step comes after the hospital read the handover.
    """

    method: str
    path: str
    body: Json
    crew: str = "first"
    later: bool = False


class Told(NamedTuple):
    """The steps, and the facts that a doctor finds on the first page of the handover of each crew, in English and Italian."""

    steps: list[Step]
    facts: dict[str, list[str]]
    fatti: dict[str, list[str]]


class Clock:
    """Times by minutes after the call."""

    def __init__(self, call: datetime) -> None:
        self.call = call

    def __call__(self, minute: float) -> str:
        return (self.call + timedelta(minutes=minute)).astimezone(UTC).isoformat().replace("+00:00", "Z")

    def shown(self, minute: float) -> str:
        """As a page of the service shows it."""
        return f"{(self.call + timedelta(minutes=minute)).astimezone(ZONE):%H:%M}"


def drug(code: str, display: str, system: str = ATC) -> Json:
    return {"system": system, "code": code, "display": display}


def done(code: str, display: str) -> Json:
    return snomed(code) | {"display": display}


IV, ORAL, SUBLINGUAL, NASAL = snomed("47625008"), snomed("26643006"), snomed("37839007"), snomed("46713006")
BUCCAL, RECTAL = done("54471007", "Buccal route"), done("37161004", "Rectal route")


def monitor(at: Clock, serial: str, crew: str, *sets: tuple[float, dict[str, Any]]) -> list[Step]:
    """The readings of a monitor over some minutes: pulse, saturation, end-tidal CO2, and a cuff's three pressures of one moment."""
    kinds = {
        "pulse": [("MDC_PULS_OXIM_PULS_RATE", "/min")],
        "spo2": [("MDC_PULS_OXIM_SAT_O2", "%")],
        "etco2": [("MDC_AWAY_CO2_ET", "mm[Hg]")],
        "cuff": [(f"MDC_PRESS_BLD_NONINV_{part}", "mm[Hg]") for part in ("SYS", "DIA", "MEAN")],
        "temperature": [("MDC_TEMP_TYMP", "Cel")],
    }
    observations = [
        {
            "mdc_code": code,
            "value": value,
            "unit_code": unit,
            "observed_at": at(minute),
            "encounter_id": "{encounter}",
        }
        for minute, measured in sets
        for kind, values in measured.items()
        for (code, unit), value in zip(kinds[kind], values if isinstance(values, tuple) else (values,), strict=True)
    ]
    enrolled = {
        "serial_number": serial,
        "device_class": "multiparameter",
        "manufacturer": "Corpuls",
        "model": "corpuls3",
    }
    return [Step("POST", ENROL, enrolled, crew), Step("POST", BATCH, {"observations": observations}, crew)]


def ended(crew: str = "first") -> list[Step]:
    return [Step("PATCH", RECORD, {"status": status}, crew) for status in ("completed", "handed_over")]


ECG = (
    "Sinus rhythm 54/min, first degree AV block (PR 220 ms). ST elevation of 3 mm in II, III and aVF, greater in III than in II, with "
    "reciprocal depression in I and aVL and 1 mm elevation in V1. V4R shows 2 mm elevation: right ventricular involvement is likely. No "
    "pathological Q waves yet. QTc 432 ms. Unchanged in the second tracing, ten minutes later."
)


def stemi(call: datetime) -> Told:
    at = Clock(call)
    first: Json = {
        "care_model": "prehospital_emergency",
        "vehicle_id": "IM-ALFA-12",
        "crew_ids": ["IM-0417", "IM-0533", "IM-0602"],
        "cad_incident_id": "118-26-004512",
        "crew": [
            {"id": "IM-0417", "role": "lead", "qualification": "nurse"},
            {"id": "IM-0533", "role": "driver", "qualification": "emergency_medical_technician"},
        ],
        "patient": {
            "name": {"family": "Ferrari", "given": ["Giovanna"]},
            "birth_date": "1964-11-02",
            "sex": "female",
            "identifiers": [{"system": CODICE_FISCALE, "value": "FRRGNN64S42E290G"}],
            "address": {"line": ["Via Aurelia 118"], "city": "Imperia", "postal_code": "18100", "country": "IT"},
            "phones": ["+39 0183 555 010"],
            "next_of_kin": [{"name": "Carlo Ferrari", "relationship": "husband", "phones": ["+39 0183 555 011"]}],
        },
        "times": {"call": at(0), "mobile": at(2), "on_scene": at(9), "at_patient": at(11)},
        "dispatch": {"category": "italy_red", "lights_and_sirens": True},
        "complaint": {
            "concept": snomed("29857009"),
            "text": "A tight band around the chest, into the left arm",
            "informant": "patient",
            "began_at": at(-40),
        },
        "primary_impression": {
            "system": ICD10,
            "code": "I21.1",
            "display": "Inferior STEMI with right ventricular infarction",
        },
        "secondary_impressions": [{"system": ICD10, "code": "I10", "display": "Hypertension"}],
        "weight": {"value": {"value": 78, "unit": "kg"}, "method": "reported"},
        "allergies": [
            {
                "substance": drug("J01C", "Penicillin"),
                "kind": "allergy",
                "category": "medication",
                "certainty": "confirmed",
                "criticality": "high",
                "reactions": [snomed("39579001")],
                "severity": "severe",
                "informant": "patient",
            }
        ],
        "current_medicines": [
            {
                "medicine": drug("B01AF02", "Apixaban 5 mg"),
                "taken": "taking",
                "last_taken_at": at(-180),
                "informant": "patient",
            },
            {"medicine": drug("C09AA05", "Ramipril 5 mg"), "taken": "taking"},
            {"medicine": drug("C07AB07", "Bisoprolol 2.5 mg"), "taken": "taking"},
        ],
        "past_conditions": [
            {
                "condition": {"system": ICD10_CM, "code": "I63.9", "display": "Ischaemic stroke, eight weeks ago"},
                "state": "inactive",
            },
            {"condition": snomed("49436004"), "state": "active"},
        ],
        "vital_signs": [
            {
                "taken_at": at(12),
                "heart_rate": 54,
                "respiratory_rate": 22,
                "systolic": 98,
                "diastolic": 61,
                "spo2": 92,
                "temperature": {"value": 36.4, "unit": "Cel"},
                "glucose": {"value": 142, "unit": "mg/dL"},
                "gcs_eye": 4,
                "gcs_verbal": 5,
                "gcs_motor": 6,
                "avpu": "alert",
                "pain": 9,
            }
        ],
        "procedures": [
            {
                "performed_at": at(14),
                "procedure": snomed("268400002"),
                "finding": "stemi",
                "comment": ECG,
                "tracing": {
                    "reference": "C3-20418-0007",
                    "store": "Corpuls.mission",
                    "device": "corpuls3 20418",
                    "recorded_at": at(14),
                },
            },
            {
                "performed_at": at(17),
                "procedure": done("392230005", "Peripheral venous cannula 18 G"),
                "body_site": done("368208006", "left forearm"),
                "attempts": 1,
                "outcome": "successful",
            },
        ],
        "medications": [
            {
                "given_at": at(16),
                "medication": drug("B01AC06", "Aspirin"),
                "dose": {"value": 250, "unit": "mg"},
                "route": IV,
                "response": "unchanged",
            },
            {
                "given_at": at(18),
                "medication": drug("N02AA01", "Morphine"),
                "dose": {"value": 3, "unit": "mg"},
                "route": IV,
                "response": "improved",
            },
            {
                "given_at": at(18),
                "medication": drug("C01DA02", "Glyceryl trinitrate"),
                "not_done": "contraindicated",
                "comment": "Right ventricular infarction, systolic below 100",
            },
            {
                "given_at": at(20),
                "medication": drug("B01AD11", "Tenecteplase"),
                "not_done": "contraindicated",
                "comment": "Stroke eight weeks ago and apixaban this morning: primary PCI instead, agreed with the cath lab",
            },
        ],
        "disposition": {
            "prealert": True,
            "prealert_at": at(19),
            "prealert_for": "stemi",
            "expected_at": at(44),
            "destination_type": "cath_lab",
            "lights_and_sirens": True,
        },
    }
    second: Json = {
        "times": {"left_scene": at(24), "at_destination": at(45), "handover": at(52)},
        "vital_signs": [
            {
                "taken_at": at(22),
                "heart_rate": 58,
                "systolic": 104,
                "diastolic": 64,
                "spo2": 95,
                "respiratory_rate": 18,
                "pain": 6,
            },
            {
                "taken_at": at(34),
                "heart_rate": 47,
                "systolic": 88,
                "diastolic": 52,
                "spo2": 96,
                "respiratory_rate": 18,
                "pain": 4,
            },
            {
                "taken_at": at(44),
                "heart_rate": 61,
                "systolic": 106,
                "diastolic": 66,
                "spo2": 97,
                "respiratory_rate": 16,
                "pain": 3,
            },
        ],
        "medications": [
            {"given_at": at(21), "medication": drug("V03AN01", "Oxygen"), "dose": {"value": 4, "unit": "L/min"}},
            {
                "given_at": at(35),
                "medication": drug("B05BB01", "Sodium chloride 0.9 %"),
                "dose": {"value": 250, "unit": "mL"},
                "route": IV,
                "response": "improved",
            },
        ],
        "disposition": {"outcome": "transported"},
        "narrative": "Found seated, pale and clammy. Pads were attached from 11 minutes on; no arrhythmia in transport.",
    }
    readings = monitor(
        at,
        "C3-20418",
        "first",
        (13, {"pulse": 55, "spo2": 91, "cuff": (99, 60, 73)}),
        (21, {"pulse": 57, "spo2": 95, "cuff": (103, 63, 76)}),
        (33, {"pulse": 46, "spo2": 96, "cuff": (86, 51, 63)}),
        (43, {"pulse": 60, "spo2": 97, "cuff": (107, 66, 80)}),
    )
    facts = [
        *(
            "PRE-ALERT: STEMI",
            f"given {at.shown(19)}",
            f"ETA {at.shown(44)}",
            "Giovanna Ferrari",
            "1964-11-02",
            "78 kg",
        ),
        *(
            "Allergies",
            "Penicillin: Anaphylaxis; severe",
            "Anticoagulants",
            "Apixaban 5 mg",
            f"last taken at {at.shown(-180)}",
        ),
        *(
            "Chest pain",
            "A tight band around the chest",
            f"Onset {at.shown(-40)}",
            "Inferior STEMI with right ventricular",
        ),
        *(ECG, "C3-20418-0007", f"{at.shown(16)} Aspirin 250 mg; intravenous", f"{at.shown(18)} Morphine 3 mg"),
        *(
            "NOT GIVEN (contraindicated): Tenecteplase",
            "apixaban this morning",
            "Peripheral venous cannula 18 G",
            "88/52",
        ),
        *(
            f"{at.shown(44)} 61",
            "86–107",
            "lead IM-0417 (nurse)",
            "driver IM-0533",
            "IM-0602",
            "Ischaemic stroke, eight weeks ago",
        ),
    ]
    fatti = [
        *(
            "PREALLERTA: STEMI",
            f"arrivo previsto {at.shown(44)}",
            "02/11/1964",
            "78 kg",
            "Allergie",
            "Penicillin: Anafilassi",
        ),
        *(
            "Anticoagulanti",
            f"{at.shown(16)} Aspirin 250 mg; endovenosa",
            "NON SOMMINISTRATO (controindicato): Tenecteplase",
        ),
        *("capo equipaggio IM-0417 (infermiere)", "Dolore toracico", f"Esordio {at.shown(-40)}"),
    ]
    patch = [Step("PATCH", RECORD, second)]
    return Told([Step("POST", ENCOUNTERS, first), *readings, *patch, *ended()], {"first": facts}, {"first": fatti})


def seizure(call: datetime) -> Told:
    at = Clock(call)
    first: Json = {
        "care_model": "prehospital_emergency",
        "vehicle_id": "GE-MIKE-03",
        "crew_ids": ["GE-1107", "GE-1288"],
        "cad_incident_id": "118-26-004519",
        "crew": [
            {"id": "GE-1107", "role": "physician", "qualification": "physician"},
            {"id": "GE-1288", "role": "driver", "qualification": "emergency_medical_technician"},
        ],
        "patient": {
            "name": {"family": "Conti", "given": ["Luca"]},
            "birth_date": (call - timedelta(days=3 * 365 + 120)).date().isoformat(),
            "sex": "male",
            "identifiers": [{"system": CODICE_FISCALE, "value": "CNTLCU22T08D969D"}],
            "next_of_kin": [{"name": "Sara Conti", "relationship": "mother", "phones": ["+39 010 555 020"]}],
        },
        "times": {"call": at(0), "mobile": at(1), "on_scene": at(8), "at_patient": at(9)},
        "complaint": {
            "text": "Shaking all over for ten minutes, hot since the morning",
            "informant": "family",
            "began_at": at(-2),
        },
        "primary_impression": {"system": ICD10, "code": "R56.0", "display": "Febrile convulsion, prolonged"},
        "weight": {
            "value": {"value": 15.5, "unit": "kg"},
            "method": "length_based_tape",
            "tape": "white",
            "weighed_at": at(10),
        },
        "inquiries": {"allergies": "nil_known", "current_medicines": "nil_known"},
        "past_conditions": [
            {"condition": {"display": "Febrile convulsion, simple, a year ago"}, "informant": "family"}
        ],
        "vital_signs": [
            {
                "taken_at": at(10),
                "heart_rate": 168,
                "respiratory_rate": 34,
                "spo2": 86,
                "temperature": {"value": 39.6, "unit": "Cel"},
                "glucose": {"value": 6.1, "unit": "mmol/L"},
                "gcs_eye": 1,
                "gcs_verbal": 2,
                "gcs_motor": 3,
                "avpu": "unresponsive",
            }
        ],
        "medications": [
            {"given_at": at(10), "medication": drug("V03AN01", "Oxygen"), "dose": {"value": 10, "unit": "L/min"}},
            {
                "given_at": at(11),
                "medication": drug("N05CD08", "Midazolam"),
                "dose": {"value": 4.5, "unit": "mg"},
                "route": BUCCAL,
                "response": "unchanged",
            },
            {
                "given_at": at(19),
                "medication": drug("N05CD08", "Midazolam"),
                "dose": {"value": 1.5, "unit": "mg"},
                "route": IV,
                "response": "improved",
            },
        ],
        "procedures": [
            {"performed_at": at(10), "procedure": done("230040009", "Airway suction"), "outcome": "successful"},
            {
                "performed_at": at(18),
                "procedure": done("392230005", "Peripheral venous cannula 24 G"),
                "attempts": 2,
                "outcome": "successful",
            },
        ],
    }
    second: Json = {
        "times": {"left_scene": at(28), "at_destination": at(41)},
        "vital_signs": [
            {
                "taken_at": at(18),
                "heart_rate": 172,
                "respiratory_rate": 30,
                "spo2": 93,
                "gcs_eye": 1,
                "gcs_verbal": 2,
                "gcs_motor": 4,
            },
            {
                "taken_at": at(23),
                "heart_rate": 150,
                "respiratory_rate": 26,
                "systolic": 92,
                "diastolic": 54,
                "spo2": 97,
                "gcs_eye": 2,
                "gcs_verbal": 3,
                "gcs_motor": 5,
            },
            {
                "taken_at": at(38),
                "heart_rate": 138,
                "respiratory_rate": 24,
                "systolic": 96,
                "diastolic": 58,
                "spo2": 98,
                "temperature": {"value": 38.7, "unit": "Cel"},
                "gcs_eye": 3,
                "gcs_verbal": 4,
                "gcs_motor": 6,
                "avpu": "verbal",
            },
        ],
        "medications": [
            {
                "given_at": at(26),
                "medication": drug("N02BE01", "Paracetamol"),
                "dose": {"value": 240, "unit": "mg"},
                "route": RECTAL,
            }
        ],
        "disposition": {
            "outcome": "transported",
            "prealert": True,
            "prealert_at": at(27),
            "prealert_for": "paediatric",
            "expected_at": at(40),
            "lights_and_sirens": True,
            "child_restrained": True,
        },
        "narrative": "Generalised tonic-clonic seizure on arrival, ended at minute 21. No rash, neck supple. The mother comes with us.",
    }
    readings = monitor(
        at,
        "C3-20551",
        "first",
        (11, {"pulse": 170, "spo2": 87}),
        (20, {"pulse": 174, "spo2": 90, "etco2": 52}),
        (30, {"pulse": 144, "spo2": 98, "etco2": 41, "cuff": (93, 55, 68)}),
        (39, {"pulse": 137, "spo2": 98, "etco2": 38, "cuff": (97, 58, 71)}),
    )
    facts = [
        *("PRE-ALERT: paediatric", f"ETA {at.shown(40)}", "Luca Conti", "3 years", "15.5 kg", "Allergies none known"),
        *("Shaking all over for ten minutes", f"Onset {at.shown(-2)}", "Febrile convulsion, prolonged"),
        *(
            f"{at.shown(11)} Midazolam 4.5 mg (0.29 mg/kg); buccal",
            f"{at.shown(19)} Midazolam 1.5 mg (0.097 mg/kg); intravenous",
        ),
        *(
            "Paracetamol 240 mg (15 mg/kg); rectal",
            "Oxygen 10 L/min",
            "Airway suction",
            "6 E1 V2 M3",
            "13 E3 V4 M6",
            "86–98",
        ),
        *("6–13", "39.6", "6.1", "physician GE-1107", "Febrile convulsion, simple, a year ago", "174"),
    ]
    fatti = [
        *("PREALLERTA: pediatrico", "3 anni", "15,5 kg", "Allergie nessuna nota", "Midazolam 4,5 mg (0,29 mg/kg)"),
        *("medico GE-1107", f"Esordio {at.shown(-2)}"),
    ]
    patch = [Step("PATCH", RECORD, second)]
    return Told([Step("POST", ENCOUNTERS, first), *readings, *patch, *ended()], {"first": facts}, {"first": fatti})


def polytrauma(call: datetime) -> Told:
    at = Clock(call)
    patient: Json = {
        "name": {"family": "Moretti", "given": ["Davide"]},
        "birth_date": "1991-06-17",
        "sex": "male",
        "identifiers": [{"system": CODICE_FISCALE, "value": "MRTDVD91H17D969R"}],
    }
    common: Json = {
        "care_model": "prehospital_emergency",
        "cad_incident_id": "118-26-004533",
        "patient": patient,
        "injury": {
            "injured_at": at(-6),
            "mechanism": "motorcyclist",
            "intent": "unintentional",
            "entrapped": True,
            "criteria": ["thrown_from_vehicle", "pelvic_fracture", "active_bleeding"],
            "protection": ["helmet"],
            "comment": "Hit a lorry at about 80 km/h, thrown over the guard rail and caught below it; left thigh crushed.",
        },
        "weight": {"value": {"value": 80, "unit": "kg"}, "method": "estimated"},
        "inquiries": {"allergies": "unknown", "current_medicines": "unknown"},
    }
    ground = common | {
        "vehicle_id": "SV-ALFA-07",
        "crew_ids": ["SV-0211", "SV-0340"],
        "crew": [
            {"id": "SV-0211", "role": "lead", "qualification": "nurse"},
            {"id": "SV-0340", "role": "driver", "qualification": "first_responder"},
        ],
        "times": {"call": at(0), "mobile": at(1), "on_scene": at(7), "at_patient": at(8)},
        "primary_impression": {
            "system": ICD10,
            "code": "T07",
            "display": "Polytrauma with bleeding from the left thigh",
        },
        "vital_signs": [
            {
                "taken_at": at(9),
                "heart_rate": 128,
                "respiratory_rate": 28,
                "systolic": 84,
                "diastolic": 50,
                "spo2": 92,
                "gcs_eye": 3,
                "gcs_verbal": 4,
                "gcs_motor": 6,
            },
            {
                "taken_at": at(16),
                "heart_rate": 134,
                "respiratory_rate": 30,
                "systolic": 76,
                "diastolic": 44,
                "spo2": 90,
                "gcs_eye": 2,
                "gcs_verbal": 3,
                "gcs_motor": 5,
            },
        ],
        "procedures": [
            {
                "performed_at": at(10),
                "procedure": done("20655006", "Tourniquet"),
                "body_site": done("61396006", "left thigh, proximal"),
                "outcome": "successful",
                "comment": "Bleeding stopped; the time is on the tourniquet",
            },
            {"performed_at": at(13), "procedure": done("79321009", "Pelvic binder"), "outcome": "successful"},
        ],
        "medications": [
            {"given_at": at(9), "medication": drug("V03AN01", "Oxygen"), "dose": {"value": 15, "unit": "L/min"}},
            {
                "given_at": at(14),
                "medication": drug("B02AA02", "Tranexamic acid"),
                "dose": {"value": 1, "unit": "g"},
                "route": IV,
            },
        ],
        "disposition": {"outcome": "care_transferred", "comment": "To the crew of the helicopter at minute 22"},
    }
    air = common | {
        "vehicle_id": "GRIFO-1",
        "crew_ids": ["EL-0012", "EL-0045", "EL-0077"],
        "crew": [
            {"id": "EL-0012", "role": "physician", "qualification": "physician"},
            {"id": "EL-0045", "role": "attendant", "qualification": "nurse"},
        ],
        "times": {"call": at(3), "mobile": at(6), "on_scene": at(19), "at_patient": at(21), "left_scene": at(48)},
        "primary_impression": {"system": ICD10, "code": "T07", "display": "Polytrauma, haemorrhagic shock"},
        "secondary_impressions": [
            {"system": ICD10, "code": "S32.8", "display": "Unstable pelvis"},
            {"system": ICD10, "code": "S72.3", "display": "Open fracture of the left femur"},
            {"system": ICD10, "code": "S27.0", "display": "Pneumothorax, left"},
        ],
        "examinations": [
            {
                "examined_at": at(23),
                "region": "chest",
                "result": "abnormal",
                "comment": "No breath sounds on the left, crepitus",
            },
            {"examined_at": at(23), "region": "pelvis", "result": "abnormal", "comment": "Unstable, binder in place"},
            {"examined_at": at(24), "region": "left_leg", "result": "abnormal", "findings": [snomed("71620000")]},
            {"examined_at": at(24), "region": "abdomen", "result": "normal"},
        ],
        "pupils": [
            {
                "examined_at": at(22),
                "left_mm": 3,
                "right_mm": 3,
                "left_reaction": "brisk",
                "right_reaction": "brisk",
            }
        ],
        "vital_signs": [
            vitals(at(22), 138, 32, 72, 40, 88, (2, 3, 5)),
            vitals(at(26), 140, 34, 70, 38, 86, (1, 2, 4)),
            vitals(at(31), 130, 16, 78, 46, 95, (1, 1, 1), etco2=30),
            vitals(at(36), 124, 16, 86, 52, 97, (1, 1, 1), etco2=33),
            vitals(at(42), 116, 16, 94, 58, 98, (1, 1, 1), etco2=36),
            vitals(at(48), 112, 16, 98, 60, 98, (1, 1, 1), etco2=37),
            vitals(at(54), 108, 16, 102, 62, 99, (1, 1, 1), etco2=37),
            vitals(at(60), 104, 16, 106, 64, 99, (1, 1, 1), etco2=38),
        ],
        "procedures": [
            {
                "performed_at": at(25),
                "procedure": done("182705007", "Finger thoracostomy"),
                "body_site": done("51185008", "left chest"),
                "outcome": "successful",
                "comment": "Air under pressure, lung felt",
            },
            {
                "performed_at": at(33),
                "procedure": done("116859006", "Blood transfusion, warmed"),
                "outcome": "successful",
            },
        ],
        "airway_attempts": [
            {
                "attempted_at": at(28),
                "ended_at": at(29),
                "device": "endotracheal_tube",
                "technique": "video_laryngoscopy",
                "drug_assisted": True,
                "successful": True,
                "confirmed_by": "waveform_capnography",
                "spo2_before": 90,
                "spo2_lowest": 85,
                "systolic_before": 72,
                "systolic_lowest": 70,
            }
        ],
        "medications": [
            given(at(27), drug("6130", "Ketamine", RXNORM), 80, "mg"),
            given(at(28), drug("68139", "Rocuronium", RXNORM), 100, "mg"),
            given(at(33), drug("B05AX01", "Red cells, O negative"), 280, "mL") | {"unit_number": "G1234 26 100001 7"},
            given(at(38), drug("B05AX01", "Red cells, O negative"), 280, "mL") | {"unit_number": "G1234 26 100002 5"},
            given(at(40), drug("B05AX03", "Lyophilised plasma"), 200, "mL")
            | {"unit_number": "P0098 26 000417 3", "lot_number": "LP26-0417"},
            given(at(44), drug("B02BB01", "Fibrinogen"), 2, "g") | {"lot_number": "FB-88213"},
            given(at(45), drug("B05XA07", "Calcium chloride"), 1, "g"),
        ],
        "disposition": {
            "prealert": True,
            "prealert_at": at(46),
            "prealert_for": "trauma",
            "expected_at": at(62),
            "destination_type": "trauma_centre",
        },
    }
    landed: Json = {
        "times": {"at_destination": at(63), "handover": at(70)},
        "disposition": {"outcome": "transported"},
        "narrative": "Taken over from the ground crew at minute 22. Massive transfusion was called for at the pre-alert.",
    }
    readings = monitor(
        at,
        "C3-20777",
        "air",
        (23, {"pulse": 139, "spo2": 87, "cuff": (71, 39, 50)}),
        (30, {"pulse": 133, "spo2": 94, "etco2": 28, "cuff": (77, 45, 56)}),
        (45, {"pulse": 114, "spo2": 98, "etco2": 36, "cuff": (96, 59, 71)}),
        (61, {"pulse": 103, "spo2": 99, "etco2": 38, "cuff": (107, 64, 78)}),
    )
    of_ground = [
        *(
            "Davide Moretti",
            "80 kg, estimated",
            "motorcyclist",
            "Hit a lorry at about 80 km/h",
            "Polytrauma with bleeding",
        ),
        *(
            f"{at.shown(10)} Tourniquet; left thigh, proximal",
            "Pelvic binder",
            f"{at.shown(14)} Tranexamic acid 1 g",
            "13 E3 V4 M6",
        ),
        *("10 E2 V3 M5", "76/44", "lead SV-0211 (nurse)", "Allergies unknown"),
    ]
    of_air = [
        *(
            "PRE-ALERT: trauma",
            f"given {at.shown(46)}",
            f"ETA {at.shown(62)}",
            "trauma centre",
            "80 kg",
            "haemorrhagic shock",
        ),
        *(
            "motorcyclist",
            "Entrapped yes",
            "No breath sounds on the left",
            "Unstable, binder in place",
            "Fracture of femur",
        ),
        *(
            f"{at.shown(27)} ketamine 80 mg",
            "rocuronium 100 mg",
            "Red cells, O negative 280 mL; intravenous; unit number G1234 26 100001 7",
        ),
        *("unit number G1234 26 100002 5", "lot number LP26-0417", "lot number FB-88213", "Calcium chloride 1 g"),
        *(
            f"{at.shown(25)} Finger thoracostomy; left chest",
            "endotracheal tube; video laryngoscopy",
            "Blood transfusion, warmed",
        ),
        *(
            "10 E2 V3 M5",
            "7 E1 V2 M4",
            "3 E1 V1 M1",
            "70/38",
            "106/64",
            "3–10",
            "physician EL-0012",
            "attendant EL-0045",
        ),
    ]
    fatti = [
        *("PREALLERTA: trauma", "motociclista", "numero di sacca G1234 26 100001 7", "numero di lotto FB-88213"),
        *("tubo endotracheale", "medico EL-0012", "Frattura del femore"),
    ]
    steps = [
        Step("POST", ENCOUNTERS, ground, "ground"),
        *ended("ground"),
        Step("POST", ENCOUNTERS, air, "air"),
        *readings,
        Step("PATCH", RECORD, landed, "air"),
        *ended("air"),
    ]
    return Told(steps, {"ground": of_ground, "air": of_air}, {"air": fatti})


def given(at: str, medication: Json, value: float, unit: str) -> Json:
    return {"given_at": at, "medication": medication, "dose": {"value": value, "unit": unit}, "route": IV}


def vitals(
    at: str, pulse: int, rate: int, systolic: int, diastolic: int, spo2: int, coma: tuple[int, int, int], etco2: int = 0
) -> Json:
    carbon = {"etco2": {"value": etco2, "unit": "mm[Hg]"}} if etco2 else {}
    eye, verbal, motor = coma
    return {
        "taken_at": at,
        "heart_rate": pulse,
        "respiratory_rate": rate,
        "systolic": systolic,
        "diastolic": diastolic,
        "spo2": spo2,
        "gcs_eye": eye,
        "gcs_verbal": verbal,
        "gcs_motor": motor,
        **carbon,
    }


def overdose(call: datetime) -> Told:
    at = Clock(call)
    why = (
        "She says that she is well, has to collect her daughter, and will see her doctor on Monday. She repeated the risk that the "
        "drug outlasts naloxone and that breathing may stop again. Her sister stays with her for the night and has a naloxone spray. "
        "Advised to call 118 at once for drowsiness."
    )
    first: Json = {
        "care_model": "prehospital_emergency",
        "vehicle_id": "GE-ALFA-22",
        "crew_ids": ["GE-0902", "GE-0955"],
        "cad_incident_id": "118-26-004547",
        "crew": [
            {"id": "GE-0902", "role": "lead", "qualification": "nurse"},
            {"id": "GE-0955", "role": "driver", "qualification": "emergency_medical_technician"},
        ],
        "patient": {
            "name": {"family": "Greco", "given": ["Martina"]},
            "birth_date": "2001-02-26",
            "sex": "female",
            "identifiers": [{"system": CODICE_FISCALE, "value": "GRCMTN01B66D969U"}],
        },
        "times": {"call": at(0), "mobile": at(1), "on_scene": at(7), "at_patient": at(9)},
        "complaint": {"text": "Found asleep, could not be woken", "informant": "family", "began_at": at(-5)},
        "primary_impression": {"system": ICD10_CM, "code": "T40.2", "display": "Opioid poisoning"},
        "injury": {"intent": "unintentional"},
        "allergies": [
            {
                "substance": drug("M01AE01", "Ibuprofen"),
                "kind": "intolerance",
                "category": "medication",
                "criticality": "low",
                "reactions": [snomed("126485001")],
            }
        ],
        "inquiries": {"current_medicines": "nil_known"},
        "vital_signs": [
            vitals(at(10), 62, 6, 104, 64, 84, (1, 2, 4)),
            vitals(at(16), 88, 14, 118, 72, 97, (4, 5, 6)),
            vitals(at(35), 80, 15, 120, 74, 98, (4, 5, 6)),
        ],
        "medications": [
            {
                "given_at": at(11),
                "medication": snomed("372890007"),
                "dose": {"value": 1.8, "unit": "mg"},
                "route": NASAL,
                "response": "improved",
            }
        ],
        "procedures": [
            {"performed_at": at(10), "procedure": done("57485005", "Assisted ventilation with bag and mask, oxygen")}
        ],
    }
    second: Json = {
        "disposition": {
            "outcome": "refused",
            "refused": ["treatment", "transport"],
            "has_capacity": True,
            "refusal_signed": True,
            "refusal_signed_by": "patient",
            "comment": why,
        }
    }
    readings = monitor(
        at,
        "C3-20619",
        "first",
        (10.5, {"pulse": 61, "spo2": 83}),
        (13, {"pulse": 84, "spo2": 95}),
        (34, {"pulse": 81, "spo2": 98, "cuff": (119, 74, 89)}),
    )
    facts = [
        *("NOT TRANSPORTED: refused", "Refuses treatment, transport", "has capacity", "refusal signed by patient", why),
        *(
            "Martina Greco",
            "Ibuprofen: Urticaria",
            "Found asleep, could not be woken",
            "Opioid poisoning",
            f"Onset {at.shown(-5)}",
        ),
        *(
            f"{at.shown(11)} Naloxone 1.8 mg; nasal; response improved",
            "Assisted ventilation with bag and mask",
            "84 ↓",
            "7 E1 V2 M4",
        ),
        *("15 E4 V5 M6", "lead GE-0902 (nurse)", "83"),
    ]
    fatti = [
        *(
            "NON TRASPORTATO: rifiutato",
            "rifiuto firmato da paziente",
            "Naloxone 1,8 mg; nasale",
            "Ibuprofen: Orticaria",
        ),
        *("capo equipaggio GE-0902",),
    ]
    patch = [Step("PATCH", RECORD, second)]
    return Told([Step("POST", ENCOUNTERS, first), *readings, *patch, *ended()], {"first": facts}, {"first": fatti})


def stroke(call: datetime) -> Told:
    at = Clock(call)
    first: Json = {
        "care_model": "prehospital_emergency",
        "vehicle_id": "IM-ALFA-09",
        "crew_ids": ["IM-0388", "IM-0391"],
        "cad_incident_id": "118-26-004561",
        "crew": [
            {"id": "IM-0388", "role": "lead", "qualification": "nurse"},
            {"id": "IM-0391", "role": "driver", "qualification": "first_responder"},
        ],
        "patient": {"name": {"text": "Unknown man"}, "age_years": 70, "sex": "male"},
        "times": {"call": at(0), "mobile": at(1), "on_scene": at(8), "at_patient": at(9)},
        "complaint": {
            "text": "Slid from his chair in the bar, does not speak",
            "informant": "bystander",
            "began_at": at(-4),
        },
        "primary_impression": snomed("422504002"),
        "weight": {"value": {"value": 85, "unit": "kg"}, "method": "estimated"},
        "inquiries": {"allergies": "unknown"},
        "current_medicines": [
            {
                "medicine": {"system": RXNORM, "code": "11289"},
                "taken": "taking",
                "informant": "records",
                "comment": "Anticoagulation card in his wallet, INR 2.6 four days ago",
            }
        ],
        "past_conditions": [{"condition": snomed("49436004"), "state": "active", "informant": "records"}],
        "stroke": {
            "suspected": True,
            "assessed_at": at(10),
            "face": "abnormal",
            "arm": "abnormal",
            "speech": "abnormal",
            "last_known_well": at(-4),
            "nihss": 14,
            "prealert": True,
        },
        "vital_signs": [
            vitals(at(10), 92, 18, 188, 104, 95, (4, 2, 6)) | {"glucose": {"value": 131, "unit": "mg/dL"}},
            vitals(at(22), 88, 18, 182, 98, 96, (4, 2, 6)),
            vitals(at(30), 90, 16, 176, 96, 96, (4, 2, 6)),
        ],
        "procedures": [
            {
                "performed_at": at(14),
                "procedure": done("392230005", "Peripheral venous cannula 18 G"),
                "body_site": done("368209003", "right forearm"),
                "attempts": 1,
                "outcome": "successful",
            },
            {
                "performed_at": at(15),
                "procedure": snomed("268400002"),
                "finding": "no_stemi",
                "comment": "Atrial fibrillation 90/min, no ischaemia",
                "tracing": {"reference": "C3-20420-0031", "device": "corpuls3 20420"},
            },
        ],
        "medications": [
            {
                "given_at": at(16),
                "medication": {"display": "Fluids"},
                "not_done": "not_indicated",
            }
        ],
        "disposition": {
            "prealert": True,
            "prealert_at": at(13),
            "prealert_for": "stroke",
            "expected_at": at(33),
            "destination_type": "stroke_unit",
            "lights_and_sirens": True,
        },
    }
    second: Json = {
        "times": {"left_scene": at(17), "at_destination": at(34), "handover": at(40)},
        "disposition": {"outcome": "transported"},
    }
    readings = monitor(
        at,
        "C3-20420",
        "first",
        (11, {"pulse": 94, "spo2": 94, "cuff": (190, 105, 133)}),
        (20, {"pulse": 87, "spo2": 96, "cuff": (183, 99, 127)}),
        (32, {"pulse": 91, "spo2": 96, "cuff": (174, 95, 121)}),
    )
    named: Json = {
        "is_other_patient": False,
        "patient": {
            "name": {"family": "Bianchi", "given": ["Paolo"], "text": None},
            "birth_date": "1953-08-19",
            "age_years": None,
            "identifiers": [{"system": CODICE_FISCALE, "value": "BNCPLA53M19E290I"}],
            "next_of_kin": [{"name": "Anna Bianchi", "relationship": "daughter", "phones": ["+39 0183 555 030"]}],
        },
    }
    facts = [
        *(
            "PRE-ALERT: stroke",
            f"given {at.shown(13)}",
            f"ETA {at.shown(33)}",
            "stroke unit",
            "Unknown man",
            "70 years",
            "85 kg",
        ),
        *("Allergies unknown", "Anticoagulants", "warfarin", "INR 2.6 four days ago", "Slid from his chair in the bar"),
        *(
            f"Onset {at.shown(-4)}",
            f"Last known well {at.shown(-4)}",
            "NIHSS 14",
            "Face abnormal",
            "188/104",
            "12 E4 V2 M6",
            "131",
        ),
        *(
            "Peripheral venous cannula 18 G",
            "Atrial fibrillation 90/min",
            "lead IM-0388 (nurse)",
            "Ischemic stroke",
            "C3-20420-0031",
        ),
    ]
    fatti = [
        *("PREALLERTA: ictus", f"arrivo previsto {at.shown(33)}", "85 kg", "Anticoagulanti", "warfarin", "NIHSS 14"),
        *("capo equipaggio IM-0388 (infermiere)",),
    ]
    steps = [
        Step("POST", ENCOUNTERS, first),
        *readings,
        Step("PATCH", RECORD, second),
        *ended(),
        Step("PATCH", RECORD, named, later=True),
    ]
    return Told(steps, {"first": facts}, {"first": fatti})


FIVE: dict[str, Callable[[datetime], Told]] = {
    "STEMI": stemi,
    "seizure of a child": seizure,
    "polytrauma of two crews": polytrauma,
    "overdose, not transported": overdose,
    "unknown man with a stroke": stroke,
}

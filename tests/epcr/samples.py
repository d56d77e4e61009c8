"""Records as crews and dispatch systems send them."""

from typing import Any

SNOMED = "http://snomed.info/sct"
ATC = "http://www.whocc.no/atc"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
ICD10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"

MINIMAL: dict[str, Any] = {
    "care_model": "prehospital_emergency",
    "vehicle_id": "AMB-42",
    "crew_ids": ["usr_1"],
    "cad_incident_id": "cad_999",
}


def at(clock: str) -> str:
    """A time of the day of the mission."""
    return f"2026-03-23T{clock}Z"


PATIENT: dict[str, Any] = {
    "name": {"family": "Murphy", "given": ["Aoife"]},
    "birth_date": "1958-04-17",
    "sex": "female",
    "identifiers": [{"system": "urn:oid:1.2.372.980010.1.2", "value": "7654321PA"}],
    "address": {"line": ["3 Weavers Row"], "city": "Cork", "postal_code": "T12 X4Y5", "country": "IE"},
    "phones": ["+353 86 555 0100"],
    "next_of_kin": [{"name": "Sean Murphy", "relationship": "husband", "phones": ["+353 86 555 0101"]}],
}
TIMES = {
    "call": at("10:00:00"),
    "mobile": at("10:01:30"),
    "on_scene": at("10:09:05"),
    "at_patient": at("10:10:40"),
    "left_scene": at("10:32:00"),
    "at_destination": at("10:51:10"),
    "handover": at("11:02:00"),
}
VITALS_FIRST = {
    "taken_at": at("10:12:00"),
    "heart_rate": 104,
    "respiratory_rate": 22,
    "systolic": 148,
    "diastolic": 92,
    "mean_pressure": 111,
    "spo2": 91.5,
    "temperature": {"value": 36.6, "unit": "Cel"},
    "glucose": {"value": 6.2, "unit": "mmol/L"},
    "gcs_eye": 4,
    "gcs_verbal": 5,
    "gcs_motor": 6,
    "avpu": "alert",
    "pain": 8,
}
VITALS_SECOND = {
    "taken_at": at("10:34:00"),
    "heart_rate": 96,
    "respiratory_rate": 18,
    "systolic": 136,
    "diastolic": 84,
    "spo2": 97,
    "etco2": {"value": 35.2, "unit": "mm[Hg]"},
    "pain": 3,
}
TYPICAL: dict[str, Any] = MINIMAL | {
    "patient": PATIENT,
    "times": TIMES,
    "primary_impression": {"system": ICD10, "code": "I21.1", "display": "Inferior STEMI"},
    "secondary_impressions": [{"system": ICD10, "code": "I10"}],
    "vital_signs": [VITALS_FIRST, VITALS_SECOND],
    "procedures": [
        {
            "performed_at": at("10:14:00"),
            "procedure": {"system": SNOMED, "code": "268400002", "display": "12 lead ECG"},
            "finding": "stemi",
        },
        {
            "performed_at": at("10:18:00"),
            "procedure": {"system": SNOMED, "code": "392230005"},
            "body_site": {"system": SNOMED, "code": "368208006"},
            "attempts": 2,
            "outcome": "successful",
        },
        {
            "performed_at": at("10:33:00"),
            "ended_at": at("10:51:00"),
            "procedure": {"system": SNOMED, "code": "57485005"},
        },
    ],
    "medications": [
        {
            "given_at": at("10:16:00"),
            "medication": {"system": ATC, "code": "B01AC06", "display": "Aspirin"},
            "dose": {"value": 300, "unit": "mg"},
            "route": {"system": SNOMED, "code": "26643006"},
            "response": "unchanged",
        },
        {
            "given_at": at("10:20:00"),
            "medication": {"system": ATC, "code": "N02AA01"},
            "dose": {"value": 2.50, "unit": "mg"},
            "route": {"system": SNOMED, "code": "47625008"},
            "response": "improved",
        },
        {"given_at": at("10:21:00"), "medication": {"system": ATC, "code": "C01DA02"}, "not_done": "contraindicated"},
        {
            "given_at": at("10:33:00"),
            "medication": {"system": ATC, "code": "V03AN01"},
            "dose": {"value": 4, "unit": "L/min"},
        },
    ],
    "disposition": {"outcome": "transported", "destination": "Cork University Hospital", "prealert": True},
    "narrative": "Aoife collapsed in her kitchen.",
}
ARREST: dict[str, Any] = MINIMAL | {
    "patient": {"sex": "male", "age_years": 94},
    "times": {"call": at("03:00:00"), "on_scene": at("03:07:00")},
    "primary_impression": {"system": ICD10, "code": "I46.1"},
    "vital_signs": [
        {"taken_at": at("03:08:00"), "heart_rate": 0, "gcs": 3, "avpu": "unresponsive"},
        {"taken_at": at("03:20:00"), "etco2": {"value": 4.53, "unit": "kPa"}},
    ],
    "procedures": [
        {
            "performed_at": at("03:08:00"),
            "ended_at": at("03:22:00"),
            "procedure": {"system": SNOMED, "code": "89666000"},
        },
        {"performed_at": at("03:09:30"), "procedure": {"system": SNOMED, "code": "426220008"}, "attempts": 3},
        {
            "performed_at": at("03:15:00"),
            "procedure": {"system": SNOMED, "code": "424979004"},
            "attempts": 1,
            "outcome": "successful",
        },
    ],
    "medications": [
        {
            "given_at": at("03:13:00"),
            "medication": {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "3992"},
            "dose": {"value": 1, "unit": "mg"},
            "route": {"system": SNOMED, "code": "47625008"},
        }
    ],
    "arrest": {
        "resuscitation_attempted": True,
        "aetiology": "presumed_cardiac",
        "witnessed": "bystander",
        "arrested_at": at("02:58:00"),
        "bystander_cpr": True,
        "initial_rhythm": "vf",
        "first_shock_at": at("03:09:30"),
        "shocks": 3,
        "rosc": True,
        "rosc_at": at("03:22:00"),
        "rosc_at_handover": True,
    },
    "disposition": {"outcome": "transported"},
}
# A record with facts of every kind.
EVERYTHING: dict[str, Any] = ARREST | {
    "patient": {"sex": "female", "birth_date": "1930-01-02"},
    "times": TIMES,
    "secondary_impressions": [{"system": ICD10, "code": "I21.0"}],
    "vital_signs": [
        {"taken_at": at("10:12:00"), "spo2": 91.0, "glucose": {"value": 5.20, "unit": "mmol/L"}, "avpu": "pain"}
    ],
    "procedures": [TYPICAL["procedures"][0], ARREST["procedures"][2]],
    "medications": [TYPICAL["medications"][0], TYPICAL["medications"][2]],
    "stroke": {
        "suspected": False,
        "face": "normal",
        "arm": "normal",
        "speech": "normal",
        "last_known_well": at("09:00:00"),
    },
    "dispatch": {"category": "mpds_echo", "lights_and_sirens": True},
    "triage": {"scale": "nemsis", "initial": "critical", "final": "emergent"},
    "weight": {"value": {"value": 60.5, "unit": "kg"}, "method": "reported"},
    "injury": {"mechanism": "fall_from_height", "criteria": ["fall_over_3_m"], "protection": ["helmet"]},
    "airway_attempts": [
        {
            "attempted_at": "2026-03-23T10:20:00Z",
            "device": "supraglottic_airway",
            "successful": True,
            "spo2_before": 91,
            "spo2_lowest": 88.5,
        }
    ],
    "cpr": {"dispatcher_instructed": True, "compression_rate": 110, "compression_fraction": 81.5},
    "disposition": {
        "outcome": "transported",
        "destination_type": "cath_lab",
        "prealert": True,
        "prealert_at": "2026-03-23T10:40:00Z",
        "prealert_for": "arrest",
        "lights_and_sirens": True,
    },
}
REFUSAL: dict[str, Any] = MINIMAL | {
    "patient": {"sex": "unknown"},
    "times": {"call": at("18:00:00"), "at_patient": at("18:11:00")},
    "vital_signs": [{"taken_at": at("18:13:00"), "heart_rate": 78, "systolic": 121, "diastolic": 77, "gcs": 15}],
    "stroke": {"suspected": False, "face": "normal", "arm": "normal", "speech": "normal", "nihss": 0},
    "disposition": {"outcome": "refused", "refusal_signed": True},
}


def snomed(code: str) -> dict[str, str]:
    return {"system": SNOMED, "code": code}


# A record with every field that a record may have.
WHOLE: dict[str, Any] = TYPICAL | {
    "crew": [
        {"id": "usr_1", "role": "lead", "qualification": "advanced_paramedic"},
    ],
    "dispatch": {"category": "mpds_delta", "determinant": "10D04", "lights_and_sirens": True},
    "complaint": {
        "concept": snomed("29857009"),
        "text": "An elephant on my chest",
        "informant": "patient",
        "began_at": at("09:20:00"),
    },
    "triage": {
        "scale": "italy_field",
        "initial": "red",
        "initial_at": at("10:12:00"),
        "final": "yellow",
        "final_at": at("10:50:00"),
    },
    "inquiries": {"past_conditions": "unknown"},
    "allergies": [
        {
            "substance": snomed("372687004"),
            "kind": "allergy",
            "category": "medication",
            "certainty": "confirmed",
            "criticality": "high",
            "reactions": [snomed("126485001")],
            "severity": "moderate",
            "informant": "family",
            "comment": "Seen by Sean in 2011",
        }
    ],
    "current_medicines": [
        {
            "medicine": {"system": RXNORM, "code": "11289"},
            "taken": "taking",
            "last_taken_at": at("07:00:00"),
            "informant": "patient",
            "comment": "From her sister",
        }
    ],
    "weight": {"value": {"value": 71.5, "unit": "kg"}, "method": "estimated", "weighed_at": at("10:13:00")},
    "pregnancy": {"status": "not_pregnant", "gravida": 2, "para": 2},
    "directives": {"status": "present", "kinds": ["limited_treatment"], "seen": True, "comment": "In the drawer"},
    "pupils": [
        {
            "examined_at": at("10:13:00"),
            "left_mm": 3.5,
            "right_mm": 3,
            "left_reaction": "brisk",
            "right_reaction": "sluggish",
        }
    ],
    "examinations": [
        {
            "examined_at": at("10:14:00"),
            "region": "chest",
            "result": "abnormal",
            "findings": [snomed("29857009")],
            "comment": "Scar of Dr Byrne",
        }
    ],
    "procedures": [
        TYPICAL["procedures"][0]
        | {
            "tracing": {
                "reference": "C3-7-0001",
                "store": "urn:oid:1.2.372.980010.3.7",
                "device": "Corpuls 7",
                "recorded_at": at("10:14:00"),
            }
        },
        TYPICAL["procedures"][1],
        TYPICAL["procedures"][2] | {"unit_number": "G0007 26 7", "lot_number": "LOT-7"},
    ],
    "medications": [
        TYPICAL["medications"][0] | {"unit_number": "G0008 26 8", "lot_number": "LOT-8"},
        *TYPICAL["medications"][1:],
    ],
    "disposition": TYPICAL["disposition"]
    | {
        "destination_type": "cath_lab",
        "prealert_at": at("10:30:00"),
        "expected_at": at("10:50:00"),
        "prealert_for": "stemi",
        "lights_and_sirens": True,
        "refused": ["treatment"],
        "has_capacity": True,
        "refusal_signed": True,
        "refusal_signed_by": "patient",
    },
}
STROKE: dict[str, Any] = MINIMAL | {
    "patient": {"sex": "female", "age_years": 71},
    "dispatch": {"category": "england_c2", "lights_and_sirens": True},
    "times": {"call": at("12:00:00"), "on_scene": at("12:12:00"), "at_destination": at("12:41:00")},
    "primary_impression": snomed("422504002"),
    "secondary_impressions": [{"system": ICD10_CM, "code": "I63.9"}],
    "inquiries": {"allergies": "nil_known", "current_medicines": "not_asked", "past_conditions": "unknown"},
    "vital_signs": [{"taken_at": at("12:15:00"), "systolic": 182, "diastolic": 101, "gcs": 13}],
    "stroke": {
        "suspected": True,
        "assessed_at": at("12:14:00"),
        "face": "abnormal",
        "arm": "abnormal",
        "speech": "normal",
        "last_known_well": at("11:20:00"),
        "nihss": 9,
        "prealert": True,
    },
    "disposition": {"outcome": "transported", "destination_type": "stroke_unit", "prealert_for": "stroke"},
}
TRAUMA: dict[str, Any] = MINIMAL | {
    "patient": {"sex": "male", "age_years": 34},
    "times": {"call": at("15:00:00"), "on_scene": at("15:09:00")},
    "primary_impression": {"system": ICD10, "code": "S72.3"},
    "injury": {
        "injured_at": at("14:55:00"),
        "mechanism": "motorcyclist",
        "intent": "unintentional",
        "entrapped": False,
        "criteria": ["thrown_from_vehicle", "two_long_bone_fractures"],
        "protection": ["helmet"],
    },
    "examinations": [
        {"examined_at": at("15:12:00"), "region": "left_leg", "result": "abnormal", "findings": [snomed("71620000")]},
        {"examined_at": at("15:12:00"), "region": "abdomen", "result": "normal"},
    ],
    "vital_signs": [{"taken_at": at("15:11:00"), "heart_rate": 121, "systolic": 94, "diastolic": 60, "pain": 9}],
    "medications": [
        {
            "given_at": at("15:15:00"),
            "medication": {"system": RXNORM, "code": "6130"},
            "dose": {"value": 20, "unit": "mg"},
            "route": snomed("47625008"),
        }
    ],
    "airway_attempts": [
        {
            "attempted_at": at("15:20:00"),
            "ended_at": at("15:21:00"),
            "device": "endotracheal_tube",
            "technique": "video_laryngoscopy",
            "drug_assisted": True,
            "successful": True,
            "confirmed_by": "waveform_capnography",
            "spo2_before": 97,
            "spo2_lowest": 93,
            "systolic_before": 101,
            "systolic_lowest": 92.0,
        }
    ],
    "disposition": {"outcome": "transported", "destination_type": "trauma_centre", "prealert_for": "trauma"},
}
CHILD: dict[str, Any] = MINIMAL | {
    "patient": {"sex": "male", "birth_date": "2022-01-09"},
    "times": {"call": at("19:00:00")},
    "primary_impression": {"system": ICD10, "code": "R56.0"},
    "weight": {"method": "length_based_tape", "tape": "white"},
    "injury": {"protection": ["child_restraint"]},
    "medications": [
        {"given_at": at("19:20:00"), "medication": snomed("373476007"), "dose": {"value": 3.2, "unit": "mg"}},
        {"given_at": at("19:22:00"), "medication": snomed("373476007"), "route": snomed("46713006")},
    ],
    "disposition": {"outcome": "transported"},
}
# Born in the ambulance, with a drug of which the crew knew the name alone.
NEWBORN: dict[str, Any] = MINIMAL | {
    "patient_number": 2,
    "patient": {"sex": "female", "birth_date": "2026-03-23"},
    "times": {"call": at("10:00:00")},
    "primary_impression": {"system": ICD10, "code": "P22.0"},
    "apgar": [
        {
            "scored_at": at("10:31:00"),
            "minute": 1,
            "total": 6,
            "appearance": 1,
            "pulse": 2,
            "grimace": 1,
            "activity": 1,
            "respiration": 1,
        },
        {"minute": 5, "total": 8},
        {"minute": 10, "appearance": 2, "pulse": 2, "grimace": 2, "activity": 1, "respiration": 2},
    ],
    "medications": [
        {
            "given_at": at("10:40:00"),
            "medication": {"display": "Vitamin K drops of Dr Byrne"},
            "dose": {"value": 1, "unit": "mg"},
        },
    ],
    "disposition": {"outcome": "transported"},
}
BURNED: dict[str, Any] = MINIMAL | {
    "patient": {"sex": "male", "age_years": 51},
    "times": {"call": at("17:00:00")},
    "primary_impression": {"system": ICD10_CM, "code": "T20.0"},
    "injury": {"mechanism": "burn", "intent": "unintentional", "burned_surface": 18.5},
    "examinations": [
        {"examined_at": at("17:14:00"), "region": "face", "result": "abnormal", "burn_depth": "superficial_partial"},
        {"examined_at": at("17:15:00"), "region": "chest", "result": "abnormal", "burn_depth": "full_thickness"},
    ],
    "disposition": {"outcome": "transported"},
}
# A history that the crew knew in words alone, two of them beside a code of something else.
WORDED: dict[str, Any] = MINIMAL | {
    "patient": {"sex": "male", "age_years": 78},
    "times": {"call": at("20:00:00")},
    "primary_impression": {"system": ICD10_CM, "code": "R55"},
    "allergies": [
        {
            "substance": {"display": "Sticking plaster, says Dr Byrne"},
            "kind": "allergy",
            "criticality": "low",
            "reactions": [snomed("126485001")],
            "severity": "mild",
            "informant": "family",
        },
        {"substance": snomed("372687004") | {"display": "Penicillin V"}, "certainty": "confirmed"},
    ],
    "current_medicines": [
        {
            "medicine": {"display": "Blood pressure pill of Dr Byrne"},
            "taken": "taking",
            "last_taken_at": at("07:00:00"),
            "informant": "patient",
        },
        {"medicine": {"display": "The red inhaler"}, "taken": "stopped"},
        {"medicine": {"system": RXNORM, "code": "11289", "display": "Eliquis"}},
    ],
    "past_conditions": [
        {"condition": {"display": "Heart trouble, Dr Byrne in 2019"}, "state": "active", "informant": "family"},
        {"condition": {"system": ICD10_CM, "code": "I10", "display": "Low blood pressure"}},
    ],
    "injury": {"mechanism": "other", "comment": "Between boat and pier of the Byrnes"},
    "disposition": {"outcome": "transported"},
}
UNKNOWN_PATIENT: dict[str, Any] = MINIMAL | {
    "patient": {"name": {"text": "Unknown man"}, "sex": "unknown"},
    "complaint": {"text": "Found in a park", "informant": "bystander"},
    "inquiries": {"allergies": "unknown", "current_medicines": "unknown", "past_conditions": "unknown"},
    "vital_signs": [{"taken_at": at("02:15:00"), "heart_rate": 44, "gcs": 6, "avpu": "pain"}],
    "disposition": {"outcome": "transported"},
}
OVERDOSE: dict[str, Any] = MINIMAL | {
    "patient": {"sex": "female", "age_years": 23},
    "times": {"call": at("01:00:00")},
    "primary_impression": {"system": ICD10_CM, "code": "T40.2"},
    "injury": {"intent": "undetermined"},
    "pupils": [{"examined_at": at("01:15:00"), "left_mm": 1, "right_mm": 1, "left_reaction": "none"}],
    "medications": [{"given_at": at("01:16:00"), "medication": snomed("372890007"), "response": "improved"}],
    "airway_attempts": [
        {"attempted_at": at("01:14:00"), "device": "supraglottic_airway", "technique": "blind", "successful": False}
    ],
    "pregnancy": {"status": "possible", "gestation_weeks": 9},
    "disposition": {"outcome": "transported"},
}
INTERFACILITY: dict[str, Any] = MINIMAL | {
    "care_model": "interfacility_transfer",
    "patient": {"sex": "male", "birth_date": "1950-06-30"},
    "times": {"call": at("08:00:00"), "handover": at("09:10:00")},
    "past_conditions": [
        {"condition": snomed("49436004"), "state": "active", "informant": "records"},
        {"condition": {"system": ICD10_CM, "code": "I10"}},
    ],
    "directives": {"status": "present", "kinds": ["do_not_resuscitate", "health_care_proxy"]},
    "disposition": {"outcome": "care_transferred", "destination_type": "other_hospital"},
}
RESUSCITATED: dict[str, Any] = ARREST | {
    "cpr": {
        "dispatcher_instructed": True,
        "compression_rate": 112,
        "compression_depth": 54.5,
        "compression_fraction": 83,
        "full_recoil": 91,
        "ventilation_rate": 10,
        "longest_pause": 8.5,
        "mechanical_device": True,
        "feedback_device": True,
    }
}

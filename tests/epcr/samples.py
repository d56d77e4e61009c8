"""Records as crews and dispatch systems send them."""

from typing import Any

SNOMED = "http://snomed.info/sct"
ATC = "http://www.whocc.no/atc"
ICD10 = "http://hl7.org/fhir/sid/icd-10"

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
    "identifiers": [{"system": "urn:oid:1.2.372.980010.1.2", "value": "7654321KA"}],
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
    "disposition": {"outcome": "transported", "prealert": True, "lights_and_sirens": True},
}
REFUSAL: dict[str, Any] = MINIMAL | {
    "patient": {"sex": "unknown"},
    "times": {"call": at("18:00:00"), "at_patient": at("18:11:00")},
    "vital_signs": [{"taken_at": at("18:13:00"), "heart_rate": 78, "systolic": 121, "diastolic": 77, "gcs": 15}],
    "stroke": {"suspected": False, "face": "normal", "arm": "normal", "speech": "normal", "nihss": 0},
    "disposition": {"outcome": "refused", "refusal_signed": True},
}

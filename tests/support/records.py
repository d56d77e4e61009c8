"""Valid records of any size, for tests that store and read the largest ones."""

from typing import Any

AT = "2026-01-01T10:00:00Z"
SNOMED, ATC = "http://snomed.info/sct", "http://www.whocc.no/atc"
TUBE = {"system": SNOMED, "code": "232717009"}
DRUG = {"system": ATC, "code": "N02"}
SIGNS = {
    "taken_at": AT,
    "heart_rate": 80,
    "respiratory_rate": 12,
    "systolic": 120,
    "diastolic": 80,
    "spo2": 98,
    "gcs_eye": 4,
    "gcs_verbal": 5,
    "gcs_motor": 6,
    "avpu": "alert",
    "pain": 3,
}


def heavy(many: int = 500, few: int = 100, **fields: Any) -> dict[str, Any]:
    """`many` entries of each of three lists and `few` of each of six: with 500 and 100 the most of one request, 640 KB as it is stored."""
    return {
        "care_model": "prehospital_emergency",
        "vehicle_id": "AMB-42",
        "crew_ids": ["usr_1"],
        "cad_incident_id": "cad_heavy",
        "vital_signs": [SIGNS] * many,
        "procedures": [{"performed_at": AT, "procedure": TUBE}] * many,
        "medications": [{"given_at": AT, "medication": DRUG}] * many,
        "airway_attempts": [{"attempted_at": AT, "device": "endotracheal_tube"}] * few,
        "pupils": [{"examined_at": AT, "left_mm": 3}] * few,
        "examinations": [{"examined_at": AT, "region": "head", "result": "abnormal", "findings": [TUBE] * 20}] * few,
        "allergies": [{"substance": TUBE, "reactions": [TUBE] * 10}] * few,
        "past_conditions": [{"condition": TUBE}] * few,
        "current_medicines": [{"medicine": DRUG}] * few,
    } | fields

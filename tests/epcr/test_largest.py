"""The largest record there may be is read: every limit of it reached at once, in fewer bytes than a body may have."""

import json
from typing import Any

import pytest

from services.epcr.records.models import MAX_ITEMS, EncounterDraft
from shared.web import http

pytestmark = pytest.mark.full

MOMENT = "2026-01-01T10:00:00Z"
CONCEPT = {"system": "http://snomed.info/sct", "code": "232674004", "display": "Intubation"}
IMPRESSION = {"system": "http://hl7.org/fhir/sid/icd-10", "code": "I46.9", "display": "Cardiac arrest"}
SIGNS = {
    "id": "vit_1",
    "entered_in_error": False,
    "taken_at": MOMENT,
    "heart_rate": 80,
    "respiratory_rate": 12,
    "systolic": 120,
    "diastolic": 80,
    "mean_pressure": 93,
    "spo2": 97,
    "temperature": {"value": 36.6, "unit": "Cel"},
    "etco2": {"value": 35, "unit": "mm[Hg]"},
    "glucose": {"value": 100, "unit": "mg/dL"},
    "gcs_eye": 4,
    "gcs_verbal": 5,
    "gcs_motor": 6,
    "gcs": 15,
    "avpu": "alert",
    "pain": 3,
}
DONE = {
    "id": "pro_1",
    "entered_in_error": False,
    "performed_at": MOMENT,
    "ended_at": MOMENT,
    "procedure": CONCEPT,
    "body_site": CONCEPT,
    "attempts": 1,
    "outcome": "successful",
    "not_done": None,
    "finding": None,
    "comment": "none",
}
GIVEN = {
    "id": "med_1",
    "entered_in_error": False,
    "given_at": MOMENT,
    "medication": CONCEPT,
    "dose": {"value": 1, "unit": "mg"},
    "route": CONCEPT,
    "response": "improved",
    "not_done": None,
    "comment": "none",
}


def test_a_record_with_all_it_may_hold_is_read() -> None:
    record: dict[str, Any] = {
        "care_model": "prehospital_emergency",
        "vehicle_id": "AMB-42",
        "crew_ids": [f"usr_{number}" for number in range(20)],
        "cad_incident_id": "cad_1",
        "secondary_impressions": [IMPRESSION] * 20,
        "vital_signs": [SIGNS] * MAX_ITEMS,
        "procedures": [DONE] * MAX_ITEMS,
        "medications": [GIVEN] * MAX_ITEMS,
    }
    body = json.dumps(record).encode()
    assert len(body) < EncounterDraft.max_bytes
    assert len(http.decode_bytes(body, EncounterDraft).vital_signs) == MAX_ITEMS

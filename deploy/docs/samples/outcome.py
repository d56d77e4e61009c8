from datetime import datetime

from knogin import Knogin, models


def report(
    client: Knogin, encounter: str, identity: int, seen: str | None = None
) -> str | None:
    """Reports the outcome, and returns the ETag of this version. A later version needs the ETag of the one that it corrects.

    `identity` is that of the handover which the hospital matched to this patient: keep it with the visit.
    """
    outcome = models.epcr.OutcomeDraft(
        visit_number="V-2026-118203",
        emergency_department=models.epcr.EmergencyDepartment(
            arrived_at=datetime.fromisoformat("2026-03-23T10:51:10Z"),
            disposition="to_cath_lab",
            diagnoses=[
                models.epcr.Impression(
                    system="http://hl7.org/fhir/sid/icd-10", code="I21.1"
                )
            ],
        ),
        survival=models.epcr.Survival(survived_to_discharge="yes"),
    )
    client.epcr.record_outcome(encounter, outcome, identity=identity, if_match=seen)
    path = f"/api/v1/epcr/encounters/{encounter}/outcome"
    return client.request("GET", path).headers.get("etag")

"""Procedure: its code, attempts and outcome; or the reason why it was not done."""

from typing import Any

from services.epcr.fhir.entries import Entry, Scene
from services.epcr.fhir.terms import SNOMED, Json, coded, coding, concept, ems, extension, moment

OUTCOMES = {
    "successful": ("385669000", "Successful"),
    "partially_successful": ("385670004", "Partially successful"),
    "unsuccessful": ("385671000", "Unsuccessful"),
}


def procedure(scene: Scene, done: dict[str, Any]) -> Entry:
    uuid = scene.uuid("Procedure", done["id"])
    attempts = [extension("procedure-attempts", "Integer", done["attempts"])] if "attempts" in done else []
    resource = scene.begin("Procedure", uuid, extensions=attempts)
    resource["status"] = status(done)
    if "not_done" in done:
        resource["statusReason"] = ems(done["not_done"])
    resource |= {
        "code": coded(done["procedure"]),
        "subject": scene.subject(),
        "encounter": scene.context(),
        **_performed(done),
    }
    if "body_site" in done:
        resource["bodySite"] = [coded(done["body_site"])]
    if "outcome" in done:
        resource["outcome"] = concept(coding(SNOMED, *OUTCOMES[done["outcome"]]))
    return Entry(resource, uuid, done["id"] in scene.projection.rewritten)


def status(entry: dict[str, Any]) -> str:
    """The event status of an act: completed, not done, or entered in error."""
    if entry.get("entered_in_error"):
        return "entered-in-error"
    return "not-done" if "not_done" in entry else "completed"


def _performed(done: dict[str, Any]) -> Json:
    start = moment(done["performed_at"])
    if "ended_at" in done:
        return {"performedPeriod": {"start": start, "end": moment(done["ended_at"])}}
    return {"performedDateTime": start}

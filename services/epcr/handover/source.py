"""The content that a handover is made from, the PDF beside it, and the labels of its resources."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from services.epcr.deidentification.projection import Projection
from services.epcr.fhir.device import Make
from services.epcr.fhir.terms import ACT_REASON, TERMINOLOGY, Json
from services.epcr.fhir.words import Language
from services.epcr.handover.crews import Crew
from services.epcr.handover.models import Destination, Sender
from services.epcr.records.models import Encounter, LinkedObservation

CONFIDENTIALITY = f"{TERMINOLOGY}/v3-Confidentiality"


class Source(NamedTuple):
    """All that a handover is made from. `readings` are the extremes of the devices' observations, `closed_at` the end of the report.

    `former` are the identifiers of the Compositions under former identities, `makes` the devices' makers by the devices' ids,
    `crews` the other ones at the incident.
    """

    encounter: Encounter
    projection: Projection
    readings: Sequence[LinkedObservation]
    former: Sequence[Json]
    sender: Sender
    destination: Destination
    closed_at: datetime | None
    language: Language
    makes: Mapping[str, Make] = {}
    crews: Sequence[Crew] = ()


class Pdf(NamedTuple):
    """The same report as a PDF, and where it is."""

    body: bytes
    url: str


def labels(encounter: Encounter) -> Json:
    """The `meta` of a resource: restricted, and not pseudonymised."""
    found = [{"system": CONFIDENTIALITY, "code": "R", "display": "restricted"}]
    return {"security": [*found, {"system": ACT_REASON, "code": "HTEST"}] if encounter.test else found}

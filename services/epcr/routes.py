"""Every call of epcr: PART is in the public contract, CREW is for the crew's own application."""

from services.epcr.encounters import routes as encounters
from services.epcr.handover import routes as handover
from services.epcr.outcomes import routes as outcomes
from services.epcr.records import routes as records
from shared.web.routing import Part

OPERATIONS = [*encounters.OPERATIONS, *handover.OPERATIONS, *outcomes.OPERATIONS]
PART = Part(
    "ePCR",
    "epcr",
    "Electronic patient care records: made by dispatch systems, read de-identified, exported as FHIR R4. A destination reads who the "
    "patient is, and reports the outcome.",
    OPERATIONS,
    encounters.IDS | handover.IDS,
)
CREW = Part("Crew", "crew", "", [*records.OPERATIONS, *outcomes.CREW])

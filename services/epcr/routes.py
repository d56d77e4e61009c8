"""Every call of epcr: PART is in the public contract, CREW is for the crew's own application."""

from services.epcr.encounters import routes as encounters
from services.epcr.records import routes as records
from shared.web.routing import Part

PART = Part(
    "ePCR",
    "epcr",
    "Electronic patient care records: made by dispatch systems, read de-identified, exported as FHIR R4.",
    encounters.OPERATIONS,
    encounters.IDS,
)
CREW = Part("Crew", "crew", "", records.OPERATIONS)

"""Every call about outcomes: OPERATIONS are in the public contract, CREW is for the crew's own application."""

from services.epcr.encounters.routes import ENCOUNTER
from services.epcr.handover.routes import CLOSED
from services.epcr.outcomes import endpoints
from services.epcr.outcomes.fhir import OutcomeBundle
from services.epcr.outcomes.models import Outcome, OutcomeDraft, OutcomeReports, ReportOutcome
from services.epcr.records.routes import CLINICAL, RECORD
from shared.web.routing import Operation

OUTCOME = endpoints.OUTCOME
EXAMPLE = {
    "visit_number": "V-2026-118203",
    "emergency_department": {
        "arrived_at": "2026-03-23T10:51:10Z",
        "disposition": "to_cath_lab",
        "diagnoses": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "I21.1"}],
    },
    "procedures": [{"kind": "pci", "performed_at": "2026-03-23T11:29:00Z"}],
    "stay": {"disposition": "discharged_home", "discharged_at": "2026-03-29T09:00:00Z"},
    "survival": {"survived_to_discharge": "yes", "alive_at_30_days": "unknown"},
    "neurology": {"cpc": 1, "mrs": "unknown"},
}
BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {
            "fullUrl": "urn:uuid:5f0c3f2e-8a0b-4d0e-9a57-0a1b2c3d4e5f",
            "resource": {
                "resourceType": "Encounter",
                "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
                "identifier": [{"value": "V-2026-118203"}],
                "hospitalization": {
                    "dischargeDisposition": {
                        "coding": [
                            {
                                "system": "http://terminology.hl7.org/CodeSystem/discharge-disposition",
                                "code": "home",
                            }
                        ]
                    }
                },
            },
        },
        {
            "resource": {
                "resourceType": "Observation",
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "75859-9"}]},
                "valueInteger": 1,
            }
        },
    ],
}
VERSIONED = CLOSED | {
    409: "`patient-corrected`: the report is not about the present patient, read `handover`; `limit-reached`: your destination has "
    "reported its most versions of the outcome, or the organisation has used its allowance",
    412: "There is a newer version, read it first; or your destination has reported none of this patient",
    428: "There is a version; send If-Match with its ETag",
}
OPERATIONS = [
    Operation(
        "GET",
        f"{ENCOUNTER}/outcome",
        endpoints.read_outcome,
        "Read the outcome of an encounter",
        OUTCOME,
        {200: Outcome},
        "The report of the encounter's present destination about its present patient, for that destination's app alone: no other "
        "hospital reads it, and after a change of the patient no client does. Each answer is recorded as a disclosure.",
        refusals=CLOSED,
        has_etag=True,
    ),
    Operation(
        "POST",
        f"{ENCOUNTER}/outcome",
        endpoints.record_outcome,
        "Report the outcome of an encounter",
        OUTCOME,
        {201: Outcome},
        "Diagnosis, disposition, procedures, survival and neurological outcome, by the app of the encounter's destination alone, for two "
        "years after the encounter ended. Each report is the whole outcome as it is known then, and a new version; your first needs no "
        "`If-Match`, each later one the ETag of the version that it corrects. `identity` names the handover "
        "that it is about: after a correction of who the patient is, a report about the former patient, or one that names no handover, is "
        "refused. A field that is absent is not reported; `unknown` is an answer. "
        "The crew's entries stay as they are. Quality indicators follow, and `epcr.outcome.recorded` is sent.",
        query=ReportOutcome,
        body=OutcomeDraft,
        headers=("If-Match",),
        refusals=VERSIONED,
        example=EXAMPLE,
    ),
    Operation(
        "POST",
        f"{ENCOUNTER}/outcome-bundle",
        endpoints.record_outcome_bundle,
        "Report the outcome of an encounter as FHIR",
        OUTCOME,
        {201: Outcome},
        "The same as a FHIR R4 Bundle: Encounters of the emergency department and the stay, Conditions, Procedures, and Observations of "
        "survival and neurological outcome. `application/fhir+json` is accepted too. `identity`, or the identifier of the Encounter in a "
        "FHIR handover among those of an Encounter here, names the handover that it is about. A resource that an outcome cannot hold is "
        "refused; elements that it does not need are not read.",
        query=ReportOutcome,
        body=OutcomeBundle,
        headers=("If-Match",),
        refusals=VERSIONED,
        example=BUNDLE,
    ),
]
CREW = [
    Operation(
        "GET",
        f"{RECORD}/outcome",
        endpoints.list_outcome_reports,
        "List who reported the outcome",
        CLINICAL,
        {200: OutcomeReports},
    ),
]

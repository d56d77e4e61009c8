"""The profiles that a resource claims in `meta.profile`: R4's vital signs, by LOINC code. `make bench-fhir` has each claim confirmed.

The panel of a blood pressure claims none: no validator at hand finds the slices of its components, not even in the form of HL7's example.
"""

from services.epcr.fhir.terms import LOINC, OBSERVATION_CATEGORY, Json

_BASE = "http://hl7.org/fhir/StructureDefinition"
VITAL_SIGNS = {
    "8867-4": f"{_BASE}/heartrate",
    "9279-1": f"{_BASE}/resprate",
    "2708-6": f"{_BASE}/oxygensat",
    "8310-5": f"{_BASE}/bodytemp",
    "8302-2": f"{_BASE}/bodyheight",
    "29463-7": f"{_BASE}/bodyweight",
}


def claiming(observation: Json) -> Json:
    """The Observation with the profile of its code, if it is a vital sign with one."""
    categories = [one for concept in observation["category"] for one in concept["coding"]]
    if not any((one["system"], one["code"]) == (OBSERVATION_CATEGORY, "vital-signs") for one in categories):
        return observation
    codes = (one["code"] for one in observation["code"]["coding"] if one["system"] == LOINC)
    found = next((VITAL_SIGNS[code] for code in codes if code in VITAL_SIGNS), None)
    return observation if found is None else observation | {"meta": {"profile": [found]} | observation["meta"]}

"""Quality indicators of heart attacks and strokes."""

from services.graphql_api.acqi.definitions import (
    HEAD_INJURY,
    UNKNOWN_DRUG,
    Exclusion,
    Judgement,
    between,
    declined,
    done,
    elapsed,
    emergency,
    given,
    has_impression,
    indicator,
    judged,
    numbers,
    recorded,
    seconds_between,
    stemi,
    suspected_stroke,
    unconscious,
    vitals,
)
from shared.messaging.messages import EncounterFacts

NOT_ASSESSABLE_GCS = 9
STEMIS = "ST-elevation myocardial infarction, by the 12-lead or the impression (ICD-10 I21.0 to I21.3)"


@indicator(
    "Aspirin, nitrate, pain scored twice and analgesia, each given unless there was a recorded reason.",
    inclusion=STEMIS,
    exclusion=f"a reason against every element: refused, contraindicated, unconscious, not in pain; {UNKNOWN_DRUG}",
    differs="all four elements together, each of them excused by its own reason, where the source counts them one by one",
    source="UK national ambulance clinical performance indicators M1, M2, M3, M5",
    version="2",
)
def stemi_care_bundle(facts: EncounterFacts) -> Judgement | None:
    if not stemi(facts):
        return None
    pain = numbers(facts, "pain")
    no_pain = bool(pain) and pain[0] == 0
    drugs = facts.medications
    # Each element: whether it was done, and whether there was a reason against it.
    elements = [
        (given(facts, "aspirin"), declined(drugs, "aspirin")),
        (given(facts, "gtn"), declined(drugs, "gtn")),
        (len(pain) >= 2, unconscious(facts)),
        (given(facts, "analgesic"), declined(drugs, "analgesic") or no_pain or unconscious(facts)),
    ]
    if not any(was_done for was_done, _ in elements) and all(reason for _, reason in elements):
        return Exclusion("declined")
    open_ones = {was_done for was_done, reason in elements if not was_done and not reason}
    return judged(None if open_ones == {None} else not open_ones)


@indicator(
    "Minutes from arrival on scene to the first 12-lead.",
    inclusion=STEMIS,
    exclusion="12-lead before arrival",
    differs="the arrival of this crew, whether or not it has a 12-lead; median and 90th percentile beside the mean",
    source="IHE QORE STEMI-1",
    unit="min",
    within="stemi_care_bundle",
)
def stemi_scene_to_ecg(facts: EncounterFacts) -> Judgement | None:
    if not stemi(facts):
        return None
    times = [ecg.at for ecg in done(facts.procedures, "ecg_12_lead") if ecg.at is not None]
    return elapsed(seconds_between(facts.times.get("on_scene"), min(times, default=None)))


@indicator(
    "The hospital was alerted before arrival.",
    inclusion=STEMIS,
    exclusion="not transported",
    differs="an alert of any hospital counts, not only of one with a catheter laboratory",
    source="IHE QORE STEMI-2",
    within="stemi_care_bundle",
)
def stemi_prealert(facts: EncounterFacts) -> Judgement | None:
    if not stemi(facts):
        return None
    return Exclusion("not_transported") if facts.transported is False else judged(facts.prealert)


@indicator(
    "FAST, blood glucose and blood pressure all recorded.",
    inclusion="Suspected stroke or TIA, by the crew or the impression (ICD-10 I60, I61, I63, I64, G45 without G45.4)",
    exclusion="unconscious, head injury",
    differs="all three elements together; refusals and calls with a critical condition are not excluded",
    source="UK national ambulance clinical performance indicators S1, S2, S3",
    within="stroke_lkw",
)
def stroke_diagnostic_bundle(facts: EncounterFacts) -> Judgement | None:
    if not suspected_stroke(facts):
        return None
    if unconscious(facts):
        return Exclusion("unconscious")
    if has_impression(facts, HEAD_INJURY):
        return Exclusion("head_injury")
    assessed = facts.stroke.fast_assessed is True if facts.stroke is not None else recorded(facts, "fast")
    return judged(assessed and recorded(facts, "glucose", "systolic", "diastolic"))


@indicator(
    "The time the patient was last known well is recorded.",
    inclusion="Suspected stroke or TIA",
    differs="calls that were no emergency count too",
    source="IHE QORE Stroke-05",
)
def stroke_lkw(facts: EncounterFacts) -> Judgement | None:
    if not suspected_stroke(facts):
        return None
    return judged(facts.stroke is not None and facts.stroke.last_known_well_recorded is True)


@indicator(
    "Minutes from the call to arrival at the hospital in ST-elevation myocardial infarction.",
    inclusion=f"{STEMIS}, transported",
    exclusion="arrival before the call",
    differs="arrival at the hospital, where England measures to the balloon; median and 90th percentile beside the mean",
    source="NHS England Ambulance Quality Indicators; IHE QORE STEMI-4 from the call on",
    unit="min",
    within="stemi_care_bundle",
)
def stemi_call_to_door(facts: EncounterFacts) -> Judgement | None:
    if not stemi(facts) or not facts.transported:
        return None
    return elapsed(between(facts, "call", "at_destination"))


@indicator(
    "Minutes from the call to arrival at the hospital in suspected stroke.",
    inclusion="Suspected stroke or TIA, transported",
    exclusion="arrival before the call",
    differs="any hospital counts, not only one with a stroke unit; median and 90th percentile beside the mean",
    source="NHS England Ambulance Quality Indicators, stroke: call to arrival at hospital",
    unit="min",
    within="stroke_lkw",
)
def stroke_call_to_door(facts: EncounterFacts) -> Judgement | None:
    if not suspected_stroke(facts) or not facts.transported:
        return None
    return elapsed(between(facts, "call", "at_destination"))


@indicator(
    "A stroke scale done: FAST complete, or the NIHSS scored.",
    inclusion="Emergency responses, suspected stroke or TIA",
    exclusion="Glasgow score of 9 or less, or unresponsive, at some time",
    differs="FAST and NIHSS are the scales that a record can hold",
    source="NEMSQA Stroke-01",
    within="stroke_lkw",
)
def stroke_assessed(facts: EncounterFacts) -> Judgement | None:
    if not emergency(facts) or not suspected_stroke(facts):
        return None
    levels = [vital.text for vital in vitals(facts, "avpu")]
    if min(numbers(facts, "gcs"), default=15) <= NOT_ASSESSABLE_GCS or "unresponsive" in levels:
        return Exclusion("unconscious")
    stroke = facts.stroke
    scored = stroke is not None and (stroke.fast_assessed is True or stroke.nihss_recorded is True)
    return judged(scored or (stroke is None and recorded(facts, "fast")))


HEART_AND_BRAIN = (stemi_care_bundle, stemi_scene_to_ecg, stemi_prealert, stroke_diagnostic_bundle, stroke_lkw)
FURTHER_HEART_AND_BRAIN = (stemi_call_to_door, stroke_call_to_door, stroke_assessed)

"""Parts of a record about the patient and the call: complaint, history, dispatch, triage, weight, pregnancy, directives."""

from typing import Annotated, Literal

from msgspec import Meta, field

from services.epcr.records.care import Clinical, Drug, Impression, Item, Mass, Part, Text, Yes
from shared.web import http

Informant = Literal["patient", "family", "bystander", "caregiver", "health_professional", "records"]
# Why a list is empty: asked and nothing is known; not asked; asked, and not to be learned.
Silence = Literal["nil_known", "not_asked", "unknown"]


class Inquiries(Part):
    """Why lists of the history are empty. "Nothing known" is an answer; "not asked" and "unknown" are not."""

    allergies: Silence | None = None
    past_conditions: Silence | None = None
    current_medicines: Silence | None = None


class Allergy(Item, kw_only=True):
    """An allergy or intolerance to a substance or drug."""

    substance: Drug
    kind: Literal["allergy", "intolerance"] | None = None
    category: Literal["food", "medication", "environment", "biologic"] | None = None
    certainty: Literal["confirmed", "unconfirmed", "refuted"] | None = None
    criticality: Literal["low", "high", "unable_to_assess"] | None = None
    reactions: Annotated[list[Clinical], Meta(max_length=10)] = field(default_factory=list)
    severity: Literal["mild", "moderate", "severe"] | None = None
    informant: Informant | None = None
    comment: Text | None = None


class PastCondition(Item, kw_only=True):
    """An illness or operation before this encounter."""

    condition: Impression
    state: Literal["active", "inactive", "resolved"] | None = None
    informant: Informant | None = None
    comment: Text | None = None


class CurrentMedicine(Item, kw_only=True):
    """A medicine that the patient takes, or no longer takes, at home."""

    medicine: Drug
    taken: Literal["taking", "not_taking", "stopped", "unknown"] | None = None
    last_taken_at: http.Timestamp | None = None
    informant: Informant | None = None
    comment: Text | None = None


class Complaint(Part):
    """The chief complaint, when it began, and who reports it. `text` has the words that were used."""

    concept: Clinical | None = None
    text: Text | None = None
    informant: Informant | None = None
    began_at: http.Timestamp | None = None


class Dispatch(Part):
    """The category that the dispatch centre gave the call, by the scale that begins its name, and its MPDS determinant, such as `10D01`."""

    category: (
        Literal[
            "england_c1",
            "england_c1t",
            "england_c2",
            "england_c3",
            "england_c4",
            "mpds_echo",
            "mpds_delta",
            "mpds_charlie",
            "mpds_bravo",
            "mpds_alpha",
            "mpds_omega",
            "italy_red",
            "italy_yellow",
            "italy_green",
            "italy_white",
        ]
        | None
    ) = None
    determinant: Annotated[str, Meta(pattern=r"^([1-9]|[12][0-9]|3[0-9])[OABCDE][0-9]{2}[A-Za-z]{0,2}\Z")] | None = None
    lights_and_sirens: Yes | None = None


Acuity = Literal[
    "red",
    "orange",
    "yellow",
    "azure",
    "green",
    "blue",
    "white",
    "black",
    "level_1",
    "level_2",
    "level_3",
    "level_4",
    "level_5",
    "critical",
    "emergent",
    "lower_acuity",
    "non_acute",
    "dead_without_resuscitation",
]
SCALES: dict[str, tuple[Acuity, ...]] = {
    "italy_field": ("red", "yellow", "green", "white", "black"),
    "italy_hospital": ("red", "orange", "azure", "green", "white"),
    "manchester": ("red", "orange", "yellow", "green", "blue"),
    "esi": ("level_1", "level_2", "level_3", "level_4", "level_5"),
    "start": ("red", "yellow", "green", "black"),
    "nemsis": ("critical", "emergent", "lower_acuity", "non_acute", "dead_without_resuscitation"),
}


class Triage(Part):
    """The acuity that the crew found first and last, on one scale. A value of another scale is refused."""

    scale: Literal["italy_field", "italy_hospital", "manchester", "esi", "start", "nemsis"] | None = None
    initial: Acuity | None = None
    initial_at: http.Timestamp | None = None
    final: Acuity | None = None
    final_at: http.Timestamp | None = None


class Weight(Part):
    """The body weight, or the colour of a length-based tape, with the method by which it is known."""

    value: Mass | None = None
    method: (
        Literal["measured", "reported", "estimated", "length_based_tape", "age_formula", "hospital_record"] | None
    ) = None
    tape: Literal["grey", "pink", "red", "purple", "yellow", "white", "blue", "orange", "green"] | None = None
    weighed_at: http.Timestamp | None = None


class Pregnancy(Part):
    status: Literal["pregnant", "not_pregnant", "possible", "not_asked", "unknown"] | None = None
    gestation_weeks: Annotated[int, Meta(ge=1, le=45)] | None = None
    gravida: Annotated[int, Meta(ge=0, le=30)] | None = None
    para: Annotated[int, Meta(ge=0, le=30)] | None = None
    waters_broken: Yes | None = None
    contractions: Yes | None = None
    birth_imminent: Yes | None = None
    born_at: http.Timestamp | None = None


class Directives(Part):
    """Advance directives of the patient, and whether the crew saw the document."""

    status: Literal["present", "none_known", "not_asked", "unknown"] | None = None
    kinds: Annotated[
        list[Literal["do_not_resuscitate", "limited_treatment", "living_will", "health_care_proxy", "other"]],
        Meta(max_length=5),
    ] = field(default_factory=list)
    seen: Yes | None = None
    comment: Text | None = None

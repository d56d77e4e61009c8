"""Parts of a record from the crew's assessment: the call, the history, the patient, the findings, airway and compressions, the crew."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, field

from services.epcr.records.care import Clinical, Drug, Finding, Illness, Item, Mass, Note, Part, Yes, within
from shared.web import http

Informant = Literal["patient", "family", "bystander", "caregiver", "health_professional", "records"]
# Why a list is empty: asked and nothing is known; not asked; asked, and not to be learned.
Silence = Literal["nil_known", "not_asked", "unknown"]


class Inquiries(Part):
    """Why lists of the history are empty. "Nothing known" is an answer; "not asked" and "unknown" are not.

    An entry whose words are such an answer, as "none" or "NKDA", is refused.
    """

    allergies: Silence | None = None
    past_conditions: Silence | None = None
    current_medicines: Silence | None = None


class Allergy(Item, kw_only=True):
    """An allergy or intolerance to a substance or drug. A de-identified answer has no `substance` where the crew knew it in words alone."""

    substance: Drug
    kind: Literal["allergy", "intolerance"] | None = None
    category: Literal["food", "medication", "environment", "biologic"] | None = None
    certainty: Literal["confirmed", "unconfirmed", "refuted"] | None = None
    criticality: Literal["low", "high", "unable_to_assess"] | None = None
    reactions: Annotated[list[Clinical], Meta(max_length=10)] = field(default_factory=list)
    severity: Literal["mild", "moderate", "severe"] | None = None
    informant: Informant | None = None
    comment: Note | None = None


class PastCondition(Item, kw_only=True):
    """An illness or operation before this encounter. A de-identified answer has no `condition` where the crew knew it in words alone."""

    condition: Illness
    state: Literal["active", "inactive", "resolved"] | None = None
    informant: Informant | None = None
    comment: Note | None = None


class CurrentMedicine(Item, kw_only=True):
    """A medicine that the patient takes, or no longer takes, at home.

    A de-identified answer has no `medicine` where the crew knew it in words alone.
    """

    medicine: Drug
    taken: Literal["taking", "not_taking", "stopped", "unknown"] | None = None
    last_taken_at: http.Timestamp | None = None
    informant: Informant | None = None
    comment: Note | None = None


class Complaint(Part):
    """The chief complaint, when it began, and who reports it. `text` has the words that were used."""

    concept: Clinical | None = None
    text: Note | None = None
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
    comment: Note | None = None


OfScore = Annotated[int, Meta(ge=0, le=2)]


class Apgar(Item, kw_only=True):
    """The Apgar score of a newborn patient, one, five or ten minutes after the birth: the total, its five parts, or both."""

    scored_at: http.Timestamp | None = None
    minute: Literal[1, 5, 10]
    total: Annotated[int, Meta(ge=0, le=10)] | None = None
    appearance: OfScore | None = None
    pulse: OfScore | None = None
    grimace: OfScore | None = None
    activity: OfScore | None = None
    respiration: OfScore | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if all(getattr(self, name) is None for name in ("total", *APGAR_PARTS)):
            raise ValueError("has neither a total nor a part of the score")


APGAR_PARTS = ("appearance", "pulse", "grimace", "activity", "respiration")
MOST_OF_A_PART = 2


def apgar_total(score: Mapping[str, Any]) -> int | None:
    """The total of a score, or the sum of its parts where all five are known."""
    parts: list[int | None] = [score.get(name) for name in APGAR_PARTS]
    total: int | None = score.get("total")
    return total if total is not None or None in parts else sum(part or 0 for part in parts)


Reaction = Literal["brisk", "sluggish", "none", "not_assessable"]


class Pupils(Item, kw_only=True):
    """Diameters in mm, and reactions to light."""

    examined_at: http.Timestamp
    left_mm: Annotated[http.Number, within("mm", 0, 15)] | None = None
    right_mm: Annotated[http.Number, within("mm", 0, 15)] | None = None
    left_reaction: Reaction | None = None
    right_reaction: Reaction | None = None


class Examination(Item, kw_only=True):
    """The finding of one region of the body, with SNOMED CT findings, and the depth of its deepest burn."""

    examined_at: http.Timestamp
    region: Literal[
        "head",
        "face",
        "eyes",
        "ears_nose_throat",
        "neck",
        "chest",
        "heart",
        "lungs",
        "abdomen",
        "pelvis",
        "back",
        "left_arm",
        "right_arm",
        "left_leg",
        "right_leg",
        "skin",
        "neurological",
        "mental_status",
    ]
    result: Finding
    findings: Annotated[list[Clinical], Meta(max_length=20)] = field(default_factory=list)
    burn_depth: Literal["superficial", "superficial_partial", "deep_partial", "full_thickness"] | None = None
    comment: Note | None = None


class Injury(Part):
    """How the patient was injured, and the criteria of field triage (ACS 2021) that the crew found.

    `burned_surface` is the burned part of the whole body surface; superficial burns (erythema) do not count. `comment` has the mechanism in
    words, where none of the list fits.
    """

    injured_at: http.Timestamp | None = None
    mechanism: (
        Literal[
            "fall_same_level",
            "fall_from_height",
            "car_occupant",
            "motorcyclist",
            "cyclist",
            "pedestrian",
            "gunshot",
            "stabbing",
            "blunt_force",
            "crush",
            "burn",
            "blast",
            "drowning",
            "electrocution",
            "hanging",
            "bite_or_sting",
            "other",
        ]
        | None
    ) = None
    intent: Literal["unintentional", "self_harm", "assault", "undetermined"] | None = None
    fall_m: Annotated[http.Number, within("m", 0, 15_000)] | None = None
    entrapped: Yes | None = None
    burned_surface: Annotated[http.Number, within("%", 0, 100)] | None = None
    criteria: Annotated[
        list[
            Literal[
                "penetrating_injury",
                "skull_deformity",
                "spinal_injury",
                "chest_wall_instability",
                "pelvic_fracture",
                "two_long_bone_fractures",
                "crushed_extremity",
                "amputation",
                "active_bleeding",
                "no_motor_response",
                "respiratory_distress",
                "low_pressure",
                "fall_over_3_m",
                "ejection",
                "intrusion",
                "death_in_compartment",
                "thrown_from_vehicle",
                "child_unrestrained",
                "anticoagulants",
                "burns_with_trauma",
            ]
        ],
        Meta(max_length=20),
    ] = field(default_factory=list)
    protection: Annotated[
        list[Literal["seat_belt", "child_restraint", "helmet", "airbag_deployed", "no_protection"]], Meta(max_length=5)
    ] = field(default_factory=list)
    comment: Note | None = None


class AirwayAttempt(Item, kw_only=True):
    """One attempt at an advanced airway: its success, and the vital signs around it. `lowest` is of the attempt and three minutes after."""

    attempted_at: http.Timestamp
    ended_at: http.Timestamp | None = None
    device: Literal["endotracheal_tube", "supraglottic_airway", "surgical_airway"]
    technique: Literal["direct_laryngoscopy", "video_laryngoscopy", "blind", "front_of_neck"] | None = None
    drug_assisted: Yes | None = None
    prior_to_arrival: Yes | None = None
    successful: Yes | None = None
    confirmed_by: Literal["waveform_capnography", "colorimetric_co2", "auscultation", "direct_vision"] | None = None
    spo2_before: Annotated[http.Number, within("%", 0, 100)] | None = None
    spo2_lowest: Annotated[http.Number, within("%", 0, 100)] | None = None
    systolic_before: Annotated[http.Number, within("mm[Hg]", 0, 400)] | None = None
    systolic_lowest: Annotated[http.Number, within("mm[Hg]", 0, 400)] | None = None
    comment: Note | None = None


class Cpr(Part):
    """The quality of the compressions, as the defibrillator or a feedback device measured it."""

    dispatcher_instructed: Yes | None = None
    compression_rate: Annotated[http.Number, within("/min", 0, 250)] | None = None
    compression_depth: Annotated[http.Number, within("mm", 0, 120)] | None = None
    compression_fraction: Annotated[http.Number, within("%", 0, 100)] | None = None
    full_recoil: Annotated[http.Number, within("%", 0, 100)] | None = None
    ventilation_rate: Annotated[http.Number, within("/min", 0, 100)] | None = None
    longest_pause: Annotated[http.Number, within("s", 0, 3600)] | None = None
    mechanical_device: Yes | None = None
    feedback_device: Yes | None = None


class CrewMember(http.Body):
    """A member of `crew_ids`, with the role in this mission and the qualification."""

    id: http.ExternalId
    role: Literal["lead", "attendant", "driver", "physician", "trainee", "observer"] | None = None
    qualification: (
        Literal[
            "first_responder",
            "emergency_medical_technician",
            "advanced_emergency_medical_technician",
            "paramedic",
            "advanced_paramedic",
            "critical_care_paramedic",
            "nurse",
            "physician",
            "other",
        ]
        | None
    ) = None

"""Parts of a record that the crew finds or does: pupils, examination by region, injury, airway attempts, quality of compressions, crew."""

from typing import Annotated, Literal

from msgspec import Meta, field

from services.epcr.records.care import Clinical, Finding, Item, Part, Text, Yes, within
from shared.web import http

Reaction = Literal["brisk", "sluggish", "none", "not_assessable"]


class Pupils(Item, kw_only=True):
    """Diameters in mm, and reactions to light."""

    examined_at: http.Timestamp
    left_mm: Annotated[http.Number, within("mm", 0, 15)] | None = None
    right_mm: Annotated[http.Number, within("mm", 0, 15)] | None = None
    left_reaction: Reaction | None = None
    right_reaction: Reaction | None = None


class Examination(Item, kw_only=True):
    """The finding of one region of the body, with SNOMED CT findings."""

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
    comment: Text | None = None


class Injury(Part):
    """How the patient was injured, and the criteria of field triage (ACS 2021) that the crew found."""

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
    fall_m: Annotated[http.Number, within("m", 0, 1000)] | None = None
    entrapped: Yes | None = None
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
    comment: Text | None = None


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

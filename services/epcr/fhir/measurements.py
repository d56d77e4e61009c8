"""The kinds of Observation that entries and sections of a record make, and the codes of vital signs."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec


class Code(NamedTuple):
    """LOINC codes, most general first, and the display of the first."""

    loinc: tuple[str, ...]
    display: str


# A kind is present when one of its fields has a value.
FIELDS: dict[str, tuple[str, ...]] = {
    "heart_rate": ("heart_rate",),
    "respiratory_rate": ("respiratory_rate",),
    "blood_pressure": ("systolic", "diastolic", "mean_pressure"),
    "spo2": ("spo2",),
    "temperature": ("temperature",),
    "etco2": ("etco2",),
    "glucose": ("glucose",),
    "gcs": ("gcs", "gcs_eye", "gcs_verbal", "gcs_motor"),
    "avpu": ("avpu",),
    "pain": ("pain",),
}
CODES: dict[str, Code] = {
    "heart_rate": Code(("8867-4",), "Heart rate"),
    "respiratory_rate": Code(("9279-1",), "Respiratory rate"),
    "blood_pressure": Code(("85354-9",), "Blood pressure panel with all children optional"),
    "spo2": Code(("2708-6", "59408-5"), "Oxygen saturation in Arterial blood"),
    "temperature": Code(("8310-5",), "Body temperature"),
    "gcs": Code(("9269-2",), "Glasgow coma score total"),
    "avpu": Code(("67775-7",), "Level of responsiveness"),
    "pain": Code(("72514-3",), "Pain severity - 0-10 verbal numeric rating [Score] - Reported"),
}
# The LOINC code depends on the unit: a fraction, a pressure, an amount, a mass.
CODES_BY_UNIT: dict[str, dict[str, Code]] = {
    "etco2": {
        "mm[Hg]": Code(("19891-1",), "Carbon dioxide [Partial pressure] in Exhaled gas --at end expiration"),
        "kPa": Code(("19891-1",), "Carbon dioxide [Partial pressure] in Exhaled gas --at end expiration"),
        "%": Code(("19889-5",), "Carbon dioxide/Gas.total.at end expiration in Exhaled gas"),
    },
    "glucose": {
        "mg/dL": Code(("2339-0", "41653-7"), "Glucose [Mass/volume] in Blood"),
        "mmol/L": Code(("15074-8", "14743-9"), "Glucose [Moles/volume] in Blood"),
    },
}
COMPONENTS: dict[str, Code] = {
    "systolic": Code(("8480-6",), "Systolic blood pressure"),
    "diastolic": Code(("8462-4",), "Diastolic blood pressure"),
    "mean_pressure": Code(("8478-0",), "Mean blood pressure"),
    "gcs_eye": Code(("9267-6",), "Glasgow coma score eye opening"),
    "gcs_verbal": Code(("9270-0",), "Glasgow coma score verbal"),
    "gcs_motor": Code(("9268-4",), "Glasgow coma score motor"),
}
UNITS = {
    "heart_rate": "/min",
    "respiratory_rate": "/min",
    "blood_pressure": "mm[Hg]",
    "spo2": "%",
    "gcs": "{score}",
    "pain": "{score}",
}
FAST = ("suspected", "face", "arm", "speech", "last_known_well", "prealert")
# Responsiveness as NEWS2 codes it in SNOMED CT, with the terms of its value sets.
AVPU = {
    "alert": ("248234008", "Mentally alert"),
    "verbal": ("300202002", "Responds to voice"),
    "pain": ("450847001", "Responds to pain"),
    "unresponsive": ("422768004", "Unresponsive"),
}
# Sections that are one Observation, and their fields that do not leave.
SECTIONS = frozenset(
    {"complaint", "dispatch", "triage", "weight", "pregnancy", "directives", "injury", "arrest", "cpr", "disposition"}
)
_KEPT_BACK = frozenset({"comment", "text", "destination", "born_at"})
CATEGORIES = {"glucose": "laboratory", "gcs": "exam", "avpu": "exam", "pain": "survey"}


def kinds_of(name: str, part: Any) -> list[str]:
    """The Observations that an entry of the list `name`, or the section `name`, makes. Kinds of vital signs have their unit."""
    if part is None:
        return []
    members: Any = msgspec.to_builtins(part)
    if name == "vital_signs":
        return [kind_with_unit(kind, members) for kind in kinds(members)]
    if name == "procedures":
        return ["finding"] if members.get("finding") else []
    if name == "stroke":
        fast = ["fast"] if any(members.get(sign) is not None for sign in FAST) else []
        return fast + (["nihss"] if members.get("nihss") is not None else [])
    if name == "impressions":
        return [f"{one['system']}|{one['code']}" for one in members]
    if name == "patient":
        country = (members["address"] or {}).get("country")
        known = (members["sex"], members["birth_date"], members["age_years"], country)
        return ["demographics"] if any(value is not None for value in known) else []
    if name in SECTIONS:
        shown = [value for field, value in members.items() if field not in _KEPT_BACK and value not in (None, [])]
        return [name] if shown else []
    return []


def kinds(signs: Mapping[str, Any]) -> list[str]:
    """The Observations that a set of vital signs makes."""
    return [kind for kind, fields in FIELDS.items() if any(signs.get(field) is not None for field in fields)]


def kind_with_unit(kind: str, signs: Mapping[str, Any]) -> str:
    """`etco2 kPa`: identifies an Observation after its value is gone. The unit is present where it decides the code."""
    return f"{kind} {signs[kind]['unit']}" if kind in CODES_BY_UNIT else kind


def kind_without_unit(kind: str) -> str:
    return kind.partition(" ")[0]


def code_of(kind_with_unit: str, signs: Mapping[str, Any]) -> Code:
    """The code of a kind, with its unit or without. Where the unit decides, a present value comes before the unit of the kind."""
    kind, _, unit = kind_with_unit.partition(" ")
    if kind in CODES:
        return CODES[kind]
    by_unit = CODES_BY_UNIT[kind]
    return by_unit[signs[kind]["unit"] if kind in signs else unit or next(iter(by_unit))]


def measured(kind: str, signs: Mapping[str, Any]) -> tuple[Decimal | int, str] | None:
    """A kind's own value and UCUM unit; None where it has only components, or a code for a value."""
    value = signs.get(kind)
    if value is None or kind == "avpu":
        return None
    if isinstance(value, Mapping):
        return value["value"], value["unit"]
    return value, UNITS[kind]

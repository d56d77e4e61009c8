"""The clinical parts of a record: coded concepts, times, vital signs, procedures, medications, arrest, stroke, disposition."""

import csv
import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal, get_args, get_type_hints

from msgspec import Meta, field

from shared.web import http

ICD10 = "http://hl7.org/fhir/sid/icd-10"
ICD10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"

# A text of white space alone is refused by `faults.py` where it is sent. Stored ones stay readable.
NOT_BLANK = {"pattern": r"\S"}
Text = Annotated[str, Meta(min_length=1, max_length=200, extra_json_schema=NOT_BLANK)]
# Words of the crew about one thing: an interpretation of an ECG, a mechanism of injury, a reaction, the reason of a refusal.
Note = Annotated[str, Meta(min_length=1, max_length=2000, extra_json_schema=NOT_BLANK)]
# SNOMED CT has terms of 255 characters.
Display = Annotated[str, Meta(min_length=1, max_length=300, extra_json_schema=NOT_BLANK)]
LongText = Annotated[str, Meta(min_length=1, max_length=50_000, extra_json_schema=NOT_BLANK)]


def one_of(*values: str) -> Meta:
    """The values that a text may have, for its schema."""
    return Meta(extra_json_schema={"enum": list(values)})


def within(unit: str, low: int, high: int) -> Meta:
    """The UCUM unit of a number and its range: values that no patient can have are outside. An alarming value is data."""
    return Meta(extra_json_schema={"minimum": low, "maximum": high, "x-ucum": unit})


def in_units(units: Mapping[str, tuple[int, int]]) -> Meta:
    """The range of a number in each of several units, and the one that covers all."""
    lows, highs = zip(*units.values(), strict=True)
    ranges = {unit: {"minimum": low, "maximum": high} for unit, (low, high) in units.items()}
    return Meta(extra_json_schema={"minimum": min(lows), "maximum": max(highs), "x-ranges": ranges})


_FORMS = {
    ICD10: re.compile(r"[A-Z][0-9]{2}(\.[0-9A-Z]{1,4})?"),
    ICD10_CM: re.compile(r"[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?"),
    SNOMED: re.compile(r"[1-9][0-9]{5,17}"),
    RXNORM: re.compile(r"[1-9][0-9]{0,7}"),
    ATC: re.compile(r"[A-Z]([0-9]{2}([A-Z]([A-Z]([0-9]{2})?)?)?)?"),
}

# Verhoeff's check digit over the dihedral group D5, as the SNOMED CT Release File Specifications give it for SCTIDs.
_MULTIPLY = (
    "0123456789 1234067895 2340178956 3401289567 4012395678 5987604321 6598710432 7659821043 8765932104 9876543210"
)
_PERMUTE = "0123456789 1576283094 5803796142 8916043527 9453126870 4286573901 2793806415 7046913258"


class Concept(http.Body):
    """A code and the URI of its system. The form of the code is checked, so that no free text hides in it.

    `display` is the text that the crew saw: stored, and never shown to a partner.
    """

    systems: ClassVar[tuple[str, ...]] = ()
    system: str
    code: str
    display: Display | None = None

    def __post_init__(self) -> None:
        check_code(self.system, self.code, self.systems)


class Impression(Concept):
    """ICD-10, of the WHO or the clinical modification, or SNOMED CT."""

    systems: ClassVar[tuple[str, ...]] = (ICD10, ICD10_CM, SNOMED)
    system: Annotated[str, one_of(*systems)]


class Clinical(Concept):
    """SNOMED CT: findings, procedures, routes, sites."""

    systems: ClassVar[tuple[str, ...]] = (SNOMED,)
    system: Annotated[str, one_of(*systems)]


class Worded(http.Body):
    """A code, as of a Concept, or the crew's words alone as `display`, where they do not know the code."""

    systems: ClassVar[tuple[str, ...]] = ()
    system: str | None = None
    code: str | None = None
    display: Display | None = None

    def __post_init__(self) -> None:
        if self.system is not None and self.code is not None:
            check_code(self.system, self.code, self.systems)
        elif self.system is not None or self.code is not None:
            raise ValueError("system and code are given together, or neither")
        elif not (self.display or "").strip():
            raise ValueError("has neither a code nor words")


class Drug(Worded):
    """RxNorm, ATC or SNOMED CT; for a drug or substance whose code the crew does not know, their words alone, as `display`."""

    systems: ClassVar[tuple[str, ...]] = (RXNORM, ATC, SNOMED)
    system: Annotated[str, one_of(*systems)] | None = None


class Illness(Worded):
    """ICD-10, of the WHO or the clinical modification, or SNOMED CT; for an illness whose code the crew does not know, their words alone,
    as `display`.
    """

    systems: ClassVar[tuple[str, ...]] = Impression.systems
    system: Annotated[str, one_of(*systems)] | None = None


def check_code(system: str, code: str, systems: tuple[str, ...]) -> None:
    """Raises ValueError for another system than these, or a code without its form."""
    form = _FORMS.get(system)
    if form is None or system not in systems:
        raise ValueError(f"system is not one of {', '.join(systems)}")
    if not form.fullmatch(code) or (system == SNOMED and not is_snomed_id(code)):
        raise ValueError(f"code is not a code of {system}")


def is_snomed_id(digits: str) -> bool:
    """Whether the last digit is the Verhoeff check digit of the others."""
    multiply, permute = _MULTIPLY.split(), _PERMUTE.split()
    check = 0
    for position, digit in enumerate(reversed(digits)):
        check = int(multiply[check][int(permute[position % 8][int(digit)])])
    return check == 0


ItemId = Annotated[str, Meta(max_length=40)]
# A number as it is printed on a bag, a vial or a recording.
Printed = Annotated[str, Meta(pattern=r"^[!-~]([ -~]{0,58}[!-~])?\Z")]
Yes = bool
# Far enough from the ends of the calendar that a shifted time is still a time.
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


@cache
def displays() -> dict[str, dict[str, str]]:
    """By system and code, those that may be redistributed: `data/displays.md` has the licences."""
    data = Path(__file__).parents[1] / "data"
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    with (data / "displays.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found[row["system"]][row["code"]] = row["display"]
    with (data / "icd10cm.csv").open(newline="") as file:
        found[ICD10_CM] = {row["code"]: row["display"] for row in csv.DictReader(file)}
    return dict(found)


def display(system: str, code: str) -> str | None:
    """The official English display; None for a code that the table does not know."""
    return displays().get(system, {}).get(code)


class Part(http.Body):
    """A part of the record. Times outside 1900 to 2200 and numbers outside their range are refused: they are typing errors."""

    def __post_init__(self) -> None:
        ranges = ranges_of(type(self))
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, datetime) and not EARLIEST <= value <= LATEST:
                raise ValueError(f"{name} is not between 1900 and 2200")
            if isinstance(value, Decimal) and name in ranges and not ranges[name][1] <= value <= ranges[name][2]:
                raise ValueError(f"{name} is not between {ranges[name][1]} and {ranges[name][2]}")


@cache
def ranges_of(kind: type[Part]) -> dict[str, tuple[str, int, int]]:
    """The UCUM unit, lowest and highest value of each field with a fixed unit."""
    found: dict[str, tuple[str, int, int]] = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        for option in get_args(hint):
            for meta in getattr(option, "__metadata__", ()):
                schema = meta.extra_json_schema or {}
                if "x-ucum" in schema:
                    found[name] = (schema["x-ucum"], schema["minimum"], schema["maximum"])
    return found


class Times(Part):
    """The mission's clock, from the call to the handover."""

    call: http.Timestamp | None = None
    mobile: http.Timestamp | None = None
    on_scene: http.Timestamp | None = None
    at_patient: http.Timestamp | None = None
    left_scene: http.Timestamp | None = None
    at_destination: http.Timestamp | None = None
    handover: http.Timestamp | None = None


class Measurement(http.Body):
    """A value and its UCUM unit, where services use several units. `units` has the range of values in each."""

    units: ClassVar[dict[str, tuple[int, int]]] = {}
    value: http.Number
    unit: str

    def __post_init__(self) -> None:
        if self.unit not in self.units:
            raise ValueError(f"unit is not one of {', '.join(self.units)}")
        low, high = self.units[self.unit]
        if not low <= self.value <= high:
            raise ValueError(f"value is not between {low} and {high} {self.unit}")


class Temperature(Measurement):
    units: ClassVar[dict[str, tuple[int, int]]] = {"Cel": (0, 50), "[degF]": (32, 122)}
    value: Annotated[http.Number, in_units(units)]
    unit: Annotated[str, one_of(*units)]


class EndTidalCO2(Measurement):
    units: ClassVar[dict[str, tuple[int, int]]] = {"mm[Hg]": (0, 200), "kPa": (0, 27), "%": (0, 30)}
    value: Annotated[http.Number, in_units(units)]
    unit: Annotated[str, one_of(*units)]


class Glucose(Measurement):
    units: ClassVar[dict[str, tuple[int, int]]] = {"mmol/L": (0, 200), "mg/dL": (0, 3600)}
    value: Annotated[http.Number, in_units(units)]
    unit: Annotated[str, one_of(*units)]


class Mass(Measurement):
    units: ClassVar[dict[str, tuple[int, int]]] = {"kg": (0, 700), "g": (0, 700_000), "[lb_av]": (0, 1550)}
    value: Annotated[http.Number, in_units(units)]
    unit: Annotated[str, one_of(*units)]


class Item(Part):
    """An entry of a list. Without `id` it is a new entry; with it, it replaces the entry of that id.

    An entry is never removed: `entered_in_error` withdraws it, here and in every hospital that has it.
    """

    id: ItemId | None = None
    entered_in_error: bool = False


class VitalSigns(Item, kw_only=True):
    """One set of vital signs. `x-ucum` of a field is its unit; temperature, EtCO2 and glucose name their own."""

    taken_at: http.Timestamp
    heart_rate: Annotated[http.Number, within("/min", 0, 400)] | None = None
    respiratory_rate: Annotated[http.Number, within("/min", 0, 150)] | None = None
    systolic: Annotated[http.Number, within("mm[Hg]", 0, 400)] | None = None
    diastolic: Annotated[http.Number, within("mm[Hg]", 0, 300)] | None = None
    mean_pressure: Annotated[http.Number, within("mm[Hg]", 0, 350)] | None = None
    spo2: Annotated[http.Number, within("%", 0, 100)] | None = None
    temperature: Temperature | None = None
    etco2: EndTidalCO2 | None = None
    glucose: Glucose | None = None
    gcs_eye: Annotated[int, Meta(ge=1, le=4)] | None = None
    gcs_verbal: Annotated[int, Meta(ge=1, le=5)] | None = None
    gcs_motor: Annotated[int, Meta(ge=1, le=6)] | None = None
    gcs: Annotated[int, Meta(ge=3, le=15)] | None = None
    avpu: Literal["alert", "verbal", "pain", "unresponsive"] | None = None
    pain: Annotated[int, Meta(ge=0, le=10)] | None = None


Reason = Literal["refused", "contraindicated", "not_indicated", "unable"]


class Tracing(Part):
    """Where the tracing of an ECG is: its id in the monitor or in the hospital's ECG system `store`. The record holds no tracing itself."""

    reference: Printed
    store: Text | None = None
    device: Printed | None = None
    recorded_at: http.Timestamp | None = None


class Procedure(Item, kw_only=True):
    """A SNOMED CT procedure. `not_done` gives the reason why it was not done, which is itself a finding.

    `comment` has the interpretation of an ECG. A transfusion has the numbers on the bag: see Medication. A de-identified answer has none.
    """

    performed_at: http.Timestamp
    ended_at: http.Timestamp | None = None
    procedure: Clinical
    body_site: Clinical | None = None
    attempts: Annotated[int, Meta(ge=1, le=50)] | None = None
    outcome: Literal["successful", "partially_successful", "unsuccessful"] | None = None
    not_done: Reason | None = None
    finding: Literal["stemi", "no_stemi"] | None = None
    tracing: Tracing | None = None
    unit_number: Printed | None = None
    lot_number: Printed | None = None
    comment: Note | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ended_at is not None and self.ended_at < self.performed_at:
            raise ValueError("ended_at is before performed_at")


DOSE_UNITS = frozenset(
    [
        "mg",
        "ug",
        "g",
        "ng",
        "mL",
        "L",
        "mmol",
        "meq",
        "[iU]",
        "mg/min",
        "ug/min",
        "mg/kg",
        "ug/kg",
        "ug/kg/min",
        "mg/kg/min",
        "mg/h",
        "mL/h",
        "mL/min",
        "L/min",
        # Infusions of transfers and births, and doses of children.
        "[iU]/h",
        "[iU]/kg",
        "[iU]/kg/h",
        "[iU]/min",
        "g/h",
        "g/kg",
        "m[iU]/min",
        "meq/h",
        "mL/kg",
        "mL/kg/h",
        "mg/kg/h",
        "mmol/h",
        "mmol/kg",
        "ng/kg/min",
        "ug/h",
        "ug/kg/h",
        "{puff}",
        "{tablet}",
        "{drop}",
    ]
)


# Far above each dose that is given, to find a mistyped unit or point: benzylpenicillin has the largest numbers, in units.
_MOST_OF_A_DOSE = {
    **dict.fromkeys(("[iU]", "[iU]/h", "[iU]/kg", "[iU]/kg/h", "[iU]/min", "m[iU]/min"), 100_000_000),
    **dict.fromkeys(("ng", "ng/kg/min"), 100_000_000),
    **dict.fromkeys(("ug", "ug/min", "ug/h", "ug/kg", "ug/kg/min", "ug/kg/h"), 10_000_000),
    **dict.fromkeys(("mg", "mg/min", "mg/h", "mg/kg", "mg/kg/min", "mg/kg/h"), 200_000),
    **dict.fromkeys(("g", "g/h", "g/kg"), 500),
    **dict.fromkeys(("mL", "mL/h", "mL/min", "mL/kg", "mL/kg/h"), 50_000),
    **dict.fromkeys(("L", "L/min"), 100),
    **dict.fromkeys(("mmol", "mmol/h", "mmol/kg", "meq", "meq/h"), 10_000),
    **dict.fromkeys(("{puff}", "{tablet}", "{drop}"), 1000),
}


class Dose(http.Body):
    value: Annotated[http.Number, in_units({unit: (0, _MOST_OF_A_DOSE[unit]) for unit in sorted(DOSE_UNITS)})]
    unit: Annotated[str, one_of(*sorted(DOSE_UNITS))]

    def __post_init__(self) -> None:
        if self.unit not in DOSE_UNITS:
            raise ValueError("unit is not one of the UCUM dose units")
        if self.value <= 0:
            raise ValueError("value is not above 0")


class Medication(Item, kw_only=True):
    """A drug given, or with `not_done` one that was not given and the reason. A unit per time (`mL/h`) makes the dose a rate.

    `unit_number` is the donation number on a bag of blood, `lot_number` the batch of a drug or plasma product. A de-identified answer has
    neither, and no `medication` where the crew knew it in words alone.
    """

    given_at: http.Timestamp
    medication: Drug
    dose: Dose | None = None
    route: Clinical | None = None
    response: Literal["improved", "unchanged", "worse"] | None = None
    unit_number: Printed | None = None
    lot_number: Printed | None = None
    not_done: Reason | None = None
    comment: Note | None = None


class Arrest(Part):
    """Out-of-hospital cardiac arrest in Utstein terms."""

    resuscitation_attempted: Yes | None = None
    aetiology: (
        Literal[
            "presumed_cardiac",
            "trauma",
            "drowning",
            "respiratory",
            "overdose",
            "electrocution",
            "exsanguination",
            "other",
        ]
        | None
    ) = None
    witnessed: Literal["bystander", "ems", "unwitnessed"] | None = None
    arrested_at: http.Timestamp | None = None
    bystander_cpr: Yes | None = None
    bystander_aed: Yes | None = None
    cpr_started_at: http.Timestamp | None = None
    initial_rhythm: (
        Literal["vf", "pulseless_vt", "shockable_unknown", "pea", "asystole", "non_shockable_unknown"] | None
    ) = None
    first_shock_at: http.Timestamp | None = None
    shocks: Annotated[int, Meta(ge=0, le=100)] | None = None
    rosc: Yes | None = None
    rosc_at: http.Timestamp | None = None
    rosc_at_handover: Yes | None = None
    dnar: Yes | None = None
    recognised_dead: Yes | None = None
    ended_at: http.Timestamp | None = None
    survived_to_discharge: Yes | None = None
    cpc: Annotated[int, Meta(ge=1, le=5)] | None = None
    comment: Note | None = None


Finding = Literal["normal", "abnormal", "not_assessable"]


class Stroke(Part):
    """FAST, when the patient was last known well, and the NIHSS total where it was scored."""

    suspected: Yes | None = None
    assessed_at: http.Timestamp | None = None
    face: Finding | None = None
    arm: Finding | None = None
    speech: Finding | None = None
    last_known_well: http.Timestamp | None = None
    nihss: Annotated[int, Meta(ge=0, le=42)] | None = None
    prealert: Yes | None = None
    comment: Note | None = None


class Disposition(Part):
    """The end of the encounter. `destination` names a place and is in no de-identified answer.

    `expected_at` is the arrival that the crew announced to the destination.
    """

    outcome: (
        Literal[
            "transported",
            "treated_and_released",
            "refused",
            "care_transferred",
            "dead_on_scene",
            "no_treatment_needed",
            "no_patient_found",
            "cancelled",
        ]
        | None
    ) = None
    destination: Text | None = None
    destination_type: (
        Literal["emergency_department", "stroke_unit", "cath_lab", "trauma_centre", "other_hospital", "home", "other"]
        | None
    ) = None
    prealert: Yes | None = None
    prealert_at: http.Timestamp | None = None
    expected_at: http.Timestamp | None = None
    prealert_for: (
        Literal["arrest", "stemi", "stroke", "trauma", "sepsis", "obstetric", "paediatric", "other"] | None
    ) = None
    lights_and_sirens: Yes | None = None
    child_restrained: Yes | None = None
    refused: Annotated[list[Literal["assessment", "treatment", "transport"]], Meta(max_length=3)] = field(
        default_factory=list
    )
    has_capacity: Yes | None = None
    refusal_signed: Yes | None = None
    refusal_signed_by: Literal["patient", "guardian", "witness"] | None = None
    comment: Note | None = None

"""Who the patient is. All of it is encrypted at rest; of all this only sex, birth year and country ever leave."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, field

from services.epcr.models.concepts import Text
from shared import http

Phone = Annotated[str, Meta(min_length=3, max_length=40)]
Sex = Literal["female", "male", "other", "unknown"]


class Name(http.Body):
    family: Text | None = None
    given: Annotated[list[Text], Meta(max_length=10)] = field(default_factory=list)
    text: Text | None = None


class PatientIdentifier(http.Body):
    """A national or local number. `system` says whose, as a URI or a short name."""

    system: Text
    value: Text


class Address(http.Body):
    line: Annotated[list[Text], Meta(max_length=5)] = field(default_factory=list)
    city: Text | None = None
    state: Text | None = None
    postal_code: Text | None = None
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")] | None = None
    latitude: http.Number | None = None
    longitude: http.Number | None = None


class NextOfKin(http.Body):
    name: Text
    relationship: Text | None = None
    phones: Annotated[list[Phone], Meta(max_length=10)] = field(default_factory=list)
    address: Address | None = None


class Patient(http.Body):
    """`birth_date` is a full date; `age_years` stands in where only an estimate is known."""

    name: Name | None = None
    birth_date: date | None = None
    age_years: Annotated[int, Meta(ge=0, le=130)] | None = None
    sex: Sex | None = None
    identifiers: Annotated[list[PatientIdentifier], Meta(max_length=20)] = field(default_factory=list)
    address: Address | None = None
    phones: Annotated[list[Phone], Meta(max_length=10)] = field(default_factory=list)
    email: Text | None = None
    next_of_kin: Annotated[list[NextOfKin], Meta(max_length=10)] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.birth_date is not None and self.birth_date.year < 1880:
            raise ValueError("birth_date is before 1880")

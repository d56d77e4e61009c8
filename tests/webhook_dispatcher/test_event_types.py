"""The catalogue: the schema of each event type is enforced, and its example fits."""

import re
from typing import Any

import pytest

from services.webhook_dispatcher.fanout.event_types import is_approved
from services.webhook_dispatcher.fanout.intake import violation
from shared.messaging.event_types import catalogue

# The types of 2026.2. Later ones need no line here.
PUBLISHED = [
    "app.secret_rotated",
    "automation.fired",
    "device.enrolled",
    "device.observations.recorded",
    "epcr.encounter.completed",
    "epcr.encounter.created",
    "epcr.encounter.updated",
    "epcr.identity.corrected",
    "incident.closed",
    "incident.created",
    "incident.updated",
    "integration_request.decided",
    "webhook.disabled",
]


def test_the_types_of_the_contract_stay_in_the_catalogue() -> None:
    assert set(PUBLISHED) <= set(catalogue())


@pytest.mark.parametrize("name", catalogue())
def test_every_example_follows_its_own_schema(name: str) -> None:
    assert violation(name, catalogue()[name].example) is None


@pytest.mark.parametrize("name", catalogue())
def test_a_type_is_words_joined_by_points_as_standard_webhooks_asks(name: str) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9_]+(\.[a-zA-Z0-9_]+)*", name)
    assert catalogue()[name].description


@pytest.mark.parametrize("name", catalogue())
def test_a_field_the_schema_does_not_name_is_refused(name: str) -> None:
    assert violation(name, catalogue()[name].example | {"patient_name": "x"}) == "/: additionalProperties"


@pytest.mark.parametrize("name", catalogue())
def test_a_missing_required_field_is_refused(name: str) -> None:
    kind = catalogue()[name]
    for field in kind.schema["required"]:
        data = {key: value for key, value in kind.example.items() if key != field}
        assert violation(name, data) == "/: required"


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("incident.updated", {"version": 0}, "/version: minimum"),
        ("incident.updated", {"units": ["", "AMB-1"]}, "/units/0: minLength"),
        ("incident.closed", {"closed_reason": "the patient, Mr Rossi, went home"}, "/closed_reason: pattern"),
        ("epcr.encounter.created", {"status": "lost"}, "/status: enum"),
        ("epcr.encounter.created", {"encounter_id": "enc_1"}, "/encounter_id: pattern"),
        ("device.observations.recorded", {"first_observed_at": "yesterday"}, "/first_observed_at: format"),
    ],
)
def test_a_value_that_breaks_the_schema_is_named_by_place_and_rule(
    name: str, change: dict[str, Any], reason: str
) -> None:
    assert violation(name, catalogue()[name].example | change) == reason


def test_an_unknown_type_is_refused() -> None:
    assert violation("incident.exploded", {}) == "unknown event type"


@pytest.mark.parametrize(
    ("patterns", "covered"),
    [
        (["incident.*"], True),
        (["incident.updated"], True),
        (["*"], True),
        (["epcr.*", "incident.updated"], True),
        ([], False),
        (["incident"], False),
        (["incident.created"], False),
        (["inc*"], False),
        (["incident.updated.*"], False),
        (["*.updated"], False),
    ],
)
def test_an_approval_covers_the_type_itself_or_everything_below_a_point(patterns: list[str], covered: bool) -> None:
    assert is_approved("incident.updated", patterns) is covered

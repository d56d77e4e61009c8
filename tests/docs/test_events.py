"""The catalogue of events accepts every event that producers send."""

from datetime import UTC, datetime

import msgspec
import pytest

from services.auth.apps import endpoints
from services.auth.apps.models import AppRow
from services.device_ingest.models import Enrolment
from services.webhook_dispatcher.fanout.intake import violation
from shared.messaging.event_types import catalogue

NOW = datetime(2026, 3, 23, 12, tzinfo=UTC)
APP = AppRow(
    client_id="app_01jdkfx3c8e2r9v5m7q4t6w0ya",
    tenant_id="org_01jdkfx3c8e2r9v5m7q4t6w0ya",
    name="Case sync connector",
    status="active",
    first_party=False,
    grant_types=["client_credentials"],
    redirect_uris=[],
    requested_scopes=[],
    token_endpoint_auth_method="client_secret_basic",
    jwks=None,
    allow_service_tokens=True,
    enforce_pkce=True,
    approved_events=["incident.*"],
    access_token_ttl=3600,
    graphql_bundles=[],
    pseudonym_domain="",
    deidentification="exact",
    version=1,
    created_at=NOW,
    updated_at=NOW,
)


@pytest.mark.parametrize("previous_expires_at", [NOW, None])
def test_a_rotated_secret_is_an_event_of_the_catalogue(previous_expires_at: datetime | None) -> None:
    event = endpoints._secret_rotated(APP, previous_expires_at, test=False)
    assert violation(event.type, msgspec.to_builtins(event.data)) is None


def test_the_device_of_an_example_has_a_class_that_enrolment_accepts() -> None:
    shown = catalogue()["device.enrolled"].example
    msgspec.convert({"serial_number": "SN-1", "device_class": shown["device_class"]}, Enrolment)

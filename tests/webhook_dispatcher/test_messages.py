"""The messages this service takes and makes, held against the golden files that the other side's tests read too."""

from pathlib import Path

import msgspec

from services.webhook_dispatcher.fanout import intake
from services.webhook_dispatcher.history import decisions
from shared.messaging.messages import Event, WebhookApp
from shared.primitives import ids

GOLDEN = Path(__file__).parents[1] / "messages"


def test_the_golden_event_is_accepted_and_its_body_is_what_the_standard_asks() -> None:
    event = msgspec.json.decode((GOLDEN / "webhook_dispatcher.event.v1.json").read_bytes(), type=Event)
    accepted = intake.accept("org_1", event, None)
    body = msgspec.json.decode(accepted.body)
    assert list(body) == ["type", "timestamp", "data"]
    assert body["timestamp"] == "2026-03-23T12:00:00.250000Z"
    assert body["data"] == event.data


def test_an_event_of_a_sandbox_is_marked_as_a_test_for_every_subscriber() -> None:
    event = msgspec.json.decode((GOLDEN / "webhook_dispatcher.event.v1.json").read_bytes(), type=Event)
    accepted = intake.accept("org_1", msgspec.structs.replace(event, test=True), None)
    assert msgspec.json.decode(accepted.body)["test"] is True


def test_the_golden_app_is_read_whole() -> None:
    text = (GOLDEN / "webhook_dispatcher.app_changed.v1.json").read_bytes()
    app = msgspec.json.decode(text, type=WebhookApp)
    assert msgspec.json.decode(msgspec.json.encode(app)) == msgspec.json.decode(text)
    assert app.status == "active"
    assert app.approved_events == ["incident.*", "epcr.encounter.created"]


def test_webhook_disabled_as_we_send_it_is_an_event_of_the_catalogue() -> None:
    event = decisions.disabled_event(ids.new_id("wh"), "failing", test=False)
    assert intake.violation(event.type, event.data) is None
    assert msgspec.json.decode(msgspec.json.encode(event), type=Event) == event

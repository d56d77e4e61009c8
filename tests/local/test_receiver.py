"""The receiver that prints webhooks: it believes a signature as a partner would."""

import base64
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from standardwebhooks import Webhook

from deploy.receiver import Delivery, Receiver

SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
BODY = '{"type": "device.enrolled", "timestamp": "2026-01-01T00:00:00Z", "data": {}}'
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def deliveries() -> list[Delivery]:
    return []


@pytest.fixture
def receiver(deliveries: list[Delivery]) -> Iterator[Receiver]:
    def receive(delivery: Delivery) -> int:
        deliveries.append(delivery)
        return 204 if delivery.verified(SECRET) else 401

    receiver = Receiver(receive)
    receiver.start()
    yield receiver
    receiver.stop()


def send(receiver: Receiver, at: datetime, body: str = BODY) -> int:
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("evt_1", at, BODY),
        "traceparent": TRACEPARENT,
    }
    return httpx.post(f"{receiver.url}/hook", content=body, headers=headers, trust_env=False).status_code


def test_a_signed_delivery_is_believed(receiver: Receiver, deliveries: list[Delivery]) -> None:
    assert send(receiver, datetime.now(UTC)) == 204
    assert deliveries[0].path == "/hook"
    assert deliveries[0].json()["type"] == "device.enrolled"
    assert deliveries[0].trace_id == "0af7651916cd43dd8448eb211c80319c"


def test_a_changed_body_is_not_believed(receiver: Receiver) -> None:
    assert send(receiver, datetime.now(UTC), BODY.replace("enrolled", "retired")) == 401


def test_an_old_delivery_is_not_believed(receiver: Receiver) -> None:
    assert send(receiver, datetime.now(UTC) - timedelta(hours=1)) == 401


def test_a_delivery_without_a_trace_has_no_trace_id() -> None:
    assert Delivery("/", {}, b"").trace_id == ""

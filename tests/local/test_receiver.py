"""The receiver that prints webhooks verifies signatures as a partner would."""

import base64
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from standardwebhooks import Webhook

from deploy.receiver import Delivery, Receiver
from tests.support.plain import PLAIN

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
    return httpx2.post(f"{receiver.url}/hook", content=body, headers=headers, trust_env=False, verify=PLAIN).status_code


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


def test_a_secret_of_the_partners_own_words_is_used_as_its_bytes() -> None:
    secret, at = "<signing-secret>", datetime.now(UTC)
    headers = {"webhook-id": "evt_1", "webhook-timestamp": str(int(at.timestamp()))}
    signature = Webhook(secret.encode()).sign("evt_1", at, BODY)
    assert Delivery("/", headers | {"webhook-signature": signature}, BODY.encode()).verified(secret)
    assert not Delivery("/", headers | {"webhook-signature": signature}, BODY.encode()).verified(SECRET)


@pytest.mark.parametrize("signature", ["", "v1", "v1,a,b", "v1,x", "v1,é", "v2,AAAA"])
@pytest.mark.parametrize("body", [BODY.encode(), b"\xff"])
def test_whatever_stands_where_a_signature_should_is_not_believed(signature: str, body: bytes) -> None:
    now = str(int(datetime.now(UTC).timestamp()))
    headers = {"webhook-id": "evt_1", "webhook-timestamp": now, "webhook-signature": signature}
    assert not Delivery("/", headers, body).verified(SECRET)


@pytest.mark.parametrize(("length", "status"), [("-1", 413), ("many", 413), ("2000000", 413)])
def test_a_body_of_no_length_or_too_great_a_one_is_not_read(
    receiver: Receiver, deliveries: list[Delivery], length: str, status: int
) -> None:
    with socket.create_connection(("127.0.0.1", int(receiver.url.rpartition(":")[2]))) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\ncontent-length: {length}\r\n\r\n".encode())
        with connection.makefile("rb") as answer:
            assert answer.read().startswith(f"HTTP/1.0 {status}".encode())
    assert deliveries == []


def test_the_command_prints_what_arrives_verified_or_not() -> None:
    command = [sys.executable, "-u", "-m", "deploy.receiver", "--secret", SECRET, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        at = datetime.now(UTC)
        for secret in (SECRET, "whsec_" + base64.b64encode(bytes(24)).decode()):
            headers = {
                "webhook-id": "evt_1",
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": Webhook(secret).sign("evt_1", at, BODY),
            }
            httpx2.post(url, content=BODY, headers=headers, trust_env=False, verify=PLAIN)
        process.terminate()
        printed = process.stdout.read()
    assert "signature verified" in printed
    assert "signature WRONG" in printed
    assert '"type": "device.enrolled"' in printed

"""The golden messages: each Struct reads its own and writes it back, byte for byte, whatever the database did in between."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.local.databases import Database
from shared import http
from shared.messages import MESSAGES, Message, consumer_of, name_of
from tests.shared.support import publish, scalar

GOLDEN = Path(__file__).parents[1] / "messages"
SERVICES = {"auth", "webhook_dispatcher", "graphql_api", "epcr", "device_ingest", "control_plane"}


def golden(kind: type[Message]) -> bytes:
    return (GOLDEN / f"{name_of(kind)}.json").read_bytes()


@pytest.mark.parametrize("kind", MESSAGES, ids=name_of)
def test_a_golden_message_is_read_and_written_back_byte_for_byte(kind: type[Message]) -> None:
    text = golden(kind)
    assert http.encode(msgspec.json.decode(text, type=kind)) == msgspec.json.format(text, indent=-1)


@pytest.mark.parametrize("kind", MESSAGES, ids=name_of)
def test_a_message_survives_the_outbox(kind: type[Message], producer: Database) -> None:
    message = msgspec.json.decode(golden(kind), type=kind)
    publish(producer, message)
    kept = scalar(producer.admin, "SELECT body::text FROM outbox")
    # jsonb keeps numbers exactly, though not the order of members.
    assert msgspec.json.decode(kept, type=kind) == message


@pytest.mark.parametrize("kind", MESSAGES, ids=name_of)
def test_a_field_of_a_newer_producer_is_passed_over(kind: type[Message]) -> None:
    newer: dict[str, Any] = msgspec.json.decode(golden(kind)) | {"added_later": {"a": 1}}
    assert msgspec.json.decode(msgspec.json.encode(newer), type=kind) == msgspec.json.decode(golden(kind), type=kind)


def test_every_golden_file_is_of_a_message_and_every_message_has_one() -> None:
    assert {file.stem for file in GOLDEN.glob("*.json")} == {name_of(kind) for kind in MESSAGES}


@pytest.mark.parametrize("kind", MESSAGES, ids=name_of)
def test_a_name_says_consumer_event_and_version(kind: type[Message]) -> None:
    consumer, _, version = name_of(kind).split(".")
    assert consumer_of(msgspec.json.decode(golden(kind), type=kind)) == consumer
    assert consumer in SERVICES
    assert version == "v1"

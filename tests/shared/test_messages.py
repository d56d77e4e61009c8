"""The golden messages: each Struct reads its own message and writes it back byte for byte, also after the database stored it."""

import ast
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.local.databases import Database
from services.webhook_dispatcher.fanout import event_types
from shared.messaging.messages import (
    EVENT_TYPES,
    MESSAGES,
    PRODUCERS,
    SERVICES,
    TIMED,
    Message,
    consumer_of,
    consumers_of,
    name_of,
    producers_for,
    queues_of,
)
from shared.web import http
from tests.shared.support import publish, scalar

GOLDEN = Path(__file__).parents[1] / "messages"
ROOT = Path(__file__).parents[2]


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
    # jsonb keeps numbers exactly, but not the order of members.
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


def made_in(folder: Path) -> set[str]:
    """The names that code in a folder calls."""
    trees = [ast.parse(file.read_text()) for file in folder.rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {call.func.id for call in calls if isinstance(call.func, ast.Name)}


def test_the_table_of_producers_says_who_makes_each_message_in_truth() -> None:
    made: dict[str, set[str]] = defaultdict(set)
    for service in SERVICES:
        for name in made_in(ROOT / "services" / service):
            made[name].add(service)
    for kind, producers in PRODUCERS.items():
        assert set(producers) == made[kind.__name__], kind.__name__


def test_every_service_has_handlers_for_what_it_may_be_sent_and_for_nothing_else() -> None:
    for service in SERVICES:
        for file in (ROOT / "services" / service).glob("*.py"):
            named = {node.id for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Name)}
            if file.name == "tasks.py":
                handled = {kind for kind in MESSAGES if kind.__name__ in named and consumer_of(kind) == service}
                assert handled == {kind for kind in MESSAGES if consumer_of(kind) == service}, service


def test_every_event_type_has_one_producer_but_the_one_that_is_made_of_an_action() -> None:
    announced = [type for types in EVENT_TYPES.values() for type in types]
    assert len(announced) == len(set(announced))
    assert set(announced) == event_types.catalogue().keys() - {"automation.fired"}


def test_each_producer_names_its_event_types_in_its_code() -> None:
    for producer, types in EVENT_TYPES.items():
        code = "".join(file.read_text() for file in (ROOT / "services" / producer).rglob("*.py"))
        for type in types:
            assert type in code or f'"{type.rpartition(".")[0]}.{{kind}}"' in code, type


def test_every_kind_with_a_version_is_known_to_be_timed_or_counted() -> None:
    versioned = {kind for kind in MESSAGES if "version" in kind.__struct_fields__}
    assert {kind.__name__ for kind in versioned - set(TIMED)} == {"AutomationInterest", "EncounterFacts"}
    assert versioned > set(TIMED)


def test_queues_are_served_by_those_whose_name_they_begin_with() -> None:
    for service in SERVICES:
        assert all(queue.startswith(f"{service}.") for queue in queues_of(service))
        assert all(service in producers_for(consumer) for consumer in consumers_of(service))

"""The loop of the TypeScript SDK over a consumer: one name for its reads, a commit of the handled events, and the rest given back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients import node
from tests.clients.stub import HTML, Answering, Asked, Stub, stub

pytestmark = [node.needed, pytest.mark.full]
AT = "2026-11-27T08:00:00Z"


@pytest.fixture
def platform() -> Iterator[Stub]:
    with stub() as started:
        started.valid.add("token-1")
        yield started


class Consumer:
    """A consumer with these reads; each call fails once before it works."""

    def __init__(self, *reads: str) -> None:
        self._reads, self._fails = list(reads), True
        self.calls: list[str] = []
        self.readers: set[Any] = set()

    def answer(self, asked: Asked) -> Answering:
        self._fails = not self._fails
        if not self._fails:
            return HTML
        call, body = asked.path.rpartition("/")[2], json.loads(asked.body)
        if call == "read":
            self.readers.add(body["reader"])
            self.calls.append("read")
            return Answering(200, json.dumps(reading(self._reads.pop(0))).encode())
        self.calls.append(f"{call} {body['cursor']}" + (f" {body['lease_seconds']}" if call == "extend" else ""))
        return Answering(200, json.dumps({"moved": True, "leased_until": AT}).encode())


def reading(names: str) -> dict[str, Any]:
    envelope = {"type": "incident.updated", "key": "inc_1", "timestamp": AT, "accepted_at": AT}
    events = [envelope | {"id": name, "data": {"incident_id": name}, "cursor": name} for name in names]
    return {"events": events, "cursor": names[-1], "leased_until": AT, "more": False}


@pytest.mark.parametrize(
    ("most", "calls"),
    [
        (1, ["read", "extend b 0"]),
        (2, ["read", "commit a", "extend b 0"]),
        (3, ["read", "commit b", "read", "extend e 0"]),
        (4, ["read", "commit b", "read", "commit c", "extend e 0"]),
    ],
)
def test_a_loop_that_is_left_commits_what_was_handled_and_gives_the_rest_back(
    platform: Stub, project: Path, most: int, calls: list[str]
) -> None:
    consumer = Consumer("ab", "cde")
    platform.script = consumer.answer
    handled = node.run(project, "consuming", {"baseUrl": platform.url, "most": most})
    assert [event["data"]["incident_id"] for event in handled] == list("abcde")[:most]
    assert handled[0] == {"type": "incident.updated", "timestamp": AT, "data": {"incident_id": "a"}}
    assert consumer.calls == calls
    assert len(consumer.readers) == 1

"""Every call that takes an Idempotency-Key, sent again in another writing: another order of members, other white space."""

import json
from typing import Any

import httpx2
import pytest

from shared.primitives.ids import new_id
from tests.docs import recording, validating
from tests.docs.recording import Recorder
from tests.support.stack import Stack

pytestmark = pytest.mark.full

# Called by people of the platform alone, in tests/operators.
OPERATORS = {"createOperatorAct"}
KEY = {"$ref": "#/components/parameters/Idempotency-Key"}


def taking_keys() -> set[str]:
    """The calls with a key and a body of JSON."""
    operations = [one for path in validating.contract()["paths"].values() for one in path.values()]
    return {
        one["operationId"]
        for one in operations
        if KEY in one.get("parameters", []) and "application/json" in one.get("requestBody", {}).get("content", {})
    }


def written_otherwise(body: bytes) -> bytes:
    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: turned(value[name]) for name in reversed(value)}
        return [turned(item) for item in value] if isinstance(value, list) else value

    return json.dumps(turned(json.loads(body)), indent=3).encode()


class Twice(Stack):
    """Its clients send each call that succeeded again, with the same key and in another writing."""

    def __init__(self, stack: Stack) -> None:
        self.__dict__.update(stack.__dict__)
        self.keyed, self.repeated, self.faults = taking_keys(), set[str](), list[str]()

    def client(self, host: str = "api", token: str | None = None, **options: Any) -> httpx2.Client:
        client = super().client(host, token, **options)

        def key(request: httpx2.Request) -> None:
            if self._named(request):
                request.headers.setdefault("idempotency-key", new_id("key"))

        def again(response: httpx2.Response) -> None:
            request = response.request
            if (name := self._named(request)) and response.is_success:
                response.read()
                headers = {one: request.headers[one] for one in request.headers if one != "content-length"}
                with super(Twice, self).client(host, token) as other:
                    content = written_otherwise(request.content)
                    repeated = other.request(request.method, request.url, content=content, headers=headers)
                self.repeated.add(name)
                if (repeated.status_code, repeated.content) != (response.status_code, response.content):
                    self.faults.append(f"{name}: {repeated.status_code} {repeated.text[:200]}")

        hooks = client.event_hooks
        client.event_hooks = {"request": [*hooks["request"], key], "response": [*hooks["response"], again]}
        return client

    def _named(self, request: httpx2.Request) -> str:
        """The operation, if it is one of them and has a body and an effect."""
        found = validating.operation_of(request.method, request.url.path)
        name = found[1]["operationId"] if found else ""
        return name if name in self.keyed and request.content and "dry_run=true" not in str(request.url) else ""


def test_a_repeated_call_in_another_writing_is_the_same_call(stack: Stack) -> None:
    twice = Twice(stack)
    recording.record_everything(twice, Recorder(twice))
    missed = twice.keyed - twice.repeated - OPERATORS
    faults = twice.faults + [f"{name}: not called" for name in sorted(missed)]
    assert not faults, "\n".join(faults)

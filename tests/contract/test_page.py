"""Sends every request example of the page, as written, through the gateway."""

import re
import shlex
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2
import pytest

from shared.primitives.ids import new_id
from tests.contract.page import ANY, EXAMPLES, Example
from tests.support.stack import Stack


class Call(NamedTuple):
    method: str
    host: str
    target: str
    headers: dict[str, str]
    body: bytes


def parse(command: str) -> Call:
    words = iter(shlex.split(command.replace("\\\n", " ")))
    assert next(words) == "curl"
    method, url, headers, body = "", "", {}, b""
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words).encode()
        else:
            url = word
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    return Call(method or ("POST" if body else "GET"), parts.netloc, target, headers, body)


def lacks(actual: Any, expected: Any, place: str = "") -> list[str]:
    """The places at which `actual` lacks a value or has another one; empty if all match."""
    if expected is ANY or expected == {}:
        return []
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return [f"{place}: not an object"]
        missing = [f"{place}/{name}: missing" for name in expected if name not in actual]
        return missing + [
            m for name in expected if name in actual for m in lacks(actual[name], expected[name], f"{place}/{name}")
        ]
    if isinstance(expected, list) and expected and isinstance(expected[0], dict):
        if not isinstance(actual, list) or not actual:
            return [f"{place}: not a list with anything in it"]
        return [m for index, item in enumerate(actual) for m in lacks(item, expected[0], f"{place}/{index}")]
    return [] if actual == expected else [f"{place}: {actual!r} instead of {expected!r}"]


SCOPES = ["webhooks:write", "argus:epcr:write", "argus:devices:write", "argus:acqi:read"]
HOSTS = {"auth.knogin.com": "auth", "api.knogin.com": "api"}


class Reader:
    """Follows the page from top to bottom like an integrator, with real ids and tokens in place of the examples."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        app = stack.register_app(SCOPES)
        self.values = {
            "<admin-access-token>": stack.admin_token,
            "<access-token>": stack.token(app, " ".join(SCOPES)),
            "<signing-secret>": "whsec_cWJ3c2VjLW9mLXRoZS10ZXN0cy1hbG9uZQ==",
            # Names that a used stack may already have.
            "SN-0001": new_id("sn"),
            "cad_999": new_id("cad"),
        }

    def send(self, example: Example) -> httpx2.Response:
        call = parse(self._filled(example.curl))
        with self.stack.client(HOSTS[call.host]) as client:
            return client.request(call.method, call.target, headers=call.headers, content=call.body)

    def learn(self, example: Example, answer: httpx2.Response) -> None:
        """Stores the values of an answer that later examples need in place of the page's example ids."""
        content = answer.json()
        if example.name == "create an app":
            self.values |= {"app_123": content["client_id"], "<client-secret>": content["client_secret"]}
        elif example.name == "rotate an app's secret":
            self.values["<client-secret>"] = content["client_secret"]
        elif example.name == "create a webhook":
            self.values["wh_123"] = content["id"]
        elif example.name == "create an encounter":
            self.values["enc_123"] = content["id"]
        elif example.name == "enrol a device":
            self.values["dev_1"] = content["id"]

    def expected(self, example: Example) -> dict[str, object]:
        return {
            name: self.values.get(value, value) if isinstance(value, str) else value
            for name, value in example.fields.items()
        }

    def _filled(self, text: str) -> str:
        return re.sub("|".join(map(re.escape, self.values)), lambda found: self.values[found[0]], text)


@pytest.fixture(scope="module")
def reader(stack: Stack) -> Reader:
    return Reader(stack)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_pages_example(reader: Reader, example: Example) -> None:
    answer = reader.send(example)
    assert answer.status_code == example.status, answer.text
    reader.learn(example, answer)
    assert lacks(answer.json(), reader.expected(example)) == []
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-trace-id"])


def test_a_list_of_devices_is_an_array_with_the_pages_fields(reader: Reader) -> None:
    token = {"authorization": f"Bearer {reader.values['<access-token>']}"}
    serial_number = new_id("sn")
    enrolment = {"serial_number": serial_number, "device_class": "defib", "vehicle_id": "AMB-42"}
    with reader.stack.client("api") as client:
        client.post("/api/v1/devices/enrol", json=enrolment, headers=token).raise_for_status()
        devices = client.get("/api/v1/devices?vehicle_id=AMB-42", headers=token).json()
    shown = {"serial_number": serial_number, "device_class": "defib", "status": "active"}
    assert any(lacks(device, shown) == [] and device["id"].startswith("dev_") for device in devices)


def test_format_fhir_gives_the_same_bytes_as_fhir_bundle(reader: Reader) -> None:
    token = {"authorization": f"Bearer {reader.values['<access-token>']}"}
    path = f"/api/v1/epcr/encounters/{reader.values['enc_123']}"
    with reader.stack.client("api") as client:
        by_query = client.get(f"{path}?format=fhir", headers=token)
        by_path = client.get(f"{path}/fhir-bundle", headers=token)
    assert by_query.content == by_path.content
    assert by_query.headers["content-type"] == by_path.headers["content-type"] == "application/fhir+json"


def test_both_key_documents_are_the_same_bytes(reader: Reader) -> None:
    with reader.stack.client("auth") as client:
        assert client.get("/.well-known/jwks.json").content == client.get("/v1/auth/jwks.json").content

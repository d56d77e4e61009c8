"""A change of the contract that breaks programs needs a row in docs/migrations.md."""

import copy
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deploy.docs import changes, contract


@cache
def today() -> dict[str, Any]:
    return contract.contract()


def test_every_breaking_change_since_the_last_release_has_a_remedy() -> None:
    found = changes.since_release(today())
    patterns = changes.notes()
    assert [line for line in found if not any(fnmatchcase(line, pattern) for pattern in patterns)] == []
    assert [pattern for pattern in patterns if not any(fnmatchcase(line, pattern) for line in found)] == []


def test_a_release_is_what_later_contracts_are_compared_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "RELEASED", tmp_path / "released.json")
    later = copy.deepcopy(today())
    del later["paths"]["/graphql"]
    assert changes.since_release(later) == []
    changes.release(today())
    assert changes.since_release(today()) == []
    assert changes.since_release(later) == ["call removed: POST /graphql"]


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    return document["components"]["schemas"][name]


def path(document: dict[str, Any], name: str = "/api/v1/devices", method: str = "get") -> dict[str, Any]:
    return document["paths"][name][method]


def change(edit: Callable[[dict[str, Any]], Any], expected: str | None, name: str) -> Any:
    return pytest.param(edit, expected, id=name)


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        change(lambda d: d["paths"].pop("/graphql"), "call removed: POST /graphql", "path"),
        change(lambda d: path(d).update(operationId="x"), "operationId changed: GET /api/v1/devices", "id"),
        change(lambda d: path(d).update(security=[{"oauth2": ["a"]}]), "scope added: GET /api/v1/devices", "scope"),
        change(lambda d: path(d)["responses"].pop("200"), "status removed: GET /api/v1/devices 200", "status"),
        change(lambda d: path(d)["responses"].pop("429"), None, "refusal"),
        change(lambda d: path(d)["parameters"].pop(0), "parameter removed: GET /api/v1/devices limit", "parameter"),
        change(
            lambda d: path(d)["parameters"][0].update(required=True),
            "now required: GET /api/v1/devices limit",
            "parameter-must",
        ),
        change(
            lambda d: path(d)["parameters"][0]["schema"].update(maximum=10),
            "limit narrowed: GET /api/v1/devices limit",
            "limit",
        ),
        change(lambda d: path(d)["parameters"][0]["schema"].update(maximum=1000), None, "wider-limit"),
        change(
            lambda d: schema(d, "devices.Device")["properties"].pop("model"),
            "member removed: devices.Device.model",
            "answer-member",
        ),
        change(
            lambda d: schema(d, "devices.Device")["required"].remove("id"),
            "no longer always sent: devices.Device.id",
            "answer-may-lack",
        ),
        change(
            lambda d: schema(d, "devices.Device")["properties"].update(id={"type": ["string", "null"]}),
            "type widened: devices.Device.id",
            "answer-null",
        ),
        change(
            lambda d: schema(d, "devices.Device")["properties"]["status"]["enum"].append("lost"),
            "values widened: devices.Device.status",
            "answer-value",
        ),
        change(
            lambda d: schema(d, "devices.DeviceChange")["properties"]["status"]["enum"].append("lost"),
            None,
            "value-of-a-body",
        ),
        change(
            lambda d: schema(d, "devices.DeviceChange")["properties"]["status"]["enum"].remove("retired"),
            "values narrowed: devices.DeviceChange.status",
            "narrower-body",
        ),
        change(
            lambda d: schema(d, "devices.Enrolment")["required"].append("model"),
            "now required: devices.Enrolment.model",
            "body-must",
        ),
        change(
            lambda d: schema(d, "devices.Enrolment")["properties"].pop("model"),
            "member removed: devices.Enrolment.model",
            "body-member",
        ),
        change(
            lambda d: schema(d, "devices.ObservationDraft")["properties"].update(mdc_code={"type": "string"}),
            "type narrowed: devices.ObservationDraft.mdc_code",
            "body-type",
        ),
        change(
            lambda d: schema(d, "events.incident.created")["properties"]["data"]["properties"].pop("units"),
            "member removed: events.incident.created.data.units",
            "event-member",
        ),
        change(
            lambda d: schema(d, "platform.WebhookAction")["properties"]["fields"].update(maxProperties=1),
            "limit narrowed: platform.Action(webhook).fields",
            "member-of-a-union-in-a-body",
        ),
        change(
            lambda d: schema(d, "platform.Action")["oneOf"].pop(0),
            "kind removed: platform.Action(webhook)",
            "kind-of-a-body",
        ),
        change(
            lambda d: path(d)["responses"].update({"202": {"description": ""}}),
            "status added: GET /api/v1/devices 202",
            "new-status",
        ),
        change(
            lambda d: path(d, "/.well-known/oauth-authorization-server").update(security=[{"client": []}]),
            "token needed: GET /.well-known/oauth-authorization-server",
            "token",
        ),
        change(
            lambda d: schema(d, "devices.Enrolment")["properties"]["serial_number"].update(format="uuid"),
            "limit narrowed: devices.Enrolment.serial_number",
            "format",
        ),
        change(lambda d: schema(d, "devices.Device")["properties"].update(x={"type": "string"}), None, "new-member"),
        change(
            lambda d: schema(d, "devices.Enrolment")["properties"].update(x={"type": "string"}), None, "new-optional"
        ),
    ],
)
def test_a_change_that_breaks_programs_is_found_and_no_other(
    edit: Callable[[dict[str, Any]], Any], expected: str | None
) -> None:
    new = copy.deepcopy(today())
    edit(new)
    # A call whose answer is one of several kinds shows the same change once more, in its own place.
    found = [one for one in changes.breaking(today(), new) if "200(" not in one]
    assert found == ([] if expected is None else [expected])

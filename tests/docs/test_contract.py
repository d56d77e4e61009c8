"""The contract that the docs host serves is exactly the contract that the code makes."""

import copy
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema_rs
import openapi_spec_validator
import pytest

import gateway.docs
from deploy.docs import build, contract, errors, examples, translation
from deploy.docs.described import described
from deploy.docs.site import pages
from services.auth import app as auth
from services.control_plane import app as platform
from services.device_ingest import app as devices
from services.epcr import app as epcr
from services.graphql_api import app as graphql
from services.webhook_dispatcher import app as webhooks

CONTRACT: dict[str, Any] = contract.contract()
# Pages for browsers, calls between our processes, and the crew's own application.
INTERNAL = re.compile(
    r"/device|/(internal|livez|readyz|metrics)\b.*|/v1/auth/(?!jwks\.json).*|/v1/saml/{connection}/(?!metadata).*|/api/v1/epcr/records/.*"
)
ROOT = Path(__file__).parents[2]
TITLES = re.compile(r'(?:Problem|Refusal)\(\s*(\d{3}),\s*"([^"]+)"')


def test_what_the_docs_host_serves_is_what_the_code_says() -> None:
    for name, body in build.files().items():
        assert (gateway.docs.FILES / name).read_bytes() == body, f"{name} is stale: run make"


def test_it_is_valid_openapi() -> None:
    openapi_spec_validator.validate(CONTRACT)


@pytest.mark.parametrize("app", [auth, webhooks, graphql, epcr, devices, platform])
def test_every_public_route_stands_in_it(app: ModuleType) -> None:
    paths = {route.path for route in app.routes}
    public = {path for path in paths if not INTERNAL.fullmatch(path)}
    assert public <= set(CONTRACT["paths"])


def test_nothing_stands_in_it_that_no_service_serves() -> None:
    served = {route.path for app in (auth, webhooks, graphql, epcr, devices, platform) for route in app.routes}
    assert set(CONTRACT["paths"]) <= served
    assert not [path for path in CONTRACT["paths"] if INTERNAL.fullmatch(path)]


def test_every_problem_that_code_can_raise_is_in_the_catalogue() -> None:
    sources = [path for folder in ("gateway", "services", "shared") for path in (ROOT / folder).rglob("*.py")]
    raised = {(int(status), title) for path in sources for status, title in TITLES.findall(path.read_text())}
    assert len(raised) > 15
    assert raised <= {(one.status, one.title) for one in errors.PROBLEMS}


def test_every_operation_that_takes_an_idempotency_key_says_what_another_requests_key_is_told() -> None:
    key = {"$ref": "#/components/parameters/Idempotency-Key"}
    operations = [one for path in CONTRACT["paths"].values() for one in path.values()]
    taking = [one for one in operations if key in one.get("parameters", [])]
    assert len(taking) > 15
    assert [one["operationId"] for one in taking if not {"409", "422"} <= set(one["responses"])] == []


def test_the_last_use_of_a_credential_says_how_late_it_is() -> None:
    """Uses are written in batches. Who reads "never" right after a use, and ends the secret, stops a system that runs."""
    schemas = {name: schema.get("properties", {}) for name, schema in CONTRACT["components"]["schemas"].items()}
    told = {
        name: members["last_used_at"]["description"] for name, members in schemas.items() if "last_used_at" in members
    }
    batched = [name for name in told if name.partition(".")[2] in ("Secret", "ServiceToken", "EndingCredential")]
    assert len(batched) == 3
    assert [
        name for name in batched if not re.search(r"in the last \d+ seconds may not be shown yet", told[name])
    ] == []


def test_a_published_operation_id_keeps_its_call_and_every_call_has_a_verb_and_a_noun() -> None:
    published = json.loads(contract.OPERATION_IDS.read_text())
    assert published == contract.operation_ids(CONTRACT), (
        "run make openapi to publish a new one; a published one never changes"
    )
    assert len({name.lower() for name in published}) == len(published)
    assert [name for name in published if not re.fullmatch(r"[a-z]+([A-Z][a-z0-9]+){1,5}", name)] == []


def test_every_scope_an_operation_asks_for_is_explained() -> None:
    asked = {
        scope
        for path in CONTRACT["paths"].values()
        for operation in path.values()
        for scheme in operation["security"]
        for scope in scheme.get("oauth2", [])
    }
    assert asked <= set(contract.SCOPES)
    assert "argus:epcr:clinical" not in contract.SCOPES


def test_everything_is_described_and_no_description_is_left_over() -> None:
    texts, lacking = described(CONTRACT)
    assert lacking == [], "describe them: in fields.json, in the route entry, or in the Struct"
    assert [name for name, text in contract.texts().items() if text not in texts] == [], (
        "fields.json has texts of nothing"
    )


def test_a_field_a_parameter_and_a_schema_without_a_description_are_found() -> None:
    document = copy.deepcopy(CONTRACT)
    schema = document["components"]["schemas"]["devices.Device"]
    del schema["description"], schema["properties"]["model"]["description"]
    del document["paths"]["/api/v1/devices"]["get"]["parameters"][0]["description"]
    assert described(document).lacking == [
        "/paths//api/v1/devices/get/limit",
        "/components/schemas/devices.Device/model",
        "/components/schemas/devices.Device",
    ]


def _examples() -> list[tuple[str, dict[str, Any], Any]]:
    """The place of every example in the document, its schema, and the example."""
    found: list[tuple[str, dict[str, Any], Any]] = []

    def walk(node: Any, place: str) -> None:
        if isinstance(node, dict):
            if "schema" in node and "example" in node:
                found.append((place, node["schema"], node["example"]))
            for name, member in node.items():
                walk(member, f"{place}/{name}")
        elif isinstance(node, list):
            for index, item in enumerate(node):
                walk(item, f"{place}/{index}")

    walk({"paths": CONTRACT["paths"], "webhooks": CONTRACT["webhooks"]}, "")
    return found


def test_every_example_fits_its_schema() -> None:
    """One schema for all, since each validator compiles the components anew."""
    found = _examples()
    every = {place: schema for place, schema, _ in found}
    assert len(every) == len(found) > 400
    whole = {"components": CONTRACT["components"], "properties": every}
    validator = jsonschema_rs.validator_for(whole, validate_formats=True)
    faults = [
        f"{'/'.join(map(str, fault.instance_path))}: {fault.message}"
        for fault in validator.iter_errors({place: example for place, _, example in found})
    ]
    assert not faults, "\n".join(faults)


def test_every_text_of_the_page_is_there_in_italian_and_nothing_else_is() -> None:
    translate = translation.Translator("it")
    pages.files(CONTRACT, {"it": translate})
    assert translate.missing == set()
    assert set(translation.dictionary()) - translate.used <= set(
        contract.texts().values()
    )  # some fields are in the document alone


def test_every_operation_shows_an_answer_of_a_running_system() -> None:
    for path in CONTRACT["paths"].values():
        for operation in path.values():
            bodies = list(examples.success_contents(operation))
            assert not bodies or any("example" in content for content in bodies), operation["operationId"]


def test_an_example_is_completed_with_null_and_shown_for_other_calls_with_its_schema() -> None:
    thing = {"$ref": "#/components/schemas/Thing"}
    optional = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    members = {"id": {"type": "string"}, "colour": optional, "size": {"type": "integer"}}
    schema = {"type": "object", "required": list(members), "properties": members}

    def answering(schema: Any, media: str = "application/json") -> dict[str, Any]:
        return {"operationId": "read", "responses": {"200": {"content": {media: {"schema": schema}}}, "204": {}}}

    operations = [answering(thing), answering(thing), answering({"type": "array", "items": thing})]
    others = [answering({"type": "string"}), answering(thing, "application/x-ndjson")]
    for number, operation in enumerate([*operations, *others]):
        operation["operationId"] += str(number)
    paths = {f"/{number}": {"get": one} for number, one in enumerate([*operations, *others])}
    recorded = {"read0": {"200": {"application/json": {"id": "a", "more": 1}}}}
    examples.add({"paths": paths, "components": {"schemas": {"Thing": schema}}}, recorded)
    shown = [next(examples.success_contents(one), {}).get("example") for one in [*operations, *others]]
    completed = {"id": "a", "colour": None, "more": 1}
    assert shown == [completed, completed, [completed], None, None]

"""The public contract describes the requests and answers of this service."""

import json
from typing import Any

import jsonschema_rs
import pytest

from services.epcr.app import routes
from services.epcr.encounters.routes import ENCOUNTER, ENCOUNTERS
from services.epcr.routes import PART
from shared.contract.openapi import document
from tests.epcr.conftest import Inside, Organisation
from tests.epcr.deliveries import app_changed
from tests.epcr.samples import ARREST, EVERYTHING, MINIMAL, REFUSAL, TYPICAL

CONTRACT = document({"title": "Test", "version": "1"}, [], [PART], {})
BUNDLE = ENCOUNTER + "/fhir-bundle"


def check(method: str, path: str, status: int, body: Any) -> None:
    """Holds an answer against the schema of its operation, which must describe every member."""
    content = CONTRACT["paths"][path][method]["responses"][str(status)]["content"]
    described = content["application/fhir+json" if body.get("resourceType") else "application/json"]["schema"]
    jsonschema_rs.validator_for({"components": CONTRACT["components"]} | described).validate(body)
    if "properties" not in described:
        described = described.get("anyOf", [described])[0]["$ref"].rpartition("/")[2]
        assert set(body) <= set(CONTRACT["components"]["schemas"][described]["properties"])


@pytest.mark.parametrize("body", [MINIMAL, TYPICAL, ARREST, REFUSAL, EVERYTHING])
@pytest.mark.parametrize("mode", ["exact", "shifted", "safe_harbor"])
def test_every_answer_fits_its_schema(
    organisation: Organisation, inside: Inside, years_later: None, body: dict[str, Any], mode: str
) -> None:
    hospital = organisation.hospital
    inside.receive(organisation.id, app_changed(hospital.caller.client_id, deidentification=mode))
    created = organisation.partner.post_encounter(body)
    assert created.status_code == 201
    check("post", ENCOUNTERS, 201, created.json())
    listed = hospital.get(ENCOUNTERS).json()
    check("get", ENCOUNTERS, 200, listed)
    id = listed["encounters"][0]["id"]
    check("get", ENCOUNTER, 200, hospital.read(id))
    check("get", BUNDLE, 200, hospital.bundle(id))
    path = BUNDLE.format(encounter_id=id)
    check("get", BUNDLE, 200, hospital.get(path, params={"max_entries": 4}).json())


@pytest.mark.parametrize("body", [MINIMAL, TYPICAL, ARREST, REFUSAL, EVERYTHING])
def test_every_sample_fits_the_schema_of_a_request(body: dict[str, Any]) -> None:
    media = CONTRACT["paths"][ENCOUNTERS]["post"]["requestBody"]["content"]["application/json"]
    schema = {"components": CONTRACT["components"]} | media["schema"]
    jsonschema_rs.validator_for(schema).validate(body)


def test_every_route_for_partners_is_described_and_the_crews_is_not() -> None:
    paths = {route.path for route in routes} - {"/livez", "/readyz"}
    record = "/api/v1/epcr/records/{encounter_id}"
    of_every_service = {path for path in paths if path.startswith(("/v1/audit/", "/v1/operations/"))}
    assert paths - of_every_service - set(CONTRACT["paths"]) == {record, record + "/outcome"}
    assert set(CONTRACT["paths"]) <= paths
    assert "argus:epcr:clinical" not in json.dumps(CONTRACT)
    assert "/records/" not in json.dumps(CONTRACT)

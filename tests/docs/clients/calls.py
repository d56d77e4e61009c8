"""Eighteen calls through the client that openapi-python-client generates, with one base URL. Runs in the environment of the generators."""

import os
import sys
from typing import Any

from knogin_integration_platform_client import AuthenticatedClient, Client, models
from knogin_integration_platform_client.api.apps import create_app, delete_app
from knogin_integration_platform_client.api.devices import (
    enrol_device,
    list_observations,
    record_observation,
    record_observations,
)
from knogin_integration_platform_client.api.e_pcr import create_encounter, get_encounter, get_fhir_bundle
from knogin_integration_platform_client.api.graph_ql import execute_graphql
from knogin_integration_platform_client.api.o_auth import create_token, get_authorization_server_metadata
from knogin_integration_platform_client.api.webhooks import (
    create_webhook,
    delete_webhook,
    get_webhook,
    list_deliveries,
    list_webhooks,
)

SCOPES = ["webhooks:write", "argus:epcr:write", "argus:devices:write", "argus:acqi:read"]
BASE = os.environ["BASE_URL"]
HEADERS = {"Host": os.environ["HOST"]}
passed = 0


def expect(answer: Any, status: int) -> Any:
    """The decoded answer. Counts the step."""
    global passed
    assert answer.status_code == status, (answer.status_code, answer.content)
    assert status == 204 or answer.parsed is not None
    passed += 1
    return answer.parsed


anybody = Client(base_url=BASE, headers=HEADERS)
administrator = AuthenticatedClient(base_url=BASE, headers=HEADERS, token=os.environ["ADMIN_TOKEN"])
metadata = expect(get_authorization_server_metadata.sync_detailed(client=anybody), 200)
assert metadata.token_endpoint.endswith("/v1/oauth/token")
GRANTS = [models.AppsAppDraftGrantTypesItem.CLIENT_CREDENTIALS]
draft = models.AppsAppDraft(name="Generated", grant_types=GRANTS, requested_scopes=SCOPES)
app = expect(create_app.sync_detailed(client=administrator, body=draft), 201)
form = models.OauthTokenForm(
    grant_type=models.OauthTokenFormGrantType.CLIENT_CREDENTIALS,
    client_id=app.client_id,
    client_secret=app.client_secret,
    scope=" ".join(SCOPES),
)
token = expect(create_token.sync_detailed(client=anybody, body=form), 200)
client = AuthenticatedClient(base_url=BASE, headers=HEADERS, token=token.access_token)

subscription = models.WebhooksNewWebhook(url="https://receiver.example/hook", events=["incident.created"])
webhook = expect(create_webhook.sync_detailed(client=client, body=subscription), 201)
assert [one.id for one in expect(list_webhooks.sync_detailed(client=client), 200).webhooks] == [webhook.id]
assert expect(get_webhook.sync_detailed(webhook.id, client=client), 200).url == subscription.url
expect(list_deliveries.sync_detailed(webhook.id, client=client), 200)

case = models.EpcrEncounterDraft(
    care_model=models.EpcrEncounterDraftCareModel.PREHOSPITAL_EMERGENCY,
    vehicle_id="AMB-1",
    crew_ids=["usr_1"],
    cad_incident_id=os.environ["INCIDENT"],
)
encounter = expect(create_encounter.sync_detailed(client=client, body=case), 201)
assert expect(get_encounter.sync_detailed(encounter.id, client=client), 200).vehicle_id == "AMB-1"
assert expect(get_fhir_bundle.sync_detailed(encounter.id, client=client), 200).resource_type == "Bundle"

monitor = models.DevicesEnrolment(
    serial_number=os.environ["INCIDENT"], device_class=models.DevicesEnrolmentDeviceClass.OXIMETER
)
device = expect(enrol_device.sync_detailed(client=client, body=monitor), 201)
reading = models.DevicesObservationDraft(mdc_code="MDC_PULS_OXIM_SAT_O2", value=98, unit_code="%")
assert expect(record_observation.sync_detailed(device.id, client=client, body=reading), 201).value == 98
batch = models.DevicesObservationBatch(
    observations=[reading, models.DevicesObservationDraft(mdc_code="MDC_NONE", value=1)]
)
results = expect(record_observations.sync_detailed(device.id, client=client, body=batch), 200).results
assert [one.status for one in results][1] == 422
assert expect(list_observations.sync_detailed(device.id, client=client, limit=5), 200)

variables = models.GraphqlGraphqlRequestVariablesType0()
variables["from"], variables["to"] = "2026-04-01T00:00:00Z", "2026-04-17T00:00:00Z"
text = "query($from: DateTime!, $to: DateTime!) { acqiMetrics(fromDate: $from, toDate: $to) { name value } }"
asked = models.GraphqlGraphqlRequest(query=text, variables=variables)
assert "errors" not in expect(execute_graphql.sync_detailed(client=client, body=asked), 200).to_dict()

refused = expect(
    enrol_device.sync_detailed(client=client, body=models.DevicesEnrolment(" ", monitor.device_class)), 422
)
assert refused.errors[0].pointer == "/serial_number"
expect(delete_webhook.sync_detailed(webhook.id, client=client), 204)
expect(delete_app.sync_detailed(app.client_id, client=administrator), 204)
sys.stdout.write(f"{passed} calls\n")

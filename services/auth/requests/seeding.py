"""Writes a sandbox's demo data through the public API, with a token of the sandbox's demo app.

Each step may be repeated: devices are found by serial number, incident and encounter by the dispatch system's id, and
the observation has an Idempotency-Key. An interrupted command is run again.
"""

import http.client
import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from services.auth.apps import store
from services.auth.apps.store import insert_service_token
from services.auth.keys.keystore import KeyStore
from services.auth.requests import deciding, queries
from services.auth.requests.deciding import DEMO_BUNDLE, DEMO_SCOPES
from services.auth.settings import Settings
from services.auth.tenants.operations import OPERATOR, OperationRefused
from shared.primitives.crypto import Keyring
from shared.process.settings import required
from shared.storage import audit
from shared.storage.database import aset_tenant, open_pool
from shared.web.identity import Caller
from shared.web.loopback import is_loopback_name

VEHICLE = "DEMO-1"
INCIDENT = "DEMO-INCIDENT-1"
OPEN_INCIDENT = "CreateIncident"
DEVICES: tuple[dict[str, Any], ...] = (
    {
        "serial_number": "DEMO-MONITOR-1",
        "device_class": "multiparameter",
        "model": "Demo monitor",
        "vehicle_id": VEHICLE,
    },
    {"serial_number": "DEMO-OXIMETER-1", "device_class": "oximeter", "model": "Demo oximeter", "vehicle_id": VEHICLE},
    {"serial_number": "DEMO-DEFIB-1", "device_class": "defib", "model": "Demo defibrillator", "vehicle_id": VEHICLE},
)
MEASURING = "DEMO-OXIMETER-1"


def incident(document: str) -> dict[str, Any]:
    """The GraphQL request that opens the incident, with the text of the approved document."""
    drafted = {"type": "medical", "priority": "high", "units": [VEHICLE], "cadIncidentId": INCIDENT}
    return {"query": document, "variables": {"input": drafted}}


def encounter() -> dict[str, Any]:
    return {
        "care_model": "prehospital_emergency",
        "vehicle_id": VEHICLE,
        "crew_ids": ["DEMO-CREW-1"],
        "cad_incident_id": INCIDENT,
    }


def observation(encounter_id: str) -> dict[str, Any]:
    """An oxygen saturation of 97 %."""
    return {"mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": 97, "unit_code": "%", "encounter_id": encounter_id}


TOKEN_SECONDS = 600
# Seconds to wait for graphql-api to receive the message about the new app.
PATIENCE = 60.0
TIMEOUT = 30.0


class Answer(NamedTuple):
    status: int
    body: Any


class Api:
    """The public API at `url`, with one token. `localhost` and all names below it are this machine (RFC 6761 §6.3).

    Raises OperationRefused for a malformed URL.
    """

    def __init__(self, url: str, token: str) -> None:
        try:
            parts = urlsplit(url)
            name, port = parts.hostname, parts.port
        except ValueError:
            raise OperationRefused(f"{url} is not a URL") from None
        if parts.scheme not in ("http", "https") or not name:
            raise OperationRefused(f"{url} is not an http(s) URL")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind("127.0.0.1" if is_loopback_name(name) else name, port, timeout=TIMEOUT)
        self._headers = {"Host": parts.netloc, "Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Raises OSError or HTTPException without an answer."""
        sent = msgspec.json.encode(body) if body is not None else None
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, sent, self._headers | named)
        answer = self._connection.getresponse()
        text = answer.read()
        try:
            return Answer(answer.status, msgspec.json.decode(text))
        except msgspec.DecodeError:
            return Answer(answer.status, None)

    def expect(self, statuses: set[int], method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The body of an answer with one of `statuses`. Raises OperationRefused for any other."""
        answer = self.call(method, path, body, **headers)
        if answer.status not in statuses:
            raise OperationRefused(f"{method} {path} answered {answer.status}")
        return answer.body

    def close(self) -> None:
        self._connection.close()


async def begin(settings: Settings, request_id: str) -> str:
    """A token of the sandbox's demo app, for ten minutes. Raises OperationRefused if there is no demo data to write."""
    keyring = Keyring.from_text(settings.encryption_keys)
    dsn = required(settings.worker_database_url, "WORKER_DATABASE_URL")
    async with open_pool(dsn, max_size=2) as pool:
        keys = KeyStore(pool, keyring)
        await keys.refresh()
        async with pool.connection() as conn:
            request = await deciding.find(conn, request_id)
            if request.demo_client_id is None or request.sandbox_tenant_id is None:
                raise OperationRefused(f"{request_id} has no sandbox that wants demo data")
            if request.demo_data_at is not None:
                raise OperationRefused(f"the demo data of {request_id} is there already")
            await aset_tenant(conn, request.sandbox_tenant_id)
            app = await store.load_app(conn, request.demo_client_id, lock=True)
            audience = [settings.issuer, settings.api_base_url]
            _, claims = await insert_service_token(
                conn, app, DEMO_SCOPES, TOKEN_SECONDS, aud=audience, environment="sandbox"
            )
        return keys.signer().sign(claims)


def write(api: Api, patience: float = PATIENCE) -> None:
    """Raises OperationRefused, with the step, for an unexpected or missing answer."""
    try:
        document = _wait_for_document(api, patience)
        devices = {
            device["serial_number"]: api.expect({200, 201}, "POST", "/api/v1/devices/enrol", device)["id"]
            for device in DEVICES
        }
        opened = api.expect({200}, "POST", "/graphql", incident(document))
        if any(error["extensions"]["code"] != "CONFLICT" for error in opened.get("errors", ())):
            raise OperationRefused("POST /graphql did not open the incident")
        opened = api.expect({201, 409}, "POST", "/api/v1/epcr/encounters", encounter())
        encounter_id = opened.get("id") or opened["encounter_id"]
        path = f"/api/v1/devices/{devices[MEASURING]}/observations"
        api.expect({201}, "POST", path, observation(encounter_id), Idempotency_Key="demo-observation")
    except (OSError, http.client.HTTPException) as error:
        raise OperationRefused(f"the API does not answer: {type(error).__name__}") from None


def _wait_for_document(api: Api, patience: float) -> str:
    """The approved document that opens an incident. Waits until graphql-api has received the message that the app may run it."""
    deadline = time.monotonic() + patience
    while True:
        answer = api.expect({200}, "GET", "/api/v1/graphql/bundles")
        found = [bundle for bundle in (answer or {}).get("bundles", ()) if bundle["name"] == DEMO_BUNDLE]
        if found:
            return next(one["document"] for one in found[0]["operations"] if one["name"] == OPEN_INCIDENT)
        if time.monotonic() > deadline:
            raise OperationRefused("graphql-api does not know the new app yet")
        time.sleep(0.25)


async def finish(settings: Settings, request_id: str) -> None:
    """Records that the demo data is there, and ends the token that wrote it."""
    async with deciding.operating(settings) as conn:
        request = await deciding.find(conn, request_id, lock=True)
        assert request.sandbox_tenant_id is not None
        assert request.demo_client_id is not None
        await conn.execute(queries.DEMO_DATA_WRITTEN, (request_id,))
        await aset_tenant(conn, request.sandbox_tenant_id)
        await store.revoke_service_tokens(conn, request.demo_client_id)
        operator = Caller(tenant_id=request.sandbox_tenant_id, client_id=OPERATOR)
        await audit.record(
            conn, operator, "sandbox.demo_data_written", request.sandbox_tenant_id, {"request": request_id}
        )

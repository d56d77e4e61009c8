"""Telephony credentials appear in no answer, log, span, message or dump: all are searched for canaries."""

import json
import os
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from redis import Redis

from deploy.local import binaries, databases
from deploy.local.table import SERVICES
from services.graphql_api.transport.documents import Catalogue
from shared.primitives.ids import new_id
from tests.graphql_api.test_journey import Partner
from tests.support.stack import Stack
from tests.support.waiting import wait_for

MARK = os.urandom(8).hex()
CANARIES = [f"{MARK}{number:016x}" for number in range(8)]
CARRIERS: list[dict[str, Any]] = [
    {
        "voipms": {
            "apiUsername": "ops@a.example",
            "apiPassword": CANARIES[0],
            "server": "chicago1.voip.ms",
            "sipAccount": "100000",
            "sipPassword": CANARIES[1],
        }
    },
    {"twilio": {"accountSid": "AC" + "0" * 32, "authToken": CANARIES[2]}},
    {"telnyx": {"apiKey": "KEY" + CANARIES[3], "connectionId": "1234567890"}},
    {"plivo": {"authId": "MA" + "A" * 18, "authToken": CANARIES[4] + "0" * 8}},
    {
        "bandwidth": {
            "accountId": "5500001",
            "username": "u",
            "password": CANARIES[5],
            "applicationId": "0123abcd-0123-0123-0123-0123456789ab",
        }
    },
    {"sip": {"host": "trunk.example.com", "username": "u", "password": CANARIES[6]}},
    {"iax2": {"gatewayHost": "192.0.2.7", "username": "u", "password": CANARIES[7]}},
]


def test_credentials_are_nowhere_to_be_found_again(stack: Stack, catalogue: Catalogue) -> None:
    partner = Partner(stack, catalogue, "telephony-admin")
    with closing(partner.api):
        assert_absent("an answer", "".join(play(partner)).encode())
        last = partner.send("ListTelephonyProviders", {}).headers["x-trace-id"]
    wait_for(lambda: last in stack.logs()["graphql-api-web"], what="the last request in the log")
    assert_absent("a log", "".join(stack.logs().values()).encode())
    assert_absent("the spans", Path(stack.described["spans"]).read_bytes())
    for service in SERVICES:
        assert_absent(f"a dump of {service.name}", dump(stack, service.database))
    with Redis.from_url(stack.described["redis_url"]) as redis:
        for key in redis.scan_iter():
            assert_absent("Redis", bytes(redis.dump(key) or b""))


def play(partner: Partner) -> list[str]:
    """Creates, shows, changes and misuses a provider of every carrier; all that was answered."""
    answers: list[str] = []

    def send(name: str, variables: dict[str, Any]) -> Any:
        response = partner.send(name, variables)
        answers.append(response.text)
        return response.json()

    for carrier in CARRIERS:
        given = {"name": new_id("tpr"), "carrier": carrier}
        made = send("CreateTelephonyProvider", {"input": given})["data"]["createTelephonyProvider"]
        send("CreateTelephonyProvider", {"input": given})
        change = {"id": made["id"], "expectedVersion": 1, "input": {"carrier": carrier}}
        send("UpdateTelephonyProvider", change)
        send("UpdateTelephonyProvider", change)
        ((name, settings),) = carrier.items()
        for broken in ({"port": MARK}, {field: [value] for field, value in settings.items()}):
            send("CreateTelephonyProvider", {"input": given | {"carrier": {name: settings | broken}}})
        wrong = {field: f"{value}~\n" for field, value in settings.items()}
        send("CreateTelephonyProvider", {"input": given | {"carrier": {name: wrong}}})
    send("ListTelephonyProviders", {})
    everything = "{ telephonyProviders { id name carrierType settings { name value } routes { id } } }"
    for document in (everything, f'{{ telephonyProviders(tenantId: "{CANARIES[0][16:]}") {{ id }} }}'):
        answers.append(partner.api.post("/graphql", json={"query": document}).text)
    partner.api.post(
        "/graphql",
        content=json.dumps({"query": "{", "variables": {"x": CANARIES}}),
        headers={"content-type": "application/json"},
    )
    return answers


def assert_absent(where: str, content: bytes) -> None:
    assert content, f"{where} is empty"
    for form in (MARK.encode(), MARK.encode().hex().encode(), MARK[::-1].encode()):
        assert form not in content, f"a credential stands in {where}"


def dump(stack: Stack, database: str) -> bytes:
    home = binaries.postgres_home()
    libraries = f"{home / 'lib'}:{binaries.postgres_libraries(home)}"
    url = databases.address(stack.described["postgres_url"], database)
    command = [str(home / "bin" / "pg_dump"), "--dbname", url]
    environment = os.environ | {"LD_LIBRARY_PATH": libraries}
    return subprocess.run(command, env=environment, capture_output=True, check=True).stdout

"""Device-ingest with everything around it: the gateway before it, epcr after it, and kill -9 in between."""

import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from shared.primitives.ids import new_id
from tests.device_ingest.conftest import DEVICES, SPO2
from tests.support.stack import Stack
from tests.support.waiting import wait_for

WRITERS = 8
EACH_ROUND = 150


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx2.Client]:
    with stack.client("api", stack.app_token("argus:epcr:write", "argus:devices:write")) as client:
        yield client


def enrolled(api: httpx2.Client) -> str:
    """A new device's path."""
    answer = api.post(f"{DEVICES}/enrol", json={"serial_number": new_id("sn"), "device_class": "oximeter"})
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


def encounter(api: httpx2.Client) -> str:
    body = {
        "care_model": "prehospital_emergency",
        "vehicle_id": "AMB-42",
        "crew_ids": ["usr_1"],
        "cad_incident_id": new_id("cad"),
    }
    return api.post("/api/v1/epcr/encounters", json=body).json()["id"]


def link_of(api: httpx2.Client, path: str) -> str:
    return api.get(path).json()["encounter_link"]


def values_in_bundle(api: httpx2.Client, encounter_id: str) -> Counter[str]:
    """How often the encounter's bundle holds an Observation with exactly these digits, by value."""
    text = api.get(f"/api/v1/epcr/encounters/{encounter_id}/fhir-bundle").text
    resources = [entry["resource"] for entry in json.loads(text, parse_float=str, parse_int=str)["entry"]]
    return Counter(r["valueQuantity"]["value"] for r in resources if r["resourceType"] == "Observation")


def test_an_observation_of_a_known_encounter_is_linked_and_stands_in_its_bundle(api: httpx2.Client) -> None:
    encounter_id = encounter(api)
    body = SPO2 | {"encounter_id": encounter_id}
    answer = api.post(f"{enrolled(api)}/observations", json=body)
    assert (answer.status_code, answer.json()["encounter_link"]) == (201, "pending")
    wait_for(lambda: link_of(api, answer.headers["location"]) == "linked")
    assert values_in_bundle(api, encounter_id) == {"98.0": 1}


def test_an_observation_of_an_encounter_this_tenant_does_not_have_is_kept_and_says_so(
    stack: Stack, api: httpx2.Client
) -> None:
    theirs = stack.app_token("argus:epcr:write", admin_token=stack.other.access_token)
    with stack.client("api", theirs) as elsewhere:
        encounters = [new_id("enc"), encounter(elsewhere)]
        device = enrolled(api)
        sent = [api.post(f"{device}/observations", json=SPO2 | {"encounter_id": id}) for id in encounters]
        for answer in sent:
            path = answer.headers["location"]
            wait_for(lambda path=path: link_of(api, path) == "unknown")
            assert api.get(path).json()["value"] == 98.0
        assert values_in_bundle(elsewhere, encounters[1]) == {}


def test_killed_under_load_every_reading_answered_is_there_and_reaches_the_bundle_once(
    stack: Stack, api: httpx2.Client
) -> None:
    load = Load(stack, api, [encounter(api) for _ in range(3)])
    with load:
        for process in ("web", "relay", "worker", "web"):
            load.wait_for_more(EACH_ROUND)
            killed = stack.kill("device-ingest", process)
            load.hurry.clear()
            stack.wait_for_restart("device-ingest", process, killed)
        load.wait_for_more(EACH_ROUND)
    assert len(load.answered) >= 5 * EACH_ROUND
    assert links(stack, load.answered).keys() == load.answered.keys()
    wait_for(lambda: set(links(stack, load.answered).values()) == {"linked"}, what="every link")
    shown = sum((values_in_bundle(api, encounter_id) for encounter_id in load.encounters), Counter[str]())
    assert set(shown.values()) == {1}
    assert {shown[value] for value in load.answered.values()} == {1}


def links(stack: Stack, ids: Any) -> dict[str, str]:
    """The encounter links of the existing observations among these ids, by id."""
    query = "SELECT id, encounter_link FROM observations WHERE id = ANY(%s)"
    with stack.database("device-ingest", "admin") as conn:
        return dict(conn.execute(query, (list(ids),)).fetchall())


class Load:
    """Several monitors that keep sending observations with different values. Holds those answered 201, by id."""

    def __init__(self, stack: Stack, api: httpx2.Client, encounters: list[str]) -> None:
        self.stack = stack
        self.device = enrolled(api)
        self.encounters = encounters
        self.numbers = itertools.count()
        self.answered: dict[str, str] = {}
        self.stopping = threading.Event()
        # Cleared while a process starts: nothing is gained then by keeping both cores from it.
        self.hurry = threading.Event()
        token = stack.app_token("argus:devices:write")
        self.threads = [threading.Thread(target=self._send, args=(token,)) for _ in range(WRITERS)]

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def wait_for_more(self, readings: int) -> None:
        goal = len(self.answered) + readings
        self.hurry.set()
        wait_for(lambda: len(self.answered) >= goal, what=f"{goal} readings")

    def _send(self, token: str) -> None:
        with self.stack.client("api", token) as client:
            while not self.stopping.is_set():
                self.hurry.wait(0.1)
                number = next(self.numbers)
                value = f"{Decimal(90) + Decimal(number) / 100_000:.5f}"
                encounter_id = self.encounters[number % len(self.encounters)]
                body = f'{{"mdc_code": "150456", "value": {value}, "unit_code": "%", "encounter_id": "{encounter_id}"}}'
                headers = {"content-type": "application/json"}
                answer = client.post(f"{self.device}/observations", content=body, headers=headers)
                if answer.status_code == 201:
                    self.answered[answer.json()["id"]] = value
                else:
                    assert answer.status_code in (429, 502, 503, 504), answer.text

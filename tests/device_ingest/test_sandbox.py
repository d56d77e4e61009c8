"""A sandbox's devices: enrolled once, with readings of the last days, and erased without touching any other device."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from services.device_ingest import sandbox as work
from shared.messaging.messages import SandboxDevices
from shared.messaging.sandboxes import DEVICES_OF_VEHICLE, VEHICLES
from shared.primitives import ids
from tests.device_ingest.conftest import DEVICES, Inside, Partner
from tests.support.messages import received, sandbox_fields


class Sandbox:
    def __init__(self, inside: Inside, http: httpx2.Client) -> None:
        self.inside, self.id = inside, ids.new_id("org")
        self.partner = Partner(http, self.id, environment="sandbox")
        self.fields = sandbox_fields()

    def perform(self, task: str, tenant_id: str = "", **more: Any) -> None:
        fields: dict[str, Any] = {**self.fields, "task": task, **more}
        body = SandboxDevices(**fields)
        with self.inside.task() as conn:
            work.perform(conn, [received(tenant_id or self.id, body)])

    def devices(self) -> list[dict[str, Any]]:
        return self.partner.get(DEVICES).json()

    def readings(self) -> int:
        [(number,)] = self.inside.rows("SELECT count(*) FROM observations WHERE tenant_id = %s", self.id)
        return number

    def erase(self) -> None:
        for _ in range(100):
            self.perform("erase")
            if not self.inside.messages(self.id, "auth.sandbox_portion_done.v1")[-1]["left"]:
                return
        raise AssertionError("erasing does not end")


@pytest.fixture
def sandbox(inside: Inside, http: httpx2.Client) -> Sandbox:
    return Sandbox(inside, http)


def test_every_vehicle_has_its_devices_and_the_last_days_have_readings(sandbox: Sandbox) -> None:
    sandbox.perform("seed")
    devices = sandbox.devices()
    assert len(devices) == VEHICLES * len(DEVICES_OF_VEHICLE)
    number = sandbox.readings()
    assert number > 200
    listed = [one for device in devices for one in sandbox.partner.get(f"{DEVICES}/{device['id']}/observations").json()]
    assert listed
    assert all(one["test"] and one["encounter_id"] for one in listed)
    sent = sandbox.inside.messages(sandbox.id, "epcr.observations_recorded.v1")
    assert sum(len(one["observations"]) for one in sent) == number
    assert sandbox.inside.messages(sandbox.id, "webhook_dispatcher.event.v1") == []


def test_seeding_again_changes_nothing(sandbox: Sandbox) -> None:
    sandbox.perform("seed")
    before = sandbox.readings(), len(sandbox.inside.messages(sandbox.id, "epcr.observations_recorded.v1"))
    sandbox.perform("seed")
    assert before == (
        sandbox.readings(),
        len(sandbox.inside.messages(sandbox.id, "epcr.observations_recorded.v1")),
    )


def test_an_arrest_sends_its_readings_as_an_event_too(sandbox: Sandbox) -> None:
    sandbox.perform("seed")
    before = sandbox.readings()
    sandbox.perform("arrest", number=1, at=datetime.now(UTC))
    [event] = sandbox.inside.messages(sandbox.id, "webhook_dispatcher.event.v1")
    assert (event["type"], event["test"]) == ("device.observations.recorded", True)
    assert event["data"]["count"] == sandbox.readings() - before


def test_erasing_takes_what_callers_made_in_the_sandbox_too(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "ERASED", 50)
    sandbox.perform("seed")
    own = sandbox.partner.enrol("MINE")
    assert sandbox.partner.observe(own).status_code == 201
    sandbox.erase()
    assert (sandbox.devices(), sandbox.readings()) == ([], 0)


def test_erasing_touches_no_device_of_production_whoever_asks(
    sandbox: Sandbox, partner: Partner, inside: Inside, http: httpx2.Client
) -> None:
    """Not even where a message names the tenant of production, or an observation there was sent as a test."""
    kept = partner.enrol("KEPT")
    assert partner.observe(kept, test=True).status_code == 201
    neighbour = Sandbox(inside, http)
    neighbour.perform("seed")
    sandbox.perform("seed")
    sandbox.perform("erase", tenant_id=partner.tenant_id)
    sandbox.perform("end", tenant_id=partner.tenant_id)
    sandbox.erase()
    assert len(partner.get(f"{kept}/observations").json()) == 1
    assert len(neighbour.devices()) == VEHICLES * len(DEVICES_OF_VEHICLE)


def test_a_device_cannot_become_one_of_a_sandbox(partner: Partner, inside: Inside, http: httpx2.Client) -> None:
    kept = partner.enrol("KEPT")
    disguised = Partner(http, partner.tenant_id, environment="sandbox")
    assert disguised.enrol("KEPT") == kept
    rows = inside.rows("SELECT sandbox FROM devices WHERE tenant_id = %s", partner.tenant_id)
    assert rows == [(False,)]


def test_readings_older_than_the_partitions_are_left_out(sandbox: Sandbox) -> None:
    """A message that waited for days is applied all the same."""
    sandbox.perform("seed", until=datetime.now(UTC) - timedelta(days=30))
    assert sandbox.readings() == 0
    assert sandbox.devices()

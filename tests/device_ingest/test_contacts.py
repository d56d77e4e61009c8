"""The last contact of a device: written with announcements and not by requests, listed, asked for by silence, and shown by vehicle."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from services.device_ingest import devices
from services.device_ingest.announcing import Announcing
from services.device_ingest.models import Vehicle
from shared.primitives.crypto import base64url_decode, base64url_encode
from shared.web.http import CURSOR_MARK
from tests.device_ingest.conftest import DEVICES, Inside, Partner
from tests.device_ingest.test_sandbox import Sandbox

VEHICLES = f"{DEVICES}/vehicles"


def announce(inside: Inside) -> None:
    with inside.task() as conn:
        Announcing()(conn)


def contact_of(partner: Partner, path: str) -> datetime | None:
    at = partner.get(path).json()["last_contact_at"]
    return None if at is None else datetime.fromisoformat(at)


def set_contact(inside: Inside, path: str, age: timedelta) -> None:
    """Makes the device's last contact so old, and its enrolment a year old."""
    device_id = path.rpartition("/")[2]
    inside.owner.execute("UPDATE devices SET enrolled_at = now() - interval '1 year' WHERE id = %s", (device_id,))
    inside.owner.execute("UPDATE device_contacts SET last_at = now() - %s WHERE device_id = %s", (age, device_id))


def heard(partner: Partner, inside: Inside, serial_number: str, age: timedelta, **fields: Any) -> str:
    path = partner.enrol(serial_number, **fields)
    assert partner.observe(path).status_code == 201
    announce(inside)
    set_contact(inside, path, age)
    return path


def silent(partner: Partner, age: timedelta, **query: Any) -> list[str]:
    since = (datetime.now(UTC) - age).isoformat()
    return [f"{DEVICES}/{one['id']}" for one in partner.get(DEVICES, params={"silent_since": since} | query).json()]


def test_a_device_has_its_last_contact_in_every_answer(partner: Partner, inside: Inside) -> None:
    path = partner.enrol("SN-1")
    assert contact_of(partner, path) is None
    before = datetime.now(UTC)
    # An old observation is a contact of now.
    assert partner.observe(path, observed_at=(before - timedelta(days=2)).isoformat()).status_code == 201
    announce(inside)
    at = contact_of(partner, path)
    assert at is not None
    assert timedelta(0) <= at - before < timedelta(hours=1)
    answers = [partner.get(DEVICES).json()[0], partner.patch(path, {"model": "X"}).json()]
    answers.append(partner.post(f"{DEVICES}/enrol", {"serial_number": "SN-1", "device_class": "oximeter"}).json())
    assert {datetime.fromisoformat(one["last_contact_at"]) for one in answers} == {at}


def test_recording_writes_no_row_of_the_device(partner: Partner, inside: Inside) -> None:
    path = partner.enrol()
    partner.observe(path)
    assert inside.rows("SELECT count(*) FROM device_contacts WHERE tenant_id = %s", partner.tenant_id) == [(0,)]
    with psycopg.connect(inside.database.app) as web:
        may = web.execute("SELECT has_table_privilege('device_contacts', 'INSERT, UPDATE, DELETE')").fetchone()
    assert may == (False,)


def test_a_device_that_sends_all_the_time_is_written_once_a_minute(partner: Partner, inside: Inside) -> None:
    path = partner.enrol()
    place = "SELECT xmin::text, last_at FROM device_contacts WHERE tenant_id = %s"
    partner.observe(path, value=90)
    announce(inside)
    first = inside.rows(place, partner.tenant_id)
    for number in range(2):
        partner.observe(path, value=91 + number)
        announce(inside)
    assert inside.rows(place, partner.tenant_id) == first
    set_contact(inside, path, timedelta(seconds=61))
    partner.observe(path, value=99)
    announce(inside)
    assert inside.rows(place, partner.tenant_id)[0][1] >= first[0][1]


def test_later_contacts_stay_within_their_page(inside: Inside) -> None:
    """An index of the times would make each of them write every index."""
    [(indexes,)] = inside.rows("SELECT count(*) FROM pg_index WHERE indrelid = 'device_contacts'::regclass")
    assert indexes == 1


def test_devices_that_are_silent_are_found_with_those_that_never_sent(partner: Partner, inside: Inside) -> None:
    week = heard(partner, inside, "SN-1", timedelta(days=8))
    hour = heard(partner, inside, "SN-2", timedelta(minutes=90))
    now = heard(partner, inside, "SN-3", timedelta(0))
    never, new = partner.enrol("SN-4"), partner.enrol("SN-5")
    set_contact(inside, never, timedelta(0))
    assert silent(partner, timedelta(days=7)) == [never, week]
    assert silent(partner, timedelta(hours=1)) == [never, hour, week]
    assert silent(partner, timedelta(minutes=-5)) == [new, never, now, hour, week]
    partner.patch(week, {"status": "retired"})
    assert silent(partner, timedelta(hours=1), status="active") == [never, hour]


def test_a_list_of_silent_devices_comes_in_pages_that_keep_the_time(partner: Partner, inside: Inside) -> None:
    paths = [heard(partner, inside, f"SN-{n}", timedelta(days=n)) for n in range(1, 6)]
    since = (datetime.now(UTC) - timedelta(days=1, hours=12)).isoformat()
    answer = partner.get(DEVICES, params={"silent_since": since, "limit": 2})
    seen = [one["id"] for one in answer.json()]
    set_contact(inside, paths[4], timedelta(0))  # of the page that was read
    while "next" in answer.links:
        answer = partner.get(answer.links["next"]["url"])
        seen += [one["id"] for one in answer.json()]
    assert [f"{DEVICES}/{one}" for one in seen] == paths[:0:-1]
    cursor = httpx2.URL(partner.get(f"{DEVICES}?limit=2").links["next"]["url"]).params["cursor"]
    assert partner.get(DEVICES, params={"silent_since": since, "cursor": cursor}).status_code == 422


@pytest.mark.parametrize("since", ["yesterday", "2026-13-01T00:00:00Z", "2026-11-01T00:00:00", "now", ""])
def test_a_time_that_is_none_is_refused(partner: Partner, since: str) -> None:
    answer = partner.get(DEVICES, params={"silent_since": since})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["silent_since"]


def test_another_organisation_s_contacts_are_not_seen(partner: Partner, other: Partner, inside: Inside) -> None:
    heard(partner, inside, "SN-1", timedelta(0))
    theirs = other.enrol("SN-1")
    set_contact(inside, theirs, timedelta(0))
    assert contact_of(other, theirs) is None
    assert silent(other, timedelta(hours=1)) == [theirs]
    assert other.get(VEHICLES).json() == []


def test_vehicles_are_those_that_devices_are_on(partner: Partner, inside: Inside) -> None:
    heard(partner, inside, "SN-1", timedelta(days=3), vehicle_id="AMB-2")
    newest = heard(partner, inside, "SN-2", timedelta(days=1), vehicle_id="AMB-2")
    partner.enrol("SN-3", vehicle_id="AMB-1")
    retired = partner.enrol("SN-4", vehicle_id="AMB-3")
    partner.patch(retired, {"status": "retired"})
    partner.enrol("SN-5")
    at = partner.get(newest).json()["last_contact_at"]
    assert partner.get(VEHICLES).json() == [
        {"vehicle_id": "AMB-1", "devices": 1, "last_contact_at": None},
        {"vehicle_id": "AMB-2", "devices": 2, "last_contact_at": at},
    ]


def test_vehicles_of_any_name_come_in_pages(partner: Partner) -> None:
    names = ["A 1&2", "AMB/1", "Ambulanza \u00e8", "\U0001f691" * 128]
    for number, name in enumerate(names):
        partner.enrol(f"SN-{number}", vehicle_id=name)
    seen, link = list[str](), f"{VEHICLES}?limit=1"
    while link:
        answer = partner.get(link)
        seen += [one["vehicle_id"] for one in answer.json()]
        link = answer.links["next"]["url"] if "next" in answer.links else ""
    assert sorted(seen) == sorted(names)
    assert (
        len(devices.vehicle_key(Vehicle(vehicle_id=names[3], devices=1, last_contact_at=None))) <= devices.VEHICLE_KEY
    )


@pytest.mark.parametrize("key", ["\u00e8", base64url_encode(b"a\0b"), base64url_encode(b"\xff"), "x" * 701, "!"])
def test_a_forged_cursor_of_vehicles_is_refused(partner: Partner, key: str) -> None:
    partner.enrol("SN-1", vehicle_id="A")
    partner.enrol("SN-2", vehicle_id="B")
    given = httpx2.URL(partner.get(f"{VEHICLES}?limit=1").links["next"]["url"]).params["cursor"]
    forged = base64url_encode(base64url_decode(given)[:CURSOR_MARK] + key.encode())
    assert partner.get(VEHICLES, params={"cursor": forged}).status_code == 422


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "status=active", "cursor=%00"])
def test_a_query_of_vehicles_that_does_not_fit_is_refused(partner: Partner, query: str) -> None:
    assert partner.get(f"{VEHICLES}?{query}").status_code == 422


def test_vehicles_need_the_scope_of_devices(http: httpx2.Client, partner: Partner) -> None:
    answer = Partner(http, partner.tenant_id, "argus:epcr:write").get(VEHICLES)
    assert (answer.status_code, answer.json()["scope"]) == (403, "argus:devices:read")


def test_a_sandbox_s_devices_have_contacts_until_they_are_erased(inside: Inside, http: httpx2.Client) -> None:
    sandbox = Sandbox(inside, http)
    sandbox.perform("seed")
    assert any(one["last_contact_at"] for one in sandbox.devices())
    sandbox.erase()
    assert inside.rows("SELECT count(*) FROM device_contacts WHERE tenant_id = %s", sandbox.id) == [(0,)]

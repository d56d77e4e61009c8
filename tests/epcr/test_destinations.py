"""Destinations: an administrator defines them, and encounters are bound for them."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from services.epcr.handover import destinations
from shared.primitives import ids
from shared.web import arrival
from tests.epcr.conftest import ENCOUNTERS, Client, Inside, Organisation
from tests.epcr.deliveries import app_changed
from tests.epcr.hospitals import ARRIVALS, DESTINATIONS, Region
from tests.epcr.samples import TYPICAL
from tests.support.messages import require_valid
from tests.support.waiting import PATIENCE


@pytest.fixture
def region(organisation: Organisation, inside: Inside) -> Region:
    return Region(organisation, inside)


def test_a_destination_is_made_read_changed_and_listed(region: Region) -> None:
    app = region.app().caller.client_id
    made = region.define(code="811", client_id=app, readable_days=7, agreement="DSA-1")
    assert made.status_code == 201
    body = made.json()
    assert made.headers["location"] == f"{DESTINATIONS}/{body['id']}"
    assert (body["version"], body["active"], body["allows_break_glass"], body["readable_days"]) == (1, True, False, 7)
    path = f"{DESTINATIONS}/{body['id']}"
    assert region.reader.get(path).json() == body
    changed = region.administrator.call("PATCH", path, json={"agreement": None, "type": "cath_lab"}).json()
    assert changed == body | {"agreement": None, "type": "cath_lab", "version": 2}
    assert region.administrator.call("PATCH", path, json={"type": "cath_lab"}).json() == changed
    listed = region.reader.get(DESTINATIONS).json()["destinations"]
    assert [one["id"] for one in listed] == [body["id"], region.kerry.id, region.cork.id]
    assert region.reader.get(DESTINATIONS, params={"code": "811"}).json()["destinations"] == [changed]
    first = region.reader.get(DESTINATIONS, params={"limit": 1}).json()
    second = region.reader.get(DESTINATIONS, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [one["id"] for one in first["destinations"] + second["destinations"]] == [one["id"] for one in listed]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"code": "no spaces"}, "/code"),
        ({"code": "724\n"}, "/code"),
        ({"code": ""}, "/code"),
        ({"code_system": "a register"}, "/code_system"),
        ({"code_system": "javascript:alert(1)"}, "/code_system"),
        ({"code_system": "https://register.example\n"}, "/code_system"),
        ({"type": "home"}, "/type"),
        ({"legal_basis": "because"}, "/legal_basis"),
        ({"agreement": ""}, "/agreement"),
        ({"readable_days": 0}, "/readable_days"),
        ({"readable_days": 366}, "/readable_days"),
        ({"readable_days": True}, "/readable_days"),
        ({"allows_break_glass": "yes"}, "/allows_break_glass"),
        ({"client_id": "app_unknown"}, "/client_id"),
        ({"active": False}, "/active"),
        ({"tenant_id": "org_other"}, "/tenant_id"),
    ],
)
def test_a_wrong_destination_is_refused_by_its_field(region: Region, change: dict[str, Any], pointer: str) -> None:
    answer = region.define(**{"client_id": region.cork.app.caller.client_id} | change)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_a_destination_of_an_app_that_was_just_made_waits_for_its_message(
    region: Region, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = threading.Event()

    async def sleep(seconds: float) -> None:
        waits.set()
        await asyncio.sleep(seconds)

    monkeypatch.setattr(arrival, "PATIENCE_SECONDS", PATIENCE)
    monkeypatch.setattr(arrival, "asyncio", SimpleNamespace(sleep=sleep))
    made_before_its_message = ids.new_id("app")
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(region.define, client_id=made_before_its_message)
        assert waits.wait(PATIENCE)
        inside.receive(region.organisation.id, app_changed(made_before_its_message))
        assert call.result().status_code == 201, call.result().text


@pytest.mark.parametrize("state", [{"status": "disabled"}, {"status": "deleted"}, {"deidentification": "shifted"}])
def test_an_app_that_may_not_read_identified_data_has_no_destination(region: Region, state: dict[str, Any]) -> None:
    app = region.app(**state)
    assert region.define(client_id=app.caller.client_id).json()["errors"][0]["pointer"] == "/client_id"
    assert region.change(region.cork, client_id=app.caller.client_id).status_code == 422


def test_the_app_of_another_organisation_has_no_destination(
    region: Region, other: Organisation, inside: Inside
) -> None:
    stranger = other.hospital.caller.client_id
    inside.receive(other.id, app_changed(stranger))
    assert region.define(client_id=stranger).status_code == 422
    assert region.change(region.cork, client_id=stranger).status_code == 422


def test_a_code_is_there_once_and_the_conflict_names_its_destination(region: Region) -> None:
    again = region.define(code="724", client_id=region.cork.app.caller.client_id)
    assert (again.status_code, again.json()["destination_id"]) == (409, region.cork.id)
    assert region.change(region.kerry, code="724").status_code == 409
    assert region.change(region.kerry, code="724", code_system="urn:oid:1.2.3").status_code == 200


def test_only_an_administrator_defines_destinations(region: Region, other: Organisation) -> None:
    for client in (region.partner, region.reader, region.crew, region.cork.app):
        answer = client.call("POST", DESTINATIONS, json=region.draft(client_id=client.caller.client_id))
        assert (answer.status_code, answer.json()["scope"]) == (403, "platform:apps")
        for method in ("PATCH", "DELETE"):
            body = {"json": {"active": False}} if method == "PATCH" else {}
            assert client.call(method, f"{DESTINATIONS}/{region.cork.id}", **body).status_code == 403
    stranger = Client(other.partner.http, other.id, "platform:apps", "argus:epcr:write")
    path = f"{DESTINATIONS}/{region.cork.id}"
    assert stranger.get(path).status_code == 404
    assert stranger.call("PATCH", path, json={"active": False}).status_code == 404
    assert stranger.call("DELETE", path).status_code == 404
    assert stranger.get(DESTINATIONS).json()["destinations"] == []


def test_a_repeated_call_makes_one_destination(region: Region) -> None:
    draft = region.draft(client_id=region.cork.app.caller.client_id)
    key = {"idempotency-key": "one"}
    made = [region.administrator.call("POST", DESTINATIONS, json=draft, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].json() == made[1].json()


def test_an_organisation_has_a_most_of_destinations(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destinations, "DESTINATIONS", destinations.DESTINATIONS._replace(most=2))
    refused = region.define(client_id=region.cork.app.caller.client_id)
    assert (refused.status_code, refused.json()["resource"], refused.json()["limit"]) == (409, "destinations", 2)
    assert region.administrator.call("DELETE", f"{DESTINATIONS}/{region.kerry.id}").status_code == 204
    assert region.define(client_id=region.cork.app.caller.client_id).status_code == 201


def test_a_destination_that_an_encounter_had_stays_on_record(region: Region) -> None:
    region.bound(region.cork)
    path = f"{DESTINATIONS}/{region.cork.id}"
    assert region.administrator.call("DELETE", path).status_code == 409
    assert region.change(region.cork, active=False).json()["active"] is False
    assert region.reader.get(DESTINATIONS, params={"active": "true"}).json()["destinations"][0]["id"] == region.kerry.id


def test_an_encounter_is_bound_for_one_destination(region: Region) -> None:
    id = region.partner.create(**TYPICAL)
    path = f"{ENCOUNTERS}/{id}/destination"
    assert region.partner.get(path).status_code == 404
    first = region.bind(id, region.cork).json()
    assert (first["destination_id"], first["code"], first["encounter_id"]) == (region.cork.id, "724", id)
    assert region.bind(id, region.cork).json() == first
    second = region.bind(id, region.kerry).json()
    assert second["destination_id"] == region.kerry.id
    assert region.partner.get(path).json() == second
    assert region.partner.call("DELETE", path).status_code == 204
    assert region.partner.call("DELETE", path).status_code == 204
    assert region.partner.get(path).status_code == 404
    history = "SELECT position, destination_id FROM encounter_destinations WHERE encounter_id = %s ORDER BY position"
    assert region.inside.rows(history, id) == [(1, region.cork.id), (2, region.kerry.id)]


def test_both_apps_and_no_other_are_notified(region: Region) -> None:
    id = region.bound(region.cork)
    region.bind(id, region.cork)
    region.bind(id, region.kerry)
    region.partner.call("DELETE", f"{ENCOUNTERS}/{id}/destination")
    sent = region.inside.messages(region.organisation.id, "webhook_dispatcher.event.v1")
    changes = [one for one in sent if one["type"] == "epcr.destination.changed"]
    for event in changes:
        require_valid(event["type"], event["data"])
    cork, kerry = region.cork.app.caller.client_id, region.kerry.app.caller.client_id
    assert [(one["recipients"], one["data"]["state"]) for one in changes] == [
        ([cork], "bound"),
        ([cork], "ended"),
        ([kerry], "bound"),
        ([kerry], "ended"),
    ]


def test_who_may_not_bind_an_encounter(region: Region, other: Organisation) -> None:
    id = region.partner.create()
    assert region.bind(id, region.cork, region.reader).status_code == 403
    assert region.bind(id, region.cork, region.cork.app).status_code == 403
    assert region.bind(id, region.cork, other.partner).status_code == 404
    itself = region.cork.app
    itself.caller = msgspec.structs.replace(itself.caller, scopes=itself.caller.scopes | {"argus:epcr:write"})
    assert region.bind(id, region.cork, itself).status_code == 403
    assert region.cork.handover(id).status_code == 404
    moved = Client(region.partner.http, region.organisation.id, "argus:epcr:write")
    moved.caller = msgspec.structs.replace(moved.caller, deidentification="shifted")
    assert region.bind(id, region.cork, moved).status_code == 403


def test_an_encounter_is_bound_for_active_destinations_of_its_organisation(
    region: Region, other: Organisation, inside: Inside
) -> None:
    id, elsewhere = region.partner.create(), Region(other, inside)
    for hospital in (elsewhere.cork, region.cork._replace(id="dst_x"), region.cork._replace(id="x" * 64)):
        assert region.bind(id, hospital).json()["errors"][0]["pointer"] == "/destination_id"
    region.change(region.cork, active=False)
    assert region.bind(id, region.cork).status_code == 422
    region.crew.write(id, {"status": "cancelled"})
    assert region.bind(id, region.kerry).status_code == 409


def test_an_encounter_has_a_most_of_destinations(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destinations, "NAMINGS", destinations.NAMINGS._replace(most=2))
    id = region.bound(region.cork)
    assert region.bind(id, region.kerry).status_code == 200
    assert region.bind(id, region.cork).status_code == 409
    assert region.cork.handover(id).status_code == 403


def test_a_hospital_lists_its_arrivals(region: Region) -> None:
    ids = [region.bound(region.cork) for _ in range(3)]
    region.bound(region.kerry)
    listed = region.cork.app.get(ARRIVALS).json()["arrivals"]
    assert [one["encounter_id"] for one in listed] == ids[::-1]
    page = region.cork.app.get(ARRIVALS, params={"limit": 2}).json()
    rest = region.cork.app.get(ARRIVALS, params={"cursor": page["next_cursor"]}).json()
    assert [one["encounter_id"] for one in page["arrivals"] + rest["arrivals"]] == ids[::-1]
    region.bind(ids[0], region.kerry)
    region.crew.write(ids[1], {"status": "cancelled"})
    region.age(ids[2], 31)
    assert region.cork.app.get(ARRIVALS).json()["arrivals"] == []
    assert region.partner.get(ARRIVALS).status_code == 403

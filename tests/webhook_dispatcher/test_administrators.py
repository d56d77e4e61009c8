"""An administrator of the organisation sees the webhooks of every app with their deliveries, and changes none of them."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from services.webhook_dispatcher.fanout.intake import time_of
from shared.primitives import ids
from tests.support.receiver import Receiver
from tests.webhook_dispatcher.conftest import WEBHOOKS, Dispatcher, Partner


@pytest.fixture
def administrator(http: httpx2.Client, partner: Partner) -> Partner:
    return Partner(http, partner.tenant_id, "webhooks:write", "platform:apps")


def ids_of(app: Partner, **query: str) -> list[str]:
    answer = app.get(WEBHOOKS, params=query)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["webhooks"]]


def test_an_administrator_lists_the_webhooks_of_every_app_or_of_one(
    http: httpx2.Client, partner: Partner, administrator: Partner
) -> None:
    colleague, stranger = Partner(http, partner.tenant_id), Partner(http)
    made = {app: app.subscribe("https://integrator.example/").rpartition("/")[2] for app in (partner, colleague)}
    stranger.subscribe("https://integrator.example/")
    own = administrator.subscribe("https://integrator.example/").rpartition("/")[2]
    assert set(ids_of(administrator)) == {*made.values(), own}
    assert ids_of(administrator, client_id=partner.client_id) == [made[partner]]
    assert ids_of(administrator, client_id=administrator.client_id) == [own]
    assert ids_of(administrator, client_id=stranger.client_id) == []
    shown = administrator.get(WEBHOOKS).json()["webhooks"]
    assert {one["id"]: one["client_id"] for one in shown} == {
        made[partner]: partner.client_id,
        made[colleague]: colleague.client_id,
        own: administrator.client_id,
    }


def test_pages_of_an_administrator_go_through_all_apps(
    http: httpx2.Client, partner: Partner, administrator: Partner
) -> None:
    apps = [partner, Partner(http, partner.tenant_id)]
    made = {app.subscribe("https://integrator.example/").rpartition("/")[2] for app in apps * 2}
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = administrator.get(WEBHOOKS, params={"limit": "1"} | cursor).json()
        seen += [one["id"] for one in page["webhooks"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert (len(seen), set(seen)) == (4, made)


def test_an_app_sees_its_own_webhooks_alone(http: httpx2.Client, partner: Partner) -> None:
    colleague = Partner(http, partner.tenant_id)
    webhook = partner.subscribe("https://integrator.example/")
    assert ids_of(colleague) == []
    assert ids_of(partner, client_id=partner.client_id) == [webhook.rpartition("/")[2]]
    refused = colleague.get(WEBHOOKS, params={"client_id": partner.client_id})
    assert (refused.status_code, refused.json()["scope"]) == (403, "platform:apps")
    for path in ("", "/deliveries", "/reconciliation"):
        assert colleague.get(webhook + path).status_code == 404


def test_an_administrator_reads_deliveries_and_changes_nothing(
    partner: Partner, administrator: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url, headers={"x-key": "canary-of-a-header"})
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: [one["status"] for one in partner.deliveries(webhook)] == ["succeeded"])
    [delivery] = administrator.deliveries(webhook)
    history = administrator.get(f"{webhook}/deliveries/{delivery['id']}")
    assert history.json() == partner.get(f"{webhook}/deliveries/{delivery['id']}").json()
    assert "canary" not in history.text
    assert administrator.books(webhook)["accepted"] == 1
    assert administrator.get(webhook).json()["client_id"] == partner.client_id
    assert administrator.put(webhook, {"enabled": False}).status_code == 404
    assert administrator.call("DELETE", webhook).status_code == 404
    for call in (
        "/test",
        "/test?wait=true",
        f"/deliveries/{delivery['id']}/retry",
        "/recover?since=2026-01-01T00:00:00Z",
    ):
        assert administrator.post(webhook + call).status_code == 404


def test_another_organisation_s_administrator_finds_nothing(http: httpx2.Client, partner: Partner) -> None:
    webhook = partner.subscribe("https://integrator.example/")
    stranger = Partner(http, "", "webhooks:write", "platform:apps")
    assert ids_of(stranger) == []
    for path in ("", "/deliveries", "/reconciliation"):
        assert stranger.get(webhook + path).status_code == 404


def test_an_administrator_with_moved_times_sees_no_other_app(http: httpx2.Client, partner: Partner) -> None:
    webhook = partner.subscribe("https://integrator.example/")
    blurred = Partner(http, partner.tenant_id, "webhooks:write", "platform:apps", deidentification="shifted")
    assert ids_of(blurred) == []
    assert blurred.get(webhook).status_code == 404
    assert blurred.get(WEBHOOKS, params={"client_id": partner.client_id}).status_code == 403


def all_deliveries(app: Partner, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = app.get("/v1/deliveries", params=query | cursor)
        assert answer.status_code == 200, answer.text
        found += answer.json()["deliveries"]
        if answer.json()["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json()["next_cursor"]}


def test_the_deliveries_of_all_webhooks_are_listed_for_their_app_and_for_an_administrator(
    http: httpx2.Client, partner: Partner, administrator: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    colleague, stranger = Partner(http, partner.tenant_id), Partner(http)
    mine = [partner.subscribe(receiver.url) for _ in range(2)]
    theirs = colleague.subscribe(receiver.url)
    stranger.subscribe(receiver.url)
    for _ in range(3):
        dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.publish(stranger.tenant_id, "incident.updated")
    expected = {one["id"] for webhook in mine for one in partner.deliveries(webhook)}
    partner.post(f"{mine[0]}/test")
    seen = all_deliveries(partner, limit="2")
    assert (len(seen), {one["id"] for one in seen}) == (6, expected)
    assert [one["id"] for one in seen] == sorted((one["id"] for one in seen), reverse=True)
    assert {(one["webhook_id"], one["client_id"]) for one in seen} == {
        (webhook.rpartition("/")[2], partner.client_id) for webhook in mine
    }
    of_all = all_deliveries(administrator, limit="4")
    assert (len(of_all), {one["client_id"] for one in of_all}) == (9, {partner.client_id, colleague.client_id})
    of_colleague = all_deliveries(administrator, client_id=colleague.client_id)
    assert {one["webhook_id"] for one in of_colleague} == {theirs.rpartition("/")[2]}
    assert partner.get("/v1/deliveries", params={"client_id": colleague.client_id}).status_code == 403


def test_failed_deliveries_of_an_older_day_are_found_through_empty_pages(
    partner: Partner, administrator: Partner, dispatcher: Dispatcher
) -> None:
    webhook = partner.subscribe("https://integrator.example/").rpartition("/")[2]
    dispatcher.publish(partner.tenant_id, "incident.updated")
    old = datetime.now(UTC) - timedelta(days=5)
    name = ids.id_of("dlv", uuid.UUID(int=int(old.timestamp() * 1000) << 80))
    dispatcher.run(
        "INSERT INTO deliveries (id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, status, troubled)"
        " VALUES (%s, %s, %s, %s, 'evt_1', now(), 'incident.updated', 9, 'failed', true)",
        name,
        time_of(name),
        partner.tenant_id,
        webhook,
    )
    assert [one["id"] for one in all_deliveries(administrator, status="failed")] == [name]
    assert all_deliveries(administrator, status="retrying") == []
    assert len(all_deliveries(administrator)) == 2
    since, until = (old - timedelta(hours=1)).isoformat(), (old + timedelta(hours=1)).isoformat()
    assert [one["id"] for one in all_deliveries(partner, since=since, until=until)] == [name]
    assert all_deliveries(partner, until=since) == []


@pytest.mark.parametrize(
    "query", [{"status": "queued"}, {"since": "now"}, {"cursor": "b3BhcXVl"}, {"client_id": ""}, {"limit": "101"}]
)
def test_a_hostile_query_of_all_deliveries_is_refused(partner: Partner, query: dict[str, str]) -> None:
    assert partner.get("/v1/deliveries", params=query).status_code == 422

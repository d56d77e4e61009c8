"""An administrator of the organisation sees the webhooks of every app with their deliveries, and changes none of them."""

import httpx2
import pytest

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

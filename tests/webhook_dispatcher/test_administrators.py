"""An administrator of the organisation works with the webhooks of every app and their deliveries."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import httpx2
import pytest

from services.webhook_dispatcher.fanout.intake import time_of
from services.webhook_dispatcher.history import overview
from shared.primitives import ids
from tests.support.receiver import OK, Behaviour, Received, Receiver, answer
from tests.webhook_dispatcher.conftest import WEBHOOKS, Dispatcher, Partner


@pytest.fixture
def administrator(http: httpx2.Client, partner: Partner) -> Partner:
    return Partner(http, partner.tenant_id, "webhooks:write", "platform:apps")


def ids_of(app: Partner, **query: str) -> list[str]:
    page = app.get(WEBHOOKS, params=query)
    assert page.status_code == 200, page.text
    return [one["id"] for one in page.json()["webhooks"]]


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


def test_an_administrator_reads_deliveries_as_their_app_does(
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


def test_an_administrator_changes_the_webhooks_of_every_app(
    partner: Partner, administrator: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    dispatcher.approve(partner, "incident.*")
    webhook = administrator.subscribe(receiver.url, client_id=partner.client_id)
    assert administrator.get(webhook).json()["client_id"] == partner.client_id
    assert ids_of(partner) == [webhook.rpartition("/")[2]]
    refused = administrator.put(webhook, {"events": ["device.enrolled"]})
    assert (refused.status_code, refused.json()["unapproved_events"]) == (403, ["device.enrolled"])
    assert administrator.post(f"{webhook}/test?wait=true").json()["status"] == "succeeded"
    assert administrator.put(webhook, {"enabled": False}).json()["enabled"] is False
    assert administrator.put(webhook, {"enabled": True, "description": "ours"}).json()["description"] == "ours"
    assert administrator.post(f"{webhook}/rotate-signing-key").status_code == 200
    dispatcher.publish(partner.tenant_id, "incident.updated")
    [delivery] = [one for one in administrator.deliveries(webhook) if one["sequence"] is not None]
    assert administrator.post(f"{webhook}/deliveries/{delivery['id']}/retry").status_code == 202
    assert administrator.post(f"{webhook}/recover?since=2026-01-01T00:00:00Z").status_code == 202
    actors = dispatcher.rows("SELECT DISTINCT client_id FROM audit WHERE subject_id = %s", webhook.rpartition("/")[2])
    assert [one["client_id"] for one in actors] == [administrator.client_id]
    assert administrator.call("DELETE", webhook).status_code == 204
    assert partner.get(webhook).status_code == 404


def test_an_app_works_for_no_other_app(http: httpx2.Client, partner: Partner, dispatcher: Dispatcher) -> None:
    dispatcher.approve(partner, "incident.*")
    colleague = Partner(http, partner.tenant_id)
    webhook = partner.subscribe("https://integrator.example/")
    draft = {"url": "https://integrator.example/", "events": ["incident.updated"], "client_id": partner.client_id}
    trial = {
        "events": ["incident.updated"],
        "filter": {"pointer": "/status", "exists": True},
        "client_id": partner.client_id,
    }
    for refused in (
        colleague.post(WEBHOOKS, draft),
        colleague.post(f"{WEBHOOKS}/try-filter", trial),
        colleague.get(f"{WEBHOOKS}/contacts", params={"client_id": partner.client_id}),
        colleague.put(f"{WEBHOOKS}/contacts", {"emails": [], "client_id": partner.client_id}),
    ):
        assert (refused.status_code, refused.json()["scope"]) == (403, "platform:apps")
    assert colleague.put(webhook, {"enabled": False}).status_code == 404
    assert colleague.call("DELETE", webhook).status_code == 404
    for call in ("/test", "/test?wait=true", "/rotate-signing-key", "/recover?since=2026-01-01T00:00:00Z"):
        assert colleague.post(webhook + call).status_code == 404


def test_an_administrator_makes_nothing_for_an_app_of_another_organisation(
    http: httpx2.Client, administrator: Partner, dispatcher: Dispatcher
) -> None:
    stranger = Partner(http)
    dispatcher.approve(stranger, "incident.*")
    for client_id in (stranger.client_id, "no-such-app"):
        draft = {"url": "https://integrator.example/", "events": ["incident.updated"], "client_id": client_id}
        contacts = {"emails": ["ops@integrator.example"], "client_id": client_id}
        for refused in (administrator.post(WEBHOOKS, draft), administrator.put(f"{WEBHOOKS}/contacts", contacts)):
            assert refused.status_code == 422
            assert [one["pointer"] for one in refused.json()["errors"]] == ["/client_id"]


def test_an_administrator_keeps_the_contacts_of_every_app(
    partner: Partner, administrator: Partner, dispatcher: Dispatcher
) -> None:
    dispatcher.approve(partner, "incident.*")
    emails = ["ops@integrator.example"]
    assert (
        administrator.put(f"{WEBHOOKS}/contacts", {"emails": emails, "client_id": partner.client_id}).status_code == 200
    )
    assert partner.get(f"{WEBHOOKS}/contacts").json()["emails"] == emails
    assert administrator.get(f"{WEBHOOKS}/contacts").json()["emails"] == []
    shown = administrator.get(f"{WEBHOOKS}/contacts", params={"client_id": partner.client_id})
    assert shown.json()["emails"] == emails


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


def broken_at(path: str) -> Behaviour:
    async def behave(request: Received, writer: asyncio.StreamWriter) -> bool:
        writer.write(answer(500) if request.path == path else OK)
        return True

    return behave


def all_deliveries(app: Partner, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = app.get("/v1/deliveries", params=query | cursor)
        assert page.status_code == 200, page.text
        found += page.json()["deliveries"]
        if page.json()["next_cursor"] is None:
            return found
        cursor = {"cursor": page.json()["next_cursor"]}


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


of_few_and_of_many_webhooks = pytest.mark.parametrize("many", [overview.MANY, -1], ids=["few", "many"])


@pytest.mark.full
@of_few_and_of_many_webhooks
def test_failed_deliveries_of_an_older_day_are_found_through_empty_pages(
    partner: Partner, administrator: Partner, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(overview, "MANY", many)
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


def test_times_at_the_ends_of_all_times_are_answered(partner: Partner, dispatcher: Dispatcher) -> None:
    partner.subscribe("https://integrator.example/")
    dispatcher.publish(partner.tenant_id, "incident.updated")
    ends = {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}
    assert len(all_deliveries(partner, **ends)) == 1
    assert all_deliveries(partner, until=ends["since"]) == all_deliveries(partner, since=ends["until"]) == []


@pytest.mark.parametrize(
    "query",
    [
        {"status": "lost"},
        {"response": "6xx"},
        {"event_type": "no.such"},
        {"trace_id": "ABC"},
        {"webhook_id": ""},
        {"event_id": "x" * 129},
        {"since": "now"},
        {"cursor": "b3BhcXVl"},
        {"client_id": ""},
        {"limit": "101"},
    ],
)
def test_a_hostile_query_of_all_deliveries_is_refused(partner: Partner, query: dict[str, str]) -> None:
    assert partner.get("/v1/deliveries", params=query).status_code == 422


@pytest.mark.full
@of_few_and_of_many_webhooks
def test_deliveries_are_found_by_webhook_state_answer_type_event_and_trace(
    http: httpx2.Client,
    partner: Partner,
    administrator: Partner,
    dispatcher: Dispatcher,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    many: int,
) -> None:
    monkeypatch.setattr(overview, "MANY", many)
    good = partner.subscribe(receiver.url, "incident.updated", "incident.closed")
    bad = partner.subscribe(receiver.url + "/broken", "incident.updated")
    receiver.behaviour = broken_at("/hook/broken")
    trace = "0af7651916cd43dd8448eb211c80319c"
    [event] = dispatcher.publish(partner.tenant_id, "incident.updated", traceparent=f"00-{trace}-b7ad6b7169203331-01")
    [closed] = dispatcher.publish(partner.tenant_id, "incident.closed")
    ends = {"succeeded", "failed"}
    dispatcher.pump_until(lambda: {one["status"] for one in all_deliveries(partner)} == ends)
    webhooks = {path: path.rpartition("/")[2] for path in (good, bad)}

    def found(**query: str) -> set[tuple[str, str]]:
        shown = all_deliveries(administrator, **query)
        return {(one["webhook_id"], one["event_id"]) for one in shown}

    first, second, broken = (webhooks[good], event), (webhooks[good], closed), (webhooks[bad], event)
    assert found(webhook_id=webhooks[good]) == {first, second}
    assert found(status="succeeded") == {first, second}
    assert found(status="failed") == found(response="5xx") == {broken}
    assert found(response="2xx") == {first, second}
    assert found(response="none") == found(status="retrying") == found(status="queued") == set()
    assert found(event_type="incident.closed") == {second}
    assert found(event_id=event) == {first, broken}
    assert found(event_id=event, response="2xx") == {first}
    assert found(trace_id=trace) == {first, broken}
    assert found(trace_id=trace, response="5xx", webhook_id=webhooks[bad]) == {broken}
    stranger = Partner(http, "", "webhooks:read", "platform:apps")
    assert all_deliveries(stranger, event_id=event) == all_deliveries(stranger, webhook_id=webhooks[good]) == []
    assert all_deliveries(Partner(http, partner.tenant_id), event_id=event) == []


@pytest.mark.parametrize(
    "trouble", ["failing_since = now()", "disabled_reason = 'gone', enabled = false", "live_events = '{}'"]
)
def test_webhooks_that_need_somebody_are_listed_alone(
    http: httpx2.Client, partner: Partner, administrator: Partner, dispatcher: Dispatcher, trouble: LiteralString
) -> None:
    webhook = partner.subscribe("https://integrator.example/").rpartition("/")[2]
    for _ in range(3):
        partner.subscribe("https://integrator.example/")
    Partner(http).subscribe("https://integrator.example/")
    assert ids_of(administrator, troubled="true") == []
    dispatcher.run("UPDATE subscriptions SET " + trouble + " WHERE id = %s", webhook)
    assert ids_of(administrator, troubled="true") == ids_of(partner, troubled="true") == [webhook]
    assert len(ids_of(administrator, troubled="false")) == 4
    assert administrator.get(WEBHOOKS, params={"troubled": "yes"}).status_code == 422

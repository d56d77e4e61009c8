"""Subscriptions over HTTP: allowed calls, refusals, and who sees which webhook."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx2
import msgspec
import psycopg
import pytest

from services.webhook_dispatcher.subscriptions import apps, queries
from shared.messaging.messages import Received as Message
from shared.messaging.messages import WebhookApp
from shared.primitives import ids
from shared.storage.database import task_transaction
from tests.support.waiting import wait_for
from tests.webhook_dispatcher.conftest import SECRET, WEBHOOKS, Dispatcher, Partner

URL = "https://integrator.example/webhooks/argus"


def pointers(answer: Any) -> list[str]:
    return [error["pointer"] for error in answer.json()["errors"]]


def test_a_webhook_is_created_as_the_page_shows(partner: Partner) -> None:
    body = {"url": URL, "events": ["incident.updated"], "secret": "<signing-secret>"}
    answer = partner.post(WEBHOOKS, body)
    assert answer.status_code == 201
    created = answer.json()
    assert ids.is_id(created["id"], "wh")
    assert answer.headers["location"] == f"{WEBHOOKS}/{created['id']}"
    assert (created["url"], created["events"], created["enabled"]) == (URL, ["incident.updated"], True)
    assert "secret" not in created
    idle = {"waiting": 0, "more": False, "clearing": False, "gathering": False}
    assert partner.get(answer.headers["location"]).json() == created | {"backlog": idle}
    assert partner.get(WEBHOOKS).json() == {"webhooks": [created], "next_cursor": None}


def test_without_a_secret_one_is_made_and_shown_once(partner: Partner) -> None:
    created = partner.post(WEBHOOKS, {"url": URL, "events": ["incident.updated"]}).json()
    assert created["secret"].startswith("whsec_")
    read = partner.get(f"{WEBHOOKS}/{created['id']}").json()
    assert "secret" not in read
    assert read["secret_fingerprint"] == created["secret_fingerprint"]


def test_secrets_lie_encrypted(partner: Partner, dispatcher: Dispatcher) -> None:
    partner.subscribe(URL, secret="the canary that never sings", headers={"Authorization": "canary-token"})
    [row] = dispatcher.rows("SELECT * FROM subscriptions WHERE tenant_id = %s", partner.tenant_id)
    assert b"canary" not in row["secret"] + row["headers"]
    assert "canary" not in str({name: value for name, value in row.items() if name not in ("secret", "headers")})


def test_a_put_changes_what_it_names_and_nothing_else(partner: Partner) -> None:
    webhook = partner.subscribe(URL, description="to the hospital")
    before = partner.get(webhook).json()
    answer = partner.put(webhook, {"events": ["incident.updated", "incident.closed"]})
    assert answer.status_code == 200
    after = answer.json()
    assert after["events"] == ["incident.updated", "incident.closed"]
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"events", "updated_at"}
    assert partner.put(webhook, {"description": None}).json()["description"] is None


def test_a_rotated_secret_is_remembered_for_a_day(partner: Partner) -> None:
    webhook = partner.subscribe(URL)
    before = partner.get(webhook).json()
    after = partner.put(webhook, {"secret": "another secret, long"}).json()
    assert after["previous_secret_fingerprint"] == before["secret_fingerprint"] != after["secret_fingerprint"]
    assert after["previous_secret_expires_at"] > after["updated_at"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"url": "http://integrator.example:99999/"}, "/url"),
        ({"url": "https://10.0.0.1/"}, "/url"),
        ({"url": "https://user:secret@integrator.example/"}, "/url"),
        ({"url": 5}, "/url"),
        ({"events": []}, "/events"),
        ({"events": "incident.updated"}, "/events"),
        ({"events": ["incident.exploded"]}, "/events/0"),
        ({"events": ["incident.*"]}, "/events/0"),
        ({"events": ["incident.updated", "incident.updated"]}, "/events/1"),
        ({"events": ["incident.updated"] * 51}, "/events"),
        ({"secret": "short"}, "/secret"),
        ({"secret": "whsec_!!!"}, "/secret"),
        ({"secret": "whpk_" + "A" * 43 + "="}, "/secret"),
        ({"secret": "x" * 257}, "/secret"),
        ({"headers": {"Host": "internal"}}, "/headers/Host"),
        ({"headers": {"X-A": "a\r\nX-B: b"}}, "/headers/X-A"),
        ({"headers": {"webhook-id": "evt_1"}}, "/headers/webhook-id"),
        ({"headers": {"X A": "a"}}, "/headers/X A"),
        ({"description": "x" * 501}, "/description"),
        ({"filter": {}}, "/filter"),
        ({"enabled": "yes"}, "/enabled"),
    ],
)
def test_what_does_not_fit_is_refused_by_place_and_changes_nothing(
    partner: Partner, change: dict[str, Any], pointer: str
) -> None:
    webhook = partner.subscribe(URL)
    before = partner.get(webhook).json()
    answer = partner.put(webhook, change)
    assert (answer.status_code, pointers(answer)) == (422, [pointer]), answer.text
    assert partner.get(webhook).json() == before
    if "enabled" not in change:
        made = partner.post(WEBHOOKS, {"url": URL, "events": ["incident.updated"]} | change)
        assert (made.status_code, pointers(made)) == (422, [pointer]), made.text
    assert len(partner.get(WEBHOOKS).json()["webhooks"]) == 1


@pytest.mark.parametrize("secret", [None, 5, ["x" * 16]])
def test_a_secret_is_text(partner: Partner, secret: Any) -> None:
    webhook = partner.subscribe(URL)
    assert partner.put(webhook, {"secret": secret}).status_code == 422


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"url": "https://a.example/", "url": "https://b.example/", "events": ["incident.updated"]}', "application/json", 400),
        (b'{"url": "https://a.example/\\u0000", "events": ["incident.updated"]}', "application/json", 422),
        (b'{"url": "https://a.example/", "events": ["incident.updated"], "secret": "0123456789abcde\\ud800"}', "application/json", 422),
        (b'{"url": "https://a.example/"}', "application/json", 422),
        (b"[]", "application/json", 422),
        (b"url=https://a.example/", "application/x-www-form-urlencoded", 415),
        (b'"' + b"x" * (1 << 20) + b'"', "application/json", 413),
    ],
)  # fmt: skip
def test_a_malformed_body_is_refused_with_a_problem(
    partner: Partner, content: bytes, content_type: str, status: int
) -> None:
    answer = partner.call("POST", WEBHOOKS, content=content, headers={"content-type": content_type})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["trace_id"]
    assert partner.get(WEBHOOKS).json()["webhooks"] == []


def test_a_known_type_that_is_not_approved_is_forbidden_by_name(partner: Partner, dispatcher: Dispatcher) -> None:
    body = {"url": URL, "events": ["incident.updated", "epcr.encounter.created"]}
    answer = partner.post(WEBHOOKS, body)
    assert answer.status_code == 403
    assert "epcr.encounter.created" in answer.json()["detail"]
    dispatcher.approve(partner, "incident.*", "epcr.*")
    assert partner.post(WEBHOOKS, body).status_code == 201


@pytest.mark.parametrize("mode", ["shifted", "safe_harbor"])
def test_an_app_that_is_shown_moved_times_subscribes_to_nothing_live(
    partner: Partner, dispatcher: Dispatcher, mode: Any
) -> None:
    """Its token says so before auth's message is here."""
    dispatcher.approve(partner, "incident.*", "epcr.*", "device.*", "webhook.disabled", "automation.fired")
    webhook = partner.subscribe(URL, "webhook.disabled")
    partner.caller = msgspec.structs.replace(partner.caller, deidentification=mode)
    for name in ("incident.created", "epcr.encounter.created", "device.observations.recorded", "automation.fired"):
        assert partner.post(WEBHOOKS, {"url": URL, "events": [name]}).status_code == 403
        assert partner.put(webhook, {"events": [name]}).status_code == 403
    assert partner.post(WEBHOOKS, {"url": URL, "events": ["webhook.disabled"]}).status_code == 201


def test_withdrawing_an_approval_stops_its_deliveries_and_shows(partner: Partner, dispatcher: Dispatcher) -> None:
    webhook = partner.subscribe(URL, "incident.updated", "incident.closed")
    dispatcher.publish(partner.tenant_id, "incident.updated", "incident.closed")
    dispatcher.approve(partner, "incident.closed")
    shown = partner.get(webhook).json()
    assert shown["events"] == ["incident.updated", "incident.closed"]
    assert shown["unapproved_events"] == ["incident.updated"]
    waiting, withdrawn = partner.deliveries(webhook)
    assert (waiting["event_type"], waiting["status"]) == ("incident.closed", "queued")
    assert (withdrawn["event_type"], withdrawn["status"]) == ("incident.updated", "failed")
    assert withdrawn["error"].startswith("approval_withdrawn")
    dispatcher.publish(partner.tenant_id, "incident.updated")
    assert len(partner.deliveries(webhook)) == 2
    retried = partner.post(f"{webhook}/deliveries/{withdrawn['id']}/retry")
    assert retried.status_code == 403


@pytest.mark.parametrize("known", [True, False])
def test_a_webhook_made_while_its_approval_is_withdrawn_hears_of_nothing_either(
    partner: Partner, dispatcher: Dispatcher, known: bool
) -> None:
    """The withdrawal has been read and not yet committed when the call comes: the call waits and is refused."""
    if known:
        dispatcher.approve(partner, "incident.*")
    answers: list[httpx2.Response] = []
    body = {"url": URL, "events": ["incident.updated"]}
    creating = threading.Thread(target=lambda: answers.append(partner.post(WEBHOOKS, body)))
    withdrawal = WebhookApp(client_id=partner.caller.client_id, version=9, status="active", approved_events=["epcr.*"])
    with task_transaction(dispatcher.pool) as conn:
        apps.change_apps(conn, [Message(ids.uuid7(), partner.tenant_id, datetime.now(UTC), None, withdrawal)])
        creating.start()
        wait_for(lambda: dispatcher.rows("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"))
    creating.join()
    assert answers[0].status_code == 403
    assert partner.get(WEBHOOKS).json()["webhooks"] == []


def test_an_approval_withdrawn_while_a_webhook_is_being_made_is_withdrawn_from_it_too(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    """The other way round: the call has looked and not yet committed when the withdrawal comes, which waits for it."""
    withdrawing = threading.Thread(target=lambda: dispatcher.approve(partner, "epcr.*"))
    columns = "id, tenant_id, client_id, url, events, live_events, secret, secret_fingerprint"
    values = "%(id)s, %(tenant_id)s, %(client_id)s, '', '{incident.updated}', '{incident.updated}', '', ''"
    row = {"id": ids.new_id("wh"), "tenant_id": partner.tenant_id, "client_id": partner.caller.client_id}
    with psycopg.connect(dispatcher.database.migrator) as conn:
        conn.execute(queries.SHARE_APP, row)
        conn.execute(f"INSERT INTO subscriptions ({columns}) VALUES ({values})", row)
        withdrawing.start()
        wait_for(lambda: dispatcher.rows("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"))
    withdrawing.join()
    [made] = partner.get(WEBHOOKS).json()["webhooks"]
    assert made["unapproved_events"] == ["incident.updated"]


def test_a_webhook_made_for_a_disabled_app_is_paused_and_a_deleted_app_makes_none(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    dispatcher.change_app(partner, 1, status="disabled")
    assert partner.get(partner.subscribe(URL)).json()["paused"]
    dispatcher.change_app(partner, 2, status="deleted")
    assert partner.post(WEBHOOKS, {"url": URL, "events": ["incident.updated"]}).status_code == 403


def test_an_older_word_about_an_app_never_overwrites_a_newer(partner: Partner, dispatcher: Dispatcher) -> None:
    webhook = partner.subscribe(URL)
    dispatcher.approve(partner, "epcr.*", version=5)
    dispatcher.approve(partner, "incident.*", version=4)
    assert partner.get(webhook).json()["unapproved_events"] == ["incident.updated"]
    dispatcher.approve(partner, "incident.*", version=6)
    assert partner.get(webhook).json()["unapproved_events"] == []


def test_a_webhook_belongs_to_the_app_that_made_it(partner: Partner) -> None:
    webhook = partner.subscribe(URL)
    colleague = Partner(partner.http, partner.tenant_id)
    stranger = Partner(partner.http)
    for other in (colleague, stranger):
        assert other.get(WEBHOOKS).json()["webhooks"] == []
        for method, path in (
            ("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/deliveries"), ("POST", "/test"), ("POST", "/test?wait=true"),
            ("GET", "/reconciliation"), ("POST", "/recover?since=2026-01-01T00:00:00Z"),
        ):  # fmt: skip
            options = {"json": {}} if method == "PUT" else {}
            assert other.call(method, webhook + path, **options).status_code == 404, (method, path)
    assert partner.get(webhook).status_code == 200


def test_a_delivery_of_another_webhook_is_not_found(partner: Partner, dispatcher: Dispatcher) -> None:
    first = partner.subscribe(URL)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    second = partner.subscribe(URL)
    [delivery] = partner.deliveries(first)
    assert partner.get(f"{first}/deliveries/{delivery['id']}").status_code == 200
    assert partner.get(f"{second}/deliveries/{delivery['id']}").status_code == 404
    assert partner.post(f"{second}/deliveries/{delivery['id']}/retry").status_code == 404


@pytest.mark.parametrize(
    "identifier", ["wh_123", "app_01jdkfx3c8e2r9v5m7q4t6w0ya", "wh_01jdkfx3c8e2r9v5m7q4t6w0ya", "%00", "wh_%F0"]
)
def test_an_id_that_is_not_one_of_ours_is_not_found(partner: Partner, identifier: str) -> None:
    assert partner.get(f"{WEBHOOKS}/{identifier}").status_code == 404
    assert partner.put(f"{WEBHOOKS}/{identifier}", {}).status_code == 404
    webhook = partner.subscribe(URL)
    assert partner.get(f"{webhook}/deliveries/{identifier.replace('wh', 'dlv')}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "needs"),
    [
        ("POST", WEBHOOKS, "webhooks:write"),
        ("GET", WEBHOOKS, "webhooks:read"),
        ("GET", f"{WEBHOOKS}/wh_1", "webhooks:read"),
        ("PUT", f"{WEBHOOKS}/wh_1", "webhooks:write"),
        ("DELETE", f"{WEBHOOKS}/wh_1", "webhooks:write"),
        ("GET", f"{WEBHOOKS}/wh_1/deliveries", "webhooks:read"),
        ("GET", f"{WEBHOOKS}/wh_1/deliveries/dlv_1", "webhooks:read"),
        ("POST", f"{WEBHOOKS}/wh_1/deliveries/dlv_1/retry", "webhooks:write"),
        ("POST", f"{WEBHOOKS}/wh_1/recover", "webhooks:write"),
        ("POST", f"{WEBHOOKS}/wh_1/test", "webhooks:write"),
        ("GET", f"{WEBHOOKS}/wh_1/reconciliation", "webhooks:read"),
    ],
)
def test_every_call_names_the_scope_it_needs(partner: Partner, method: str, path: str, needs: str) -> None:
    without = Partner(partner.http, "", "argus:epcr:write" if needs.endswith("read") else "webhooks:read")
    answer = without.call(method, path)
    assert answer.status_code == 403
    assert needs in answer.text
    assert partner.http.request(method, path).status_code == 401


def test_a_wrong_method_names_the_right_ones(partner: Partner) -> None:
    answer = partner.call("PATCH", WEBHOOKS)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) >= {"GET", "POST"}


def test_lists_come_newest_first_page_by_page(partner: Partner) -> None:
    made = [partner.subscribe(URL) for _ in range(3)]
    first = partner.get(WEBHOOKS, params={"limit": 2})
    assert first.links["next"]["url"].startswith(WEBHOOKS + "?limit=2&cursor=")
    second = partner.get(first.links["next"]["url"])
    listed = [webhook["id"] for page in (first, second) for webhook in page.json()["webhooks"]]
    assert [f"{WEBHOOKS}/{one}" for one in listed] == made[::-1]
    assert second.json()["next_cursor"] is None
    for query in ({"limit": 0}, {"limit": 101}, {"cursor": "?"}, {"page": 1}, {"limit": "many"}):
        assert partner.get(WEBHOOKS, params=query).status_code == 422


def test_deliveries_are_filtered_by_status_type_and_time(partner: Partner, dispatcher: Dispatcher) -> None:
    webhook = partner.subscribe(URL, "incident.updated", "incident.closed")
    dispatcher.publish(partner.tenant_id, "incident.updated", "incident.closed", "incident.closed")
    moment = partner.deliveries(webhook)[0]["created_at"]
    assert len(partner.deliveries(webhook, event_type="incident.closed")) == 2
    assert len(partner.deliveries(webhook, status="queued")) == 3
    assert partner.deliveries(webhook, status="failed") == []
    assert partner.deliveries(webhook, status="succeeded") == []
    assert len(partner.deliveries(webhook, since="2020-01-01T00:00:00Z", until="2099-01-01T00:00:00+02:00")) == 3
    assert partner.deliveries(webhook, until="2020-01-01T00:00:00Z") == []
    assert all(one["created_at"] < moment for one in partner.deliveries(webhook, until=moment))
    page = partner.get(f"{webhook}/deliveries", params={"limit": 2, "event_type": "incident.closed"})
    assert "next" not in page.links
    for query in (
        {"status": "lost"},
        {"since": "2026-01-01T00:00:00"},
        {"event_type": "x"},
        {"since": "now"},
        {"limit": 1000},
    ):
        assert partner.get(f"{webhook}/deliveries", params=query).status_code == 422, query


def test_an_idempotency_key_makes_one_webhook_and_replays_its_secret(partner: Partner) -> None:
    body = {"url": URL, "events": ["incident.updated"]}
    first = partner.post(WEBHOOKS, body, idempotency_key="k1")
    again = partner.post(WEBHOOKS, body, idempotency_key="k1")
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    other = partner.post(WEBHOOKS, body | {"description": "x"}, idempotency_key="k1")
    assert other.status_code == 422
    assert len(partner.get(WEBHOOKS).json()["webhooks"]) == 1


def test_an_app_has_at_most_a_hundred_webhooks(partner: Partner, dispatcher: Dispatcher) -> None:
    partner.subscribe(URL)
    columns = "tenant_id, client_id, url, events, live_events, secret, secret_fingerprint"
    dispatcher.run(
        f"INSERT INTO subscriptions (id, {columns}) SELECT id || '_' || n, {columns}"
        " FROM subscriptions, generate_series(1, 97) n WHERE tenant_id = %s",
        partner.tenant_id,
    )
    body = {"url": URL, "events": ["incident.updated"]}
    with ThreadPoolExecutor(8) as threads:
        answers = threads.map(lambda _: partner.post(WEBHOOKS, body).status_code, range(12))
    assert sorted(answers) == [201, 201, *[409] * 10]


def test_changes_stand_in_the_audit_trail_without_secrets(partner: Partner, dispatcher: Dispatcher) -> None:
    webhook = partner.subscribe(URL)
    partner.put(webhook, {"secret": "canary canary canary"})
    partner.call("DELETE", webhook)
    rows = dispatcher.rows("SELECT action, detail::text FROM audit WHERE tenant_id = %s ORDER BY id", partner.tenant_id)
    assert [row["action"] for row in rows] == ["webhook.created", "webhook.changed", "webhook.deleted"]
    assert rows[1]["detail"] == '{"fields": ["secret"]}'


def test_what_is_sent_again_is_in_the_audit_trail(partner: Partner, dispatcher: Dispatcher) -> None:
    webhook = partner.subscribe(URL)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    [delivery] = partner.deliveries(webhook)
    assert partner.post(f"{webhook}/deliveries/{delivery['id']}/retry").status_code == 202
    since = "2026-01-01T00:00:00Z"
    assert partner.post(f"{webhook}/recover?since={since}").status_code == 202
    other = delivery["id"][:-1] + ("1" if delivery["id"].endswith("0") else "0")
    assert partner.post(f"{webhook}/deliveries/{other}/retry").status_code == 404
    rows = dispatcher.rows(
        "SELECT action, subject_id, detail FROM audit WHERE tenant_id = %s ORDER BY id OFFSET 1", partner.tenant_id
    )
    name = webhook.rpartition("/")[2]
    assert [(row["action"], row["subject_id"]) for row in rows] == [
        ("delivery.retried", name),
        ("webhook.recovered", name),
    ]
    assert rows[0]["detail"] == {"delivery": delivery["id"]}
    assert rows[1]["detail"] == {"since": since, "queued": 0}


def test_a_test_delivery_is_queued_as_the_page_shows(partner: Partner) -> None:
    webhook = partner.subscribe(URL)
    answer = partner.post(f"{webhook}/test")
    assert answer.status_code == 202
    assert answer.json()["status"] == "queued"
    assert ids.is_id(answer.json()["delivery_id"], "dlv_test")
    [delivery] = partner.deliveries(webhook)
    assert (delivery["id"], delivery["sequence"]) == (answer.json()["delivery_id"], None)
    assert partner.books(webhook)["accepted"] == 0


def test_the_secret_given_by_the_page_is_a_valid_one(partner: Partner) -> None:
    assert partner.subscribe(URL, secret="<signing-secret>")
    assert partner.subscribe(URL, secret=SECRET)

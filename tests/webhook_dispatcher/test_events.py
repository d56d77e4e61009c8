"""Events that an app fetches: those that a webhook of its could have got, and no others."""

from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import httpx2
import msgspec
import psycopg
import pytest

from services.webhook_dispatcher.fanout.automations import deliver
from services.webhook_dispatcher.fanout.event_types import catalogue
from services.webhook_dispatcher.reading import cursors, queries
from shared.messaging.messages import AutomationDelivery
from shared.primitives import ids
from shared.storage.database import IN_ORDER, set_tenant, task_transaction
from tests.support.messages import received
from tests.support.receiver import Receiver
from tests.webhook_dispatcher.conftest import WEBHOOKS, Dispatcher, Partner, event
from tests.webhook_dispatcher.test_backlogs import read

EVENTS = "/v1/events"


def listed(partner: Partner, **query: Any) -> list[dict[str, Any]]:
    answer = partner.get(EVENTS, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["events"]


def names(partner: Partner, **query: Any) -> list[str]:
    return [one["id"] for one in listed(partner, **query)]


def paged(partner: Partner, **query: Any) -> list[str]:
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = partner.get(EVENTS, params=query | cursor).json()
        found += [one["id"] for one in answer["events"]]
        if answer["next_cursor"] is None:
            return found
        cursor = {"cursor": answer["next_cursor"]}


def test_events_are_listed_without_a_webhook_newest_or_oldest_first_in_pages(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    published = [dispatcher.publish(partner.tenant_id, "incident.updated")[0] for _ in range(7)]
    assert names(partner, order="oldest") == published
    assert names(partner) == published[::-1]
    assert paged(partner, limit=2) == published[::-1]
    assert paged(partner, limit=3, order="oldest") == published


def test_an_event_is_shown_as_a_delivery_sends_it(partner: Partner, dispatcher: Dispatcher, receiver: Receiver) -> None:
    partner.subscribe(receiver.url)
    [event_id] = dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: receiver.requests)
    [shown] = listed(partner)
    sent = msgspec.json.decode(receiver.requests[0].body)
    assert {name: shown[name] for name in ("type", "timestamp", "data")} == sent
    assert receiver.requests[0].headers["webhook-id"] == shown["id"] == event_id
    assert shown["key"] == sent["data"]["incident_id"]
    assert partner.get(f"{EVENTS}/{event_id}").json() == shown


def test_events_are_filtered_by_type_key_and_time(partner: Partner, dispatcher: Dispatcher) -> None:
    one, other = ids.new_id("inc"), ids.new_id("inc")
    [first] = dispatcher.publish(partner.tenant_id, "incident.created", incident_id=one)
    [second] = dispatcher.publish(partner.tenant_id, "incident.updated", incident_id=other)
    [third] = dispatcher.publish(partner.tenant_id, "incident.closed", incident_id=one)
    assert names(partner, event_types="incident.created,incident.closed") == [third, first]
    assert names(partner, key=one, order="oldest") == [first, third]
    assert names(partner, key=one, event_types="incident.closed") == [third]
    assert names(partner, key=ids.new_id("inc")) == []
    accepted = {shown["id"]: shown["accepted_at"] for shown in listed(partner)}
    assert names(partner, since=accepted[second]) == [third, second]
    assert names(partner, until=accepted[second]) == [first]
    assert names(partner, since=accepted[second], until=accepted[third], order="oldest") == [second]
    assert paged(partner, since=accepted[second], limit=1) == [third, second]


def test_an_app_sees_the_types_that_it_is_approved_for_now(partner: Partner, dispatcher: Dispatcher) -> None:
    dispatcher.approve(partner, "incident.*", "device.enrolled")
    incident, device, other = dispatcher.publish(
        partner.tenant_id, "incident.updated", "device.enrolled", "epcr.encounter.created"
    )
    assert set(names(partner)) == {incident, device}
    assert partner.get(f"{EVENTS}/{other}").status_code == 404
    refused = partner.get(EVENTS, params={"event_types": "epcr.encounter.created"})
    assert (refused.status_code, refused.json()["unapproved_events"]) == (403, ["epcr.encounter.created"])
    dispatcher.approve(partner, "device.*", version=2)
    assert names(partner) == [device]
    assert partner.get(f"{EVENTS}/{incident}").status_code == 404
    dispatcher.approve(partner, "*", version=3)
    assert set(names(partner)) == {incident, device, other}


def test_an_event_for_certain_apps_is_seen_by_these_alone(
    http: httpx2.Client, partner: Partner, dispatcher: Dispatcher
) -> None:
    colleague, stranger = Partner(http, partner.tenant_id), Partner(http)
    for one in (partner, colleague, stranger):
        dispatcher.approve(one, "*")
    mine = msgspec.structs.replace(event("epcr.destination.changed"), recipients=[partner.client_id])
    both = msgspec.structs.replace(
        event("epcr.destination.changed"), recipients=[colleague.client_id, partner.client_id]
    )
    nobody = msgspec.structs.replace(event("epcr.destination.changed"), recipients=[])
    everybody = event("incident.updated")
    dispatcher.fan_out([(partner.tenant_id, one) for one in (mine, both, nobody, everybody)])
    assert set(names(partner)) == {mine.event_id, both.event_id, everybody.event_id}
    assert set(names(colleague)) == {both.event_id, everybody.event_id}
    assert names(stranger) == []
    assert colleague.get(f"{EVENTS}/{mine.event_id}").status_code == 404
    assert stranger.get(f"{EVENTS}/{everybody.event_id}").status_code == 404


def test_an_app_with_moved_times_sees_the_types_for_such_apps_alone(
    http: httpx2.Client, dispatcher: Dispatcher
) -> None:
    blurred = Partner(http, deidentification="shifted")
    dispatcher.approve(blurred, "*")
    secret, _ = dispatcher.publish(blurred.tenant_id, "app.secret_rotated", "epcr.encounter.created")
    assert names(blurred) == [secret]


def test_a_test_of_a_webhook_is_no_event_of_the_app(partner: Partner, receiver: Receiver) -> None:
    webhook = partner.subscribe(receiver.url)
    assert partner.post(f"{webhook}/test").status_code == 202
    [delivery] = partner.deliveries(webhook)
    assert names(partner) == []
    assert partner.get(f"{EVENTS}/{delivery['event_id']}").status_code == 404


def fire(dispatcher: Dispatcher, partner: Partner, trigger: str) -> None:
    data = catalogue()["automation.fired"].example | {"event_type": trigger}
    run = AutomationDelivery(
        run_id=ids.new_id("run"),
        attempt=1,
        automation_id=data["automation_id"],
        client_id=partner.client_id,
        scopes=[],
        cause=[],
        webhook_id=None,
        timestamp=datetime.now(UTC),
        data=data,
    )
    with task_transaction(dispatcher.pool) as conn:
        deliver(dispatcher.intake, conn, [received(partner.tenant_id, run)])


def test_an_automation_s_event_is_seen_by_its_own_app_while_approved_for_the_trigger(
    http: httpx2.Client, partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    colleague = Partner(http, partner.tenant_id)
    for app in (partner, colleague):
        dispatcher.approve(app, "automation.fired", "incident.*")
    partner.subscribe(receiver.url, "automation.fired")
    fire(dispatcher, partner, "incident.created")
    [fired] = names(partner)
    assert names(colleague) == []
    dispatcher.approve(partner, "automation.fired", "device.*", version=2)
    assert names(partner) == []
    assert partner.get(f"{EVENTS}/{fired}").status_code == 404


def test_an_automation_s_event_needs_no_webhook_where_a_consumer_takes_it(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    dispatcher.approve(partner, "automation.fired", "incident.*")
    fire(dispatcher, partner, "incident.created")
    assert names(partner) == [], "the run is refused: nothing takes its event"
    assert partner.post("/v1/consumers", {"name": "inbox"}).status_code == 201
    fire(dispatcher, partner, "device.enrolled")
    assert names(partner) == [], "the run is refused: its trigger is not approved"
    fire(dispatcher, partner, "incident.created")
    assert len(names(partner)) == 1


def test_a_disabled_app_reads_nothing(partner: Partner, dispatcher: Dispatcher) -> None:
    dispatcher.change_app(partner, status="disabled")
    assert partner.get(EVENTS).status_code == 403


def test_an_event_whose_body_is_past_its_retention_is_shown_without_it(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    """It happened long before it was accepted: its day is dropped before the day of its place in the log."""
    gone, kept = (dispatcher.publish(partner.tenant_id, "incident.updated")[0] for _ in range(2))
    dispatcher.run("DELETE FROM events WHERE id = %s", gone)
    shown = listed(partner, order="oldest")
    assert [(one["id"], one["data"] is None) for one in shown] == [(gone, True), (kept, False)]


def test_a_page_ends_early_at_its_size(partner: Partner, dispatcher: Dispatcher) -> None:
    dispatcher.approve(partner, "automation.fired", "incident.*")
    published = [dispatcher.publish(partner.tenant_id, "incident.updated")[0] for _ in range(8)]
    dispatcher.run(
        "UPDATE events SET body = replace(body, '\"data\":{', '\"data\":{\"x\":\"' || repeat('a', 400000) || '\",')"
        " WHERE tenant_id = %s",
        partner.tenant_id,
    )
    first = partner.get(EVENTS, params={"limit": 100}).json()
    assert 0 < len(first["events"]) < 8
    assert first["next_cursor"] is not None
    assert paged(partner) == published[::-1]


@pytest.mark.parametrize(
    "query",
    [
        {"event_types": "incident.upated"},
        {"event_types": "incident.updated,incident.updated"},
        {"event_types": ","},
        {"event_types": ",".join(["a"] * 500)},
        {"event_types": "*"},
        {"order": "random"},
        {"since": "yesterday"},
        {"since": "0001-01-01T00:00:00+14:00"},
        {"until": "9999-12-31T23:59:59-14:00"},
        {"key": ""},
        {"key": "a" * 129},
        {"key": "\0"},
        {"cursor": "b3BhcXVl"},
        {"limit": "0"},
        {"limit": "101"},
        {"unknown": "1"},
    ],
)
def test_a_hostile_query_gets_a_precise_refusal(partner: Partner, query: dict[str, str]) -> None:
    answer = partner.get(EVENTS, params=query)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


def test_times_at_the_ends_of_all_times_are_answered(partner: Partner, dispatcher: Dispatcher) -> None:
    published = dispatcher.publish(partner.tenant_id, "incident.updated")
    ends = {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}
    for order in ("newest", "oldest"):
        assert names(partner, order=order, **ends) == published
    assert names(partner, since="9999-12-31T23:59:59Z") == []
    assert names(partner, until="0001-01-01T00:00:00Z") == []


def test_a_cursor_of_another_list_is_refused(partner: Partner, dispatcher: Dispatcher) -> None:
    for _ in range(3):
        dispatcher.publish(partner.tenant_id, "incident.updated")
    cursor = partner.get(EVENTS, params={"limit": 1}).json()["next_cursor"]
    assert partner.get(EVENTS, params={"cursor": cursor}).status_code == 200
    assert partner.get(EVENTS, params={"cursor": cursor, "order": "oldest"}).status_code == 422
    assert partner.get(WEBHOOKS, params={"cursor": cursor}).status_code == 422


@pytest.mark.parametrize(
    "event_id", ["evt_1", "wh_01jdkfx3c8e2r9v5m7q4t6w0ya", "evt_7zzzzzzzzzzzzzzzzzzzzzzzzz", "%00"]
)
def test_an_id_that_is_none_is_not_found(partner: Partner, event_id: str) -> None:
    assert partner.get(f"{EVENTS}/{event_id}").status_code == 404


def test_reading_needs_the_scope(http: httpx2.Client) -> None:
    assert Partner(http, "", "argus:epcr:read").get(EVENTS).status_code == 403
    assert Partner(http, "", "webhooks:read").get(EVENTS).status_code == 200


def test_every_type_has_the_id_of_what_it_is_about_as_its_key() -> None:
    for kind in catalogue().values():
        assert kind.key.endswith("_id")
        assert isinstance(kind.example[kind.key], str)


def test_an_event_published_twice_is_in_the_log_once_and_positions_have_no_gap(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    twice, once = event("incident.updated"), event("incident.updated")
    dispatcher.fan_out([(partner.tenant_id, twice), (partner.tenant_id, twice)])
    dispatcher.fan_out([(partner.tenant_id, twice), (partner.tenant_id, once)])
    assert names(partner, order="oldest") == [twice.event_id, once.event_id]
    rows = dispatcher.rows("SELECT position FROM event_log WHERE tenant_id = %s ORDER BY 1", partner.tenant_id)
    assert [row["position"] for row in rows] == [1, 2]


def test_a_clock_that_goes_back_leaves_the_order(partner: Partner, dispatcher: Dispatcher) -> None:
    [first] = dispatcher.publish(partner.tenant_id, "incident.updated")
    ahead = datetime.now(UTC) + timedelta(minutes=10)
    dispatcher.run("UPDATE event_log_heads SET at = %s WHERE tenant_id = %s", ahead, partner.tenant_id)
    [second] = dispatcher.publish(partner.tenant_id, "incident.updated")
    [third] = dispatcher.publish(partner.tenant_id, "incident.updated")
    assert names(partner, order="oldest") == [first, second, third]


def test_the_role_of_web_processes_cannot_write_the_log(partner: Partner, dispatcher: Dispatcher) -> None:
    dispatcher.publish(partner.tenant_id, "incident.updated")
    with psycopg.connect(dispatcher.database.app, autocommit=True) as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, false)", (partner.tenant_id,))
        for table in ("event_log", "event_log_heads"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(f"DELETE FROM {table}".encode())


PLACES = """
    INSERT INTO event_log (tenant_id, at, position, audience, kind, event_id, event_at)
    SELECT %s, clock_timestamp(), number, '', 'incident.updated', 'evt_' || number, now() FROM generate_series(1, 20000) number
"""


@pytest.mark.parametrize("query", [queries.NEWEST, queries.OLDEST, queries.UNREAD], ids=["newest", "oldest", "unread"])
def test_a_day_with_one_kind_of_event_is_not_read_for_the_kinds_that_it_lacks(
    partner: Partner, dispatcher: Dispatcher, query: LiteralString
) -> None:
    """The planner took such a day for full of every kind, and walked through all of it for each."""
    dispatcher.run(PLACES, partner.tenant_id)
    dispatcher.run("ANALYZE event_log")
    kinds = ["incident.created", "incident.closed", "device.enrolled", "incident.updated"]
    place = cursors.END if query == queries.NEWEST else cursors.BEGINNING
    parameters = {"audiences": [""] * 4, "kinds": kinds, "since": cursors.BEGINNING.at, "until": cursors.END.at}
    parameters |= {"at": place.at, "position": place.position, "limit": 101}
    with psycopg.connect(dispatcher.database.app) as conn:
        set_tenant(conn, partner.tenant_id)
        row = conn.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + query, parameters).fetchone()
    assert row is not None
    assert row[0][0]["Plan"]["Shared Hit Blocks"] + row[0][0]["Plan"]["Shared Read Blocks"] < 2_500


def test_unread_events_of_many_kinds_are_counted_up_to_a_thousand_in_all(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    """Each kind had its own thousand to read and to sort."""
    kinds = [f"kind.{number}" for number in range(20)]
    for kind in kinds:
        dispatcher.run(PLACES.replace("incident.updated", kind).replace("20000", "1500"), partner.tenant_id)
    dispatcher.run("ANALYZE event_log")
    parameters = {"audiences": [""] * 20, "kinds": kinds, "at": cursors.BEGINNING.at, "position": 0}
    with psycopg.connect(dispatcher.database.app) as conn:
        set_tenant(conn, partner.tenant_id)
        conn.execute(IN_ORDER)
        [(number, _)] = conn.execute(queries.UNREAD, parameters).fetchall()
        assert number == 1000
        [[[plan]]] = conn.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + queries.UNREAD, parameters).fetchall()
    assert sum(read(plan["Plan"])) < 3_000

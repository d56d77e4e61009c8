"""Operators stop the deliveries of an organisation: nothing of it is sent from the next claim on, nothing is lost, others go on."""

from collections.abc import Callable
from typing import Any

import msgspec
import psycopg
import pytest

from services.webhook_dispatcher import metrics, tasks
from services.webhook_dispatcher.sending import queries
from services.webhook_dispatcher.settings import Settings
from shared.primitives import ids
from shared.primitives.ids import PLATFORM_TENANT
from shared.storage.database import SET_TENANT
from tests.support import alone
from tests.support.operating import act
from tests.support.receiver import Receiver
from tests.webhook_dispatcher.conftest import Dispatcher, Partner
from tests.webhook_dispatcher.test_sending import CLAIM_ALL

Act = Callable[[str, str], dict[str, Any]]
STOPPED = "/v1/operations/webhook-dispatcher/stopped-tenants"


@pytest.fixture
def operate(partner: Partner, dispatcher: Dispatcher, settings: Settings) -> Act:
    """Asks for an act and lets the relay carry it out."""
    where = (partner.http, partner.service, dispatcher.database.worker, tasks.acts(settings))
    return lambda action, subject: act(*where, action, subject)


def test_nothing_of_a_stopped_organisation_is_sent_and_all_of_it_after_its_release(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, operate: Act
) -> None:
    other = Partner(partner.http)
    stopped, running = partner.subscribe(receiver.url + "stopped"), other.subscribe(receiver.url + "running")
    assert partner.post(f"{stopped}/test").status_code == 202
    done = operate("deliveries.stop", partner.tenant_id)
    assert (done["state"], done["outcome"]) == ("done", None)
    dispatcher.publish(partner.tenant_id, *["incident.updated"] * 3)
    dispatcher.publish(other.tenant_id, *["incident.updated"] * 3)
    dispatcher.pump_until(lambda: [one["status"] for one in other.deliveries(running)] == ["succeeded"] * 3)
    assert {request.path for request in receiver.requests} == {"/hookrunning"}
    assert [one["attempt"] for one in partner.deliveries(stopped)] == [0] * 4, "and the test waits too"
    assert operate("deliveries.resume", partner.tenant_id)["state"] == "done"
    dispatcher.pump_until(lambda: [one["status"] for one in partner.deliveries(stopped)] == ["succeeded"] * 4)
    assert len([one for one in receiver.requests if one.path == "/hookstopped"]) == 4


def test_both_acts_are_in_the_trail_of_the_organisation_and_are_refused_twice(
    partner: Partner, dispatcher: Dispatcher, operate: Act
) -> None:
    stop, again = operate("deliveries.stop", partner.tenant_id), operate("deliveries.stop", partner.tenant_id)
    resume, more = operate("deliveries.resume", partner.tenant_id), operate("deliveries.resume", partner.tenant_id)
    assert [one["state"] for one in (stop, again, resume, more)] == ["done", "refused", "done", "refused"]
    noted = dispatcher.rows(
        "SELECT action, client_id, detail FROM audit WHERE subject_id = %s ORDER BY id", partner.tenant_id
    )
    assert [(one["action"], one["client_id"], one["detail"]["act"]) for one in noted] == [
        ("deliveries.stopped", "operator", stop["id"]),
        ("deliveries.resumed", "operator", resume["id"]),
    ]
    assert noted[0]["detail"]["reason"] == "It floods us"


def test_a_stopped_organisation_reads_so_and_cannot_send_by_hand(partner: Partner, operate: Act) -> None:
    webhook = partner.subscribe("https://integrator.example/")
    operate("deliveries.stop", partner.tenant_id)
    health = partner.get(f"{webhook}/health").json()
    assert (health["state"], health["next_attempt_at"]) == ("paused", None)
    assert "Knogin stopped the deliveries" in health["summary"]
    for path in ("test", "test?wait=true", "recover?since=2026-11-01T00:00:00Z", "replays"):
        answer = partner.post(f"{webhook}/{path}", {} if path == "replays" else None)
        assert (answer.status_code, "Knogin stopped" in answer.text) == (409, True), path
    operate("deliveries.resume", partner.tenant_id)
    assert partner.get(f"{webhook}/health").json()["state"] == "untried"


def test_stopped_deliveries_are_held_and_not_late(partner: Partner, dispatcher: Dispatcher, operate: Act) -> None:
    partner.subscribe("https://integrator.example/")
    with dispatcher.pool.connection() as conn:
        before = tasks.figures(conn)
    operate("deliveries.stop", partner.tenant_id)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    with dispatcher.pool.connection() as conn:
        after = tasks.figures(conn)
    changed = {name for name in after if name.startswith(("deliveries_", "tenants_")) and after[name] != before[name]}
    assert changed == {"deliveries_held", "deliveries_waiting", "tenants_stopped"}


def test_a_stop_that_is_forgotten_is_measured_against_the_setting_of_its_reminder(
    partner: Partner, dispatcher: Dispatcher, operate: Act, settings: Settings
) -> None:
    """The expression of the alert compares the two."""
    dispatcher.run("DELETE FROM stopped_tenants")
    tasks.periodic(msgspec.structs.replace(settings, webhook_stop_reminder_hours=2))
    operate("deliveries.stop", partner.tenant_id)
    for hours, reminds in ((1, False), (3, True)):
        dispatcher.run("UPDATE stopped_tenants SET stopped_at = now() - %s * interval '1 hour'", hours)
        with dispatcher.pool.connection() as conn:
            tasks.measure(conn)
        assert (metrics.oldest_stop._value.get() > metrics.stop_reminder._value.get()) is reminds
    operate("deliveries.resume", partner.tenant_id)
    with dispatcher.pool.connection() as conn:
        tasks.measure(conn)
    assert metrics.oldest_stop._value.get() == 0


def test_operators_list_stopped_organisations_and_nobody_else_does(
    partner: Partner, dispatcher: Dispatcher, operate: Act
) -> None:
    done = operate("deliveries.stop", partner.tenant_id)

    class Operator(alone.App):
        service = Partner.service
        scopes = ("platform:operate:read",)

    person = {"token_use": "access", "subject": ids.new_id("usr"), "second_factor": True}
    operator = Operator(partner.http, PLATFORM_TENANT, **person)
    (shown,) = operator.get(STOPPED, params={"tenant_id": partner.tenant_id}).json()["stopped_tenants"]
    assert (shown["tenant_id"], shown["act_id"], shown["reason"]) == (partner.tenant_id, done["id"], "It floods us")
    assert partner.get(STOPPED).status_code == 403
    assert Operator(partner.http, partner.tenant_id, **person).get(STOPPED).status_code == 403
    with psycopg.connect(dispatcher.database.app) as conn:
        for tenant_id, sees in ((ids.new_id("org"), 0), (partner.tenant_id, 0), (PLATFORM_TENANT, 1)):
            conn.execute(SET_TENANT, (tenant_id,))
            found = conn.execute("SELECT * FROM stopped_tenants_of_all(%s, NULL, 10)", (partner.tenant_id,)).fetchall()
            assert len(found) == sees
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("DELETE FROM stopped_tenants")


def test_a_claim_looks_a_stop_up_by_its_key_however_many_there_are(dispatcher: Dispatcher) -> None:
    """It read all stops for each webhook, a tenth more work for a hundred of them."""
    dispatcher.run(
        "INSERT INTO stopped_tenants (tenant_id, act_id, reason) SELECT 'org_x' || n, 'x', 'x' FROM generate_series(1, 200) n"
    )
    dispatcher.run("ANALYZE stopped_tenants")
    with psycopg.connect(dispatcher.database.worker) as conn:
        conn.execute(queries.BEGIN_RECORD)
        plan = [row[0].strip() for row in conn.execute("EXPLAIN " + queries.CLAIM, CLAIM_ALL).fetchall()]
    dispatcher.run("DELETE FROM stopped_tenants WHERE tenant_id LIKE 'org_x%%'")
    (place,) = [number for number, line in enumerate(plan) if " on stopped_tenants" in line]
    assert plan[place + 1] == "Index Cond: (tenant_id = subscriptions.tenant_id)"

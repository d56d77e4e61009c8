"""An operator stops a webhook: nothing more is sent, its events are kept, and both trails have the reason."""

from services.webhook_dispatcher import tasks
from services.webhook_dispatcher.settings import Settings
from shared.primitives import ids
from tests.support.operating import act
from tests.webhook_dispatcher.conftest import Dispatcher, Partner


def test_a_stopped_webhook_is_disabled_until_its_organisation_or_an_operator_lets_it_go_on(
    partner: Partner, dispatcher: Dispatcher, settings: Settings
) -> None:
    webhook = partner.subscribe("https://integrator.example/")
    webhook_id = webhook.rpartition("/")[2]
    where = (partner.http, partner.service, dispatcher.database.worker, tasks.acts(settings), "webhook.stop")
    done = act(*where, webhook_id)
    assert (done["state"], done["outcome"]) == ("done", None)
    shown = partner.get(webhook).json()
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "stopped_by_operator")
    (noted,) = dispatcher.rows(
        "SELECT action, client_id, detail FROM audit WHERE subject_id = %s AND client_id = 'operator'", webhook_id
    )
    assert noted["action"] == "webhook.stopped"
    assert noted["detail"] == {"reason": "It floods us", "act": done["id"]}
    again = act(*where, webhook_id)
    assert (again["state"], "already" in again["outcome"]) == ("refused", True)
    assert shown["stop_reason"] == "It floods us"
    lift = (*where[:-1], "webhook.resume")
    assert act(*lift, webhook_id)["state"] == "done"
    shown = partner.get(webhook).json()
    assert (shown["enabled"], shown["disabled_reason"], shown.get("stop_reason")) == (True, None, None)
    assert act(*lift, webhook_id)["state"] == "refused"
    assert partner.put(webhook, {"enabled": False}).json()["disabled_reason"] == "requested"
    assert "not stopped by an operator" in act(*lift, webhook_id)["outcome"]
    assert partner.put(webhook, {"enabled": True}).json()["enabled"]
    assert act(*where, webhook_id)["state"] == "done"
    assert partner.put(webhook, {"enabled": True}).json()["enabled"]
    assert act(*where, ids.new_id("wh"))["state"] == "refused"


def test_the_figures_are_those_of_the_gauges(dispatcher: Dispatcher) -> None:
    with dispatcher.pool.connection() as conn:
        found = tasks.figures(conn)
        tasks.measure(conn)
    assert found.keys() == tasks.GAUGES.keys()
    assert {name for name, value in found.items() if value < 0} == set()

"""The health of an endpoint: one state at a time, with the facts behind it; and the addresses that deliveries come from."""

from typing import Any

import httpx2
import pytest

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.webhook_dispatcher.app import create_app
from services.webhook_dispatcher.settings import Settings
from shared.process import settings as process_settings
from tests.support import alone
from tests.support.receiver import Receiver, always, answer
from tests.webhook_dispatcher.conftest import WEBHOOKS, Dispatcher, Partner, settings_for

URL = "https://integrator.example/webhooks/argus"


def health(partner: Partner, webhook: str) -> dict[str, Any]:
    answer = partner.get(webhook + "/health")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_new_webhook_is_untried_and_one_that_took_a_delivery_is_healthy(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    shown = health(partner, webhook)
    assert (shown["state"], shown["last_success_at"], shown["failures_in_a_row"]) == ("untried", None, 0)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    waiting = health(partner, webhook)
    assert (waiting["state"], waiting["waiting"]) == ("untried", 1)
    assert waiting["next_attempt_at"] is not None
    assert "1 delivery waits" in waiting["summary"]
    dispatcher.pump_until(lambda: partner.books(webhook)["delivered"] == 1)
    shown = health(partner, webhook)
    assert (shown["state"], shown["next_attempt_at"], shown["waiting"]) == ("healthy", None, 0)
    assert shown["last_success_at"] == partner.deliveries(webhook)[0]["attempted_at"]


def test_a_failing_endpoint_shows_its_failures_in_a_row_and_its_next_attempt(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: partner.books(webhook)["delivered"] == 1)
    receiver.behaviour = always(answer(500))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: partner.books(webhook)["given_up"] == 1)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    shown = health(partner, webhook)
    assert (shown["state"], shown["failures_in_a_row"]) == ("failing", 4)
    assert shown["last_error"] == "http_status: the receiver answered 500"
    assert shown["next_attempt_at"] is not None
    assert shown["last_success_at"] < shown["failing_since"]
    assert "failed 4 times in a row" in shown["summary"]
    receiver.behaviour = always(answer(200))
    dispatcher.pump_until(lambda: partner.books(webhook)["delivered"] == 2)
    shown = health(partner, webhook)
    assert (shown["failures_in_a_row"], shown["last_error"], shown["failing_since"]) == (0, None, None)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ("enabled = false, disabled_reason = 'gone'", "disabled"),
        ("paused = true", "paused"),
        ("slowed_until = now() + interval '1 minute'", "slowed"),
        ("slowed_until = now() - interval '1 minute'", "untried"),
        ("recovering = true", "recovering"),
        ("enabled = false, disabled_reason = 'failing', failing_since = now()", "disabled"),
    ],
)
def test_each_state_has_its_word_and_its_sentence(
    partner: Partner, dispatcher: Dispatcher, change: str, state: str
) -> None:
    webhook = partner.subscribe(URL)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.run(f"UPDATE subscriptions SET {change} WHERE tenant_id = %s", partner.tenant_id)
    shown = health(partner, webhook)
    assert shown["state"] == state
    assert "1 delivery waits" in shown["summary"]
    assert (shown["next_attempt_at"] is None) is (state in ("disabled", "paused"))


def test_health_is_the_own_app_s_to_read(partner: Partner) -> None:
    webhook = partner.subscribe(URL)
    assert Partner(partner.http, partner.tenant_id).get(webhook + "/health").status_code == 404
    reader = Partner(partner.http, partner.tenant_id, "webhooks:read", client_id=partner.client_id)
    assert health(reader, webhook)["state"] == "untried"


def test_the_addresses_of_deliveries_are_those_of_the_setting(
    partner: Partner, database: Database, redis_server: RedisServer
) -> None:
    assert partner.get(f"{WEBHOOKS}/addresses").json() == {"networks": []}
    given = settings_for(
        database, redis_server.url, webhook_egress_addresses="192.0.2.16/28, 2001:db8:7::/48,192.0.2.1"
    )
    with alone.client_of(create_app(given)) as http:
        answer: httpx2.Response = Partner(http).get(f"{WEBHOOKS}/addresses")
        assert answer.json() == {"networks": ["192.0.2.16/28", "2001:db8:7::/48", "192.0.2.1/32"]}


def test_a_setting_that_is_no_networks_is_refused(settings: Settings) -> None:
    environment = alone.environment_of(settings, webhook_egress_addresses="everywhere")
    with pytest.raises(SystemExit, match="WEBHOOK_EGRESS_ADDRESSES"):
        process_settings.load(Settings, environment)

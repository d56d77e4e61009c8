"""How the first attempts of webhooks fare: counted once, by webhook and period; no traffic is no health."""

from typing import Any

import httpx2
import psycopg
import pytest

from services.webhook_dispatcher.sending import statistics
from services.webhook_dispatcher.sending.statistics import CLASSES, class_of, quantile_of
from shared.storage.database import task_transaction
from tests.support.receiver import Receiver, always, answer
from tests.webhook_dispatcher.conftest import WEBHOOKS, Dispatcher, Partner


def of_list(app: Partner) -> dict[str, dict[str, Any]]:
    page = app.get(WEBHOOKS, params={"statistics": "true"})
    assert page.status_code == 200, page.text
    return {one["id"]: one for one in page.json()["webhooks"]}


def numbers(shown: dict[str, Any]) -> list[tuple[int, int]]:
    return [(shown[name]["attempts"], shown[name]["delivered"]) for name in ("last_hour", "last_day", "last_week")]


def test_first_attempts_are_counted_once_and_neither_retries_nor_tests(
    http: httpx2.Client, partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook, quiet = partner.subscribe(receiver.url), partner.subscribe(receiver.url, "incident.closed")
    for _ in range(3):
        dispatcher.publish(partner.tenant_id, "incident.updated")
    partner.post(f"{webhook}/test")
    dispatcher.pump_until(lambda: partner.books(webhook)["delivered"] == 3)
    receiver.behaviour = always(answer(500))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: partner.books(webhook)["given_up"] == 1)
    shown = partner.get(f"{webhook}/health").json()["statistics"]
    assert numbers(shown) == [(4, 3)] * 3
    assert 0 < shown["last_hour"]["p95_ms"] <= CLASSES[-1]
    listed = of_list(partner)
    name, silent = (path.rpartition("/")[2] for path in (webhook, quiet))
    assert listed[name]["statistics"] == shown
    assert listed[silent]["statistics"]["last_week"] == {"attempts": 0, "delivered": 0, "p95_ms": None}
    assert "statistics" not in partner.get(WEBHOOKS).json()["webhooks"][0]
    stranger = Partner(http, "", "webhooks:read", "platform:apps")
    assert of_list(stranger) == {}


def test_a_list_shows_when_a_failing_webhook_is_tried_again(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    receiver.behaviour = always(answer(500))
    webhook = partner.subscribe(receiver.url)
    name = webhook.rpartition("/")[2]
    dispatcher.publish(partner.tenant_id, "incident.updated")
    assert of_list(partner)[name]["next_attempt_at"] is not None
    partner.put(webhook, {"enabled": False})
    assert "next_attempt_at" not in of_list(partner)[name]


def test_old_counts_are_forgotten_and_newer_ones_kept(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url).rpartition("/")[2]
    for minutes, age in ((5, "4 hours"), (5, "1 hour"), (60, "9 days"), (60, "2 days")):
        dispatcher.run(
            "INSERT INTO first_attempts VALUES (%s, %s, now() - %s::interval, %s, 1, 0, array_fill(1, ARRAY[12]))",
            webhook,
            minutes,
            age,
            partner.tenant_id,
        )
    with task_transaction(dispatcher.pool) as conn:
        statistics.forget(conn)
    kept = dispatcher.rows("SELECT minutes FROM first_attempts WHERE subscription_id = %s ORDER BY 1", webhook)
    assert [row["minutes"] for row in kept] == [5, 60]


def test_an_organisation_writes_no_counts(dispatcher: Dispatcher) -> None:
    with psycopg.connect(dispatcher.database.app) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("DELETE FROM first_attempts")


def test_a_share_of_durations_lies_below_a_value_within_its_class() -> None:
    none = [0] * len(CLASSES)
    assert quantile_of(none, 0.95) is None
    one_class = none.copy()
    one_class[2] = 100
    assert quantile_of(one_class, 0.95) == 97.5
    skewed = none.copy()
    skewed[0], skewed[7] = 96, 4
    assert (quantile_of(skewed, 0.95) or 0) <= CLASSES[0]
    assert 1000 < (quantile_of(skewed, 0.99) or 0) <= 2000
    assert [class_of(value) for value in (0, 25, 25.1, 14_999, 99_999)] == [0, 0, 1, 11, 11]

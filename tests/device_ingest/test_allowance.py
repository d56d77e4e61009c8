"""An organisation stores so many observations: counted without a row of the request, refused with a reason, measured as a share."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from deploy.local.redis_server import RedisServer
from services.device_ingest import __main__ as commands
from services.device_ingest import allowance, metrics, tasks
from services.device_ingest.announcing import Announcing
from services.device_ingest.settings import Settings
from shared.storage import partitions
from tests.device_ingest.conftest import SPO2, Inside, Partner
from tests.support import alone
from tests.support.clocks import run_ahead

DEFAULT = 250_000_000


def announce(inside: Inside) -> None:
    with inside.task() as conn:
        Announcing()(conn)


def allow(inside: Inside, partner: Partner, most: int | None) -> None:
    with inside.task() as conn:
        allowance.set_limit(conn, partner.caller.tenant_id, most)


def counted(inside: Inside, partner: Partner) -> int:
    with inside.task() as conn:
        _, used = allowance.show(conn, partner.caller.tenant_id, DEFAULT)
    return used


def send(partner: Partner, device: str, *values: float) -> list[dict[str, Any]]:
    answer = partner.post(f"{device}/observations:batch", {"observations": [SPO2 | {"value": one} for one in values]})
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


def test_each_stored_observation_is_counted_once(partner: Partner, inside: Inside) -> None:
    device, moment = partner.enrol(), datetime.now(UTC).isoformat()
    for _ in range(2):
        assert partner.observe(device, observed_at=moment).status_code == 201
    send(partner, device, 91, 92, 93)
    for _ in range(2):
        announce(inside)
        assert counted(inside, partner) == 4


def test_an_organisation_that_used_its_allowance_stores_no_more_and_is_answered_why(
    partner: Partner, other: Partner, inside: Inside
) -> None:
    device, moment = partner.enrol(), datetime.now(UTC).isoformat()
    assert partner.observe(device, observed_at=moment).status_code == 201
    send(partner, device, 91, 92)
    announce(inside)
    allow(inside, partner, 3)
    refused = partner.observe(device, value=94)
    assert refused.status_code == 409
    body = refused.json()
    assert (body["type"].rpartition("#")[2], body["resource"], body["limit"]) == ("limit-reached", "observations", 3)
    assert body["detail"] == "An organisation has at most 3 observations; ask Knogin for more."
    assert [one["error"]["limit"] for one in send(partner, device, 95, 96)] == [3, 3]
    keyed = partner.post(f"{device}/observations", SPO2 | {"value": 97}, idempotency_key="one")
    assert (keyed.status_code, keyed.json()["limit"]) == (409, 3)
    assert partner.observe(device, observed_at=moment).status_code == 201, "it exists"
    assert other.observe(other.enrol()).status_code == 201
    allow(inside, partner, None)
    assert partner.observe(device, value=94).status_code == 201


def test_a_day_leaves_the_count_with_its_partition(partner: Partner, inside: Inside) -> None:
    device = partner.enrol()
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert partner.observe(device, observed_at=yesterday).status_code == 201
    announce(inside)
    assert partner.observe(device).status_code == 201
    announce(inside)
    assert counted(inside, partner) == 2
    inside.owner.execute(
        "UPDATE stored_by_day SET day = day - 500 WHERE day < current_date AND tenant_id = %s",
        (partner.caller.tenant_id,),
    )
    with inside.task() as conn:
        tasks.keep_partitions(conn, 400)
    assert counted(inside, partner) == 1


def test_a_relay_whose_clock_is_a_month_ahead_takes_back_no_day_too_early(
    partner: Partner, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_ahead(monkeypatch, allowance, partitions)
    assert partner.observe(partner.enrol()).status_code == 201
    announce(inside)
    inside.owner.execute("UPDATE stored_by_day SET day = day - 20 WHERE tenant_id = %s", (partner.caller.tenant_id,))
    with inside.task() as conn:
        allowance.forget_days(conn, 30)
    assert counted(inside, partner) == 1


def test_many_days_leave_the_count_in_portions(
    partner: Partner, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowance, "PORTION", 2)
    tenant = partner.caller.tenant_id
    inside.owner.execute("INSERT INTO stored_observations VALUES (%s, 70)", (tenant,))
    inside.owner.execute(
        "INSERT INTO stored_by_day SELECT current_date - 500 - n, %s, 10 FROM generate_series(1, 7) n", (tenant,)
    )
    with inside.task() as conn:
        allowance.forget_days(conn, 400)
    assert counted(inside, partner) == 0


def test_the_measure_is_the_fullest_share_and_names_no_organisation(partner: Partner, inside: Inside) -> None:
    send(partner, partner.enrol(), 91, 92)
    announce(inside)
    inside.owner.execute("DELETE FROM tenant_limits")
    allow(inside, partner, 4)
    with inside.task() as conn:
        allowance.measure(DEFAULT, conn)
    assert metrics.fullest_allowance._value.get() == pytest.approx(0.5)
    assert metrics.fullest_allowance._labelnames == ()
    allow(inside, partner, None)


def test_the_allowance_of_an_organisation_is_set_by_an_operator_alone(partner: Partner, inside: Inside) -> None:
    for statement in (
        "UPDATE stored_observations SET observations = 0",
        "DELETE FROM stored_by_day",
        "INSERT INTO tenant_limits VALUES (current_tenant(), 'observations', 9)",
    ):
        with (
            psycopg.connect(inside.database.app, autocommit=True) as conn,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            conn.execute(statement)
    allow(inside, partner, 7)
    trail = inside.rows(
        "SELECT detail FROM audit WHERE tenant_id = %s AND action = 'tenant.limit_set'", partner.caller.tenant_id
    )
    assert trail == [({"name": "observations", "most": 7},)]


def test_an_operator_sets_the_allowance_and_sees_it(
    partner: Partner, inside: Inside, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = alone.settings_for(Settings, inside.database, redis_server.url, most_observations=1000)
    monkeypatch.setattr(commands, "load", lambda: settings)

    def asked(*words: str) -> str:
        return CliRunner().invoke(commands.cli, ["allowance", partner.caller.tenant_id, *words]).output.strip()

    assert asked() == "allowance 1000  used 0"
    assert asked("2000") == "allowance 2000  used 0"
    assert asked("--default") == "allowance 1000  used 0"
    assert CliRunner().invoke(commands.cli, ["allowance", "elsewhere"]).exit_code == 1

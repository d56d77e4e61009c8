"""Background work on one webhook that fails is put off, and everybody else's goes on."""

import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
import pytest
from prometheus_client import REGISTRY
from psycopg.conninfo import conninfo_to_dict

from services.webhook_dispatcher import tasks
from services.webhook_dispatcher.fanout.intake import time_of
from services.webhook_dispatcher.fanout.queries import PARTITIONED
from services.webhook_dispatcher.history import decision_queries, decisions
from services.webhook_dispatcher.settings import Settings
from shared.primitives import ids
from shared.storage import jobs as shared_jobs
from shared.storage.database import task_transaction
from shared.storage.jobs import Periodic
from tests.support.receiver import Receiver
from tests.webhook_dispatcher.conftest import Dispatcher, Partner

pytestmark = pytest.mark.full

EXTREMES: dict[str, list[str]] = {
    "text": ["''", "repeat('x', 300)", "'\U0001f600'"],
    "text[]": ["'{}'", "ARRAY[NULL]::text[]", "array_fill('x'::text, ARRAY[5000])", "'{{a,b},{c,d}}'"],
    "timestamp with time zone": [
        "'-infinity'", "'infinity'", "'4713-01-01 BC'", "'294276-12-31'", "'0001-01-01 BC'", "'12000-01-01'",
    ],
    "timestamp with time zone[]": ["'{}'", "'{infinity}'", "'{NULL}'", "'{12000-01-01}'", "array_fill(now(), ARRAY[5000])"],
    "date": ["'-infinity'", "'infinity'", "'4713-11-24 BC'", "'5874897-12-31'"],
    "smallint": ["-32768", "32767"],
    "integer": ["-2147483648", "2147483647", "0"],
    "bigint": ["-9223372036854775808", "9223372036854775807", "0"],
    "real": ["'NaN'", "'Infinity'"],
    "boolean": ["true", "false"],
    "bytea[]": ["'{}'", "ARRAY[NULL]::bytea[]", "array_fill('x'::bytea, ARRAY[5000])"],
    "bytea": ["''", r"'\x00'"],
    "uuid": ["'00000000-0000-0000-0000-000000000000'"],
    "jsonb": [
        "'[]'", "'null'", "'1e100000'", "('{\"sequence\":' || repeat('9', 5000) || '}')::jsonb", "'{\"stage\": 9}'",
        "'{\"id\": {}, \"due_at\": \"never\", \"sequence\": -1, \"again\": []}'",
    ],
}  # fmt: skip
WRITABLE: LiteralString = """
    SELECT c.relname, a.attname, format_type(a.atttypid, NULL)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0
        AND NOT a.attisdropped AND a.attgenerated = '' AND a.attname <> 'tenant_id'
        AND has_column_privilege(%s, c.oid, a.attnum, 'UPDATE')
        AND EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = c.oid AND t.attname = 'tenant_id')
    ORDER BY 1, 2
"""


@pytest.fixture(autouse=True)
def idle(dispatcher: Dispatcher) -> None:
    """Nothing is left of the tests before; partitions are there."""
    for table in ("chores", "queue", "subscriptions", "replays"):
        dispatcher.run(f"DELETE FROM {table}")
    for table in PARTITIONED:
        dispatcher.run("SELECT ensure_partitions_around_today(%s::regclass)", table)


class Tenant:
    """A webhook with a recovery and chores, one that has failed for six days, and one with a replay."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.id, self.app = ids.new_id("org"), ids.new_id("app")
        self.recovering, self.failing, self.replaying = ids.new_id("wh"), ids.new_id("wh"), ids.new_id("wh")
        self.event, self.delivery, self.waiting = ids.new_id("evt"), ids.new_id("dlv"), ids.new_id("dlv")
        run = dispatcher.run
        run("INSERT INTO apps VALUES (%s, %s, 1, 'active', '{incident.*}')", self.id, self.app)
        for webhook in (self.recovering, self.failing, self.replaying):
            run(
                """INSERT INTO subscriptions (id, tenant_id, client_id, url, events, live_events, secret, secret_fingerprint, recovering,
                    failing_since, last_failure_at)
                   VALUES (%s, %s, %s, 'https://integrator.example/', '{incident.updated}', '{incident.updated}', '', '', %s,
                    CASE WHEN %s THEN now() - interval '6 days' END, now())""",
                webhook, self.id, self.app, webhook == self.recovering, webhook == self.failing,
            )  # fmt: skip
        at = time_of(self.event)
        new = "INSERT INTO events (id, at, tenant_id, type, body) VALUES (%s, %s, %s, 'incident.updated', '{}')"
        run(new, self.event, at, self.id)
        for delivery, status in ((self.delivery, "failed"), (self.waiting, "queued")):
            run(
                """INSERT INTO deliveries (id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, status, troubled)
                   VALUES (%s, %s, %s, %s, %s, %s, 'incident.updated', 1, %s, true)""",
                delivery, time_of(delivery), self.id, self.recovering, self.event, at, status,
            )  # fmt: skip
        run(
            """INSERT INTO queue (delivery_id, delivery_at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, due_at)
               VALUES (%s, %s, %s, %s, %s, %s, 'incident.updated', 1, now())""",
            self.waiting, time_of(self.waiting), self.id, self.recovering, self.event, at,
        )  # fmt: skip
        for kind in ("gather", "unapproved"):
            run(
                "INSERT INTO chores (subscription_id, tenant_id, kind, created_since) VALUES (%s, %s, %s, now() - interval '1 day')",
                self.recovering, self.id, kind,
            )  # fmt: skip
        run(
            """INSERT INTO replays (id, tenant_id, subscription_id, filter, since, until, per_second, matching, more, place, place_at)
               VALUES (%s, %s, %s, '{}', now() - interval '1 day', now(), 10, 0, false, 'dlv_0', now() - interval '1 day')""",
            ids.new_id("rpl"), self.id, self.replaying,
        )  # fmt: skip

    def done(self, dispatcher: Dispatcher) -> bool:
        [row] = dispatcher.rows(
            """SELECT (SELECT count(*) FROM chores WHERE tenant_id = %s AND kind = 'gather') AS chores,
                (SELECT count(*) FROM queue WHERE tenant_id = %s) AS waiting,
                (SELECT count(*) FROM queue WHERE tenant_id = %s AND released) AS released,
                (SELECT enabled FROM subscriptions WHERE id = %s) AS enabled,
                (SELECT state FROM replays WHERE subscription_id = %s) AS replay""",
            *[self.id] * 3, self.failing, self.replaying,
        )  # fmt: skip
        done = {"chores": 0, "waiting": 2, "released": row["released"], "enabled": False, "replay": "finished"}
        return row == done and row["released"] > 0


def failures(work: str) -> float:
    return REGISTRY.get_sample_value("webhook_work_failures_total", {"work": work}) or 0.0


def run_jobs(dispatcher: Dispatcher, jobs: list[Periodic]) -> list[str]:
    """Runs each job once as the relay does. Returns the names of those that failed."""
    failed: list[str] = []
    for job in jobs:
        try:
            with dispatcher.pool.connection() as conn:
                job.run(conn)
        except Exception:
            logging.getLogger(__name__).exception("%s", job.name)
            failed.append(job.name)
    return failed


def test_nothing_that_the_app_role_writes_stops_the_work_for_another_tenant(
    dispatcher: Dispatcher, settings: Settings, partner: Partner, receiver: Receiver
) -> None:
    """Each extreme value goes into its column of a tenant of its own, whose work is older than that of another tenant."""
    jobs = [*shared_jobs.of_every_service("webhook_dispatcher", settings), *tasks.periodic(settings)]
    jobs = [job for job in jobs if job.name != "anchor the audit trail"]
    role = conninfo_to_dict(dispatcher.database.app)["user"]
    written = set[tuple[str, str]]()
    with psycopg.connect(dispatcher.database.app, autocommit=True) as conn:
        for row in dispatcher.rows(WRITABLE, role):
            table, column, kind = row["relname"], row["attname"], row["format_type"]
            for extreme in EXTREMES[kind]:
                tenant = Tenant(dispatcher)
                statement = f"UPDATE {table} SET {column} = {extreme}".encode()
                with suppress(psycopg.Error):
                    with conn.transaction():
                        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (tenant.id,))
                        changed = conn.execute(statement).rowcount
                    if changed:
                        written.add((table, column))
    assert {("chores", "cursor"), ("chores", "done"), ("subscriptions", "last_sequence"), ("events", "body")} <= written
    assert {("replays", "filter"), ("replays", "sent"), ("replays", "place")} <= written
    other = Tenant(dispatcher)
    failed = list[str]()
    # On a busy machine a run has time for one step of one organisation.
    for _ in range(1000):
        failed += run_jobs(dispatcher, jobs)
        if other.done(dispatcher):
            break
    assert other.done(dispatcher)
    assert failed == []
    # The senders claim all that is left, and give it up, since its events are gone.
    for change in ("DELETE FROM events", "UPDATE subscriptions SET recovering = false, slowed_until = NULL"):
        dispatcher.run(change)
    partner.subscribe(receiver.url)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    given_up = "SELECT 1 FROM deliveries WHERE id = %s AND status = 'failed'"
    dispatcher.pump_until(lambda: len(receiver.requests) == 1 and dispatcher.rows(given_up, other.waiting))
    assert run_jobs(dispatcher, jobs) == []


CHORE: LiteralString = """
    INSERT INTO chores (subscription_id, tenant_id, kind, due_at)
    VALUES ('wh_' || gen_random_uuid(), current_tenant(), 'deleted', '2001-01-01')
"""


def test_an_organisation_with_many_chores_has_one_portion_before_the_next_organisation(dispatcher: Dispatcher) -> None:
    """Those of a thousand webhooks had a thousand portions for each one of others, also where a run has time for one portion."""
    many, few = Tenant(dispatcher), Tenant(dispatcher)
    dispatcher.run("DELETE FROM chores")
    for tenant, number in ((many, 20), (few, 1)):
        for _ in range(number):
            dispatcher.run(CHORE.replace("current_tenant()", "%s"), tenant.id)
    dispatcher.run("UPDATE chores SET due_at = '2002-01-01' WHERE tenant_id = %s", few.id)
    chores = decisions.Chores()
    for _ in range(2):
        with task_transaction(dispatcher.pool) as conn:
            chores.work_off(conn, 0)
    assert dispatcher.rows("SELECT count(*) AS number FROM chores WHERE tenant_id = %s", few.id) == [{"number": 0}]
    assert dispatcher.rows("SELECT count(*) AS number FROM chores WHERE tenant_id = %s", many.id) == [{"number": 19}]


def test_an_organisation_with_many_recoveries_has_one_step_before_the_next_organisation(dispatcher: Dispatcher) -> None:
    many, few = Tenant(dispatcher), Tenant(dispatcher)
    dispatcher.run("UPDATE subscriptions SET recovering = true, failing_since = NULL WHERE tenant_id = %s", many.id)
    dispatcher.run("UPDATE subscriptions SET stepped_at = now() - interval '1 second' WHERE tenant_id = %s", few.id)
    of = {row["id"]: row["tenant_id"] for row in dispatcher.rows("SELECT id, tenant_id FROM subscriptions")}
    order = [of[row["id"]] for row in dispatcher.rows(decision_queries.RECOVERING)]
    assert order.index(few.id) <= 1
    assert len(order) == 3 + 1


def test_a_chore_that_fails_is_put_off_and_begins_anew(dispatcher: Dispatcher) -> None:
    bad, good = Tenant(dispatcher), Tenant(dispatcher)
    cursor = '{"sequence":' + "9" * 5000 + "}"
    dispatcher.run("UPDATE chores SET cursor = %s, due_at = '2000-01-01' WHERE tenant_id = %s", cursor, bad.id)
    before = failures("chore")
    dispatcher.work_off()
    gathered = "SELECT kind FROM chores WHERE tenant_id = %s AND kind = 'gather'"
    assert dispatcher.rows(gathered, good.id) == []
    late = "SELECT bool_and(due_at > now()) AS late, min(failures) AS failures FROM chores WHERE tenant_id = %s"
    assert dispatcher.rows(late, bad.id) == [{"late": True, "failures": 1}]
    assert failures("chore") == before + 2
    for _ in range(4):
        dispatcher.run("UPDATE chores SET due_at = now() WHERE tenant_id = %s AND failures > 0", bad.id)
        dispatcher.work_off()
    assert dispatcher.rows(gathered, bad.id) == []


def test_a_body_that_is_no_json_is_approved_for_nobody_and_stops_no_chore(dispatcher: Dispatcher) -> None:
    tenant = Tenant(dispatcher)
    dispatcher.run("UPDATE events SET type = 'automation.fired', body = 'no json' WHERE id = %s", tenant.event)
    dispatcher.run("UPDATE subscriptions SET live_events = '{automation.fired}' WHERE tenant_id = %s", tenant.id)
    dispatcher.run("UPDATE apps SET approved_events = '{automation.*,incident.*}' WHERE tenant_id = %s", tenant.id)
    for table in ("deliveries", "queue"):
        dispatcher.run(f"UPDATE {table} SET event_type = 'automation.fired' WHERE tenant_id = %s", tenant.id)
    before = failures("chore")
    dispatcher.work_off()
    assert failures("chore") == before
    assert dispatcher.rows("SELECT delivery_id FROM queue WHERE tenant_id = %s", tenant.id) == []


def test_a_recovery_that_fails_is_put_off(dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = Tenant(dispatcher), Tenant(dispatcher)
    dispatcher.run("DELETE FROM chores")
    step = decisions.release_step

    def fails(conn: Any, subscription_id: str, pause: float) -> int:
        if subscription_id == bad.recovering:
            conn.execute("SELECT 1 / 0")
        return step(conn, subscription_id, pause)

    monkeypatch.setattr(decisions, "release_step", fails)
    before = failures("recovery")
    for _ in range(2):
        with task_transaction(dispatcher.pool) as conn:
            decisions.release_held(conn, 0.9)
    released = "SELECT count(*) AS number FROM queue WHERE tenant_id = %s AND released"
    assert dispatcher.rows(released, good.id) == [{"number": 1}]
    assert dispatcher.rows(released, bad.id) == [{"number": 0}]
    assert failures("recovery") == before + 1


def test_webhooks_that_fail_for_days_are_disabled_in_portions_and_one_that_cannot_be_stops_no_other(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scaled down: portions of 2."""
    monkeypatch.setattr(decisions, "DISABLED_AT_ONCE", 2)
    tenants = [Tenant(dispatcher) for _ in range(5)]
    refused = sorted(tenants, key=lambda tenant: tenant.failing)[0]
    add = decisions.outbox.add_sync

    def fails(conn: Any, tenant_id: str, *messages: Any) -> None:
        if tenant_id == refused.id:
            conn.execute("SELECT 1 / 0")
        add(conn, tenant_id, *messages)

    monkeypatch.setattr(decisions.outbox, "add_sync", fails)
    assert dispatcher.disable_failing() == 4
    enabled = dispatcher.rows("SELECT tenant_id FROM subscriptions WHERE enabled AND failing_since IS NOT NULL")
    assert enabled == [{"tenant_id": refused.id}]
    monkeypatch.undo()
    assert dispatcher.disable_failing() == 1


def test_a_partition_that_could_not_be_dropped_is_dropped_by_the_next_call(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.storage.partitions.PAUSE_SECONDS", 0.01)
    old = (datetime.now(UTC) - timedelta(days=40)).date()
    for table in PARTITIONED:
        dispatcher.run("SELECT ensure_partition(%s::regclass, %s)", table, old)
    expiry = tasks.Expiry(30)
    named = "SELECT relname FROM pg_class WHERE relname = %s"
    with psycopg.connect(dispatcher.database.migrator) as reader:
        reader.execute("SELECT count(*) FROM attempts")
        with task_transaction(dispatcher.pool) as conn:
            expiry.go_on(conn)
        assert dispatcher.rows(named, f"attempts_{old:%Y%m%d}")
    with task_transaction(dispatcher.pool) as conn:
        expiry.go_on(conn)
    assert not dispatcher.rows(named, f"attempts_{old:%Y%m%d}")


def test_a_decision_about_an_app_holds_where_its_first_portion_fails(
    partner: Partner, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = partner.subscribe("https://integrator.example/").rpartition("/")[2]

    def fail(conn: psycopg.Connection[Any], subscription_id: str, kind: str) -> int:
        conn.execute("SELECT 1 / 0")
        return 0

    monkeypatch.setattr(decisions, "do_portion", fail)
    dispatcher.change_app(partner, version=2, approved_events=["webhook.*"])
    [row] = dispatcher.rows("SELECT live_events FROM subscriptions WHERE id = %s", webhook)
    assert row["live_events"] == []
    assert dispatcher.rows("SELECT kind FROM chores WHERE subscription_id = %s", webhook) == [{"kind": "unapproved"}]

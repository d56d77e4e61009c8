"""Events wait for their runs: portions with a turn for each tenant, ceilings of a minute, crashes, and the turns of due runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, LiteralString

import msgspec
import psycopg
import pytest

from services.control_plane.automations import queries, runs, waiting
from services.control_plane.automations.waiting import Waiting
from services.control_plane.settings import Settings
from shared.messaging.messages import PlatformEvent
from shared.primitives import ids
from shared.process.metrics import rows_set_aside
from shared.storage.database import task_transaction
from tests.control_plane.automating import INCIDENT, NOTE, SCOPES, WEBHOOK, Automating
from tests.control_plane.conftest import Inside, Partner
from tests.support.messages import received

# Most statements of one portion: those of its turn, and of the events that it has room for.
PORTION_STATEMENTS = 4 + 10 * waiting.PORTION // waiting.EVENT_COST


@pytest.fixture
def automating(partner: Partner, inside: Inside, settings: Settings) -> Automating:
    partner.caller = msgspec.structs.replace(partner.caller, scopes=frozenset(SCOPES))
    inside.owner.execute("TRUNCATE automation_events, automation_turns")
    return Automating(partner, inside, settings)


@pytest.fixture
def neighbour(other: Partner, inside: Inside, settings: Settings) -> Automating:
    other.caller = msgspec.structs.replace(other.caller, scopes=frozenset(SCOPES))
    return Automating(other, inside, settings)


def automate(automating: Automating, number: int) -> None:
    """Gives the app `number` equal automations."""
    made = automating.make()
    automating.inside.rows(
        """INSERT INTO automations (id, tenant_id, client_id, name, event_type, action, scopes, enabled)
        SELECT id || '_' || n, tenant_id, client_id, name, event_type, action, scopes, enabled
        FROM automations, generate_series(2, %s) n WHERE id = %s RETURNING id""",
        number,
        made,
    )


def event() -> PlatformEvent:
    return PlatformEvent(
        event_id=ids.new_id("evt"), type="incident.created", timestamp=datetime.now(UTC), data=INCIDENT
    )


def store(automating: Automating, *events: PlatformEvent, settings: Settings | None = None) -> None:
    with task_transaction(automating.inside.consumer.pool) as conn:
        messages = [received(automating.tenant_id, one) for one in events]
        Waiting(settings or automating.settings).store(conn, messages)


def portion(automating: Automating, settings: Settings | None = None) -> bool:
    with task_transaction(automating.inside.consumer.pool) as conn:
        return Waiting(settings or automating.settings)._work(conn)


def hold_the_minute(automating: Automating) -> None:
    """The organisation's present minute does not end, however slow the machine is."""
    for table in ("automations", "automation_turns"):
        query = f"UPDATE {table} SET window_began = now() + interval '1 hour' WHERE tenant_id = %s"
        automating.inside.owner.execute(query.encode(), (automating.tenant_id,))


def statuses(automating: Automating) -> dict[str, int]:
    query = "SELECT status, count(*) FROM automation_runs WHERE tenant_id = %s GROUP BY 1"
    return dict(automating.inside.rows(query, automating.tenant_id))


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that tasks execute while the block runs."""
    seen: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("execute", "executemany"):
            real = getattr(psycopg.Cursor, name)

            def spied(self: Any, query: Any, *rest: Any, real: Any = real, **named: Any) -> Any:
                seen.append(str(query))
                return real(self, query, *rest, **named)

            patch.setattr(psycopg.Cursor, name, spied)
        yield seen


def test_an_organisation_with_many_automations_and_events_delays_anothers_run_by_one_portion(
    automating: Automating, neighbour: Automating
) -> None:
    automate(automating, 1000)
    neighbour.make(NOTE)
    with counted() as stored:
        automating.inside.receive(automating.tenant_id, *(event() for _ in range(200)))
    assert len(stored) < 20
    assert statuses(automating) == {}
    neighbour.inside.receive(neighbour.tenant_id, event())
    for _ in range(2):
        with counted() as statements:
            assert portion(automating)
        assert len(statements) <= PORTION_STATEMENTS
    assert statuses(neighbour) == {"running": 1}
    assert statuses(automating) == {"running": waiting.PORTION}


def test_another_event_over_the_ceiling_costs_few_statements_and_no_row(automating: Automating) -> None:
    settings = msgspec.structs.replace(automating.settings, most_runs_per_minute=10)
    automate(automating, 1000)
    costs = []
    for number in range(3):
        store(automating, event(), settings=settings)
        if number == 0:
            hold_the_minute(automating)
        with counted() as statements:
            while portion(automating, settings):
                pass
        costs.append(len(statements))
        assert sum(statuses(automating).values()) <= 1010
    assert max(costs) <= 1000 // waiting.PORTION * 15 + 15
    assert statuses(automating) == {"running": 10, "suppressed": 1000}


def test_an_organisation_begins_no_more_runs_in_a_minute_than_its_ceiling(automating: Automating) -> None:
    settings = msgspec.structs.replace(automating.settings, most_runs_per_minute=2)
    automate(automating, 3)
    store(automating, event(), settings=settings)
    portion(automating, settings)
    assert statuses(automating) == {"running": 2, "suppressed": 1}
    [over] = automating.runs(status="suppressed")
    assert over["error"] == "organisation_ceiling"
    assert len(automating.sent("open_incident")) == 2
    automating.inside.owner.execute("UPDATE automation_turns SET window_began = now() - interval '61 seconds'")
    store(automating, event(), settings=settings)
    portion(automating, settings)
    assert statuses(automating)["running"] == 4


def test_a_retried_suppressed_run_counts_no_further_events(automating: Automating) -> None:
    automating.settings = msgspec.structs.replace(automating.settings, automation_runs_per_minute=1)
    automating.make()
    for _ in range(2):
        automating.happen()
    over = automating.runs()[0]
    assert over["status"] == "suppressed"
    assert automating.partner.post(f"/automations/runs/{over['id']}/retry").status_code == 202
    automating.happen()
    assert [run["status"] for run in automating.runs()] == ["suppressed", "queued", "running"]


@pytest.mark.parametrize("twice", ["at once", "one after the other"])
def test_a_repeated_event_that_waits_begins_each_run_once(automating: Automating, twice: str) -> None:
    automate(automating, 3)
    one = event()
    for _ in range(2):
        store(automating, *([one, one] if twice == "at once" else [one]))
    while portion(automating):
        pass
    store(automating, one)
    while portion(automating):
        pass
    assert statuses(automating) == {"running": 3}
    assert len(automating.sent("open_incident")) == 3


class Killed(BaseException):
    pass


def test_a_process_killed_before_any_statement_begins_each_run_once(
    automating: Automating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "PORTION", 2)
    monkeypatch.setattr(waiting, "EVENT_COST", 0)
    automate(automating, 5)
    store(automating, event(), event())
    real, left = psycopg.Cursor.execute, 0

    def execute(self: Any, *rest: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed
        return real(self, *rest, **named)

    kills = 0
    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", execute)
        for at in range(1, 200):
            left = at % 14 + 1
            try:
                with automating.inside.consumer.pool.connection() as conn:
                    Waiting(automating.settings)._work(conn)
            except Killed:
                kills += 1
        left = 0
    assert kills > 20
    assert statuses(automating) == {"running": 10}
    assert len(automating.sent("open_incident")) == 10
    assert automating.inside.rows("SELECT FROM automation_events") == []


def test_events_beyond_those_that_may_wait_are_refused_and_counted(
    automating: Automating, neighbour: Automating
) -> None:
    settings = msgspec.structs.replace(automating.settings, most_waiting_events=3)
    automating.make()
    neighbour.make()
    before = runs.events_refused._value.get()
    store(automating, *(event() for _ in range(5)), settings=settings)
    store(automating, event(), settings=settings)
    store(neighbour, event(), settings=settings)
    assert runs.events_refused._value.get() - before == 3
    while portion(automating):
        pass
    assert (statuses(automating), statuses(neighbour)) == ({"running": 3}, {"running": 1})


def test_events_that_failed_for_good_take_no_room_from_others_and_are_bounded_themselves(
    automating: Automating,
) -> None:
    settings = msgspec.structs.replace(automating.settings, most_waiting_events=3)
    automating.make()
    for _ in range(2):
        store(automating, *(event() for _ in range(3)), settings=settings)
        automating.inside.owner.execute("UPDATE automation_events SET failures = 5")
    before = runs.events_refused._value.get()
    store(automating, event(), settings=settings)
    assert runs.events_refused._value.get() - before == 1
    automating.inside.owner.execute(
        "DELETE FROM automation_events WHERE event_id = (SELECT min(event_id) FROM automation_events)"
    )
    assert len(automating.inside.rows("SELECT FROM automation_events")) == 5
    store(automating, event(), event(), settings=settings)
    assert runs.events_refused._value.get() - before == 2


def test_an_event_whose_portions_fail_stops_neither_later_ones_nor_another_organisation(
    automating: Automating, neighbour: Automating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "FAILED_SECONDS", 0)
    automating.make()
    neighbour.make()
    bad, good = event(), event()
    aside = rows_set_aside.labels(waiting.BEGIN)._value.get()
    real = waiting.decide

    def decide(run: Any, automation: Any) -> Any:
        if run.event_id == bad.event_id:
            raise RecursionError
        return real(run, automation)

    monkeypatch.setattr(waiting, "decide", decide)
    store(automating, bad, good)
    store(neighbour, event())
    portion(automating)
    portion(automating)
    assert statuses(neighbour) == {"running": 1}
    for _ in range(5):
        portion(automating)
    assert [run["event_id"] for run in automating.runs()] == [good.event_id]
    assert automating.inside.rows("SELECT event_id, failures FROM automation_events") == [(bad.event_id, 5)]
    assert rows_set_aside.labels(waiting.BEGIN)._value.get() == aside + 1
    automating.inside.owner.execute("UPDATE automation_events SET stored_at = now() - interval '2 hours'")
    with task_transaction(automating.inside.consumer.pool) as conn:
        runs.measure(conn, answer=900)
    assert runs.oldest.labels("event")._value.get() == 0
    automating.inside.owner.execute("UPDATE automation_events SET failures = 0")
    automating.inside.owner.execute("UPDATE automation_turns SET turn_at = now()")
    monkeypatch.setattr(waiting, "decide", real)
    while portion(automating):
        pass
    assert {run["event_id"] for run in automating.runs()} == {bad.event_id, good.event_id}


def fail_all(automating: Automating, number: int) -> None:
    """Leaves `number` failed runs that are due, the youngest since an hour."""
    automating.make()
    automating.happen()
    automating.answer(automating.runs()[0], "failed", error="UNAVAILABLE")
    automating.inside.rows(
        """INSERT INTO automation_runs (id, tenant_id, automation_id, client_id, event_id, event_type, event, cause, status,
            next_attempt_at)
        SELECT id || n, tenant_id, automation_id, client_id, event_id || n, event_type, event, cause, status,
            now() - interval '1 hour' - n * interval '1 second'
        FROM automation_runs, generate_series(1, %s) n WHERE tenant_id = %s RETURNING id""",
        number,
        automating.tenant_id,
    )


def test_many_due_runs_of_one_organisation_leave_a_turn_to_another(
    automating: Automating, neighbour: Automating
) -> None:
    automating.inside.owner.execute("DELETE FROM automation_runs")
    fail_all(automating, 1000)
    neighbour.make()
    neighbour.happen()
    neighbour.answer(neighbour.runs()[0], "failed", error="UNAVAILABLE")
    neighbour.make_due()
    automating.sweep()
    assert statuses(neighbour) == {"running": 1}
    assert statuses(automating)["running"] <= runs.DUE_OF_TENANT


def test_due_runs_of_one_organisation_are_not_read_to_find_those_of_another(
    automating: Automating, neighbour: Automating
) -> None:
    automating.inside.owner.execute("DELETE FROM automation_runs")
    fail_all(automating, 20_000)
    fail_all(neighbour, 1)
    automating.inside.owner.execute("ANALYZE automation_runs")
    limits = {
        "tenants": [neighbour.tenant_id],
        "services": runs.SERVICES,
        "of_tenant": 25,
        "unanswered": 200,
        "most": 100,
    }
    with task_transaction(automating.inside.consumer.pool) as conn:
        [(explained,)] = conn.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + queries.LOCK_DUE_RUNS, limits)
    scans = [node for node in nodes(explained[0]["Plan"]) if node.get("Relation Name") == "automation_runs"]
    assert max(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in scans) == 1, scans


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def test_due_runs_of_more_organisations_than_one_portion_visits_all_begin(
    automating: Automating, neighbour: Automating, monkeypatch: pytest.MonkeyPatch
) -> None:
    automating.inside.owner.execute("DELETE FROM automation_runs")
    monkeypatch.setattr(runs, "MOST_TENANTS", 1)
    fail_all(automating, 2)
    fail_all(neighbour, 2)
    with task_transaction(automating.inside.consumer.pool) as conn:
        assert runs.engine(automating.settings).begin_all_due(conn) == 4
    assert statuses(automating) == statuses(neighbour) == {"failed": 1, "running": 2}


@pytest.mark.parametrize("change", ["event = ('{\"id\": ' || repeat('9', 5000) || '}')::jsonb", "attempt = 2147483647"])
def test_a_run_that_cannot_be_read_or_begun_holds_up_no_other(
    automating: Automating, neighbour: Automating, change: LiteralString
) -> None:
    """A web process in strange hands may write such a row."""
    automating.inside.owner.execute("DELETE FROM automation_runs")
    fail_all(automating, 1)
    fail_all(neighbour, 2)
    automating.inside.owner.execute(
        f"UPDATE automation_runs SET {change} WHERE tenant_id = %s", (automating.tenant_id,)
    )
    begin_due(automating)
    assert statuses(neighbour) == {"failed": 1, "running": 2}
    assert statuses(automating)["dead"] == 1


def queue_up(automating: Automating, number: int) -> None:
    """Leaves `number` runs that have been due for an hour and were never sent."""
    fail_all(automating, number)
    automating.inside.owner.execute(
        "UPDATE automation_runs SET sent_to = 'graphql_api', status = 'queued' WHERE tenant_id = %s AND attempt = 0",
        (automating.tenant_id,),
    )


def begin_due(automating: Automating, times: int = 1) -> None:
    """As the relay does in so many half seconds."""
    engine = runs.engine(automating.settings)
    for _ in range(times):
        with task_transaction(automating.inside.consumer.pool) as conn:
            engine.begin_all_due(conn)


def ahead(automating: Automating, neighbour: Automating) -> int:
    """The messages of one organisation that were written before the first of the other, for the same service."""
    query = """SELECT count(*) FROM outbox WHERE consumer = 'graphql_api' AND tenant_id = %s
        AND id < (SELECT id FROM outbox WHERE consumer = 'graphql_api' AND tenant_id = %s ORDER BY id LIMIT 1)"""
    [(number,)] = automating.inside.rows(query, automating.tenant_id, neighbour.tenant_id)
    return number


def test_ten_thousand_runs_of_one_organisation_let_anothers_first_pass_at_the_service(
    automating: Automating, neighbour: Automating
) -> None:
    """The service takes messages in the order in which they were written."""
    automating.inside.owner.execute("DELETE FROM automation_runs")
    queue_up(automating, 10_000)
    begin_due(automating, 20)
    neighbour.make()
    neighbour.happen()
    limit = automating.settings.most_unanswered_runs
    assert ahead(automating, neighbour) <= limit + 1
    assert statuses(automating)["running"] == limit
    for run in automating.runs(status="running")[:30]:
        automating.answer(run, "succeeded")
    begin_due(automating, 20)
    assert statuses(automating)["running"] == limit


def test_new_runs_over_the_limit_wait_for_answers_and_begin_then(automating: Automating) -> None:
    automating.settings = msgspec.structs.replace(automating.settings, most_unanswered_runs=2)
    automate(automating, 3)
    automating.happen()
    assert statuses(automating) == {"running": 2, "queued": 1}
    assert len(automating.sent("open_incident")) == 2
    begin_due(automating)
    assert statuses(automating) == {"running": 2, "queued": 1}
    automating.answer(automating.runs(status="running")[0], "succeeded")
    begin_due(automating)
    assert statuses(automating) == {"running": 2, "succeeded": 1}
    assert len(automating.sent("open_incident")) == 3
    assert {run["attempt"] for run in automating.runs()} == {1}


def test_a_service_that_does_not_answer_holds_up_no_runs_of_another_service(automating: Automating) -> None:
    automating.settings = msgspec.structs.replace(automating.settings, most_unanswered_runs=1)
    automate(automating, 3)
    automating.happen()
    automating.make(WEBHOOK, event_type="incident.closed")
    automating.happen("incident.closed")
    assert len(automating.sent("webhook")) == 1
    automating.answer(automating.runs()[0], "failed", error="UNAVAILABLE")
    automating.make_due()
    begin_due(automating)
    assert len(automating.sent("webhook")) == 2


def test_the_ages_of_the_oldest_event_and_due_run_are_measured(automating: Automating) -> None:
    automating.inside.owner.execute("DELETE FROM automation_runs")
    fail_all(automating, 1)
    store(automating, event())
    automating.inside.owner.execute("UPDATE automation_events SET stored_at = now() - interval '2 hours'")
    with task_transaction(automating.inside.consumer.pool) as conn:
        runs.measure(conn, answer=900)
    ages = [runs.oldest.labels(of)._value.get() for of in ("event", "run")]
    assert [age // 3600 for age in ages] == [2, 1]
    while portion(automating):
        pass
    automating.sweep()
    with task_transaction(automating.inside.consumer.pool) as conn:
        runs.measure(conn, answer=900)
    assert [runs.oldest.labels(of)._value.get() for of in ("event", "run")] == [0, 0]

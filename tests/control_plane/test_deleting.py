"""Deleting an automation with many runs: one row in the request, the rest in portions of the relay."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import psycopg
import pytest
from psycopg import sql

from services.control_plane.automations import deleting, queries
from services.control_plane.automations.deleting import Deleting
from services.control_plane.settings import Settings
from shared.messaging.messages import RunFinished
from shared.storage.database import task_transaction
from tests.control_plane.automating import SCOPES, WEBHOOK, Automating
from tests.control_plane.conftest import Inside, Partner

MANY = 3000
ADD_RUNS = """
    INSERT INTO automation_runs (id, tenant_id, automation_id, client_id, event_id, event_type, event, cause, status, next_attempt_at)
    SELECT 'run_' || %(id)s || n, %(tenant_id)s, %(id)s, %(client_id)s, 'evt_' || n, 'incident.created', '{}', '{}',
        CASE WHEN n %% 3 = 0 THEN 'failed' ELSE 'dead' END, CASE WHEN n %% 3 = 0 THEN now() END
    FROM generate_series(1, %(many)s) AS n
"""


@pytest.fixture
def automating(partner: Partner, inside: Inside, settings: Settings) -> Automating:
    partner.caller = msgspec.structs.replace(partner.caller, scopes=frozenset(SCOPES))
    return Automating(partner, inside, settings)


@pytest.fixture
def neighbour(other: Partner, inside: Inside, settings: Settings) -> Automating:
    other.caller = msgspec.structs.replace(other.caller, scopes=frozenset(SCOPES))
    return Automating(other, inside, settings)


def with_runs(automating: Automating, many: int = MANY) -> str:
    automation_id = automating.make(WEBHOOK)
    where = {"id": automation_id, "tenant_id": automating.tenant_id, "client_id": automating.partner.client_id}
    automating.inside.owner.execute(ADD_RUNS, where | {"many": many})
    return automation_id


def delete(automating: Automating, automation_id: str) -> None:
    assert automating.partner.call("DELETE", f"/automations/{automation_id}").status_code == 204


def left(automating: Automating, automation_id: str) -> int:
    query = "SELECT count(*) FROM automation_runs WHERE tenant_id = %s AND automation_id = %s"
    [(number,)] = automating.inside.rows(query, automating.tenant_id, automation_id)
    return number


@contextmanager
def cancelling(automating: Automating) -> Iterator[None]:
    """The deletion of each run of the tenant fails as if it took too long."""
    with psycopg.connect(automating.inside.database.admin, autocommit=True) as conn:
        conn.execute(
            sql.SQL("""
                CREATE FUNCTION cancel() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE query_canceled; END $$;
                CREATE TRIGGER cancel BEFORE DELETE ON automation_runs FOR EACH ROW WHEN (OLD.tenant_id = {}) EXECUTE FUNCTION cancel()
            """).format(automating.tenant_id)
        )
        try:
            yield
        finally:
            conn.execute("DROP TRIGGER cancel ON automation_runs; DROP FUNCTION cancel")


def pass_of(automating: Automating, relay: Deleting, seconds: float = 60) -> int:
    with task_transaction(automating.inside.consumer.pool) as conn:
        return relay.work_off(conn, seconds)


def test_the_request_that_deletes_an_automation_touches_none_of_its_runs(automating: Automating) -> None:
    automation_id = with_runs(automating)
    delete(automating, automation_id)
    assert left(automating, automation_id) == MANY
    query = "SELECT enabled FROM automations WHERE id = %s AND deleted_at IS NOT NULL"
    assert automating.inside.rows(query, automation_id) == [(False,)]


def test_a_deleted_automation_is_gone_for_everybody_at_once(automating: Automating) -> None:
    automation_id = with_runs(automating, 3)
    kept_id = automating.make(WEBHOOK, "incident.closed")
    automating.happen("incident.closed")
    [kept] = automating.runs(kept_id)
    delete(automating, automation_id)
    partner, run_id = automating.partner, f"run_{automation_id}1"
    administrator = partner.colleague(*SCOPES, "platform:apps")
    for reader in (partner, administrator):
        assert reader.get(f"/automations/{automation_id}").status_code == 404
        assert reader.get(f"/automations/{automation_id}/runs").status_code == 404
        assert reader.get(f"/automations/runs/{run_id}").status_code == 404
        assert reader.post(f"/automations/runs/{run_id}/retry", {}).status_code == 404
        assert [one["id"] for one in reader.get("/automations").json()["automations"]] == [kept_id]
        assert reader.get("/automations/runs").json()["runs"] == [kept]
        assert reader.call("PATCH", f"/automations/{automation_id}", json={"enabled": True}).status_code == 404
        assert reader.call("DELETE", f"/automations/{automation_id}").status_code == 404
    assert automating.interests()[-1][1] == ["incident.closed"]


def test_a_deleted_automation_runs_no_more_and_takes_no_answer(automating: Automating) -> None:
    automation_id = automating.make(WEBHOOK)
    automating.happen()
    [begun] = automating.runs()
    delete(automating, automation_id)
    automating.happen()
    automating.inside.receive(automating.tenant_id, RunFinished(run_id=begun["id"], attempt=1, outcome="succeeded"))
    rows = automating.inside.rows("SELECT id, status FROM automation_runs WHERE automation_id = %s", automation_id)
    assert rows == [(begun["id"], "running")]
    assert len(automating.sent("webhook")) == 1


def test_a_due_run_of_a_deleted_automation_is_no_dead_one(automating: Automating) -> None:
    automation_id = with_runs(automating, 3)
    delete(automating, automation_id)
    automating.sweep()
    query = "SELECT status FROM automation_runs WHERE automation_id = %s"
    assert automating.inside.rows(query, automation_id) == [("dead",), ("dead",)]


def test_deleted_automations_count_for_no_cap(automating: Automating) -> None:
    most = automating.settings.most_automations_of_app
    made = [automating.make(WEBHOOK) for _ in range(most)]
    delete(automating, made[-1])
    automating.make(WEBHOOK)


def test_the_relay_deletes_runs_in_portions_and_then_the_automation(
    automating: Automating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "REST", 0)
    automation_id, relay = with_runs(automating), Deleting()
    pass_of(automating, relay)  # those of other tests
    delete(automating, automation_id)
    for portion in (1, 2, 3):
        assert pass_of(automating, relay, seconds=0) == 1
        assert left(automating, automation_id) == MANY - portion * 1000
    assert deleting.oldest._value.get() > 0
    pass_of(automating, relay)
    assert automating.inside.rows("SELECT id FROM automations WHERE id = %s", automation_id) == []
    assert deleting.oldest._value.get() == 0


def test_organisations_have_turns_and_the_error_of_one_is_its_own(
    automating: Automating, neighbour: Automating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "REST", 0)
    first, second = with_runs(automating, 2500), with_runs(neighbour, MANY)
    delete(automating, first)
    delete(neighbour, second)
    relay = Deleting()
    with cancelling(automating):
        pass_of(automating, relay)
    assert (left(automating, first), left(neighbour, second)) == (2500, 0)
    assert deleting.oldest._value.get() > 0
    pass_of(automating, relay)
    assert left(automating, first) == 0


def test_portions_are_smaller_after_one_that_took_too_long_and_grow_again(
    automating: Automating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "REST", 0)
    relay = Deleting()
    pass_of(automating, relay)  # those of other tests
    automation_id = with_runs(automating)
    delete(automating, automation_id)
    with cancelling(automating):
        pass_of(automating, relay)
        pass_of(automating, relay)
    for remaining in (MANY - 62, MANY - 62 - 124):
        pass_of(automating, relay, seconds=0)
        assert left(automating, automation_id) == remaining
    pass_of(automating, relay)
    assert left(automating, automation_id) == 0


def test_a_run_that_is_held_keeps_its_automation_until_the_next_pass(automating: Automating) -> None:
    automation_id, relay = with_runs(automating, 5), Deleting()
    delete(automating, automation_id)
    with psycopg.connect(automating.inside.database.admin) as holder:
        holder.execute("SELECT FROM automation_runs WHERE id = %s FOR UPDATE", (f"run_{automation_id}1",))
        pass_of(automating, relay, seconds=0)
        assert left(automating, automation_id) == 1
    pass_of(automating, relay, seconds=0)
    assert left(automating, automation_id) == 0


def test_runs_of_others_begin_while_a_deletion_is_under_way(automating: Automating, neighbour: Automating) -> None:
    automation_id = with_runs(automating, 10)
    live = automating.make(WEBHOOK)
    neighbour.make(WEBHOOK)
    delete(automating, automation_id)
    with psycopg.connect(automating.inside.database.admin) as holder:
        holder.execute("SELECT FROM automations WHERE id = %s FOR UPDATE", (automation_id,))
        holder.execute("SELECT FROM automation_runs WHERE automation_id = %s FOR UPDATE", (automation_id,))
        done = threading.Event()

        def work() -> None:
            automating.happen()
            neighbour.happen()
            automating.sweep()
            automating.inside.receive(
                automating.tenant_id, RunFinished(run_id=f"run_{automation_id}1", attempt=0, outcome="succeeded")
            )
            done.set()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        assert done.wait(20)
        thread.join()
    assert [len(one.runs()) for one in (automating, neighbour)] == [1, 1]
    assert automating.runs()[0]["automation_id"] == live


def test_the_list_of_a_small_organisation_reads_no_run_of_a_large_one(
    automating: Automating, neighbour: Automating
) -> None:
    """Where there are two, the planner takes each for large, unless the statement names the one that asks."""
    with_runs(neighbour, 30_000)
    with_runs(automating, 10)
    asked = {"automation_id": None, "status": None, "of_automation": None, "of_status": None, "of_app": None}
    asked |= {"after": None, "limit": 51, "everyone": True, "client_id": automating.partner.client_id}
    automating.inside.owner.execute("ANALYZE automation_runs")
    with psycopg.connect(automating.inside.database.app) as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (automating.tenant_id,))
        [(plan,)] = conn.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {queries.LIST_RUNS}".encode(), asked).fetchall()
    assert plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"] < 100

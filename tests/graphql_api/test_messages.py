"""Messages in and out, by the golden files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import psycopg
import pytest
from psycopg import sql

from deploy.local.databases import Database
from services.graphql_api import tasks
from services.graphql_api.acqi.indicators import judgements, outcomes_of
from services.graphql_api.incidents import lifecycle
from services.graphql_api.incidents.models import Change, Draft
from services.graphql_api.tasks import periodic
from shared.messaging.messages import EncounterFacts, GraphqlApp
from shared.primitives import ids
from shared.storage import jobs as shared_jobs
from shared.web import http
from tests.graphql_api.asking import Asking
from tests.support.messages import received, require_valid

GOLDEN = Path(__file__).parents[1] / "messages"


def test_the_golden_app_is_granted_its_bundles(ask: Asking) -> None:
    golden = msgspec.json.decode((GOLDEN / "graphql_api.app_changed.v1.json").read_bytes(), type=GraphqlApp)
    ask.client_id = golden.client_id
    ask.versions = golden.version - 1
    ask.grant(*golden.graphql_bundles, status=golden.status)
    names = [bundle["name"] for bundle in ask.raw("GET", "/api/v1/graphql/bundles").json()["bundles"]]
    assert names == sorted(set(golden.graphql_bundles) & set(ask.catalogue.bundles))


def test_the_golden_facts_count_and_survive_being_stored(ask: Asking) -> None:
    text = (GOLDEN / "graphql_api.encounter_facts.v1.json").read_bytes()
    golden = msgspec.json.decode(text, type=EncounterFacts)
    assert golden.test  # epcr sends facts of test encounters for sandboxes alone
    assert outcomes_of(judgements(golden))
    ask.count(golden)
    with ask.worker() as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (ask.tenant,))
        row = conn.execute("SELECT facts::text, outcomes::text FROM acqi_facts").fetchone()
    assert row is not None
    assert msgspec.json.decode(row[0], type=EncounterFacts) == golden
    assert msgspec.json.decode(row[1]) == outcomes_of(judgements(golden))


def test_a_message_told_twice_counts_once(ask: Asking) -> None:
    golden = msgspec.json.decode((GOLDEN / "graphql_api.encounter_facts.v1.json").read_bytes(), type=EncounterFacts)
    golden = msgspec.structs.replace(golden, test=False)
    for _ in range(3):
        ask.count(golden, golden)
    with ask.worker() as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (ask.tenant,))
        row = conn.execute("SELECT max(met + not_met + excluded + unknown) FROM acqi_aggregates").fetchone()
    assert row == (1,)


@pytest.mark.parametrize("cad", [None, "CAD-1"])
def test_every_event_follows_the_catalogue(cad: str | None) -> None:
    now = received("org_a", None).occurred_at
    draft = Draft(type="public_order", priority="critical", units=["A", "B"], cad_incident_id=cad)
    created = lifecycle.opened(draft, "org_a", "2026-000001", now, sandbox=False)
    updated = lifecycle.changed(created, Change(status="dispatched"), now)
    closed = lifecycle.closed(updated, "no_action_required", now)
    for before, after, kind in ((None, created, "created"), (created, updated, "updated"), (updated, closed, "closed")):
        event = lifecycle.event(before, after, ["auto_a"])
        assert event.type == f"incident.{kind}"
        assert event.timestamp == after.updated_at
        assert event.cause == ["auto_a"]
        require_valid(event.type, msgspec.json.decode(http.encode(event.data)))


def test_what_is_past_retention_is_forgotten_and_nothing_else(ask: Asking, database: Database) -> None:
    golden = msgspec.json.decode((GOLDEN / "graphql_api.encounter_facts.v1.json").read_bytes(), type=EncounterFacts)
    today = datetime.now(UTC).date()
    for days, id in ((10, "enc_new"), (75, "enc_old")):
        ask.count(
            msgspec.structs.replace(golden, test=False, encounter_id=id, day=today - timedelta(days=days)),
            tenant=ask.other_tenant,
        )
    ask.grant("incident-management")
    kept, closed = (ask.data("CreateIncident", {"input": {"type": "fire", "priority": "low"}}) for _ in range(2))
    ask.data("CloseIncident", {"id": closed["id"], "expectedVersion": 1, "reason": "resolved"})
    with psycopg.connect(database.admin) as conn:
        conn.execute("UPDATE incidents SET closed_at = now() - interval '75 days' WHERE id = %s", (closed["id"],))
    retention, _ = periodic(msgspec.structs.replace(ask.settings, facts_kept_days=30))
    with ask.worker() as conn:
        retention.run(conn)
    with psycopg.connect(database.admin) as conn:
        facts = conn.execute("SELECT encounter_id FROM acqi_facts WHERE tenant_id = %s", (ask.other_tenant,)).fetchall()
        days = conn.execute(
            "SELECT DISTINCT period_start FROM acqi_aggregates WHERE tenant_id = %s AND grain = 'day'",
            (ask.other_tenant,),
        ).fetchall()
        incidents = conn.execute("SELECT id FROM incidents WHERE tenant_id = %s", (ask.tenant,)).fetchall()
    assert facts == [("enc_new",)]
    assert days == [(today - timedelta(days=10),)]
    assert incidents == [(kept["id"],)]


def test_all_that_is_past_retention_is_forgotten_in_portions_at_once(
    ask: Asking, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_jobs, "PORTION", 2)
    ask.grant("incident-management")
    for _ in range(5):
        made = ask.data("CreateIncident", {"input": {"type": "fire", "priority": "low"}})
        ask.data("CloseIncident", {"id": made["id"], "expectedVersion": 1, "reason": "resolved"})
    with psycopg.connect(database.admin) as conn:
        conn.execute("UPDATE incidents SET closed_at = now() - interval '75 days' WHERE tenant_id = %s", (ask.tenant,))
        conn.execute(
            """INSERT INTO automation_effects (run_id, tenant_id, result, at)
               SELECT %s || number, %s, '{}', now() - interval '41 days' FROM generate_series(1, 5) AS number""",
            (ids.new_id("run"), ask.tenant),
        )
    with ask.worker() as conn:
        tasks.expire(conn, 30, 30)
    with psycopg.connect(database.admin) as conn:
        for table in ("incidents", "automation_effects"):
            count = sql.SQL("SELECT count(*) FROM {} WHERE tenant_id = %s").format(sql.Identifier(table))
            assert conn.execute(count, (ask.tenant,)).fetchone() == (0,), table

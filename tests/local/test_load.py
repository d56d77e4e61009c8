"""`make load`: services can read its rows, and it loads only a local stack."""

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from deploy.load.history import INCIDENTS, LONG, OLD, OPEN, REPLAYS
from deploy.load.loading import NotLoadable, load, steps
from deploy.load.people import PEOPLE, TRAILS
from deploy.load.rows import LARGE, Sizes
from deploy.local.databases import Database
from deploy.local.state import State
from deploy.local.table import SERVICES
from services.epcr.outcomes import store as outcomes
from services.epcr.outcomes.models import OutcomeRow
from services.epcr.records.models import Record
from services.webhook_dispatcher.fanout import intake
from services.webhook_dispatcher.sending import signing
from services.webhook_dispatcher.sending.signing import Vault
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.storage import audit_check
from tests.epcr.sealed import unseal

pytestmark = pytest.mark.full

SIZES = Sizes(
    tenants=3,
    delivered=20,
    past=10,
    waiting=30,
    encounters=40,
    large=25,
    readings=100,
    outbox=90,
    revocations=9,
    entries=50,
    devices=7,
    runs=30,
)
KEYS = "1:" + base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")


@pytest.fixture
def loadable(tmp_path: Path, fresh_database: Callable[[str], Database]) -> tuple[State, dict[str, Database]]:
    """A state folder that names databases of the tests' cluster as those of a stack."""
    made = {service.name: fresh_database(service.name) for service in SERVICES}
    state = State(tmp_path / "state")
    state.folder.mkdir()
    services = {name: {"migration_database_url": database.migrator} for name, database in made.items()}
    large = ids.new_id("org")
    with psycopg.connect(made["auth"].admin) as conn:
        conn.execute("INSERT INTO tenants (tenant_id, name) VALUES (%s, 'Riviera')", (large,))
    state.stack.write_text(json.dumps({"ready": True, "tenant": {"id": large}, "services": services}))
    state.settings.write_text(json.dumps({name: {"ENCRYPTION_KEYS": KEYS} for name in made}))
    return state, made


def fill(state: State) -> dict[str, int]:
    """The number that the progress of each step ends with."""
    told: dict[str, int] = {}

    def report(title: str, done: int, number: int, _: float) -> None:
        told[title] = done
        assert done <= number, title

    told["rows"] = load(state, SIZES, "http://127.0.0.1:9", report)
    assert {step.title: step.number for step in steps(SIZES)} == {step.title: told[step.title] for step in steps(SIZES)}
    return told


def asked(database: Database, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.admin) as conn:
        return conn.execute(statement.encode()).fetchall()


def test_services_read_what_was_loaded_as_their_own(loadable: tuple[State, dict[str, Database]]) -> None:
    state, databases = loadable
    fill(state)
    keyring = Keyring.from_text(KEYS)
    for encounter, tenant, record in asked(databases["epcr"], "SELECT id, tenant_id, record FROM encounters"):
        assert isinstance(unseal(record, keyring, tenant, encounter), Record)
    outcome = "SELECT encounter_id, version, tenant_id, identity, destination_id, content, client_id, recorded_at FROM outcomes"
    for row in asked(databases["epcr"], outcome):
        assert outcomes.opened(OutcomeRow(*row), keyring).outcome.visit_number is not None
    vault = Vault(keyring)
    hooks = databases["webhook-dispatcher"]
    for webhook, secret, fingerprint in asked(hooks, "SELECT id, secret, secret_fingerprint FROM subscriptions"):
        assert signing.fingerprint(vault.key(webhook, secret)) == fingerprint
    for delivery, at, event, event_at in asked(hooks, "SELECT id, at, event_id, event_at FROM deliveries"):
        assert (intake.time_of(delivery), intake.time_of(event)) == (at, event_at)


def test_what_is_loaded_agrees_over_all_services(loadable: tuple[State, dict[str, Database]]) -> None:
    state, databases = loadable
    fill(state)
    epcr, hooks = databases["epcr"], databases["webhook-dispatcher"]
    readings = "SELECT id, tenant_id, encounter_id, device_id, observed_at FROM observations ORDER BY id"
    assert asked(epcr, readings) == asked(databases["device-ingest"], readings)
    newest = "SELECT id, version FROM encounters ORDER BY id"
    assert asked(epcr, newest) == asked(
        epcr, "SELECT encounter_id, max(version) FROM encounter_versions GROUP BY 1 ORDER BY 1"
    )
    assert asked(epcr, "SELECT count(*) FROM observations o JOIN encounters e ON e.id = o.encounter_id"
        " WHERE o.revision > e.revision OR o.tenant_id <> e.tenant_id") == [(0,)]  # fmt: skip
    for table in ("encounter_destinations", "disclosures", "outcomes"):
        others = f"SELECT count(*) FROM {table} n JOIN encounters e ON e.id = n.encounter_id JOIN destinations d ON d.id = n.destination_id"
        assert asked(epcr, f"{others} WHERE n.tenant_id <> e.tenant_id OR n.tenant_id <> d.tenant_id") == [(0,)]
    counted = "SELECT subscription_id, count(*), max(sequence) FROM deliveries GROUP BY 1 ORDER BY 1"
    assert asked(hooks, counted) == asked(
        hooks, "SELECT id, last_sequence, last_sequence FROM subscriptions ORDER BY 1"
    )
    queued = asked(hooks, "SELECT count(*), min(stage), max(stage) FROM queue")
    assert queued == [(SIZES.waiting, 3, 3)]
    apps = "SELECT client_id FROM apps ORDER BY 1"
    assert asked(databases["auth"], apps) == asked(hooks, apps) == asked(epcr, apps)


def test_loaded_entries_of_the_trails_are_sealed_and_say_so_and_no_work_is_left(
    loadable: tuple[State, dict[str, Database]],
) -> None:
    state, databases = loadable
    fill(state)
    for name in TRAILS:
        with psycopg.connect(databases[name].admin) as conn:
            held = audit_check.check(conn)
        assert held.entries == SIZES.entries
        assert asked(databases[name], "SELECT count(*) FROM audit_waiting") == [(0,)]
        assert asked(databases[name], "SELECT DISTINCT detail FROM audit") == [({"loaded": True},)]
    assert asked(databases["auth"], "SELECT count(*) FROM invitation_mails WHERE done_at IS NULL") == [(0,)]
    assert asked(databases["epcr"], "SELECT count(*) FROM late_links") == [(0,)]
    assert asked(databases["epcr"], "SELECT DISTINCT consumer FROM outbox") == [("graphql_api",)]


def test_every_kind_has_as_many_rows_as_was_asked(loadable: tuple[State, dict[str, Database]]) -> None:
    state, databases = loadable
    told = fill(state)
    large = json.loads(state.stack.read_text())["tenant"]["id"]
    counts = [
        ("auth", "SELECT count(*) FROM tenants", SIZES.tenants),
        ("auth", "SELECT count(*) FROM watermarks", SIZES.revocations),
        *(
            ("auth", f"SELECT count(*) FROM {table}", PEOPLE * SIZES.tenants)
            for table in ("users", "sessions", "invitations")
        ),
        ("auth", f"SELECT count(*) FROM users WHERE tenant_id = '{large}'", PEOPLE),
        *((name, "SELECT count(*) FROM audit", SIZES.entries) for name in TRAILS),
        ("epcr", f"SELECT count(*) FROM audit WHERE tenant_id = '{large}'", SIZES.entries * 9 // 10),
        ("webhook-dispatcher", "SELECT count(*) FROM deliveries", SIZES.delivered + SIZES.past + SIZES.waiting),
        (
            "webhook-dispatcher",
            "SELECT count(*) FROM event_log l JOIN events e ON e.id = l.event_id AND e.at = l.event_at"
            " AND e.key = l.key AND e.kind = l.kind AND l.position <= 0",
            SIZES.delivered + SIZES.past + SIZES.waiting,
        ),
        ("webhook-dispatcher", "SELECT count(*) FROM event_log_heads", SIZES.tenants),
        ("webhook-dispatcher", f"SELECT count(*) FROM queue WHERE tenant_id = '{large}'", SIZES.waiting),
        ("epcr", "SELECT count(*) FROM encounters", SIZES.encounters),
        ("epcr", f"SELECT count(*) FROM encounters WHERE tenant_id = '{large}'", SIZES.large),
        ("epcr", "SELECT count(*) FROM destinations", 3 * SIZES.tenants),
        ("epcr", "SELECT count(*) FROM encounter_destinations WHERE listed_until > now()", SIZES.encounters // 2),
        ("epcr", "SELECT count(*) FROM disclosures", SIZES.encounters // 4 * 2),
        ("epcr", "SELECT count(*) FROM patient_disclosures", SIZES.encounters // 4 * 2),
        ("epcr", "SELECT count(*) FROM outcomes", SIZES.encounters // 20),
        ("device-ingest", "SELECT count(*) FROM observations", SIZES.readings),
        ("device-ingest", f"SELECT count(*) FROM devices WHERE tenant_id = '{large}'", SIZES.devices),
        (
            "device-ingest",
            f"SELECT count(DISTINCT device_id) FROM observations WHERE tenant_id = '{large}'",
            SIZES.devices,
        ),
        ("device-ingest", "SELECT count(*) FROM devices", SIZES.devices + 5 * (SIZES.tenants - 1)),
        (
            "webhook-dispatcher",
            f"SELECT count(*) FROM deliveries WHERE tenant_id = '{large}'",
            SIZES.past + SIZES.waiting,
        ),
        ("epcr", "SELECT count(*) FROM outbox", SIZES.outbox),
        ("graphql-api", f"SELECT count(*) FROM incidents WHERE tenant_id = '{large}'", INCIDENTS),
        ("graphql-api", "SELECT count(*) FROM incidents WHERE closed_at IS NULL", INCIDENTS // OPEN),
        ("graphql-api", "SELECT max(count) FROM (SELECT count(*) FROM incident_timeline GROUP BY incident_id)", LONG),
        ("webhook-dispatcher", f"SELECT count(*) FROM replays WHERE tenant_id = '{large}'", REPLAYS),
        ("webhook-dispatcher", "SELECT count(*) FROM replays WHERE due_at IS NOT NULL", 0),
        ("control-plane", f"SELECT count(*) FROM automation_runs WHERE tenant_id = '{large}'", SIZES.runs),
        ("control-plane", "SELECT count(*) FROM automation_runs", SIZES.runs + OLD),
    ]
    assert [(asked(databases[name], query), number) for name, query, number in counts] == [
        ([(number,)], number) for _, _, number in counts
    ]
    assert told["handovers"] == SIZES.encounters // 2, "those that are bound for a destination"
    assert told["rows"] > sum(number for _, _, number in counts[1:])


def test_a_database_that_waits_for_another_one_is_loaded_too(loadable: tuple[State, dict[str, Database]]) -> None:
    """A portion is one transaction in each database; the sealing of one takes longer than the servers leave idle transactions."""
    state, _ = loadable
    described = json.loads(state.stack.read_text())
    for service in described["services"].values():
        url = service["migration_database_url"]
        service["migration_database_url"] = make_conninfo(url, options="-c idle_in_transaction_session_timeout=1ms")
    state.stack.write_text(json.dumps(described))
    assert fill(state)["rows"] > 0


def test_a_stack_is_loaded_once(loadable: tuple[State, dict[str, Database]]) -> None:
    state, _ = loadable
    fill(state)
    with pytest.raises(NotLoadable, match="loaded before"):
        fill(state)


def test_only_a_stack_of_this_machine_is_loaded(loadable: tuple[State, dict[str, Database]]) -> None:
    state, databases = loadable
    described = json.loads(state.stack.read_text())
    elsewhere = databases["auth"].migrator.replace("127.0.0.1", "db.example")
    described["services"]["auth"]["migration_database_url"] = elsewhere
    state.stack.write_text(json.dumps(described))
    with pytest.raises(NotLoadable, match="auth is not on this machine"):
        fill(state)
    state.stack.write_text(json.dumps(described | {"ready": False}))
    with pytest.raises(NotLoadable, match="no stack is running"):
        fill(state)


def test_another_server_of_this_machine_is_not_loaded(
    loadable: tuple[State, dict[str, Database]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For example a tunnel to a production server."""
    monkeypatch.setattr("deploy.load.loading.OURS", "SELECT current_setting('cluster_name') = 'other'")
    with pytest.raises(NotLoadable, match="not started by `make up`"):
        fill(loadable[0])


def test_sizes_scale_and_none_is_nothing() -> None:
    assert Sizes().scaled(0.1).readings == 1_000_000
    assert min(vars(Sizes().scaled(1e-9)).values()) == 1
    assert Sizes().scaled(1e-9).tenants == 2
    assert [step.number > 0 for step in steps(Sizes().scaled(1e-9))] == [True] * 18
    assert LARGE == 0

"""One incident, one page and one tenant have bounds, and no bound keeps anybody from changing or closing an incident."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.graphql_api.app import create_app
from services.graphql_api.incidents import queries
from services.graphql_api.incidents.resolvers import LISTED, LISTED_OF_ONE
from services.graphql_api.settings import Settings
from services.graphql_api.transport.documents import Catalogue
from tests.graphql_api.asking import Asking
from tests.graphql_api.test_automations import Automation, automation
from tests.graphql_api.test_incidents import create, update
from tests.support.alone import client_of, settings_for

MIB = 1 << 20
MOST = 12
UNITS = ["U" * 126 + f"{number:02d}" for number in range(100)] + ["V" * 126 + f"{number:02d}" for number in range(100)]

__all__ = ["automation"]


@pytest.fixture(scope="module")
def settings(database: Database, redis_server: RedisServer) -> Settings:
    return settings_for(Settings, database, redis_server.url, most_timeline_entries=MOST, most_open_incidents=150)


@pytest.fixture(autouse=True)
def _granted(ask: Asking) -> None:
    ask.grant("incident-management")


def entries(database: Database, incident: dict[str, Any]) -> int:
    with psycopg.connect(database.admin) as conn:
        query = "SELECT count(*) FROM incident_timeline WHERE incident_id = %s"
        row = conn.execute(query, (incident["id"],)).fetchone()
    assert row is not None
    return row[0]


def add_entries(database: Database, incident: dict[str, Any], number: int, size: int) -> None:
    with psycopg.connect(database.admin) as conn:
        conn.execute(
            """
            INSERT INTO incident_timeline (id, tenant_id, incident_id, at, version, kind, became)
            SELECT gen_random_uuid(), tenant_id, id, now(), 1, 'annotated', repeat('n', %s)
            FROM incidents, generate_series(1, %s) WHERE id = %s
            """,
            (size, number, incident["id"]),
        )


def test_a_full_timeline_keeps_a_bounded_number_of_entries_and_refuses_no_change(
    ask: Asking, database: Database
) -> None:
    incident = create(ask)
    for turn in range(2 * MOST):
        changes = {
            "status": ("dispatched", "open")[turn % 2],
            "priority": ("low", "high")[turn % 2],
            "units": [f"AMB-{turn}"],
        }
        incident = update(ask, incident, **changes)
    assert incident["version"] == 1 + 2 * MOST
    assert entries(database, incident) <= MOST + 6
    newest = {entry["kind"]: entry["to"] for entry in incident["timeline"]}
    assert newest == {"created": "open", "status": "open", "priority": "high", "units": f"AMB-{2 * MOST - 1}"}
    variables = {"id": incident["id"], "expectedVersion": incident["version"], "reason": "resolved"}
    assert ask.data("CloseIncident", variables)["timeline"][-1]["kind"] == "closed"


def test_notes_on_a_full_timeline_are_refused(automation: Automation, database: Database) -> None:
    opened = create(automation.ask)
    answers = automation.perform(*(automation.note(opened["id"]) for _ in range(2 * MOST)))
    assert [answer.outcome for answer in answers].count("refused") >= MOST
    assert {answer.error for answer in answers if answer.outcome == "refused"} == {"CONFLICT"}
    assert entries(database, opened) <= 1000


def test_a_timeline_lists_its_newest_entries_and_whether_there_are_more(ask: Asking, database: Database) -> None:
    short, long = create(ask), create(ask)
    add_entries(database, long, 2 * LISTED_OF_ONE, 10)
    for incident, listed, is_complete in ((short, 1, True), (long, LISTED_OF_ONE, False)):
        found = ask.data("GetIncidentTimeline", {"id": incident["id"]})
        assert (len(found["timeline"]), found["timelineIsComplete"]) == (listed, is_complete)
    assert len(ask.data("GetIncident", {"id": long["id"]})["timeline"]) == LISTED_OF_ONE


def test_large_entries_make_no_large_answer(ask: Asking, database: Database) -> None:
    incident = create(ask)
    add_entries(database, incident, LISTED_OF_ONE, 100_000)
    answer = ask.raw(json={"query": ask.text("GetIncidentTimeline"), "variables": {"id": incident["id"]}})
    assert len(answer.content) < 2 * MIB, f"{len(answer.content) >> 10} KiB"
    assert not answer.json()["data"]["incident"]["timelineIsComplete"]


def test_the_timelines_of_many_incidents_have_a_bound_together(ask: Asking, database: Database) -> None:
    made = [create(ask) for _ in range(20)]
    for incident in made:
        add_entries(database, incident, LISTED_OF_ONE, 10)
    wanted = {"tenant_id": ask.tenant, "incident_ids": [incident["id"] for incident in made]}
    wanted |= {"of_one": LISTED_OF_ONE, "together": LISTED, "bytes": MIB}
    with psycopg.connect(database.admin) as conn:
        found = Counter(row[1] for row in conn.execute(queries.TIMELINES, wanted))
    assert found == {incident["id"]: LISTED // len(made) for incident in made}


def test_a_page_of_large_incidents_ends_early_and_no_incident_is_left_out(ask: Asking) -> None:
    made = [create(ask, units=UNITS)["id"] for _ in range(60)]
    found: list[str] = []
    after: str | None = None
    while True:
        variables = {"first": 100, "after": after}
        answer = ask.raw(json={"query": ask.text("ListIncidents"), "variables": variables})
        assert len(answer.content) < 2 * MIB, f"{len(answer.content) >> 10} KiB"
        page = answer.json()["data"]["incidents"]
        found += [node["id"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == made[::-1]


def add_closed(database: Database, ask: Asking, number: int, **columns: str) -> None:
    """Closed incidents that are older than all others."""
    kind, priority = columns.get("type", "medical"), columns.get("priority", "low")
    with psycopg.connect(database.admin) as conn:
        conn.execute(
            """
            INSERT INTO incidents (id, tenant_id, number, type, priority, status, units, closed_reason, version,
                created_at, updated_at, closed_at)
            SELECT 'inc_00' || lpad(to_hex(n), 24, '0'), %(tenant_id)s, 'closed-' || n, %(type)s, %(priority)s, 'closed',
                '{}', 'resolved', 2, now(), now(), now()
            FROM (SELECT count(*) FROM incidents) AS before, generate_series(before.count + 1, before.count + %(number)s) AS n
            """,
            {"tenant_id": ask.tenant, "type": kind, "priority": priority, "number": number},
        )


def pages(ask: Asking, **filters: list[str]) -> list[list[str]]:
    """The ids of each page of the whole list."""
    found: list[list[str]] = []
    after: str | None = None
    while True:
        page = ask.data("ListIncidents", {"first": 100, "after": after, "filter": filters})
        found.append([node["id"] for node in page["nodes"]])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


def test_a_list_of_open_incidents_reads_no_closed_ones(ask: Asking, database: Database) -> None:
    add_closed(database, ask, 30_000)
    made = create(ask)
    with psycopg.connect(database.app) as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (ask.tenant,))
        where: dict[str, Any] = {"tenant_id": ask.tenant, "after": None, "reached": None, "limit": 101}
        where |= {"status": ["open", "dispatched"], "type": None, "priority": None}
        plan = "\n".join(row[0] for row in conn.execute("EXPLAIN ANALYZE " + queries.LIST_OPEN, where))
    assert "incidents_open_by_id" in plan
    assert "Rows Removed" not in plan
    assert pages(ask, status=["open"]) == pages(ask, status=["dispatched", "open"], type=["medical"]) == [[made["id"]]]


def test_a_filter_that_fits_few_looks_at_10_000_incidents_a_page_and_misses_none(
    ask: Asking, database: Database
) -> None:
    add_closed(database, ask, 1, type="fire")
    add_closed(database, ask, 19_999)
    add_closed(database, ask, 1, type="fire")
    made = create(ask, type="fire")
    found = pages(ask, type=["fire"])
    assert [len(page) for page in found] == [2, 0, 1]
    assert found[0][0] == made["id"]
    assert [len(page) for page in pages(ask, status=["closed", "resolved"], priority=["high"])] == [0, 0, 0]
    assert len(pages(ask, type=["medical"])[0]) == 100


def test_an_incident_is_found_by_its_cad_id_however_old_it_is(ask: Asking, database: Database) -> None:
    add_closed(database, ask, 20_000)
    with psycopg.connect(database.admin) as conn:
        conn.execute(
            "UPDATE incidents SET cad_incident_id = 'old' WHERE id = (SELECT min(id) FROM incidents WHERE tenant_id = %s)",
            (ask.tenant,),
        )
    (node,) = ask.data("ListIncidents", {"filter": {"cadIncidentId": "old"}})["nodes"]
    assert node["cadIncidentId"] == "old"
    assert ask.data("ListIncidents", {"filter": {"cadIncidentId": "old", "status": ["open"]}})["nodes"] == []


@pytest.fixture
def small(database: Database, redis_server: RedisServer, settings: Settings, catalogue: Catalogue) -> Iterator[Asking]:
    few = settings_for(Settings, database, redis_server.url, most_open_incidents=3)
    with client_of(create_app(few)) as http:
        ask = Asking(http, settings, catalogue)
        ask.grant("incident-management")
        yield ask


def test_open_incidents_are_bounded_and_closing_one_makes_room(small: Asking) -> None:
    made = [create(small) for _ in range(3)]
    given = {"input": {"type": "fire", "priority": "low"}}
    (error,) = small.operation("CreateIncident", given)["errors"]
    assert error["extensions"]["code"] == "CONFLICT"
    assert (error["extensions"]["resource"], error["extensions"]["limit"]) == ("open incidents", 3)
    small.data("CloseIncident", {"id": made[0]["id"], "expectedVersion": 1, "reason": "resolved"})
    create(small)

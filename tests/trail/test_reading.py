"""An organisation reads its own entries of the trail, and nobody else's."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from deploy.local.databases import Database
from shared.primitives import ids
from shared.primitives.crypto import base64url_decode, base64url_encode
from shared.storage.database import IN_ORDER, SET_TENANT
from shared.trail import queries, reading
from tests.trail.conftest import TRAIL, Reader


def test_an_entry_shows_who_did_what_on_whom_through_which_app_and_when(reader: Reader) -> None:
    reader.write("dev_1", client_id="app_7", subject="usr_7")
    (entry,) = reader.entries()
    assert ids.is_id(entry.pop("id"), "aud")
    assert datetime.now(UTC) - datetime.fromisoformat(entry.pop("at")) < timedelta(minutes=5)
    assert len(entry.pop("trace_id")) == 32
    assert entry == {
        "action": "device.enrol",
        "subject_id": "dev_1",
        "client_id": "app_7",
        "actor": "usr_7",
        "detail": {"fields": ["status"]},
    }


def test_entries_are_read_newest_first_page_by_page_and_each_once(reader: Reader) -> None:
    names = [f"dev_{number}" for number in range(7)]
    reader.write(*names)
    assert reader.subjects(limit=3) == names[::-1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"subject_id": "dev_1"}, ["dev_1"]),
        ({"actor": "usr_2"}, ["dev_2"]),
        ({"client_id": "app_2"}, ["dev_2"]),
        ({"action": "device.change"}, ["dev_2"]),
        ({"action": "device.change", "subject_id": "dev_1"}, []),
        ({"action": "device.enrol", "actor": "usr_1", "client_id": "app_1", "subject_id": "dev_1"}, ["dev_1"]),
        ({"trace_id": "0" * 31 + "1"}, []),
        ({"since": "2020-01-01T00:00:00Z"}, ["dev_2", "dev_1"]),
        ({"until": "2020-01-01T00:00:00Z"}, []),
        ({"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T00:00:00Z"}, ["dev_2", "dev_1"]),
        ({"actor": "a name that nobody has"}, []),
    ],
)
def test_filters_combine(reader: Reader, query: dict[str, str], found: list[str]) -> None:
    reader.write("dev_1")
    reader.write("dev_2", action="device.change", client_id="app_2", subject="usr_2")
    assert reader.subjects(**query) == found


def test_the_period_is_exact(reader: Reader) -> None:
    reader.write("dev_1")
    reader.write("dev_2")
    newer, older = reader.entries()
    assert reader.subjects(since=newer["at"]) == ["dev_2"]
    assert reader.subjects(until=newer["at"]) == ["dev_1"]
    assert reader.subjects(since=older["at"], until=newer["at"]) == ["dev_1"]


def test_every_entry_of_a_trace_is_found_by_it(reader: Reader) -> None:
    reader.write("dev_1")
    reader.write("dev_2")
    newer, older = reader.entries()
    assert newer["trace_id"] != older["trace_id"]
    assert reader.subjects(trace_id=older["trace_id"]) == ["dev_1"]


def test_a_filter_that_few_entries_pass_looks_through_a_window_of_the_index_each_page(
    reader: Reader, database: Database
) -> None:
    """A page of a rare value must not read the whole trail; it has a cursor all the same."""
    fill(database, reader.tenant_id, queries.WINDOW + 200)
    with psycopg.connect(database.admin) as conn:
        conn.execute("UPDATE audit SET client_id = 'app_same' WHERE tenant_id = %s", (reader.tenant_id,))
    first = reader.get(TRAIL, params={"client_id": "app_same", "action": "device.rare"}).json()
    assert first["entries"] == []
    assert first["next_cursor"]
    assert reader.subjects(client_id="app_same", action="device.rare") == ["dev_0"]


# Attacks


def test_another_organisations_entries_are_in_no_answer(reader: Reader, other: Reader) -> None:
    other.write("dev_theirs")
    theirs = other.entries()[0]
    reader.write("dev_mine")
    assert reader.subjects() == ["dev_mine"]
    for name in ("subject_id", "trace_id"):
        assert reader.subjects(**{name: theirs[name]}) == []
    assert reader.get(f"{TRAIL}/{theirs['id']}").status_code == 404
    assert other.get(f"{TRAIL}/{theirs['id']}").status_code == 200


@pytest.mark.parametrize("name", queries.NEWEST_FIRST)
def test_a_statement_with_the_wrong_tenant_shows_nothing(reader: Reader, other: Reader, name: str) -> None:
    """Row-level security decides, also where a condition is wrong."""
    other.write("dev_theirs")
    theirs = other.entries()[0]
    parameters: dict[str, Any] = dict.fromkeys(queries.COLUMNS) | {
        "tenant_id": other.tenant_id,
        "limit": 10,
    }
    parameters |= places(reading.END) | ({name: theirs[name]} if name else {})
    with psycopg.connect(reader.database.app) as conn:
        conn.execute(SET_TENANT, (other.tenant_id,))
        assert conn.execute(queries.NEWEST_FIRST[name], parameters).fetchall()
        conn.execute(SET_TENANT, (reader.tenant_id,))
        for table in (queries.NEWEST_FIRST, queries.OLDEST_FIRST):
            assert conn.execute(table[name], parameters).fetchall() == []
        id = ids.uuid_of(theirs["id"])
        assert conn.execute(queries.FIND, (id,)).fetchall() == []
        assert conn.execute(queries.SEAL, (id,)).fetchall() == []


def places(high: reading.Place) -> dict[str, Any]:
    low = reading.BEGINNING
    return {"low_at": low.at, "low_id": low.id, "high_at": high.at, "high_id": high.id}


def test_the_web_process_reads_no_batch_and_no_leaf(database: Database) -> None:
    """They would tell how much other organisations do."""
    for table in ("audit_batches", "audit_leaves", "audit_waiting"):
        with psycopg.connect(database.app) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(f"SELECT FROM {table}".encode())


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "!", "AAAA", base64url_encode(b"x" * 9 + b"aud_x"), base64url_encode(b"x" * 9 + b"aud_" + b"0" * 26)],
)
def test_a_forged_cursor_is_refused(reader: Reader, cursor: str) -> None:
    answer = reader.get(TRAIL, params={"cursor": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "cursor")


@pytest.mark.parametrize("last", ["dev_1", "aud_", "aud_zzzzzzzzzzzzzzzzzzzzzzzzzz", "evt_" + "0" * 26, "'; --"])
def test_a_cursor_with_a_right_mark_and_no_id_of_an_entry_is_refused(reader: Reader, last: str) -> None:
    """The mark is a digest that anybody can compute."""
    reader.write("dev_1", "dev_2")
    given = reader.get(TRAIL, params={"limit": 1}).json()["next_cursor"]
    forged = base64url_encode(base64url_decode(given)[:9] + last.encode())
    answer = reader.get(TRAIL, params={"limit": 1, "cursor": forged})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "cursor")


def test_a_cursor_of_another_organisation_is_refused(reader: Reader, other: Reader) -> None:
    reader.write("dev_mine")
    other.write("dev_a", "dev_b")
    given = other.get(TRAIL, params={"limit": 1}).json()["next_cursor"]
    answer = reader.get(TRAIL, params={"limit": 1, "cursor": given})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "cursor")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"trace_id": "x"}, "trace_id"),
        ({"actor": ""}, "actor"),
        ({"subject_id": "ñ" * 200}, "subject_id"),
        ({"since": "yesterday"}, "since"),
        ({"tenant_id": "org_1"}, "tenant_id"),
        ({"limit": "101"}, "limit"),
    ],
)
def test_a_wrong_filter_is_named(reader: Reader, query: dict[str, str], pointer: str) -> None:
    answer = reader.get(TRAIL, params=query)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


@pytest.mark.parametrize("path", ["", "/export?since=2026-01-01T00:00:00Z", "/verification", "/aud_" + "0" * 26])
def test_the_trail_needs_its_scope(reader: Reader, path: str) -> None:
    for scopes in (("platform:apps",), ("argus:devices:write",)):
        answer = Reader(reader.http, reader.tenant_id, *scopes).get(TRAIL + path)
        assert (answer.status_code, answer.json()["scope"]) == (403, "platform:audit")
    moved = Reader(reader.http, reader.tenant_id, "platform:audit", deidentification="shifted")
    assert moved.get(TRAIL + path).status_code == 403
    assert reader.http.get(TRAIL + path).status_code == 401


@pytest.mark.parametrize("name", ["epcr", "device_ingest", "x"])
@pytest.mark.parametrize("path", ["", "/export?since=2026-01-01T00:00:00Z", "/verification", "/keys"])
def test_a_service_answers_for_its_own_trail_alone(reader: Reader, name: str, path: str) -> None:
    assert reader.get(f"/v1/audit/{name}{path}").status_code == 404


@pytest.mark.parametrize("id", ["x", "aud_1", "evt_" + "0" * 26, "aud_" + "z" * 26, "aud_" + "0" * 26])
def test_an_entry_that_is_none_is_not_found(reader: Reader, id: str) -> None:
    assert reader.get(f"{TRAIL}/{id}").status_code == 404


def test_a_number_longer_than_python_reads_makes_no_list_fail(reader: Reader, database: Database) -> None:
    """A role of a service may write any JSON of 64 KiB into an entry."""
    with psycopg.connect(database.app) as conn:
        conn.execute(SET_TENANT, (reader.tenant_id,))
        conn.execute(
            "INSERT INTO audit (id, tenant_id, client_id, action, subject_id, detail, trace_id) "
            "VALUES (%s, %s, '', '', '', '{\"a\": 1e60000}', '')",
            (ids.uuid7(), reader.tenant_id),
        )
    answer = reader.get(TRAIL)
    assert answer.status_code == 200
    assert b'"detail":{"a": 1000' in answer.content


def test_a_page_of_the_largest_entries_ends_early(reader: Reader) -> None:
    with psycopg.connect(reader.database.app) as conn:
        conn.execute(SET_TENANT, (reader.tenant_id,))
        conn.execute(
            "INSERT INTO audit (id, tenant_id, client_id, action, subject_id, detail, trace_id) SELECT gen_random_uuid(), %s, '', '',"
            " 'dev_' || n, jsonb_build_object('a', repeat('x', 60000)), '' FROM generate_series(1, 60) n",
            (reader.tenant_id,),
        )
    first = reader.get(TRAIL, params={"limit": 100})
    assert len(first.content) < 2 << 20
    assert first.json()["next_cursor"]
    assert len({*reader.subjects(limit=100)}) == 60


# Reading is in the trail itself


def notes(reader: Reader) -> list[dict[str, Any]]:
    answer = reader.get(TRAIL, params={"limit": 100}).json()["entries"]
    return [entry for entry in answer if entry["action"].startswith("audit.")][::-1]


def test_reading_leaves_one_entry_for_each_reader_filter_and_hour(reader: Reader) -> None:
    reader.write("dev_1", "dev_2")
    for day in (1, 2, 3):
        reader.subjects(limit=1, since=f"2020-01-0{day}T00:00:00Z")
        reader.subjects(limit=1, action="device.enrol")
    found = [(entry["action"], entry["subject_id"], entry["detail"]) for entry in notes(reader)]
    whole, narrow = ("audit.read", "device-ingest", {"filters": {}}), {"filters": {"action": "device.enrol"}}
    assert found == [whole, ("audit.read", "device-ingest", narrow)]
    colleague = Reader(reader.http, reader.tenant_id, "platform:audit", subject="usr_9")
    colleague.get(TRAIL)
    assert [entry["actor"] for entry in notes(reader)] == [None, None, "usr_9"]
    assert {entry["client_id"] for entry in notes(reader)} == {reader.client_id, colleague.client_id}


def test_the_trail_keeps_no_name_that_a_reader_looked_for(reader: Reader) -> None:
    device = ids.new_id("dev")
    for name in ("Maria Rossi", "maria.rossi", "maria@rossi.example"):
        reader.entries(actor=name, subject_id=device)
        assert notes(reader)[0]["detail"] == {"filters": {"actor": "given", "subject_id": device}}


def test_reading_entries_one_by_one_does_not_fill_the_trail(reader: Reader) -> None:
    reader.write(*(f"dev_{number}" for number in range(5)))
    for entry in reader.entries():
        assert reader.get(f"{TRAIL}/{entry['id']}").json()["subject_id"] == entry["subject_id"]
    assert len(notes(reader)) == 2


def test_what_was_read_is_forgotten_after_a_day(reader: Reader, database: Database) -> None:
    from shared.storage import jobs
    from shared.storage.database import open_tasks_pool

    reader.entries()
    with psycopg.connect(database.admin) as conn:
        conn.execute("UPDATE audit_reads SET hour = hour - interval '3 days' WHERE tenant_id = %s", (reader.tenant_id,))
    pool = open_tasks_pool(database.worker, max_size=1)
    with pool.connection() as conn:
        jobs.forget(conn, [rule for rule in jobs.KEPT if rule.table == "audit_reads"])
    pool.close()
    with psycopg.connect(database.admin) as conn:
        left = conn.execute("SELECT FROM audit_reads WHERE tenant_id = %s", (reader.tenant_id,)).fetchall()
    assert left == []


# Plans


FILL = """
    INSERT INTO audit (id, tenant_id, client_id, actor, action, subject_id, detail, trace_id, at)
    SELECT (lpad(to_hex((extract(epoch FROM timestamptz '2025-01-01') * 1000)::bigint + n * 1000), 12, '0') || '7'
        || substr(md5(%(tenant)s || n), 1, 3) || '8' || substr(md5(%(tenant)s || n), 4, 15))::uuid,
        %(tenant)s, 'app_' || n %% 12, 'usr_' || n %% 400, CASE WHEN n = 0 THEN 'device.rare' ELSE 'device.enrol' END,
        'dev_' || n, '{"fields": ["status"]}', md5((n / 3)::text), timestamptz '2025-01-01' + n * interval '1 second'
    FROM generate_series(0, %(number)s - 1) n
"""


def fill(database: Database, tenant_id: str, number: int) -> None:
    with psycopg.connect(database.admin) as conn:
        conn.execute("SET LOCAL statement_timeout = 0")
        conn.execute("ALTER TABLE audit DISABLE TRIGGER await_seal")
        conn.execute(FILL, {"tenant": tenant_id, "number": number})
        conn.execute("ALTER TABLE audit ENABLE TRIGGER await_seal")


@pytest.fixture(scope="module")
def million(database: Database) -> str:
    """An organisation with a million entries, beside a small one of the same days. The indexes are made afterwards, which is quicker."""
    with psycopg.connect(database.admin, autocommit=True) as conn:
        conn.execute("SET statement_timeout = 0")
        made = conn.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE 'audit\\_by\\_%'"
        ).fetchall()
        for name, _ in made:
            conn.execute(f"DROP INDEX {name}".encode())
        for tenant, number in (("org_small", 1000), ("org_million", 1_000_000)):
            fill(database, tenant, number)
        for _, statement in made:
            conn.execute(statement.encode())
        conn.execute("ANALYZE audit")
    assert len(made) == len(queries.NEWEST_FIRST)
    return "org_million"


def blocks(node: dict[str, Any]) -> Iterator[str]:
    yield node["Node Type"]
    for child in node.get("Plans", ()):
        yield from blocks(child)


VALUES = {"": None, "subject_id": "dev_400", "actor": "usr_7", "client_id": "app_3", "action": "device.enrol"}
VALUES["trace_id"] = "0" * 32


@pytest.mark.full
@pytest.mark.parametrize("name", queries.NEWEST_FIRST)
def test_a_page_of_a_million_entries_follows_one_index(database: Database, million: str, name: str) -> None:
    """Deep in the trail too: at most the entries of a page, of the window, and the pages of the index above them."""
    for high in (reading.END, reading.Place(datetime(2025, 1, 1, 4, tzinfo=UTC), reading.NO_ID)):
        parameters: dict[str, Any] = (
            dict.fromkeys(queries.COLUMNS) | places(high) | {"tenant_id": million, "limit": 101}
        )
        parameters |= {name: VALUES[name]} if name else {}
        for table, most in (
            (queries.NEWEST_FIRST, 400),
            (queries.OLDEST_FIRST, 400),
            (queries.REACHED_DOWN, 12_000),
            (queries.REACHED_UP, 12_000),
        ):
            with psycopg.connect(database.app) as conn:
                conn.execute(SET_TENANT, (million,))
                conn.execute(IN_ORDER)
                row = conn.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + table[name], parameters).fetchone()
            assert row
            plan = row[0][0]["Plan"]
            assert not {"Sort", "Seq Scan", "Bitmap Heap Scan"} & set(blocks(plan)), plan
            assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < most, json.dumps(plan, indent=1)

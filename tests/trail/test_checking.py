"""The relay compares the trail with its seals all the time, and organisations see the result."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import psycopg
import pytest

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from shared.process import metrics
from shared.storage import audit, audit_watch
from shared.storage.database import Connection, open_tasks_pool
from tests.trail.conftest import TRAIL, Reader, running
from tests.trail.test_exporting import lines_of, verified

UNCHECKED = {"service": "device-ingest", "state": "unchecked", "checked_at": None, "sealed_until": None, "head": None}


@pytest.fixture
def database(fresh_database: Callable[[str], Database]) -> Database:
    """One for each test, which may break its trail."""
    return fresh_database("device_ingest")


@pytest.fixture
def http(database: Database, redis_server: RedisServer) -> Iterator[httpx2.Client]:
    with running(database, redis_server) as client:
        yield client


@pytest.fixture
def conn(database: Database) -> Iterator[Connection]:
    """A connection as periodic jobs have it."""
    pool = open_tasks_pool(database.worker, max_size=1)
    with pool.connection() as conn:
        yield conn
    pool.close()


def sealed(conn: Connection) -> None:
    while audit.seal(conn):
        pass
    conn.commit()


def checked(conn: Connection) -> int:
    """A run of each of the two jobs."""
    found = audit_watch.check_new(conn)
    conn.commit()
    audit_watch.check_all(conn)
    conn.commit()
    return found


def tampered(database: Database, *statements: Any) -> None:
    with psycopg.connect(database.admin) as conn:
        for statement in statements:
            conn.execute(statement)


def state(reader: Reader) -> dict[str, Any]:
    answer = reader.get(f"{TRAIL}/verification")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_trail_that_was_not_checked_says_so(reader: Reader) -> None:
    assert state(reader) == UNCHECKED


def test_a_trail_that_holds_says_when_and_up_to_which_seal(reader: Reader, conn: Connection) -> None:
    reader.write("dev_1")
    sealed(conn)
    assert checked(conn) == 1
    found = state(reader)
    assert (found["service"], found["state"]) == ("device-ingest", "holds")
    assert found["sealed_until"] < found["checked_at"]
    assert len(found["head"]) == 64
    assert checked(conn) == 0


def test_an_entry_tells_when_it_was_sealed_and_whether_the_seal_was_checked(reader: Reader, conn: Connection) -> None:
    reader.write("dev_1")

    def seal() -> tuple[bool, bool]:
        answer = reader.get(f"{TRAIL}/{reader.entries()[0]['id']}").json()
        return answer["sealed_at"] is not None, answer["checked"]

    assert seal() == (False, False)
    sealed(conn)
    assert seal() == (True, False)
    checked(conn)
    assert seal() == (True, True)


def test_entries_of_after_a_check_are_checked_by_the_next_one(reader: Reader, conn: Connection) -> None:
    reader.write("dev_1")
    sealed(conn)
    checked(conn)
    before = state(reader)
    reader.write("dev_2")
    sealed(conn)
    assert checked(conn) == 1
    after = state(reader)
    assert after["state"] == "holds"
    assert (after["sealed_until"] > before["sealed_until"], after["head"] != before["head"]) == (True, True)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit SET subject_id = 'dev_9' WHERE subject_id = 'dev_2'",
        "DELETE FROM audit WHERE subject_id = 'dev_2'",
        "UPDATE audit_batches SET hash = sha256('x') WHERE position = 2",
        "DELETE FROM audit_batches WHERE position = 2",
    ],
)
def test_a_change_of_new_entries_is_found_within_a_minute(
    reader: Reader, database: Database, conn: Connection, change: str
) -> None:
    reader.write("dev_1")
    sealed(conn)
    checked(conn)
    held = state(reader)
    reader.write("dev_2")
    sealed(conn)
    tampered(database, change.encode())
    assert checked(conn) == 1
    assert state(reader) == held | {"state": "broken"}
    assert metrics.audit_broken._value.get() == 1


def test_a_change_of_old_entries_is_found_by_the_pass_of_the_next_day(
    reader: Reader, database: Database, conn: Connection
) -> None:
    reader.write("dev_1")
    sealed(conn)
    checked(conn)
    tampered(database, b"UPDATE audit SET subject_id = 'dev_9'")
    checked(conn)
    assert state(reader)["state"] == "holds"
    anew(database)
    checked(conn)
    assert state(reader)["state"] == "broken"
    checked(conn)
    assert state(reader)["state"] == "broken"
    entry = reader.get(f"{TRAIL}/{reader.entries()[0]['id']}").json()
    assert entry["checked"] is False


def test_a_chain_that_was_made_anew_lacks_the_head_of_the_last_check(
    reader: Reader, database: Database, conn: Connection
) -> None:
    reader.write("dev_1")
    sealed(conn)
    checked(conn)
    tampered(
        database,
        b"UPDATE audit SET subject_id = 'dev_9'",
        b"DELETE FROM audit_batches",
        b"DELETE FROM audit_leaves",
        b"INSERT INTO audit_waiting (audit_id) SELECT id FROM audit",
    )
    sealed(conn)
    checked(conn)
    assert state(reader)["state"] == "broken"


def test_a_trail_that_was_restored_holds_again(reader: Reader, database: Database, conn: Connection) -> None:
    reader.write("dev_1")
    sealed(conn)
    tampered(database, b"UPDATE audit SET subject_id = 'dev_9'")
    checked(conn)
    assert state(reader)["state"] == "broken"
    tampered(database, b"UPDATE audit SET subject_id = 'dev_1'")
    checked(conn)
    assert state(reader)["state"] == "holds"
    assert metrics.audit_broken._value.get() == 0


@pytest.fixture
def stepwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of the pass makes one step."""
    monkeypatch.setattr(audit_watch, "SECONDS", -1.0)


def anew(database: Database) -> None:
    """Lets the next run of the pass begin again."""
    tampered(database, b"UPDATE audit_checks SET began_at = began_at - interval '25 hours'")


def place(database: Database) -> int:
    """The batch that the pass has reached."""
    with psycopg.connect(database.admin) as conn:
        [(batches,)] = conn.execute("SELECT (place ->> 'batches')::int FROM audit_checks").fetchall()
    return batches


def batches_of(reader: Reader, conn: Connection, *subjects: str) -> None:
    """An entry and a batch for each."""
    for subject in subjects:
        reader.write(subject)
        sealed(conn)


@pytest.mark.usefixtures("stepwise")
def test_new_entries_are_checked_while_a_pass_is_far_from_its_end(
    reader: Reader, database: Database, conn: Connection
) -> None:
    batches_of(reader, conn, "dev_1", "dev_2", "dev_3", "dev_4")
    checked(conn)
    assert (place(database), state(reader)["state"]) == (1, "holds")
    before = state(reader)
    batches_of(reader, conn, "dev_5")
    assert checked(conn) == 1
    after = state(reader)
    assert (place(database), after["state"]) == (2, "holds")
    assert (after["checked_at"] > before["checked_at"], after["sealed_until"] > before["sealed_until"]) == (True, True)
    batches_of(reader, conn, "dev_6")
    tampered(database, b"UPDATE audit SET subject_id = 'dev_9' WHERE subject_id = 'dev_6'")
    checked(conn)
    assert (place(database), state(reader)) == (3, after | {"state": "broken"})


@pytest.mark.usefixtures("stepwise")
def test_a_pass_goes_on_where_the_last_run_ended(reader: Reader, database: Database, conn: Connection) -> None:
    """Each run has the place from the database alone, as after a restart."""
    batches_of(reader, conn, "dev_1", "dev_2", "dev_3")
    places, ratios = [], []
    for _ in range(7):
        checked(conn)
        places.append(place(database))
        ratios.append(metrics.audit_pass_ratio._value.get())
    # After the chain come its end, and one portion of entries by id.
    assert places == [1, 2, 3, 3, 3, 3, 3]
    assert ratios[:3] == [pytest.approx(number / 6) for number in (1, 2, 3)]
    assert ratios[-1] == 1
    tampered(database, b"UPDATE audit SET subject_id = 'dev_9' WHERE subject_id = 'dev_2'")
    for _ in range(3):
        checked(conn)
    assert (place(database), state(reader)["state"]) == (3, "holds")
    anew(database)
    checked(conn)
    assert (place(database), state(reader)["state"]) == (1, "holds")
    checked(conn)
    assert (place(database), state(reader)["state"]) == (1, "broken")


@pytest.mark.usefixtures("stepwise")
def test_a_fault_of_an_old_entry_neither_ends_by_itself_nor_holds_up_new_ones(
    reader: Reader, database: Database, conn: Connection
) -> None:
    batches_of(reader, conn, "dev_1", "dev_2", "dev_3")
    checked(conn)
    tampered(database, b"UPDATE audit SET subject_id = 'dev_9' WHERE subject_id = 'dev_2'")
    found = []
    for number in range(4, 7):
        checked(conn)
        found.append(state(reader))
        batches_of(reader, conn, f"dev_{number}")
    assert [each["state"] for each in found] == ["broken"] * 3
    assert found[0]["sealed_until"] < found[1]["sealed_until"] < found[2]["sealed_until"]
    tampered(database, b"UPDATE audit SET subject_id = 'dev_2' WHERE subject_id = 'dev_9'")
    checked(conn)
    assert (place(database), state(reader)["state"]) == (2, "holds")
    assert metrics.audit_broken._value.get() == 0


@pytest.mark.parametrize(
    "changes",
    [
        ("DELETE FROM audit_leaves WHERE batch = 1", "DELETE FROM audit_batches WHERE position = 1"),
        (
            "ALTER TABLE audit DISABLE TRIGGER USER",
            "INSERT INTO audit (id, tenant_id, client_id, action, subject_id, detail, trace_id)"
            " SELECT '00000000-0000-7000-8000-000000000009', tenant_id, client_id, action, 'dev_9', detail, trace_id FROM audit LIMIT 1",
            "ALTER TABLE audit ENABLE TRIGGER USER",
        ),
        (
            "ALTER TABLE audit DISABLE TRIGGER USER",
            "INSERT INTO audit (id, tenant_id, client_id, action, subject_id, detail, trace_id)"
            " SELECT '00000000-0000-0000-0000-000000000000', tenant_id, client_id, action, 'dev_9', detail, trace_id FROM audit LIMIT 1",
            "ALTER TABLE audit ENABLE TRIGGER USER",
        ),
    ],
    ids=["a batch is gone", "an entry was never sealed", "the entry before all ids was never sealed"],
)
def test_a_pass_finds_whatever_was_done_to_the_past(
    reader: Reader, database: Database, conn: Connection, changes: tuple[str, ...]
) -> None:
    batches_of(reader, conn, "dev_1", "dev_2")
    checked(conn)
    tampered(database, *(change.encode() for change in changes))
    checked(conn)
    assert state(reader)["state"] == "holds"
    anew(database)
    checked(conn)
    assert state(reader)["state"] == "broken"


def test_a_pass_that_is_behind_takes_more_of_each_run(
    reader: Reader, database: Database, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_watch, "SECONDS", -1.0)
    batches_of(reader, conn, *(f"dev_{number}" for number in range(10)))
    checked(conn)
    assert place(database) == 1
    tampered(database, b"UPDATE audit_checks SET began_at = now() - interval '143 hours'")
    checked(conn)
    assert place(database) == 4  # a fifth of twice ten rows
    monkeypatch.setattr(audit_watch, "MOST_SECONDS", -1.0)
    tampered(database, b"UPDATE audit_checks SET began_at = now() - interval '29 days'")
    checked(conn)
    assert place(database) == 5


@pytest.mark.usefixtures("stepwise")
def test_each_of_the_two_checks_shows_its_age(reader: Reader, database: Database, conn: Connection) -> None:
    batches_of(reader, conn, "dev_1", "dev_2")
    checked(conn)
    tampered(database, b"UPDATE audit_checks SET began_at = '2026-01-01 00:00Z', checked_at = '2026-01-02 00:00Z'")
    audit_watch.check_all(conn)
    conn.commit()
    assert metrics.audit_passed._value.get() == datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    checked(conn)
    assert metrics.audit_checked._value.get() == pytest.approx(time.time(), abs=60)
    for _ in range(3):
        checked(conn)
    assert metrics.audit_passed._value.get() == pytest.approx(time.time(), abs=60)
    metrics.audit_passed.set(0)  # a relay that has just begun, while no pass is due
    tampered(database, b"UPDATE audit_checks SET began_at = now(), passed_at = now()")
    checked(conn)
    assert metrics.audit_passed._value.get() == pytest.approx(time.time(), abs=60)


def test_the_state_tells_nothing_of_what_other_organisations_do(
    reader: Reader, other: Reader, conn: Connection
) -> None:
    """Between two checks it stays as it is, however much others write."""
    reader.write("dev_1")
    sealed(conn)
    checked(conn)
    before = state(reader)
    other.write("dev_2", "dev_3")
    sealed(conn)
    assert state(reader) == before


def test_the_web_process_cannot_say_that_a_trail_holds(database: Database, conn: Connection) -> None:
    checked(conn)
    for change in (
        "SELECT fault FROM audit_checks",
        "SELECT checked_position FROM audit_checks",
        "UPDATE audit_checks SET fault = NULL",
        "DELETE FROM audit_checks",
        "INSERT INTO audit_checks DEFAULT VALUES",
    ):
        with psycopg.connect(database.app) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(change.encode())


def test_an_export_states_the_check(reader: Reader, conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    reader.write("dev_1")
    sealed(conn)
    checked(conn)
    answer = reader.get(f"{TRAIL}/export", params={"since": "2020-01-01T00:00:00Z", "until": "2021-01-01T00:00:00Z"})
    assert len(lines_of(answer)) == 1
    assert verified(answer, reader.get(f"{TRAIL}/keys").json()["keys"])["verification"] == state(reader)

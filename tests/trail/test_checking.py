"""The relay compares the trail with its seals all the time, and organisations see the result."""

from collections.abc import Callable, Iterator
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
    found = audit_watch.watch(conn)
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
    tampered(database, b"UPDATE audit_checks SET began_at = began_at - interval '25 hours'")
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


def test_a_long_pass_goes_on_where_the_last_run_ended(
    reader: Reader, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        reader.write(f"dev_{number}")
        sealed(conn)
    monkeypatch.setattr(audit_watch, "SECONDS", -1.0)
    places: list[Any] = []
    walk = audit_watch.audit_check.walk

    def one_step(conn: Any, place: Any) -> Iterator[Any]:
        """Each run makes one step further."""
        places.append(place)
        steps = walk(conn, place)
        next(steps)
        yield from steps

    monkeypatch.setattr(audit_watch.audit_check, "walk", one_step)
    for _ in range(4):
        checked(conn)
    assert [place.batches for place in places] == [0, 1, 2, 3]
    assert state(reader)["state"] == "unchecked"
    monkeypatch.setattr(audit_watch, "SECONDS", 60.0)
    checked(conn)
    assert state(reader)["state"] == "holds"


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

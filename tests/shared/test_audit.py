"""The audit trail: whoever tampers with a sealed row, or with the chain, is found out at the place."""

from typing import Any

import msgspec
import psycopg
import pytest

from deploy.local.databases import Database
from shared import audit, housekeeping, ids, logs
from shared.database import SET_TENANT, Connection
from shared.identity import Caller
from tests.shared.support import scalar

CALLER = Caller(tenant_id="org_1", client_id="app_1", subject="usr_1")


def write(database: Database, subject: str, tenant: str = "org_1") -> None:
    with psycopg.connect(database.app) as conn:
        conn.execute(SET_TENANT, (tenant,))
        who = Caller(tenant_id=tenant, client_id="app_1")
        conn.execute(audit.RECORD, audit.entry(who, "encounter.read", subject, {"fields": ["status"]}))


def seal(database: Database) -> int:
    with psycopg.connect(database.worker, options="-c timezone=UTC") as conn:
        return audit.seal(conn)


def verify(database: Database) -> tuple[int, int | None]:
    with psycopg.connect(database.worker, options="-c timezone=UTC") as conn:
        return audit.verify(conn)


def tamper(database: Database, *statements: Any) -> None:
    with psycopg.connect(database.admin) as conn:
        for statement in statements:
            conn.execute(statement)


@pytest.fixture
def trail(producer: Database) -> Database:
    """Five rows of two tenants, sealed in two rounds."""
    for number in range(3):
        write(producer, f"enc_{number}")
    assert seal(producer) == 3
    write(producer, "enc_3", "org_2")
    write(producer, "enc_4")
    assert seal(producer) == 2
    return producer


def test_an_untouched_trail_holds(trail: Database) -> None:
    assert seal(trail) == 0
    assert verify(trail) == (5, None)


AT_THREE = "(SELECT audit_id FROM audit_seals WHERE position = 3)"


@pytest.mark.parametrize(
    "change",
    [
        "subject_id = 'enc_9'",
        "client_id = 'app_9'",
        "actor = 'usr_9'",
        "action = 'x'",
        "tenant_id = 'org_9'",
        "detail = '{}'",
        "trace_id = 'f'",
        "at = at + interval '1 microsecond'",
        "id = gen_random_uuid()",
    ],
)
def test_a_changed_row_is_found_at_its_place(trail: Database, change: str) -> None:
    tamper(trail, f"UPDATE audit SET {change} WHERE id = {AT_THREE}".encode())
    assert verify(trail) == (2, 3)


def test_a_removed_row_is_found_at_its_place(trail: Database) -> None:
    tamper(trail, f"DELETE FROM audit WHERE id = {AT_THREE}".encode())
    assert verify(trail) == (2, 3)


def test_a_row_removed_with_its_seal_is_found_at_its_place(trail: Database) -> None:
    tamper(
        trail,
        f"DELETE FROM audit WHERE id = {AT_THREE}".encode(),
        "DELETE FROM audit_seals WHERE position = 3",
    )
    assert verify(trail) == (2, 3)


def test_positions_closed_up_over_a_removed_row_are_found(trail: Database) -> None:
    tamper(
        trail,
        "DELETE FROM audit_seals WHERE position = 3",
        "UPDATE audit_seals SET position = 3 WHERE position = 4",
        "UPDATE audit_seals SET position = 4 WHERE position = 5",
    )
    assert verify(trail) == (2, 3)


def test_a_row_slipped_in_is_found_at_its_place(trail: Database) -> None:
    tamper(
        trail,
        "UPDATE audit_seals SET position = position + 10 WHERE position > 2",
        "UPDATE audit_seals SET position = position - 9 WHERE position > 10",
        "INSERT INTO audit (id, tenant_id, client_id, action, subject_id, trace_id) "
        "VALUES ('00000000-0000-7000-8000-000000000000', 'org_1', 'app_1', 'read', 'enc_1', '')",
        "INSERT INTO audit_seals VALUES (3, '00000000-0000-7000-8000-000000000000', 'org_1', sha256('guess'))",
    )
    assert verify(trail) == (2, 3)


def test_two_rows_exchanged_are_found_at_the_first(trail: Database) -> None:
    tamper(
        trail,
        "UPDATE audit_seals SET position = 100 WHERE position = 3",
        "UPDATE audit_seals SET position = 3 WHERE position = 4",
        "UPDATE audit_seals SET position = 4 WHERE position = 100",
    )
    assert verify(trail) == (2, 3)


def test_a_changed_seal_is_found_at_its_place(trail: Database) -> None:
    tamper(trail, "UPDATE audit_seals SET hash = sha256('guess') WHERE position = 3")
    assert verify(trail) == (2, 3)


def test_a_row_committed_after_younger_ones_were_sealed_is_sealed_all_the_same(producer: Database) -> None:
    with psycopg.connect(producer.app) as slow:
        slow.execute(SET_TENANT, ("org_1",))
        slow.execute(audit.RECORD, audit.entry(CALLER, "encounter.read", "enc_slow"))
        write(producer, "enc_fast")
        assert seal(producer) == 1
        slow.commit()
    assert seal(producer) == 1
    assert verify(producer) == (2, None)
    assert scalar(producer.admin, "SELECT subject_id FROM audit ORDER BY id LIMIT 1") == "enc_slow"


def test_a_round_that_fails_leaves_its_rows_for_the_next(producer: Database) -> None:
    write(producer, "enc_1")
    with psycopg.connect(producer.worker) as conn:
        assert audit.seal(conn) == 1
        conn.rollback()
    assert (seal(producer), verify(producer)) == (1, (1, None))


def test_more_rows_than_one_round_takes_are_sealed_in_several(producer: Database) -> None:
    with psycopg.connect(producer.app) as conn:
        conn.execute(SET_TENANT, ("org_1",))
        with conn.cursor() as cursor:
            cursor.executemany(audit.RECORD, [audit.entry(CALLER, "read", ids.new_id("enc")) for _ in range(1_500)])
    assert [seal(producer), seal(producer), seal(producer)] == [1_000, 500, 0]
    assert verify(producer) == (1_500, None)


def test_the_chain_holds_whatever_the_sessions_time_zone(trail: Database) -> None:
    with psycopg.connect(trail.worker) as conn:
        conn.execute("SET TimeZone = 'Europe/Rome'")
        assert audit.verify(conn)[1] is None


def told_head(database: Database, caplog: pytest.LogCaptureFixture) -> str:
    """The head as the relay's log line tells it."""
    with Connection.connect(database.worker) as conn, caplog.at_level("INFO", "shared.housekeeping"):
        next(job for job in housekeeping.JOBS if "head" in job.name).run(conn)
    (line,) = [msgspec.json.decode(logs.JsonFormatter("epcr").format(record)) for record in caplog.records]
    assert (line["message"], line["service"]) == ("audit head", "epcr")
    return f"{line['position']}:{line['hash']}"


def test_a_head_in_the_logs_shows_that_the_end_was_cut_off(trail: Database, caplog: pytest.LogCaptureFixture) -> None:
    kept = told_head(trail, caplog)
    with psycopg.connect(trail.worker) as conn:
        assert audit.head(conn) == kept
        assert audit.holds(conn, kept)
    tamper(
        trail,
        "DELETE FROM audit WHERE id = (SELECT audit_id FROM audit_seals ORDER BY position DESC LIMIT 1)",
        "DELETE FROM audit_seals WHERE position = (SELECT max(position) FROM audit_seals)",
    )
    assert verify(trail)[1] is None
    with psycopg.connect(trail.worker) as conn:
        assert not audit.holds(conn, kept)

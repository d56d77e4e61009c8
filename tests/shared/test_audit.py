"""The audit trail: verification finds a changed entry or chain, and names the place."""

import fcntl
import hashlib
import json
import os
import resource
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.local.databases import Database
from deploy.local.plan import new_key
from shared.primitives.crypto import PublicKeys, Signer
from shared.process import metrics, telemetry
from shared.storage import audit, audit_check, jobs
from shared.storage.audit import Anchor
from shared.storage.audit_check import Broken
from shared.storage.database import SET_TENANT, Connection
from shared.web.identity import Caller
from tests.shared.support import scalar
from tests.support.waiting import PATIENCE

CALLER = Caller(tenant_id="org_1", client_id="app_1", subject="usr_1")
ANCHOR_KEY = f"k1:{new_key()}"
SIGNER = Signer(ANCHOR_KEY)
KEYS = PublicKeys(SIGNER.public_text("epcr"))
NO_TIME_LIMIT = "-c statement_timeout=0"  # a busy machine takes long to read a gigabyte
SEALED = "SELECT audit_id FROM audit_leaves ORDER BY batch, number LIMIT 1 OFFSET %s"


def write(database: Database, *subjects: str, tenant: str = "org_1") -> None:
    with psycopg.connect(database.app) as conn:
        conn.execute(SET_TENANT, (tenant,))
        who = Caller(tenant_id=tenant, client_id="app_1")
        for subject in subjects:
            conn.execute(
                audit.RECORD, audit.entry(who, "encounter.read", subject, {"fields": ["status", "ñ\u2028'\""]})
            )


def seal(database: Database) -> int:
    with psycopg.connect(database.worker) as conn:
        return audit.seal(conn)


def problem(database: Database, anchors: Iterable[Anchor] = (), expected: Iterable[str] = ()) -> str | None:
    """The first mismatch, as `audit verify` prints it; None if all is right."""
    with psycopg.connect(database.worker) as conn:
        try:
            audit_check.check(conn, anchors, expected)
        except Broken as broken:
            return str(broken)
    return None


def anchor(database: Database) -> Anchor:
    with psycopg.connect(database.worker) as conn:
        head = audit.head(conn)
    assert head
    return Anchor.of("epcr", head, SIGNER)


def tamper(database: Database, *statements: Any) -> None:
    """Changes the trail with the owner's rights."""
    with psycopg.connect(database.admin) as conn:
        for statement in statements:
            conn.execute(statement)


def reseal(database: Database, *statements: Any) -> None:
    """Changes entries and rebuilds the whole chain with the database's own function."""
    tamper(
        database,
        *statements,
        "DELETE FROM audit_batches",
        "DELETE FROM audit_leaves",
        "INSERT INTO audit_waiting (audit_id) SELECT id FROM audit ON CONFLICT DO NOTHING",
    )
    while seal(database):
        pass


@pytest.fixture
def trail(producer: Database) -> Database:
    """Five entries of two tenants, sealed in two batches."""
    write(producer, "enc_0", "enc_1", "enc_2")
    assert seal(producer) == 3
    write(producer, "enc_3", tenant="org_2")
    write(producer, "enc_4")
    assert seal(producer) == 2
    return producer


def entry_at(database: Database, number: int) -> str:
    """The id of the sealed entry with that number, from 0."""
    return str(scalar(database.admin, SEALED, number))


CHANGES = [
    "subject_id = 'enc_9'",
    "client_id = 'app_9'",
    "actor = 'usr_9'",
    "action = 'x'",
    "tenant_id = 'org_9'",
    "detail = '{}'",
    "trace_id = 'f'",
    "at = at + interval '1 microsecond'",
]


def test_an_untouched_trail_holds(trail: Database) -> None:
    assert seal(trail) == 0
    with psycopg.connect(trail.worker) as conn:
        held = audit_check.check(conn, [anchor(trail)])
    assert (held.batches, held.entries, held.anchors) == (2, 5, 1)
    assert held.head == "{}:{}".format(
        *scalar_row(trail, "SELECT position, encode(hash, 'hex') FROM audit_batches ORDER BY 1 DESC")
    )


def scalar_row(database: Database, statement: Any) -> tuple[Any, ...]:
    with psycopg.connect(database.admin) as conn:
        row = conn.execute(statement).fetchone()
    assert row
    return row


@pytest.mark.parametrize("change", [*CHANGES, "id = gen_random_uuid()"])
def test_a_changed_entry_is_named(trail: Database, change: str) -> None:
    third = entry_at(trail, 2)
    tamper(trail, f"UPDATE audit SET {change} WHERE id = '{third}'".encode())
    found = problem(trail)
    assert found
    assert f"entry {third} (number 3 of batch 1) is " in found


def test_a_removed_entry_is_named(trail: Database) -> None:
    fourth = entry_at(trail, 3)
    tamper(trail, f"DELETE FROM audit WHERE id = '{fourth}'".encode())
    assert problem(trail) == f"entry {fourth} (number 1 of batch 2) is gone"


def test_an_entry_removed_with_its_leaf_is_found_at_its_place(trail: Database) -> None:
    second, third = entry_at(trail, 1), entry_at(trail, 2)
    tamper(
        trail,
        *(
            f"DELETE FROM {table} '{second}'".encode()
            for table in ("audit WHERE id =", "audit_leaves WHERE audit_id =")
        ),
    )
    assert problem(trail) == f"entry 2 of batch 1 is missing, before entry {third}"


LAST_LEAF = "(SELECT audit_id FROM audit_leaves ORDER BY batch DESC, number DESC LIMIT 1)"


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        ([f"DELETE FROM audit_leaves WHERE audit_id = {LAST_LEAF}"], "batch 2 has 1 of its 2 entries"),
        (
            ["UPDATE audit_leaves SET number = -number", "UPDATE audit_leaves SET number = 4 + number WHERE batch = 1",
             "UPDATE audit_leaves SET number = -number WHERE batch = 2"],
            "batch 1 does not fit: its entries",
        ),
        (["UPDATE audit_batches SET size = 4 WHERE position = 1"], "batch 1 has 3 of its 4 entries"),
        (["UPDATE audit_batches SET root = sha256('x') WHERE position = 1"], "batch 1 does not fit: its entries"),
        (["UPDATE audit_batches SET hash = sha256('x') WHERE position = 1"], "batch 1 does not fit: its row was changed"),
        (["UPDATE audit_batches SET sealed_at = now() WHERE position = 2"], "batch 2 does not fit: its row was changed"),
        (["DELETE FROM audit_batches WHERE position = 1"], "batch 1 is missing"),
        (["DELETE FROM audit_batches WHERE position = 2"], "the end of the chain was cut off"),
    ],
)  # fmt: skip
def test_a_changed_chain_is_found_at_its_place(trail: Database, statements: list[str], found: str) -> None:
    tamper(trail, *(statement.encode() for statement in statements))
    assert found in (problem(trail) or "")


def test_an_entry_slipped_in_without_a_seal_is_named(trail: Database) -> None:
    tamper(
        trail,
        "ALTER TABLE audit DISABLE TRIGGER await_seal",
        "INSERT INTO audit (id, tenant_id, client_id, action, subject_id, trace_id) "
        "VALUES ('01920000-0000-7000-8000-000000000000', 'org_1', 'app_1', 'read', 'enc_1', '')",
    )
    assert problem(trail) == (
        "entry 01920000-0000-7000-8000-000000000000 was never sealed and does not wait for it: its id is of 2024-09-17T12:40:52Z"
    )


def test_an_entry_kept_from_being_sealed_is_named_and_one_that_waits_is_not(trail: Database) -> None:
    write(trail, "enc_5")
    assert problem(trail) is None
    kept_back = scalar(trail.admin, "DELETE FROM audit_waiting RETURNING audit_id")
    assert f"entry {kept_back} was never sealed" in (problem(trail) or "")


def test_an_entry_removed_while_it_waits_is_missed_once_it_is_sealed(trail: Database) -> None:
    write(trail, "enc_5")
    gone = scalar(trail.admin, "DELETE FROM audit WHERE subject_id = 'enc_5' RETURNING id")
    assert seal(trail) == 1
    assert problem(trail) == f"entry {gone} (number 1 of batch 3) is gone"


def test_a_rewritten_and_resealed_chain_holds_by_itself_and_an_anchor_shows_where_it_begins(trail: Database) -> None:
    first = anchor(trail)
    write(trail, "enc_5")
    seal(trail)
    second = anchor(trail)
    third = entry_at(trail, 5)
    tamper(
        trail,
        f"UPDATE audit SET client_id = 'app_9' WHERE id = '{third}'".encode(),
        "DELETE FROM audit_batches WHERE position = 3",
        f"DELETE FROM audit_leaves WHERE audit_id = '{third}'".encode(),
        f"INSERT INTO audit_waiting (audit_id) VALUES ('{third}')".encode(),
    )
    assert seal(trail) == 1
    assert problem(trail) is None
    assert problem(trail, [first]) is None
    found = problem(trail, [second, first])
    assert found
    assert "the chain was made anew: batch 3 is not the one anchored at" in found
    assert f"Nothing after batch 2 can be believed; the first entry after it is {third}" in found


def test_a_chain_made_anew_from_its_first_entry_is_found_by_one_anchor(trail: Database) -> None:
    kept = anchor(trail)
    reseal(trail, "UPDATE audit SET actor = 'usr_9'")
    assert problem(trail) is None
    assert problem(trail, [kept])


def test_an_anchor_shows_that_the_end_was_cut_off(trail: Database) -> None:
    kept = anchor(trail)
    tamper(
        trail,
        "DELETE FROM audit WHERE id IN (SELECT audit_id FROM audit_leaves WHERE batch = 2)",
        "DELETE FROM audit_leaves WHERE batch = 2",
        "DELETE FROM audit_batches WHERE position = 2",
    )
    assert problem(trail) is None
    assert problem(trail, [kept]) == (
        f"the chain ends at batch 1, and 2 batches were there at {kept.signed_at}: its end was cut off"
    )


def test_a_head_that_was_kept_shows_the_same_without_a_signature(trail: Database) -> None:
    kept = anchor(trail)
    head = f"{kept.position}:{kept.hash}"
    assert problem(trail, expected=[head]) is None
    reseal(trail)
    assert (
        problem(trail, expected=[head]) == f"the chain no longer has the head {head}: its end was cut off or made anew"
    )
    with pytest.raises(ValueError, match="invalid literal"):
        problem(trail, expected=["head"])


def test_no_process_can_write_a_seal_or_take_an_entry_away_from_the_sealer(trail: Database) -> None:
    for dsn in (trail.app, trail.worker):
        for statement in (
            "INSERT INTO audit_batches SELECT * FROM audit_batches",
            "INSERT INTO audit_leaves VALUES (3, 1, gen_random_uuid(), '')",
            "INSERT INTO audit_waiting VALUES (gen_random_uuid())",
            "DELETE FROM audit_waiting",
            "UPDATE audit_batches SET hash = ''",
            "DELETE FROM audit_leaves",
        ):
            with psycopg.connect(dsn) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement.encode())
    with psycopg.connect(trail.app) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        audit.seal(conn)


def test_the_time_of_an_entry_is_the_databases(producer: Database) -> None:
    statement = "INSERT INTO audit (id, tenant_id, at) VALUES (gen_random_uuid(), 'org_1', 'epoch')"
    for dsn in (producer.app, producer.worker):
        with psycopg.connect(dsn) as conn:
            conn.execute(SET_TENANT, ("org_1",))
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement)


def test_an_entry_committed_after_younger_ones_were_sealed_is_sealed_all_the_same(producer: Database) -> None:
    with psycopg.connect(producer.app) as slow:
        slow.execute(SET_TENANT, ("org_1",))
        slow.execute(audit.RECORD, audit.entry(CALLER, "encounter.read", "enc_slow"))
        write(producer, "enc_fast")
        assert seal(producer) == 1
        slow.commit()
    assert seal(producer) == 1
    assert problem(producer) is None
    assert scalar(producer.admin, "SELECT subject_id FROM audit ORDER BY id LIMIT 1") == "enc_slow"


def test_a_batch_that_fails_leaves_its_entries_for_the_next(producer: Database) -> None:
    write(producer, "enc_1")
    with psycopg.connect(producer.worker) as conn:
        assert audit.seal(conn) == 1
        conn.rollback()
    assert (seal(producer), problem(producer)) == (1, None)


def test_what_waits_for_its_seal_is_measured_also_where_sealing_fails(
    producer: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise psycopg.errors.LockNotAvailable

    write(producer, "enc_1")
    metrics.audit_unsealed.set(0)
    monkeypatch.setattr(audit, "seal", fail)
    with psycopg.connect(producer.worker) as conn, pytest.raises(psycopg.errors.LockNotAvailable):
        jobs.Sealing()(conn)  # pyright: ignore[reportArgumentType]
    assert metrics.audit_unsealed._value.get() == 1


def fill(database: Database, number: int) -> None:
    tamper(
        database,
        f"""INSERT INTO audit (id, tenant_id, client_id, action, subject_id, trace_id)
            SELECT uuidv7(), 'org_1', 'app_1', 'read', 'enc_' || n, '' FROM generate_series(1, {number}) n""".encode(),
    )


def test_more_entries_than_one_batch_takes_are_sealed_in_several(producer: Database) -> None:
    fill(producer, 10_500)
    assert [seal(producer), seal(producer), seal(producer)] == [10_000, 500, 0]
    assert problem(producer) is None


NONE_WAITS = """
    SELECT pg_restore_relation_stats('schemaname', 'public', 'relname', 'audit_waiting', 'relpages', 5, 'reltuples', 0::real)
"""
# The rows of the table that this transaction read, one by one or by an index.
READ_OF_WAITING = """
    SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'audit_waiting'
"""


def test_a_backlog_is_sealed_in_reads_of_its_size_though_statistics_say_that_nothing_waits(producer: Database) -> None:
    """After an outage of the sealing 1,000,000 entries may wait; a portion that is read again for each of them never ends."""
    with psycopg.connect(producer.admin, autocommit=True) as conn:
        conn.execute(NONE_WAITS)
    write(producer, *(f"enc_{number}" for number in range(1000)))
    with psycopg.connect(producer.admin) as conn:
        conn.execute("SET enable_seqscan = off")
        conn.execute("SET enable_sort = off")
        assert conn.execute("SELECT seal_audit(500)").fetchone() == (500,)
        assert (conn.execute(READ_OF_WAITING).fetchone() or (0,))[0] <= 5 * 1000


@pytest.mark.full
def test_several_sealers_at_once_take_turns_and_lose_nothing(producer: Database) -> None:
    fill(producer, 25_000)
    barrier = threading.Barrier(3, timeout=PATIENCE)

    def one_of_three() -> None:
        with Connection.connect(producer.worker) as conn:
            barrier.wait()
            while audit.seal(conn):
                conn.commit()

    threads = [threading.Thread(target=one_of_three) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problem(producer) is None
    assert scalar(producer.admin, "SELECT count(*) FROM audit_leaves") == 25_000
    assert scalar(producer.admin, "SELECT array_agg(size ORDER BY position) FROM audit_batches") == [
        10_000,
        10_000,
        5_000,
    ]


def test_a_round_of_sealing_says_how_many_wait_and_for_how_long(
    producer: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(producer, 12)
    tamper(producer, "UPDATE audit_waiting SET at = at - interval '90 seconds'")
    monkeypatch.setattr(jobs, "SEAL_SECONDS", 0)
    with Connection.connect(producer.worker) as conn:
        assert jobs.seal(conn) == 0
        assert measured() == (12, pytest.approx(90, abs=30))
        monkeypatch.setattr(jobs, "SEAL_SECONDS", 30)
        assert jobs.seal(conn) == 12
        assert measured() == (0, 0)


def measured() -> tuple[float, float]:
    figures: Any = (metrics.audit_unsealed, metrics.audit_unsealed_age)
    return tuple(figure._value.get() for figure in figures)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1, max_size=20))
def test_any_text_is_hashed_as_the_database_hashes_it(postgres: Any, texts: list[str]) -> None:
    statement = "SELECT sha256(convert_to(to_jsonb(%s::text[])::text, 'UTF8'))"
    assert bytes(scalar(postgres.url, statement, texts)) == audit_check.leaf_of(texts)


def test_the_chain_holds_whatever_the_sessions_time_zone(trail: Database) -> None:
    write(trail, "enc_5")
    with psycopg.connect(trail.worker) as conn:
        conn.execute("SET TimeZone = 'Europe/Rome'")
        assert audit.seal(conn) == 1
        assert audit_check.check(conn).entries == 6


# Anchors: lines in a file and in the log, each signed.


def relay_anchors(database: Database, file: Path | None = None, key: str | None = None) -> Callable[[], None]:
    anchoring = jobs.Anchoring("epcr", key or f"k1:{new_key()}", str(file or ""))

    def once() -> None:
        with Connection.connect(database.worker) as conn:
            anchoring(conn)

    return once


def test_the_relay_puts_each_new_head_into_the_file_and_the_log(
    trail: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key, file = f"k1:{new_key()}", tmp_path / "anchors"
    keys = PublicKeys(Signer(key).public_text("epcr"))
    once = relay_anchors(trail, file, key)
    with caplog.at_level("INFO", "shared.storage.jobs"):
        once()
        once()
        write(trail, "enc_5")
        seal(trail)
        once()
    logged = [telemetry.JsonFormatter("epcr").format(record) for record in caplog.records]
    in_file = list(audit_check.read_anchors(file.read_text().splitlines(), "epcr", keys))
    assert [each.position for each in in_file] == [2, 3]
    assert list(audit_check.read_anchors(logged, "epcr", keys)) == in_file
    assert problem(trail, in_file) is None
    assert file.stat().st_mode & 0o777 == 0o640


def test_without_a_signing_key_the_log_has_the_bare_head(trail: Database, caplog: pytest.LogCaptureFixture) -> None:
    with Connection.connect(trail.worker) as conn, caplog.at_level("INFO", "shared.storage.jobs"):
        jobs.Anchoring("epcr", None, "")(conn)
    line = json.loads(telemetry.JsonFormatter("epcr").format(caplog.records[0]))
    assert problem(trail, expected=[f"{line['position']}:{line['hash']}"]) is None


def test_an_anchor_that_nobody_of_the_service_signed_is_refused(trail: Database) -> None:
    genuine = anchor(trail)
    others = Anchor.of("epcr", (2, genuine.hash), Signer(f"k1:{new_key()}"))
    for forged in (
        others,
        msgspec.structs.replace(genuine, position=1),
        msgspec.structs.replace(genuine, hash="00" * 32),
        msgspec.structs.replace(genuine, signed_at="2020-01-01T00:00:00Z"),
        msgspec.structs.replace(genuine, signature="k1.AAAA"),
    ):
        lines = [msgspec.json.encode(each).decode() for each in (genuine, forged)]
        with pytest.raises(Broken, match=r"line 2 of the anchors \(position \d\) is not signed by epcr"):
            list(audit_check.read_anchors(lines, "epcr", KEYS))


def test_lines_of_others_are_passed_over_and_one_cut_short_is_not(trail: Database) -> None:
    line = msgspec.json.encode(anchor(trail)).decode()
    elsewhere = Signer(f"k1:{new_key()}")
    other = msgspec.json.encode(Anchor.of("auth", (9, "00"), elsewhere)).decode()
    assert len(list(audit_check.read_anchors(["GET /x 200", other, "{}", line], "epcr", KEYS))) == 1
    with pytest.raises(Broken, match="line 1 of the anchors is cut short"):
        list(audit_check.read_anchors([line[:-20]], "epcr", KEYS))


@contextmanager
def almost_full(file: Path, left: int) -> Iterator[None]:
    """The file may grow by `left` bytes, as on a disk that has no more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + left, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heard)


def anchors_in(file: Path) -> list[int]:
    lines = file.read_text().splitlines()
    return [each.position for each in audit_check.read_anchors(lines, "epcr", KEYS)]


def numbered(position: int) -> Anchor:
    return Anchor.of("epcr", (position, f"{position:064x}"), SIGNER)


@pytest.mark.parametrize("append_only", [False, True])
def test_an_anchor_for_which_the_disk_has_no_room_is_not_taken_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, append_only: bool
) -> None:
    """Also where nobody may shorten the file, so that the torn line stays."""

    def refuse(*_: object) -> None:
        raise PermissionError

    file = tmp_path / "anchors"
    if append_only:
        monkeypatch.setattr(os, "ftruncate", refuse)
    audit.append(file, numbered(1))
    whole = file.read_bytes()
    with almost_full(file, 50):
        for _ in range(2):
            with pytest.raises(OSError, match=r"No space left|File too large"):
                audit.append(file, numbered(2))
    assert (file.read_bytes() == whole) is not append_only
    for position in (2, 3):
        audit.append(file, numbered(position))
    assert anchors_in(file) == [1, 2, 3]


def test_the_relay_writes_an_anchor_again_that_found_no_room(trail: Database, tmp_path: Path) -> None:
    file = tmp_path / "anchors"
    once = relay_anchors(trail, file, ANCHOR_KEY)
    once()
    write(trail, "enc_5")
    seal(trail)
    with almost_full(file, 50), pytest.raises(OSError, match=r"No space left|File too large"):
        once()
    once()
    assert anchors_in(file) == [2, 3]


def test_writers_of_the_anchor_file_wait_for_each_other_for_some_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "LOCK_SECONDS", 0.1)
    file = tmp_path / "anchors"
    audit.append(file, numbered(1))
    with file.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError, match="another process holds it"):
            audit.append(file, numbered(2))
    audit.append(file, numbered(2))
    assert anchors_in(file) == [1, 2]


@pytest.mark.parametrize("cut", [5, 25, 120, 200])
def test_a_torn_anchor_is_passed_over_where_a_later_one_covers_it(cut: int) -> None:
    first, second, third = (msgspec.json.encode(numbered(position)).decode() for position in (1, 2, 3))

    def read(*lines: str) -> list[int]:
        return [each.position for each in audit_check.read_anchors(lines, "epcr", KEYS)]

    assert read(first, second[:cut], second, third) == [1, 2, 3]
    assert read(first, second[:cut], third) == [1, 3]
    # As a version before went on after a torn line.
    assert read(first, second[:cut] + second, third) == [1, 2, 3]
    uncovered = [(first, third[:cut]), (third[:cut],)] if cut > 10 else []
    # The rest of the line names the third position.
    uncovered += [(third[:cut], second)] if '"position":3,' in third[:cut] else []
    for lines in uncovered:
        with pytest.raises(Broken, match=r"line \d of the anchors is cut short"):
            read(*lines)


def test_whether_the_end_is_there_is_seen_without_reading_all(trail: Database) -> None:
    """Of a verification's statements only this one read every entry's leaf, so a long trail could not be verified in time."""
    with psycopg.connect(trail.admin) as conn:
        conn.execute("INSERT INTO audit_batches SELECT n, 1000, '', now(), '' FROM generate_series(101, 120) AS n")
        conn.execute(
            "INSERT INTO audit_leaves SELECT n / 1000 + 101, n % 1000, gen_random_uuid(), sha256('') FROM generate_series(0, 19999) AS n"
        )
        conn.commit()
        conn.execute("ANALYZE audit_leaves")
        conn.execute("ANALYZE audit_batches")
        row = conn.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + audit_check.STRAY_LEAVES, (120,)).fetchone()
    assert row is not None
    assert row[0][0]["Plan"]["Shared Hit Blocks"] < 50


# A role of a process writes entries that the sealer cannot read, or that come before others.


def forge(database: Database, *, entry_id: str = "gen_random_uuid()", kind: str = "app", **columns: str) -> None:
    """Inserts an entry as a role of a process. The values are SQL."""
    texts = {
        "tenant_id": "'org_1'",
        "client_id": "'x'",
        "action": "'read'",
        "subject_id": "'x'",
        "trace_id": "'t'",
    } | columns
    names, values = ", ".join(["id", *texts]), ", ".join([entry_id, *texts.values()])
    with psycopg.connect(getattr(database, kind)) as conn:
        conn.execute(SET_TENANT, ("org_1",))
        conn.execute("SET statement_timeout = 0")
        conn.execute(f"INSERT INTO audit ({names}) VALUES ({values})".encode())


NOTE = "\u00f1\x1f\u2028'\"" * 20_000


@pytest.mark.parametrize(
    "detail",
    [
        {"note": NOTE},
        {"scopes": ["x"] * 40_000},
        {"numbers": [1] * 60_000},
        {f"member {number}": NOTE for number in range(16)},
    ],
)
def test_a_detail_of_any_length_fails_no_request_and_can_be_compared_with_its_entry(
    producer: Database, detail: dict[str, Any]
) -> None:
    """A value that does not fit is in the trail as its size, its hash and its beginning."""
    who = Caller(tenant_id="org_1", client_id="app_1")
    with psycopg.connect(producer.app) as conn:
        conn.execute(SET_TENANT, ("org_1",))
        conn.execute(audit.RECORD, audit.entry(who, "incident.annotated", "inc_1", {"version": 3, **detail}))
    assert seal(producer) == 1
    assert problem(producer) is None
    [written] = scalar_row(producer, "SELECT detail FROM audit")
    assert written["version"] == 3
    for name, value in detail.items():
        whole = msgspec.json.encode(value)
        assert written[name]["bytes"] == len(whole)
        assert written[name]["sha256"] == hashlib.sha256(whole).hexdigest()
        assert whole.startswith(written[name]["beginning"].encode())


LONG = ["tenant_id", "client_id", "actor", "action", "subject_id", "trace_id"]


@pytest.mark.parametrize("kind", ["app", "worker"])
@pytest.mark.parametrize("column", [*LONG[1:], "detail"])
def test_no_role_writes_an_entry_that_is_too_long_to_be_sealed(producer: Database, kind: str, column: str) -> None:
    value = "jsonb_build_object('x', repeat('x', 66000))" if column == "detail" else "repeat('x', 5000)"
    with pytest.raises(psycopg.errors.CheckViolation):
        forge(producer, kind=kind, **{column: value})


@pytest.mark.full
@pytest.mark.parametrize(
    "entry_id", ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"], ids=["first", "last"]
)
def test_entries_are_sealed_as_they_came_whatever_their_ids(producer: Database, entry_id: str) -> None:
    write(producer, "enc_0")
    forge(producer, entry_id=f"'{entry_id}'")
    write(producer, "enc_1")
    tamper(
        producer,
        "UPDATE audit_waiting SET at = at - interval '90 seconds' WHERE audit_id = (SELECT id FROM audit ORDER BY at LIMIT 1)",
    )
    with psycopg.connect(producer.worker) as conn:
        assert audit.waiting(conn)[1] >= 90
        conn.execute(audit.SEAL, (2,))
    assert (
        scalar(producer.admin, "SELECT subject_id FROM audit JOIN audit_leaves ON audit_id = id WHERE number = 1")
        == "enc_0"
    )
    assert entry_at(producer, 1) == entry_id
    assert problem(producer) is None
    tamper(
        producer,
        f"DELETE FROM audit_leaves WHERE audit_id = '{entry_id}'".encode(),
        "UPDATE audit_batches SET size = 1",
    )
    assert problem(producer) is not None


def test_an_entry_of_any_id_that_was_never_sealed_is_named(producer: Database) -> None:
    for entry_id in ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"):
        forge(producer, entry_id=f"'{entry_id}'")
        tamper(producer, "DELETE FROM audit_waiting")
        assert f"entry {entry_id} was never sealed" in (problem(producer) or "")
        tamper(producer, "DELETE FROM audit")


def test_an_id_that_was_sealed_before_stops_no_sealing(trail: Database) -> None:
    """Its first entry was removed, and a role writes another under the same id."""
    first = entry_at(trail, 0)
    tamper(trail, f"DELETE FROM audit WHERE id = '{first}'".encode())
    forge(trail, entry_id=f"'{first}'")
    write(trail, "enc_7")
    assert seal(trail) == 2
    assert scalar(trail.admin, "SELECT count(*) FROM audit_waiting") == 0
    assert f"entry {first} (number 1 of batch 1) is changed" in (problem(trail) or "")


def test_a_batch_that_takes_longer_than_a_statement_may_is_sealed_in_smaller_ones(
    producer: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(producer, 30)
    monkeypatch.setattr(
        audit, "SEAL", "SELECT seal_audit(most), CASE WHEN most > 5 THEN pg_sleep(60) END FROM (SELECT %s) t (most)"
    )
    monkeypatch.setattr(audit, "BATCH", 20)
    monkeypatch.setattr(jobs, "BATCH_SECONDS", 0.1)
    sealing = jobs.Sealing()
    rounds = 0
    with Connection.connect(producer.worker) as conn:
        while audit.waiting(conn)[0]:
            assert sealing(conn) > 0
            rounds += 1
    assert rounds < 30
    assert problem(producer) is None


def test_verification_says_that_entries_have_waited_for_long(trail: Database) -> None:
    write(trail, "enc_7")
    assert problem(trail) is None
    tamper(trail, "UPDATE audit_waiting SET at = at - interval '1 hour'")
    assert "1 entries wait for their seal, the oldest for 36" in (problem(trail) or "")

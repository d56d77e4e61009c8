"""Seals of rows: who reads them, rows of before, and keys that follow one another."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool
from pyotp.totp import TOTP

from deploy.local.redis_server import RedisServer
from services.auth import metrics, seals
from services.auth.seals import SESSIONS, Sealed, refused, seal_stored
from shared.primitives.crypto import Keyring, base64url_encode
from shared.storage.database import Connection, open_tasks_pool, task_transaction
from tests.auth.forging import FRESH, forge, new_person, shown, signed_in
from tests.auth.support import PASSWORD, Auth, Browser, keyring_of, running
from tests.auth.test_authenticator import PAGE, SECOND, Enrolled, later
from tests.support.cluster import TestDatabases

OTHERS = "UPDATE migrations SET applied_at = applied_at + %s * interval '1 day' WHERE name !~ 'auth/(0125|0128)'"
OURS = "UPDATE migrations SET applied_at = applied_at + %s * interval '1 day' WHERE name ~ 'auth/(0125|0128)'"
ROW = {
    "session_id": "ses_1",
    "tenant_id": "org_1",
    "user_id": "usr_1",
    "token_mac": b"mac",
    "signed_in_at": datetime(2026, 3, 1, 12, 0, 0, 7, UTC),
    "second_factor": False,
}


def keyrings() -> tuple[Keyring, Keyring, Keyring]:
    """The old key, both keys, the new key."""
    old, new = (f"{version}:{base64url_encode(os.urandom(32))}" for version in (1, 2))
    return Keyring.from_text(old), Keyring.from_text(f"{new},{old}"), Keyring.from_text(new)


@pytest.fixture(scope="module")
def auth(databases: TestDatabases, redis_server: RedisServer) -> Iterator[Auth]:
    """With a database of its own: some tests seal every row, and other files leave tens of thousands."""
    with databases.lent("auth") as database, running(database, redis_server.url) as auth:
        yield auth


@pytest.fixture
def after_an_upgrade(auth: Auth) -> Iterator[None]:
    """Processes of the release before may still run."""
    auth.sql(OTHERS, -30)
    yield
    auth.sql(OTHERS, 30)


@pytest.fixture
def a_day_later(auth: Auth, after_an_upgrade: None) -> Iterator[None]:
    yield
    auth.sql(OURS, 2)


def one_pass(pool: ConnectionPool[Connection], keyring: Keyring) -> int:
    with task_transaction(pool) as conn:
        return seal_stored(keyring, conn)


def relay(auth: Auth, keyring: Keyring | None = None) -> int:
    """The number of rows that passes of the relay seal, until one finds none: a shared database has rows of other tests."""
    pool = open_tasks_pool(auth.settings.worker_database_url or "", max_size=1)
    try:
        return sum(iter(lambda: one_pass(pool, keyring or keyring_of(auth)), 0))
    finally:
        pool.close()


@pytest.mark.parametrize("name", ROW)
def test_a_seal_is_of_all_values_of_its_row(name: str) -> None:
    old, both, new = keyrings()
    seal = SESSIONS.seal(old, ROW)
    assert SESSIONS.holds(old, ROW, seal)
    assert SESSIONS.holds(both, ROW, seal)
    assert not SESSIONS.holds(new, ROW, seal)
    changed: Any = True if name == "second_factor" else datetime.now(UTC) if name == "signed_in_at" else "other"
    assert not SESSIONS.holds(old, ROW | {name: changed}, seal)
    assert not Sealed("elsewhere", (), SESSIONS.values)._replace(table="grants").holds(old, ROW, seal)


@pytest.mark.parametrize(
    "seal",
    [b"", b"\0", b"\1", bytes(33), b"\1" + bytes(32), b"\1" + bytes(42), b"\1" + bytes(100)],
)
def test_bytes_that_are_no_seal_are_refused_and_counted(seal: bytes, caplog: pytest.LogCaptureFixture) -> None:
    counted = metrics.forged_rows.labels("sessions")._value
    before = counted.get()
    assert not SESSIONS.holds(keyrings()[0], ROW, seal)
    assert counted.get() == before + 1
    assert "ses_1" in caplog.text
    assert "usr_1" not in caplog.text


def test_a_row_that_stays_refused_has_the_seal_of_no_key() -> None:
    assert not SESSIONS.holds(keyrings()[1], ROW, refused())


def test_values_that_the_database_spells_in_another_way_have_the_same_seal() -> None:
    keyring = keyrings()[0]
    kept = Sealed("apps", (), ("one", "two", "three"))
    written = {"one": Jsonb({"b": 1e22, "a": [1, None]}), "two": ["x"], "three": ROW["signed_in_at"]}
    elsewhere = datetime(2026, 3, 1, 14, 0, 0, 7, timezone(timedelta(hours=2)))
    read = {"one": {"a": [1.0, None], "b": 10**22}, "two": ["x"], "three": elsewhere}
    seal = kept.seal(keyring, written)
    assert kept.holds(keyring, read, seal)
    assert not kept.holds(keyring, read | {"two": ["x", "y"]}, seal)
    assert not kept.holds(keyring, read | {"two": "x"}, seal)


@pytest.mark.usefixtures("a_day_later")
def test_rows_of_the_release_before_are_read_for_a_day_and_then_sealed(auth: Auth) -> None:
    person = new_person(auth)
    browser = signed_in(auth, person)
    whose, seal = person["user_id"], "SELECT seal FROM sessions WHERE user_id = %s"
    # Its processes know no seals: they make rows, and change the values of ours.
    forge(auth, "web", person["tenant_id"], "UPDATE sessions SET second_factor = true WHERE user_id = %s", whose)
    assert auth.sql(seal, whose) == [(None,)]
    assert person["email"] in shown(browser)
    assert relay(auth) == 0
    auth.sql(OURS, -2)
    forge(auth, "web", person["tenant_id"], "UPDATE sessions SET second_factor = false WHERE user_id = %s", whose)
    assert auth.sql("SELECT second_factor FROM sessions WHERE user_id = %s", whose) == [(True,)]
    assert relay(auth) > 0
    assert relay(auth) == 0
    [(sealed,)] = auth.sql(seal, whose)
    assert len(sealed) == 43
    assert person["email"] in shown(browser)


def test_what_the_owner_changes_by_hand_is_believed_and_sealed_anew(auth: Auth) -> None:
    person = new_person(auth)
    browser = signed_in(auth, person)
    auth.sql("UPDATE sessions SET second_factor = true WHERE user_id = %s", person["user_id"])
    assert person["email"] in shown(browser)
    assert relay(auth) > 0
    assert person["email"] in shown(browser)


def test_rows_get_seals_of_a_new_key_and_forged_ones_do_not(auth: Auth) -> None:
    good, bad = new_person(auth), new_person(auth)
    relay(auth)
    browsers = signed_in(auth, good), signed_in(auth, bad)
    junk = f"UPDATE sessions SET second_factor = true, seal = {FRESH} WHERE user_id = %s"
    forge(auth, "web", bad["tenant_id"], junk, bad["user_id"])
    text = auth.settings.encryption_keys
    rotated = Keyring.from_text(f"9:{base64url_encode(os.urandom(32))},{text}")
    # In a transaction that ends without effect, since the running service has the old key alone.
    with psycopg.connect(auth.settings.worker_database_url or "") as conn:
        conn.commit = lambda: None
        assert seal_stored(rotated, conn) > 0  # pyright: ignore[reportArgumentType]
        versions = dict(conn.execute("SELECT user_id, get_byte(seal, 0) FROM sessions").fetchall())
        conn.rollback()
        assert seal_stored(keyring_of(auth), conn) == 0  # pyright: ignore[reportArgumentType]
        conn.rollback()
    assert versions[good["user_id"]] == 9
    assert versions[bad["user_id"]] == 0, "marked, and looked at no more"
    assert good["email"] in shown(browsers[0])
    assert not shown(browsers[1])


@pytest.mark.parametrize(
    "seal", ["''", "decode('02' || repeat('00', 42), 'hex')", "decode('01' || repeat('00', 42), 'hex')"]
)
def test_rows_that_somebody_forged_keep_the_relay_from_nothing(auth: Auth, seal: str) -> None:
    """An empty seal, one of a key that is not here, one of ours."""
    forged, after = new_person(auth), new_person(auth)
    forge(
        auth, "web", forged["tenant_id"], f"UPDATE users SET rights_seal = {seal} WHERE user_id = %s", forged["user_id"]
    )
    relay(auth)
    assert relay(auth) == 0
    of_rights = "SELECT get_byte(rights_seal, 0) FROM users WHERE user_id = %s"
    assert auth.sql(of_rights, after["user_id"]) == [(keyring_of(auth).version,)]


def test_a_new_key_seals_also_what_somebody_has_no_more(auth: Auth) -> None:
    """That a person has no authenticator, and no wrong codes, is believed under the new key alone."""
    person = new_person(auth)
    browser = signed_in(auth, person)
    enrolled = Enrolled(browser)
    later(auth, person)
    other = Browser(auth)
    page = other.sign_in(person)
    assert other.submit(page, SECOND, code=TOTP(enrolled.secret).now()).status_code == 303
    later(auth, person)
    page = browser.get(PAGE)
    assert (
        browser.submit(page, PAGE, password=PASSWORD, code=TOTP(enrolled.secret).now(), do="remove").status_code == 303
    )
    relay(auth)
    rotated = Keyring.from_text(f"9:{base64url_encode(os.urandom(32))},{auth.settings.encryption_keys}")
    with psycopg.connect(auth.settings.worker_database_url or "") as conn:
        conn.commit = lambda: None
        while seal_stored(rotated, conn):  # pyright: ignore[reportArgumentType]
            pass
        of_person = "SELECT get_byte(factor_seal, 0), get_byte(codes_seal, 0) FROM users WHERE user_id = %s"
        assert conn.execute(of_person, (person["user_id"],)).fetchall() == [(9, 9)]
        conn.rollback()


def test_a_statement_of_the_relay_looks_at_few_rows_and_the_next_pass_goes_on(
    auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One statement read a table whole, however many rows it had."""
    relay(auth)
    apps = [auth.register(["argus:epcr:read"])["client_id"] for _ in range(7)]
    auth.sql("UPDATE apps SET seal = NULL WHERE client_id = ANY(%s)", apps)
    monkeypatch.setattr(seals, "WINDOW", 2)
    monkeypatch.setattr(seals, "SECONDS", 0)
    monkeypatch.setattr(seals, "_places", {})  # the next tests begin at the beginning
    passes = 0
    with psycopg.connect(auth.settings.worker_database_url or "") as conn:
        while auth.sql("SELECT client_id FROM apps WHERE seal IS NULL AND client_id = ANY(%s)", apps):
            seal_stored(keyring_of(auth), conn)  # pyright: ignore[reportArgumentType]
            passes += 1
            assert passes < 10_000
    assert passes > 2


def test_the_relay_looks_at_fewer_rows_where_the_database_takes_too_long(
    auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay(auth)
    apps = [auth.register(["argus:epcr:read"])["client_id"] for _ in range(3)]
    auth.sql("UPDATE apps SET seal = NULL WHERE client_id = ANY(%s)", apps)
    monkeypatch.setattr(seals, "WINDOW", 400)
    monkeypatch.setattr(seals, "_places", {})
    monkeypatch.setattr(seals, "_windows", {})
    real = seals._end_of_window

    def end_of_window(kept: Sealed, *, first: bool) -> Any:
        """Slow where it looks at more than a hundred apps."""
        query = real(kept, first=first)
        if kept.table != "apps":
            return query
        slow = "LATERAL pg_sleep(CASE WHEN asked.rows > 100 THEN 5 ELSE 0 END)"
        return query.replace(
            "OFFSET %s", f"OFFSET (SELECT asked.rows FROM (SELECT %s::bigint AS rows) AS asked, {slow})"
        )

    monkeypatch.setattr(seals, "_end_of_window", end_of_window)
    with psycopg.connect(auth.settings.worker_database_url or "", options="-c statement_timeout=1s") as conn:
        for _ in range(3):
            seal_stored(keyring_of(auth), conn)  # pyright: ignore[reportArgumentType]
    assert auth.sql("SELECT client_id FROM apps WHERE seal IS NULL AND client_id = ANY(%s)", apps) == []


def test_a_table_at_which_the_database_takes_too_long_keeps_no_other_from_its_seals(
    auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay(auth)
    app = auth.register(["argus:epcr:read"])["client_id"]
    auth.sql("UPDATE apps SET seal = NULL WHERE client_id = %s", app)
    real, cancelled = seals._seal_table, 0

    def seal_table(keyring: Keyring, conn: Any, kept: Sealed) -> int:
        nonlocal cancelled
        if kept.table == "sessions":
            cancelled += 1
            conn.execute("SET LOCAL statement_timeout = '1ms'")
            conn.execute("SELECT pg_sleep(1)")
        return real(keyring, conn, kept)

    monkeypatch.setattr(seals, "_seal_table", seal_table)
    relay(auth)
    assert cancelled
    assert auth.sql("SELECT seal IS NULL FROM apps WHERE client_id = %s", app) == [(False,)]


def test_a_wrong_old_key_costs_no_seal(auth: Auth) -> None:
    """Sealed rows wait until the key is corrected."""
    person = new_person(auth)
    browser = signed_in(auth, person)
    relay(auth)
    new, wrong = (base64url_encode(os.urandom(32)) for _ in range(2))
    pool = open_tasks_pool(auth.settings.worker_database_url or "", max_size=1)
    try:
        one_pass(pool, Keyring.from_text(f"9:{new},{keyring_of(auth).version}:{wrong}"))
    finally:
        pool.close()
    assert person["email"] in shown(browser)


def test_a_deleted_app_is_no_forged_one_under_a_new_key(
    auth: Auth, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seals, "ALL", (seals.APPS,))  # the other tables have rows of all tests before
    app = auth.register(["argus:epcr:read"])
    assert auth.admin("DELETE", f"/v1/platform/apps/{app['client_id']}").status_code == 204
    rotated = Keyring.from_text(f"9:{base64url_encode(os.urandom(32))},{auth.settings.encryption_keys}")
    with psycopg.connect(auth.settings.worker_database_url or "") as conn:
        conn.commit = lambda: None
        while seal_stored(rotated, conn):  # pyright: ignore[reportArgumentType]
            pass
        conn.rollback()
    assert app["client_id"] not in caplog.text

"""A role of auth's database, in strange hands, opens no password where they are refused, and gets no more guesses."""

import secrets
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from services.auth.signin import throttle
from services.auth.signin.sessions import DEVICE_PURPOSE
from services.auth.tasks import forget
from shared.storage.database import open_tasks_pool, task_transaction
from tests.auth.federation import Connection
from tests.auth.forging import ROLES, SEALS, forge, new_person, signed_in
from tests.auth.support import PASSWORD, Auth, Browser, keyring_of
from tests.auth.test_saml_enforced import POLICY, enforce
from tests.auth.test_sealed_passwords import write
from tests.auth.test_seals import relay
from tests.auth.test_strangers import DEVICE, guess

OTHERS = (
    "UPDATE migrations SET applied_at = applied_at + %s * interval '1 day' WHERE name <> 'auth/0126_sealed_rights.sql'"
)
OURS = (
    "UPDATE migrations SET applied_at = applied_at + %s * interval '1 day' WHERE name = 'auth/0126_sealed_rights.sql'"
)


def elsewhere() -> str:
    return f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.250"


def newer(seal: str) -> str:
    return seal + (", version = version + 1" if seal else "")


# --- Where an organisation's own sign-in is enforced ------------------------------------------------------------------


@ROLES
@SEALS
@pytest.mark.parametrize("change", ["enforced = false", "break_glass_user_id = %(user)s"])
def test_a_policy_that_sql_alone_changed_opens_no_password(
    auth: Auth, works: Connection, role: str, seal: str, change: str
) -> None:
    mine = new_person(auth)
    assert enforce(works).status_code == 200
    tenant_id = auth.demo["tenant_id"]
    statement = f"UPDATE saml_policies SET {change}{newer(seal)} WHERE tenant_id = %(tenant)s"
    forge(auth, role, tenant_id, statement, tenant=tenant_id, user=mine["user_id"])
    assert Browser(auth).sign_in(mine).status_code == 403
    # An administrator's word counts again.
    assert works.call("PUT", POLICY, json={"enforced": False}).status_code == 200
    assert Browser(auth).sign_in(mine).status_code == 303


@ROLES
def test_no_process_takes_a_policy_away_or_moves_it(auth: Auth, works: Connection, role: str) -> None:
    mine, tenant_id = new_person(auth), auth.demo["tenant_id"]
    assert enforce(works).status_code == 200
    for statement in (
        "DELETE FROM saml_policies WHERE tenant_id = %s",
        f"UPDATE saml_policies SET tenant_id = '{auth.other['tenant_id']}' WHERE tenant_id = %s",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            write(auth, role, tenant_id, statement, tenant_id)
    assert Browser(auth).sign_in(mine).status_code == 403


@ROLES
def test_an_older_copy_of_a_policy_does_not_come_back(auth: Auth, works: Connection, role: str) -> None:
    mine, tenant_id = new_person(auth), auth.demo["tenant_id"]
    assert works.call("PUT", POLICY, json={"enforced": False}).status_code == 200
    columns = "enforced, break_glass_user_id, version, seal"
    [copied] = auth.sql(f"SELECT {columns} FROM saml_policies WHERE tenant_id = %s", tenant_id)
    assert enforce(works).status_code == 200
    statement = f"UPDATE saml_policies SET ({columns}) = (%s, %s, %s, %s) WHERE tenant_id = %s"
    forge(auth, role, tenant_id, statement, *copied, tenant_id)
    forge(auth, role, tenant_id, statement, *copied[:2], copied[2] + 2, copied[3], tenant_id)
    assert Browser(auth).sign_in(mine).status_code == 403


# --- Guesses ----------------------------------------------------------------------------------------------------------


def fill(auth: Auth, email: str) -> None:
    """The account's count, from networks that no other test uses."""
    network = f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
    for number in range(throttle.ACCOUNT.capacity):
        guess(auth, email, 1, f"{network}.{number}")


MADE = """
    INSERT INTO known_devices (tenant_id, user_id, device_mac, seal)
    SELECT tenant_id, %(victim)s, device_mac, {} FROM known_devices WHERE user_id = %(mine)s
"""
MOVED = "UPDATE known_devices SET user_id = %(victim)s, seal = {} WHERE user_id = %(mine)s"
PLAIN = "UPDATE known_devices SET user_id = %(victim)s WHERE user_id = %(mine)s"


@ROLES
@pytest.mark.parametrize("seal", ["seal", "NULL", "'\\x01'"])
@pytest.mark.parametrize("statement", [MADE, MOVED, PLAIN])
def test_a_device_that_sql_alone_made_known_gives_no_more_guesses(
    auth: Auth, role: str, seal: str, statement: str
) -> None:
    mine, victim = new_person(auth), new_person(auth)
    browser = signed_in(auth, mine)
    browser.address = elsewhere()
    fill(auth, victim["email"])
    assert browser.sign_in(victim, password="guess").status_code == 429
    values = {"victim": victim["user_id"], "mine": mine["user_id"]}
    forge(auth, role, victim["tenant_id"], statement.format(seal), **values)
    assert browser.sign_in(victim, password="guess").status_code == 429


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM sign_in_counts WHERE key = %(key)s",
        "UPDATE sign_in_counts SET level = 0 WHERE key = %(key)s",
        "UPDATE sign_in_counts SET level = 0, version = version + 1, seal = '\\x01' WHERE key = %(key)s",
        "UPDATE sign_in_counts SET level = 0, version = version + 1, seal = decode(repeat('01', 33), 'hex') WHERE key = %(key)s",
        "UPDATE sign_in_counts SET key = key || 'x' WHERE key = %(key)s",
        "UPDATE sign_in_counts SET at = at - interval '3 hours' WHERE key = %(key)s",
        "UPDATE sign_in_counts SET at = at - interval '3 hours', version = version + 1, seal = '\\x01' WHERE key = %(key)s",
    ],
)
def test_no_web_process_takes_counts_of_guesses_back(auth: Auth, change: str) -> None:
    victim = new_person(auth)
    fill(auth, victim["email"])
    assert guess(auth, victim["email"], 1, elsewhere()) == [429]
    key = throttle.account_key(keyring_of(auth), victim["email"])
    forge(auth, "web", "", change, key=key)
    pool = open_tasks_pool(auth.settings.worker_database_url or "", max_size=1)
    with task_transaction(pool) as conn:
        forget(conn)
    pool.close()
    assert guess(auth, victim["email"], 1, elsewhere()) == [429]


def test_an_older_copy_of_a_count_does_not_come_back(auth: Auth) -> None:
    victim = new_person(auth)
    key = throttle.account_key(keyring_of(auth), victim["email"])
    guess(auth, victim["email"], 1, elsewhere())
    columns = "level, at, version, seal"
    [copied] = auth.sql(f"SELECT {columns} FROM sign_in_counts WHERE key = %s", key)
    fill(auth, victim["email"])
    statement = f"UPDATE sign_in_counts SET ({columns}) = (%s, %s, %s, %s) WHERE key = %s"
    forge(auth, "web", "", statement, *copied, key)
    [(version,)] = auth.sql("SELECT version FROM sign_in_counts WHERE key = %s", key)
    forge(auth, "web", "", statement, copied[0], copied[1], version + 1, copied[3], key)
    assert guess(auth, victim["email"], 1, elsewhere()) == [429]


def test_a_count_that_sql_alone_changed_empties_as_any_other(auth: Auth) -> None:
    victim = new_person(auth)
    key = throttle.account_key(keyring_of(auth), victim["email"])
    guess(auth, victim["email"], 1, elsewhere())
    statement = "UPDATE sign_in_counts SET level = 1e9, version = version + 1, seal = '\\x01' WHERE key = %s"
    forge(auth, "web", "", statement, key)
    ahead = (
        "UPDATE sign_in_counts SET at = now() + interval '1 year', version = version + 1, seal = '\\x01' WHERE key = %s"
    )
    forge(auth, "web", "", ahead, key)
    assert guess(auth, victim["email"], 1, elsewhere()) == [429]
    auth.sql("UPDATE sign_in_counts SET at = at - interval '301 seconds' WHERE key = %s", key)
    assert guess(auth, victim["email"], 1, elsewhere()) == [401]


@ROLES
@pytest.mark.parametrize("seal", ["NULL", "'\\x01'"])
def test_a_break_glass_user_whom_sql_alone_named_has_no_wider_limits(auth: Auth, role: str, seal: str) -> None:
    victim = new_person(auth, auth.other)
    fill(auth, victim["email"])
    statement = f"""
        INSERT INTO saml_policies (tenant_id, enforced, break_glass_user_id, seal) VALUES (%s, false, %s, {seal})
    """
    forge(auth, role, victim["tenant_id"], statement, victim["tenant_id"], victim["user_id"])
    try:
        assert guess(auth, victim["email"], 1, elsewhere()) == [429]
    finally:
        auth.sql("DELETE FROM saml_policies WHERE tenant_id = %s", victim["tenant_id"])


# --- Beside the release before ----------------------------------------------------------------------------------------


@pytest.fixture
def after_an_upgrade(auth: Auth) -> Iterator[None]:
    auth.sql(OTHERS, -30)
    yield
    auth.sql(OTHERS, 30)


@pytest.fixture
def a_day_later(auth: Auth, after_an_upgrade: None) -> Iterator[None]:
    yield
    auth.sql(OURS, 2)


@pytest.mark.usefixtures("a_day_later")
def test_the_release_before_writes_for_a_day_and_locks_nobody_out(auth: Auth, works: Connection) -> None:
    person = new_person(auth)
    tenant_id, user_id = person["tenant_id"], person["user_id"]
    token, key = f"device{time.time_ns()}", f"key{time.time_ns()}".encode()
    mac = keyring_of(auth).mac(token.encode(), DEVICE_PURPOSE)
    # As its processes write.
    narrow = "UPDATE users SET role = 'integrator', scope_limit = '{webhooks:write}' WHERE user_id = %s"
    known = "INSERT INTO known_devices (tenant_id, user_id, device_mac) VALUES (%s, %s, %s)"
    policy = """
        INSERT INTO saml_policies (tenant_id, enforced, break_glass_user_id) VALUES (%s, %s, %s)
        ON CONFLICT (tenant_id) DO UPDATE SET enforced = excluded.enforced, break_glass_user_id = excluded.break_glass_user_id
    """
    count = """
        INSERT INTO sign_in_counts AS c (key, level, at) VALUES (%s, 1, clock_timestamp())
        ON CONFLICT (key) DO UPDATE SET level = c.level + 1, at = clock_timestamp()
    """
    values: list[tuple[str, tuple[Any, ...]]] = [
        (narrow, (user_id,)),
        (known, (tenant_id, user_id, mac)),
        (policy, (tenant_id, False, user_id)),
        (count, (key,)),
        (count, (key,)),
    ]
    for statement, parameters in values:
        write(auth, "web", tenant_id, statement, *parameters)
    write(auth, "web", "", "DELETE FROM sign_in_counts WHERE key = %s", key)
    write(auth, "web", tenant_id, "UPDATE users SET status = 'disabled' WHERE user_id = %s", user_id)
    assert Browser(auth).sign_in(person).status_code == 401
    write(auth, "web", tenant_id, "UPDATE users SET status = 'active' WHERE user_id = %s", user_id)
    browser = Browser(auth)
    browser.cookies[DEVICE] = token
    assert browser.sign_in(person, password=PASSWORD).status_code == 303
    assert works.call("PUT", POLICY, json={"enforced": False}).status_code == 200
    auth.sql(OURS, -2)
    for statement, parameters in values[:4]:
        if statement != count:
            forge(auth, "web", tenant_id, statement.replace("'integrator'", "'auditor'"), *parameters)
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                write(auth, "web", tenant_id, statement, *parameters)
    assert auth.sql("SELECT role FROM users WHERE user_id = %s", user_id) == [("integrator",)]
    assert relay(auth) > 0
    assert relay(auth) == 0
    assert Browser(auth).sign_in(person).status_code == 303

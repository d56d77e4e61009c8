"""A role of auth's database, in strange hands, writes no password that opens an account."""

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest

from services.auth.people.rights import new
from services.auth.signin import passwords, sealing
from services.auth.signin.models import User
from services.auth.signin.sealing import hash_of, seal, seal_stored
from shared.primitives.crypto import Keyring, base64url_encode
from shared.storage.database import open_tasks_pool, task_transaction
from tests.auth.support import PASSWORD, Auth, Browser
from tests.auth.test_sign_in import choose, new_link

MINE = "the attacker knows this one"
AGE = "UPDATE migrations SET applied_at = applied_at + %s * interval '1 day' WHERE name = 'auth/0123_sealed_passwords.sql'"
STORED = "SELECT password_hash FROM users WHERE email = %s"


@pytest.fixture
def person(auth: Auth) -> dict[str, Any]:
    return new_person(auth)


def new_person(auth: Auth, tenant: Any = None) -> dict[str, Any]:
    """With a password that is stored as a hash, as before."""
    number = time.time_ns()
    user_id, email = f"usr_sealed_{number}", f"sealed-{number}@partner.example"
    insert = "INSERT INTO users (user_id, tenant_id, email, name, password_hash) VALUES (%s, %s, %s, 'Test', %s)"
    tenant_id = (tenant or auth.demo)["tenant_id"]
    auth.sql(insert, user_id, tenant_id, email, passwords.hash_password(PASSWORD))
    return {"email": email, "user_id": user_id, "tenant_id": tenant_id}


@pytest.fixture
def a_day_later(auth: Auth) -> Iterator[None]:
    """No process of the previous release runs any more."""
    auth.sql(AGE, -2)
    yield
    auth.sql(AGE, 2)


def relay(auth: Auth) -> int:
    pool = open_tasks_pool(auth.settings.worker_database_url or "", max_size=1)
    try:
        with task_transaction(pool) as conn:
            return seal_stored(Keyring.from_text(auth.settings.encryption_keys), conn)
    finally:
        pool.close()


def write(auth: Auth, role: str, tenant_id: str, statement: str, *values: Any) -> None:
    dsn = {"web": auth.settings.database_url, "worker": auth.settings.worker_database_url or ""}[role]
    with psycopg.connect(dsn) as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (tenant_id,))
        conn.execute(statement.encode(), values)


def set_password(auth: Auth, person: dict[str, Any], password: str) -> int:
    browser = Browser(auth)
    return choose(browser, browser.get(new_link(auth, person)), password)


def signs_in(auth: Auth, person: dict[str, Any], password: str = PASSWORD) -> bool:
    return Browser(auth).sign_in(person, password=password).status_code == 303


SET = "UPDATE users SET password_hash = %s WHERE user_id = %s"
MAKE = """
    INSERT INTO users (user_id, tenant_id, email, name, password_hash)
    SELECT 'usr_x', tenant_id, 'x@x.example', 'x', %s FROM users WHERE user_id = %s
"""


@pytest.mark.usefixtures("a_day_later")
@pytest.mark.parametrize("role", ["web", "worker"])
@pytest.mark.parametrize("statement", [SET, MAKE])
def test_no_role_of_a_process_writes_a_hash_of_its_own_password(
    auth: Auth, person: dict[str, Any], statement: str, role: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        write(auth, role, person["tenant_id"], statement, passwords.hash_password(MINE), person["user_id"])
    assert not signs_in(auth, person, MINE)
    assert signs_in(auth, person)


@pytest.mark.usefixtures("a_day_later")
@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_sealed_password_of_one_account_opens_no_other(auth: Auth, person: dict[str, Any], elsewhere: bool) -> None:
    mine = new_person(auth, auth.other if elsewhere else None)
    assert set_password(auth, mine, MINE) == 200
    [(sealed,)] = auth.sql(STORED, mine["email"])
    assert sealed.startswith("sealed.")
    assert signs_in(auth, mine, MINE)
    for copied in (sealed, "sealed.", "sealed.!", "sealed.AA", "sealed..AA", sealed[:-4]):
        with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
            write(auth, "web", person["tenant_id"], SET, copied, person["user_id"])
        assert not signs_in(auth, person, MINE)
        # Nor where the owner of the database writes it.
        auth.sql(SET, copied, person["user_id"])
        assert not signs_in(auth, person, MINE)


def test_hashes_are_read_and_written_for_a_day_and_then_sealed(
    auth: Auth, person: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    assert set_password(auth, person, "another long password") == 200
    [(stored,)] = auth.sql(STORED, person["email"])
    assert stored.startswith("$argon2id$"), "a process of the previous release reads it"
    assert relay(auth) == 0
    request.getfixturevalue("a_day_later")
    assert relay(auth) > 0
    assert relay(auth) == 0
    [(sealed,)] = auth.sql(STORED, person["email"])
    assert sealed.startswith("sealed.")
    assert signs_in(auth, person, "another long password")
    assert not signs_in(auth, person)


@pytest.mark.usefixtures("a_day_later")
def test_a_password_is_sealed_under_the_current_key_when_its_owner_signs_in(
    auth: Auth, person: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    relay(auth)
    [(before,)] = auth.sql(STORED, person["email"])
    monkeypatch.setattr(sealing, "is_of_an_older_key", lambda keyring, stored: stored == before)
    assert signs_in(auth, person)
    [(after,)] = auth.sql(STORED, person["email"])
    assert after != before
    assert after.startswith("sealed.")
    assert signs_in(auth, person)


def test_a_hash_opens_for_its_person_in_their_organisation_alone() -> None:
    old = f"1:{base64url_encode(os.urandom(32))}"
    keyring, rotated = Keyring.from_text(old), Keyring.from_text(f"2:{base64url_encode(os.urandom(32))},{old}")
    sealed = seal(keyring, "org_1", "usr_1", "hash")

    def user(tenant_id: str, user_id: str, stored: str | None = sealed) -> User:
        rights = msgspec.structs.asdict(new(keyring, tenant_id, user_id, []))
        return User(**rights, email="", name="", password_hash=stored, totp_secret=None)

    assert hash_of(keyring, user("org_1", "usr_1")) == hash_of(rotated, user("org_1", "usr_1")) == "hash"
    assert hash_of(keyring, user("org_2", "usr_1")) is None
    assert hash_of(keyring, user("org_1", "usr_2")) is None
    assert hash_of(keyring, user("org_1", "usr_1", seal(rotated, "org_1", "usr_1", "hash"))) is None
    assert hash_of(keyring, user("org_1", "usr_1", None)) is hash_of(keyring, None) is None
    assert hash_of(keyring, user("org_1", "usr_1", "hash")) == "hash"
    assert sealing.is_of_an_older_key(rotated, sealed)
    assert not sealing.is_of_an_older_key(keyring, sealed)
    assert not sealing.is_of_an_older_key(rotated, "hash")

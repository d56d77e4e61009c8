"""A role of auth's database, in strange hands, puts no older copy of a row back, also where it deletes the row first.

In each test somebody knows a cookie, token, secret or code that was good once.
"""

import contextlib
import os
import time
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb
from pyotp.totp import TOTP

from services.auth import seals
from services.auth.seals import DEVICES, SESSIONS
from services.auth.tasks import KEPT
from shared.storage.database import open_tasks_pool, task_transaction
from tests.auth.forging import FRESH, ROLES, SCOPES, forge, granted, new_person, shown, signed_in
from tests.auth.support import PASSWORD, Auth, Browser, keyring_of, redeem
from tests.auth.test_authenticator import PAGE, SECOND, Enrolled, later
from tests.auth.test_revocations import credentials

NEW_SECRET = {"overlap_seconds": 0}


def copy_of(auth: Auth, table: str, condition: str, *values: Any) -> list[dict[str, Any]]:
    return [row for (row,) in auth.sql(f"SELECT to_jsonb(t) FROM {table} t WHERE {condition}", *values)]


def bring_back(auth: Auth, role: str, table: str, key: tuple[str, ...], copies: list[dict[str, Any]]) -> None:
    """Over the present rows, and in the place of deleted ones, in one transaction and in two."""
    where = " AND ".join(f"t.{name} = c.{name}" for name in key)
    old = f"jsonb_populate_record(NULL::{table}, %s)"
    update, delete = (
        f"UPDATE {table} t SET {{}} FROM {old} c WHERE {where}",
        f"DELETE FROM {table} t USING {old} c WHERE {where}",
    )
    insert = f"INSERT INTO {table} SELECT * FROM {old}"
    for copy in copies:
        columns = [name for name in copy if name not in key]
        changes = ", ".join(f"{name} = c.{name}" for name in columns)
        sealed = ", ".join(f"{name} = c.{name}" for name in columns if name == "seal")
        for statements in ([update.format(changes)], [update.format(sealed)], [delete, insert], [delete], [insert]):
            attempt(auth, role, copy["tenant_id"], *((one, Jsonb(copy)) for one in statements))


def attempt(auth: Auth, role: str, tenant_id: str, *statements: tuple[str, Any]) -> None:
    """One transaction, whether the database refuses it or not."""
    dsn = {"web": auth.settings.database_url, "worker": auth.settings.worker_database_url or ""}[role]
    refused = (psycopg.errors.InsufficientPrivilege, psycopg.errors.UniqueViolation, psycopg.errors.ForeignKeyViolation)
    with contextlib.suppress(*refused), psycopg.connect(dsn) as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (tenant_id,))
        for statement, value in statements:
            conn.execute(statement.encode(), (value,))


@pytest.mark.parametrize("age", [0, 7_200_000], ids=["at once", "hours later"])
@ROLES
def test_a_session_that_has_ended_does_not_come_back(auth: Auth, role: str, age: int, monkeypatch: Any) -> None:
    mine = new_person(auth)
    browser = signed_in(auth, mine)
    aged(auth, SESSIONS, "user_id", mine["user_id"], age, monkeypatch)
    assert shown(browser)
    copies = copy_of(auth, "sessions", "user_id = %s", mine["user_id"])
    auth.sql("UPDATE sessions SET ended_at = now() WHERE user_id = %s", mine["user_id"])
    bring_back(auth, role, "sessions", ("session_id",), copies)
    assert not shown(browser)


def aged(auth: Auth, kept: seals.Sealed, name: str, value: str, age_ms: int, monkeypatch: Any) -> None:
    """As if the seal had been made before, and forgotten since. Only the owner writes such a row."""
    if not age_ms:
        return
    made_ms = time.time_ns() // 1_000_000 - age_ms
    with monkeypatch.context() as patch:
        patch.setattr(seals, "once", lambda: made_ms.to_bytes(6, "big") + os.urandom(4))
        for (row,) in auth.sql(f"SELECT to_jsonb(t) FROM {kept.table} t WHERE {name} = %s", value):
            columns = ", ".join(kept.values)
            [values] = auth.sql(f"SELECT {columns} FROM {kept.table} WHERE {name} = %s", value)
            seal = kept.seal(keyring_of(auth), dict(zip(kept.values, values, strict=True)))
            auth.sql(f"UPDATE {kept.table} SET seal = %s WHERE {name} = %s", seal, value)
            auth.sql("DELETE FROM used_seals WHERE seal = %s", bytes.fromhex(row["seal"][2:]))


@ROLES
def test_a_grant_that_has_ended_does_not_come_back(auth: Auth, role: str) -> None:
    mine = new_person(auth)
    app, code, _ = granted(auth, mine)
    tokens = redeem(auth, app, code).json()
    copies = copy_of(auth, "grants", "client_id = %s", app["client_id"])
    of_code = copy_of(auth, "codes", "client_id = %s", app["client_id"])
    assert auth.form("/v1/oauth/revoke", credentials(app) | {"token": tokens["refresh_token"]}).status_code == 200
    bring_back(auth, role, "codes", ("code_mac",), [one | {"used_at": None} for one in of_code])
    bring_back(auth, role, "grants", ("grant_id",), copies)
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert auth.token(app, **refresh).status_code == 400
    assert redeem(auth, app, code).status_code == 400


@ROLES
def test_a_secret_that_was_replaced_does_not_come_back(auth: Auth, role: str) -> None:
    app = auth.register(["argus:epcr:read"])
    copies = copy_of(auth, "app_secrets", "client_id = %s", app["client_id"])
    path = f"/v1/platform/apps/{app['client_id']}/rotate-secret"
    renewed = auth.admin("POST", path, json=NEW_SECRET).json()
    bring_back(auth, role, "app_secrets", ("id",), copies)
    # A copy with another id is not the secret that we made either.
    forge(
        auth,
        role,
        auth.demo["tenant_id"],
        f"INSERT INTO app_secrets (id, tenant_id, client_id, mac, seal) VALUES (%s, %s, %s, decode(%s, 'hex'), {FRESH})",
        f"sec_{time.time_ns()}",
        auth.demo["tenant_id"],
        app["client_id"],
        copies[0]["mac"][2:],
    )
    assert auth.token(app).status_code == 401
    assert auth.token(app, client_secret=renewed["client_secret"]).status_code == 200


@ROLES
def test_an_app_does_not_get_its_former_addresses_back(auth: Auth, role: str) -> None:
    app = auth.register(["argus:epcr:read", "webhooks:read"])
    copies = copy_of(auth, "apps", "client_id = %s", app["client_id"])
    path = f"/v1/platform/apps/{app['client_id']}"
    assert auth.admin("PATCH", path, json={"requested_scopes": ["webhooks:read"]}).status_code == 200
    bring_back(auth, role, "apps", ("client_id",), copies)
    answer = auth.token(app, scope="argus:epcr:read")
    assert answer.status_code in (400, 401)


@ROLES
def test_a_consent_that_was_withdrawn_does_not_come_back(auth: Auth, role: str) -> None:
    mine = new_person(auth)
    app, _, browser = granted(auth, mine)
    assert browser.authorize(app, scope=SCOPES).status_code == 302
    copies = copy_of(auth, "consents", "client_id = %s", app["client_id"])
    page = browser.get("/v1/auth/sessions")
    assert browser.submit(page, "/v1/auth/sessions", withdraw=app["client_id"]).status_code == 303
    assert copy_of(auth, "consents", "client_id = %s", app["client_id"]) == []
    bring_back(auth, role, "consents", ("user_id", "client_id"), copies)
    assert browser.authorize(app, scope=SCOPES).status_code == 200


@pytest.fixture
def person(auth: Auth) -> dict[str, Any]:
    return new_person(auth)


@ROLES
def test_a_recovery_code_that_was_used_does_not_come_back(auth: Auth, person: dict[str, Any], role: str) -> None:
    enrolled = Enrolled(signed_in(auth, person))
    copies = copy_of(auth, "recovery_codes", "user_id = %s", person["user_id"])
    assert passes(auth, person, enrolled.codes[0])
    bring_back(auth, role, "recovery_codes", ("user_id", "code_mac"), copies)
    assert not passes(auth, person, enrolled.codes[0])


@ROLES
def test_an_authenticator_that_was_replaced_does_not_come_back(auth: Auth, person: dict[str, Any], role: str) -> None:
    browser = signed_in(auth, person)
    lost = Enrolled(browser)
    copies = copy_of(auth, "users", "user_id = %s", person["user_id"])
    later(auth, person)
    page = browser.get(PAGE)
    assert browser.submit(page, PAGE, password=PASSWORD, code=TOTP(lost.secret).now(), do="remove").status_code == 303
    assert signed_in(auth, person)
    found = Enrolled(browser)
    forge(
        auth,
        role,
        person["tenant_id"],
        "UPDATE users SET totp_secret = decode(%s, 'hex'), factor_seal = decode(%s, 'hex'), totp_last_step = 0 WHERE user_id = %s",
        copies[0]["totp_secret"][2:],
        copies[0]["factor_seal"][2:],
        person["user_id"],
    )
    assert not passes(auth, person, TOTP(lost.secret).now())
    later(auth, person)
    assert passes(auth, person, TOTP(found.secret).now())


@ROLES
def test_a_code_of_the_authenticator_stays_used(auth: Auth, person: dict[str, Any], role: str) -> None:
    enrolled = Enrolled(signed_in(auth, person))
    code = TOTP(enrolled.secret).at(int(time.time()) + 30)
    assert passes(auth, person, code)
    for step in ("0", "totp_last_step - 10"):
        statement = f"UPDATE users SET totp_last_step = {step} WHERE user_id = %s"
        forge(auth, role, person["tenant_id"], statement, person["user_id"])
    assert not passes(auth, person, code)


@ROLES
@pytest.mark.parametrize("seal", ["", ", codes_seal = NULL", f", codes_seal = {FRESH}"], ids=["same", "none", "fresh"])
def test_wrong_codes_stay_counted(auth: Auth, person: dict[str, Any], role: str, seal: str) -> None:
    enrolled = Enrolled(signed_in(auth, person))
    auth.sql("DELETE FROM known_devices WHERE user_id = %s", person["user_id"])
    auth.sql("UPDATE users SET wrong_codes = 19 WHERE user_id = %s", person["user_id"])
    copies = copy_of(auth, "users", "user_id = %s", person["user_id"])
    assert not passes(auth, person, "000000x")
    before = f"UPDATE users SET wrong_codes = 0{seal} WHERE user_id = %s"
    forge(auth, role, person["tenant_id"], before, person["user_id"])
    older = "UPDATE users SET wrong_codes = 19, codes_seal = %s WHERE user_id = %s"
    forge(auth, role, person["tenant_id"], older, copies[0]["codes_seal"], person["user_id"])
    later(auth, person)
    # Only a recovery code works, and it repairs the count.
    assert not passes(auth, person, TOTP(enrolled.secret).now())
    assert passes(auth, person, enrolled.codes[0])
    assert passes(auth, person, TOTP(enrolled.secret).now())


def passes(auth: Auth, person: dict[str, Any], code: str) -> bool:
    """Whether the code opens the account, in a browser that nobody knows."""
    browser = Browser(auth)
    auth.sql("UPDATE sign_in_counts SET at = at - interval '1 hour'")
    page = browser.sign_in(person)
    assert page.status_code == 200
    return browser.submit(page, SECOND, code=code).status_code != 401


# --- Seals that came ----------------------------------------------------------------------------------------------------------


def test_two_transactions_do_not_let_a_copy_pass_between_them(auth: Auth) -> None:
    """The second one began before the first one deleted the row, and sees neither its end nor its seal."""
    mine = new_person(auth)
    browser = signed_in(auth, mine)
    [copy] = copy_of(auth, "sessions", "user_id = %s", mine["user_id"])
    auth.sql("UPDATE sessions SET ended_at = now() WHERE user_id = %s", mine["user_id"])
    with psycopg.connect(auth.settings.worker_database_url or "") as second:
        second.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        second.execute("SELECT 1 FROM sessions")
        forge(auth, "worker", "", "DELETE FROM sessions WHERE session_id = %s", copy["session_id"])
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.SerializationFailure)):
            second.execute(
                "INSERT INTO sessions SELECT * FROM jsonb_populate_record(NULL::sessions, %s)", (Jsonb(copy),)
            )
    assert not shown(browser)


@pytest.mark.parametrize(("minutes", "is_taken"), [(-59, True), (59, True), (-61, False), (61, False)])
def test_clocks_may_differ_by_an_hour(auth: Auth, minutes: int, is_taken: bool, monkeypatch: Any) -> None:
    mine = new_person(auth)
    now_ms = time.time_ns() // 1_000_000 + minutes * 60_000
    monkeypatch.setattr(seals, "once", lambda: now_ms.to_bytes(6, "big") + os.urandom(4))
    row = {"tenant_id": mine["tenant_id"], "user_id": mine["user_id"], "device_mac": os.urandom(32)}
    row["seal"] = DEVICES.seal(keyring_of(auth), row)
    insert = "INSERT INTO known_devices (tenant_id, user_id, device_mac, seal) VALUES (%s, %s, %s, %s)"
    forge(auth, "worker", "", insert, *row.values())
    assert bool(copy_of(auth, "known_devices", "user_id = %s", mine["user_id"])) is is_taken


def test_the_relay_alone_forgets_seals_and_only_those_that_their_time_refuses(auth: Auth) -> None:
    signed_in(auth, new_person(auth))
    old = os.urandom(43)
    auth.sql("INSERT INTO used_seals VALUES (%s, now() - interval '3 hours')", old)
    count = "SELECT count(*) FROM used_seals WHERE came_at > now() - interval '2 hours'"
    before = auth.sql(count)
    for role in ("web", "worker"):
        forge(auth, role, "", "DELETE FROM used_seals WHERE came_at > now() - interval '2 hours'")
        forge(auth, role, "", "UPDATE used_seals SET came_at = now() - interval '1 day'")
        forge(auth, role, "", "TRUNCATE used_seals")
    assert auth.sql(count) == before
    pool = open_tasks_pool(auth.settings.worker_database_url or "", max_size=1)
    try:
        with task_transaction(pool) as conn:
            conn.execute(next(one for one in KEPT if one.table == "used_seals").delete, (1000,))
    finally:
        pool.close()
    assert auth.sql("SELECT 1 FROM used_seals WHERE seal = %s", old) == []
    assert auth.sql(count) == before

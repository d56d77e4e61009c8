"""The worker's role of auth's database, in strange hands, leads nobody's sign-in to the console elsewhere, and gives no more guesses."""

import os
from collections.abc import Iterator

import psycopg
import pytest

from services.auth.signin import throttle
from services.auth.tasks import forget
from shared.primitives.crypto import base64url_encode, public_jwks
from shared.primitives.ids import new_id
from shared.storage.database import open_tasks_pool, task_transaction
from tests.auth.forging import ROLES, forge, new_person, signed_in
from tests.auth.support import CALLBACK, Auth, Browser, keyring_of, returned
from tests.auth.test_common_apps import CONSOLE, KEYS, arrive, redeem, register
from tests.auth.test_common_apps import registered as registered
from tests.auth.test_sealed_passwords import write
from tests.auth.test_sealed_policies import elsewhere, fill
from tests.auth.test_seals import relay
from tests.auth.test_strangers import guess

MINE = "https://attacker.example/callback"
MY_KEYS = f"9:{base64url_encode(os.urandom(32))}"
OTHERS = "UPDATE migrations SET applied_at = applied_at + %s * interval '1 day' WHERE name NOT LIKE 'auth/0127%%'"
OURS = "UPDATE migrations SET applied_at = applied_at + %s * interval '1 day' WHERE name LIKE 'auth/0127%%'"
COPIED = "title, redirect_uris, jwks::text, scopes, graphql_bundles, version, seal"
SEALS = pytest.mark.parametrize(
    "seal", ["", ", seal = '\\x01', version = version + 1", ", seal = decode(repeat('01', 33), 'hex')"]
)


def keys(of: str) -> str:
    return str(public_jwks(of)).replace("'", '"')


@pytest.fixture
def after_an_upgrade(auth: Auth) -> Iterator[None]:
    auth.sql(OTHERS, -30)
    yield
    auth.sql(OTHERS, 30)


@ROLES
@SEALS
def test_an_address_that_sql_alone_gave_the_console_gets_nobodys_code(auth: Auth, role: str, seal: str) -> None:
    victim = Browser(auth)
    victim.sign_in()
    forge(auth, role, "", f"UPDATE common_apps SET redirect_uris = ARRAY[%s]{seal}", MINE)
    answer = victim.authorize(CONSOLE, scope=None, redirect_uri=MINE)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    # An operator registers it again.
    register(auth)
    assert "code" in returned(victim.authorize(CONSOLE, scope=None))


@ROLES
@SEALS
def test_a_key_that_sql_alone_gave_the_console_redeems_nothing(auth: Auth, role: str, seal: str) -> None:
    answer = arrive(auth)
    statement = f"UPDATE common_apps SET jwks = %s::jsonb{seal}"
    forge(auth, role, "", statement, keys(MY_KEYS))
    victim = Browser(auth)
    victim.sign_in()
    victim.authorize(CONSOLE, scope=None)  # which brings the organisation's app up to date
    assert redeem(auth, answer, keys=MY_KEYS).status_code == 401


@ROLES
def test_an_older_copy_of_a_common_app_does_not_come_back(auth: Auth, role: str) -> None:
    [copied] = auth.sql(f"SELECT {COPIED} FROM common_apps")
    register(auth, MY_KEYS)
    for version in (copied[5], copied[5] + 1, copied[5] + 2):
        statement = """
            UPDATE common_apps SET (title, redirect_uris, jwks, scopes, graphql_bundles, version, seal) =
                (%s, %s, %s::jsonb, %s, %s, %s, %s)
        """
        forge(auth, role, "", statement, *copied[:5], version, copied[6])
    victim = Browser(auth)
    victim.sign_in()
    answer = victim.authorize(CONSOLE, scope=None)
    if answer.status_code == 303:
        assert redeem(auth, returned(answer)).status_code == 401


@ROLES
def test_no_process_begins_a_row_with_a_late_version(auth: Auth, role: str) -> None:
    """Beyond the greatest number no row could be repaired; of the numbers before it, many have one seal."""
    person = new_person(auth, auth.other)
    tenant_id, user_id = person["tenant_id"], person["user_id"]
    late = 2**63 - 1
    made = [
        ("INSERT INTO sign_in_counts (key, level, at, version, seal) VALUES ('k', 1, now(), %s, 'x')", (late,)),
        (
            "INSERT INTO saml_policies (tenant_id, enforced, version, seal) VALUES (%s, false, %s, 'x')",
            (tenant_id, late),
        ),
        (
            "INSERT INTO users (user_id, tenant_id, email, name, rights_version, rights_seal) VALUES (%s, %s, %s, '', %s, 'x')",
            (new_id("usr"), tenant_id, f"{user_id}@late.example", late),
        ),
    ]
    for statement, values in made:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            write(auth, role, tenant_id, statement, *values)


def test_no_relay_takes_counts_of_guesses_back(auth: Auth) -> None:
    victim = new_person(auth)
    fill(auth, victim["email"])
    key = throttle.account_key(keyring_of(auth), victim["email"])
    for change in (
        "DELETE FROM sign_in_counts WHERE key = %s",
        "UPDATE sign_in_counts SET at = at - interval '3 hours', version = version + 1, seal = '\\x01' WHERE key = %s",
        "DELETE FROM sign_in_counts WHERE key = %s",
    ):
        forge(auth, "worker", "", change, key)
    pool = open_tasks_pool(auth.settings.worker_database_url or "", max_size=1)
    with task_transaction(pool) as conn:
        forget(conn)
    assert guess(auth, victim["email"], 1, elsewhere()) == [429]
    auth.sql("UPDATE sign_in_counts SET at = at - interval '121 minutes' WHERE key = %s", key)
    with task_transaction(pool) as conn:
        forget(conn)
    pool.close()
    assert auth.sql("SELECT FROM sign_in_counts WHERE key = %s", key) == []
    assert signed_in(auth, victim)


@pytest.mark.usefixtures("after_an_upgrade")
def test_operators_of_the_release_before_register_for_a_day(auth: Auth) -> None:
    before = """
        INSERT INTO common_apps (name, title, redirect_uris, jwks, scopes, graphql_bundles)
        VALUES ('console', 'Knogin console', ARRAY[%s, 'https://console.example/callback'], %s::jsonb, '{argus:incidents:read}', '{}')
        ON CONFLICT (name) DO UPDATE SET redirect_uris = excluded.redirect_uris, jwks = excluded.jwks
    """
    write(auth, "worker", "", before, CALLBACK, keys(KEYS))
    assert auth.sql("SELECT seal FROM common_apps") == [(None,)]
    assert redeem(auth, arrive(auth)).status_code == 200
    auth.sql(OURS, -2)
    try:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            write(auth, "worker", "", before, MINE, keys(KEYS))
        assert relay(auth) > 0
        assert auth.sql("SELECT octet_length(seal) FROM common_apps") == [(43,)]
        assert redeem(auth, arrive(auth)).status_code == 200
    finally:
        auth.sql(OURS, 2)

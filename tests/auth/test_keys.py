"""Signing keys: published before they sign, and until the last token they signed is dead."""

from datetime import UTC, datetime, timedelta
from typing import LiteralString, NamedTuple

import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.keys import keystore, rotation, signing
from services.auth.tasks import periodic
from shared.primitives.crypto import Keyring, UnreadableCiphertext
from shared.storage.database import Connection
from tests.auth.support import Auth, header_of
from tests.support.waiting import wait_for

NOW = datetime(2026, 3, 10, tzinfo=UTC)


class Key(NamedTuple):
    kid: str
    activates_at: datetime
    removed_at: datetime | None = None


def after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def test_both_addresses_give_the_same_bytes_with_public_caching(auth: Auth) -> None:
    one, two = (auth.call("GET", path) for path in ("/.well-known/jwks.json", "/v1/auth/jwks.json"))
    assert one.content == two.content
    assert one.headers["etag"] == two.headers["etag"]
    assert one.headers["cache-control"].startswith("public, max-age=300, stale-while-revalidate")
    key = one.json()["keys"][0]
    assert {"kty": "RSA", "use": "sig", "alg": "RS256"}.items() <= key.items()
    assert not {"d", "p", "q"} & set(key)


def test_the_jwks_answers_304_to_its_own_etag(auth: Auth) -> None:
    etag = auth.call("GET", "/.well-known/jwks.json").headers["etag"]
    again = auth.call("GET", "/.well-known/jwks.json", headers={"if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")


def test_the_first_key_is_named_by_its_month_and_signs_at_once(auth: Auth) -> None:
    kid = header_of(auth.token(auth.register()).json()["access_token"])["kid"]
    assert kid.startswith(f"{datetime.now(UTC):%Y-%m}-signing-key")


def test_private_keys_are_encrypted_and_bound_to_their_kid(auth: Auth) -> None:
    kid, sealed = auth.sql("SELECT kid, private_key FROM signing_keys")[0]
    keyring = Keyring.from_text(auth.settings.encryption_keys)
    assert signing.unseal(kid, sealed, keyring).key_size == 2048
    with pytest.raises(UnreadableCiphertext):
        signing.unseal("another", sealed, keyring)


def test_a_writer_of_the_table_publishes_no_key_of_their_own(auth: Auth, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published half was a column of its own: another one in its place, and everybody's tokens were the writer's to sign."""
    monkeypatch.setattr(keystore, "FRESH_SECONDS", -1.0)
    before = auth.call("GET", "/.well-known/jwks.json").json()
    mine = signing.public_jwk(before["keys"][0]["kid"], signing.generate(2048).public_key())
    auth.sql("UPDATE signing_keys SET public_jwk = %s", msgspec.json.encode(mine).decode())
    auth.sql(
        "INSERT INTO signing_keys (kid, private_key, public_jwk, published_at, activates_at) VALUES ('mine', 'x', %s, now(), now())",
        msgspec.json.encode(mine | {"kid": "mine"}).decode(),
    )
    try:
        assert auth.call("GET", "/.well-known/jwks.json").json() == before
        assert header_of(auth.token(auth.register()).json()["access_token"])["kid"] == before["keys"][0]["kid"]
    finally:
        auth.sql("DELETE FROM signing_keys WHERE kid = 'mine'")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE signing_keys SET public_jwk = '{}'",
        "UPDATE signing_keys SET removed_at = NULL",
        "DELETE FROM client_assertions",
        "UPDATE client_assertions SET expires_at = '-infinity'",
        "DELETE FROM saml_replays",
    ],
)
def test_a_web_process_changes_no_key_and_makes_nothing_good_again_that_was_used(
    auth: Auth, statement: LiteralString
) -> None:
    with psycopg.connect(auth.settings.database_url) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement)


def test_a_new_key_is_published_at_once_and_signs_only_after_its_wait(auth: Auth) -> None:
    before = header_of(auth.token(auth.register()).json()["access_token"])["kid"]
    keyring = Keyring.from_text(auth.settings.encryption_keys)
    with psycopg.connect(auth.settings.worker_database_url or "") as conn:
        kid = rotation.rotate(conn, keyring, bits=2048, wait=timedelta(minutes=15))
    wait_for(lambda: kid in auth.call("GET", "/.well-known/jwks.json").text)
    app = auth.register()
    assert header_of(auth.token(app).json()["access_token"])["kid"] == before
    auth.sql("UPDATE signing_keys SET activates_at = now() WHERE kid = %s", kid)
    wait_for(lambda: header_of(auth.token(app).json()["access_token"])["kid"] == kid)
    assert before in auth.call("GET", "/.well-known/jwks.json").text


def test_the_active_key_is_the_last_whose_time_has_come() -> None:
    keys = [Key("a", after(-60)), Key("b", after(-5)), Key("c", after(10))]
    assert [rotation.state(key, keys, NOW) for key in keys] == ["retiring", "active", "pending"]
    assert rotation.state(Key("d", after(-99), removed_at=after(-1)), keys, NOW) == "retired"


@given(st.integers(0, 40 * 24 * 60), st.integers(60, 30 * 86_400))
def test_a_key_is_published_as_long_as_any_token_it_signed_may_live(minutes: int, lifetime: int) -> None:
    activates = after(0)
    old = Key("old", after(-1000), removed_at=rotation.removal_of_older(activates))
    new = Key("new", activates)
    signed_at = after(minutes)
    if rotation.active([old, new], signed_at) is old:
        expiry = signed_at + timedelta(seconds=lifetime)
        assert old in rotation.published([old, new], expiry)


@given(st.integers(0, 10_000))
def test_no_moment_is_without_a_signing_key(minutes: int) -> None:
    first = Key("first", after(0), removed_at=rotation.removal_of_older(after(5000)))
    assert rotation.active([first, Key("second", after(5000))], after(minutes)) is not None


def test_rotation_is_due_once_the_newest_key_has_signed_long_enough() -> None:
    month = timedelta(days=30)
    assert rotation.rotation_due([], NOW, month)
    assert rotation.rotation_due([Key("a", NOW - month)], NOW, month)
    assert not rotation.rotation_due([Key("a", NOW - month + timedelta(seconds=1))], NOW, month)
    assert not rotation.rotation_due([Key("a", NOW - month), Key("b", after(10))], NOW, month)


def test_kids_count_on_within_a_month() -> None:
    assert rotation.next_kid(NOW, []) == "2026-03-signing-key"
    assert rotation.next_kid(NOW, ["2026-03-signing-key"]) == "2026-03-signing-key-2"
    assert rotation.next_kid(NOW, ["2026-03-signing-key", "2026-03-signing-key-2"]) == "2026-03-signing-key-3"


def test_the_relay_rotates_when_due_and_not_before(auth: Auth) -> None:
    keyring = Keyring.from_text(auth.settings.encryption_keys)
    wait = timedelta(minutes=15)
    with psycopg.connect(auth.settings.worker_database_url or "") as conn:
        assert rotation.rotate_if_due(conn, keyring, bits=2048, every=timedelta(days=30), wait=wait) is None
        made = rotation.rotate_if_due(conn, keyring, bits=2048, every=timedelta(0), wait=wait)
        assert made is not None
        assert rotation.rotate_if_due(conn, keyring, bits=2048, every=timedelta(0), wait=wait) is None


def test_a_rotation_that_was_due_is_a_line_in_the_platforms_trail(auth: Auth) -> None:
    (job,) = [
        job for job in periodic(msgspec.structs.replace(auth.settings, key_rotation_days=0)) if "keys" in job.name
    ]
    with Connection.connect(auth.settings.worker_database_url or "") as conn:
        # A key that waits would make none due.
        conn.execute("UPDATE signing_keys SET activates_at = now() WHERE activates_at > now()")
        before = {key.kid for key in rotation.load_keys(conn)}
        job.run(conn)
        (made,) = {key.kid for key in rotation.load_keys(conn)} - before
        job.run(conn)
    lines = auth.sql(
        "SELECT client_id, action, detail FROM audit WHERE tenant_id = 'org_00000000000000000000000000' AND subject_id = %s",
        made,
    )
    assert lines == [("schedule", "keys.rotated", {"scheduled": True})]


def test_the_first_key_of_an_installation_is_a_line_in_the_platforms_trail(auth: Auth) -> None:
    lines = auth.sql(
        "SELECT client_id FROM audit WHERE tenant_id = 'org_00000000000000000000000000' AND action = 'keys.first_made'"
    )
    assert lines == [("auth",)]


def test_an_emergency_rotation_is_not_undone_by_a_key_that_waits(auth: Auth) -> None:
    keyring = Keyring.from_text(auth.settings.encryption_keys)
    with psycopg.connect(auth.settings.worker_database_url or "") as conn:
        waiting = rotation.rotate(conn, keyring, bits=2048, wait=timedelta(minutes=15))
        urgent = rotation.rotate(conn, keyring, bits=2048, wait=timedelta(0))
        keys = rotation.load_keys(conn)
    now = datetime.now(UTC)
    assert waiting not in [key.kid for key in rotation.published(keys, now)]
    for minutes in (0, 16, 10_000):
        active = rotation.active(keys, now + timedelta(minutes=minutes))
        assert active is not None
        assert active.kid == urgent


def test_a_planned_rotation_leaves_the_key_that_waits_its_turn(auth: Auth) -> None:
    keyring = Keyring.from_text(auth.settings.encryption_keys)
    with psycopg.connect(auth.settings.worker_database_url or "") as conn:
        first = rotation.rotate(conn, keyring, bits=2048, wait=timedelta(minutes=15))
        second = rotation.rotate(conn, keyring, bits=2048, wait=timedelta(minutes=16))
        keys = rotation.load_keys(conn)
    kids = [key.kid for key in rotation.published(keys, datetime.now(UTC))]
    assert {first, second} <= set(kids)

"""Refresh tokens: rotating, forgiving a lost answer, and merciless to reuse."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.oauth import tokens
from shared.primitives.crypto import Keyring, base64url_encode
from shared.primitives.ids import new_id
from tests.auth.support import API, Auth, Browser, claims_of, redeem, register_web_app

KEYRING = Keyring.from_text(f"1:{base64url_encode(bytes(32))}")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
GRACE = timedelta(seconds=30)


def granted(auth: Auth, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    app = register_web_app(auth, ["webhooks:write", "argus:epcr:read", "offline_access"], **fields)
    code = Browser(auth).allow(app, scope="webhooks:write argus:epcr:read offline_access")
    return app, redeem(auth, app, code).json()


def use(auth: Auth, app: dict[str, Any], token: str, **fields: Any) -> Any:
    return auth.token(app, **({"grant_type": "refresh_token", "refresh_token": token} | fields))


def past_grace(auth: Auth, app: dict[str, Any]) -> None:
    auth.sql("UPDATE grants SET rotated_at = rotated_at - interval '1 hour' WHERE client_id = %s", app["client_id"])


def test_each_use_gives_the_next_token_of_the_same_grant(auth: Auth) -> None:
    app, tokens = granted(auth)
    first = use(auth, app, tokens["refresh_token"]).json()
    second = use(auth, app, first["refresh_token"]).json()
    assert len({tokens["refresh_token"], first["refresh_token"], second["refresh_token"]}) == 3
    grants = {claims_of(one["access_token"])["grant_id"] for one in (tokens, first, second)}
    assert len(grants) == 1
    assert first["scope"] == tokens["scope"]
    assert auth.sql("SELECT count(*) FROM grants WHERE client_id = %s", app["client_id"]) == [(1,)]


def test_a_client_that_lost_the_answer_gets_the_same_successor_again(auth: Auth) -> None:
    app, tokens = granted(auth)
    first, again = (use(auth, app, tokens["refresh_token"]).json() for _ in range(2))
    assert first["refresh_token"] == again["refresh_token"]
    assert use(auth, app, first["refresh_token"]).status_code == 200


def test_reuse_after_the_grace_ends_the_family_and_its_access_tokens(auth: Auth) -> None:
    app, tokens = granted(auth)
    newest = use(auth, app, tokens["refresh_token"]).json()
    past_grace(auth, app)
    assert use(auth, app, tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert use(auth, app, newest["refresh_token"]).json()["error"] == "invalid_grant"
    grant_id = claims_of(newest["access_token"])["grant_id"]
    assert ("grant", grant_id) in {(mark["kind"], mark["id"]) for mark in auth.watermarks().json()["watermarks"]}


def test_reuse_of_a_grandparent_ends_the_family_within_the_grace_too(auth: Auth) -> None:
    app, tokens = granted(auth)
    first = use(auth, app, tokens["refresh_token"]).json()
    second = use(auth, app, first["refresh_token"]).json()
    assert use(auth, app, tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert use(auth, app, second["refresh_token"]).json()["error"] == "invalid_grant"


def test_of_two_refreshes_at_once_both_get_the_same_successor(auth: Auth) -> None:
    app, tokens = granted(auth)
    current = tokens["refresh_token"]
    for _ in range(50):
        answers: list[Any] = []
        threads = [
            threading.Thread(target=lambda current=current, answers=answers: answers.append(use(auth, app, current)))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [answer.status_code for answer in answers] == [200, 200]
        (current,) = {answer.json()["refresh_token"] for answer in answers}


def test_a_refused_refresh_does_not_use_the_token_up(auth: Auth) -> None:
    app, tokens = granted(auth)
    assert use(auth, app, tokens["refresh_token"], scope="argus:devices:read").json()["error"] == "invalid_scope"
    past_grace(auth, app)
    assert use(auth, app, tokens["refresh_token"]).status_code == 200


def test_a_refresh_may_narrow_scope_and_audience_for_once(auth: Auth) -> None:
    app, tokens = granted(auth)
    narrowed = use(auth, app, tokens["refresh_token"], scope="argus:epcr:read", resource=API).json()
    assert narrowed["scope"] == "argus:epcr:read"
    assert claims_of(narrowed["access_token"])["aud"] == [API]
    assert use(auth, app, narrowed["refresh_token"]).json()["scope"] == tokens["scope"]


def test_a_scope_withdrawn_from_the_app_is_gone_from_the_next_token(auth: Auth) -> None:
    app, tokens = granted(auth)
    change = {"requested_scopes": ["webhooks:write", "offline_access"]}
    auth.admin("PATCH", f"/v1/platform/apps/{app['client_id']}", json=change)
    assert use(auth, app, tokens["refresh_token"]).json()["scope"] == "webhooks:write offline_access"


def test_another_app_cannot_use_it_and_does_not_end_it(auth: Auth) -> None:
    app, tokens = granted(auth)
    thief = register_web_app(auth)
    assert use(auth, thief, tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert use(auth, app, tokens["refresh_token"]).status_code == 200


def test_a_public_client_rotates_as_well(auth: Auth) -> None:
    app, tokens = granted(auth, token_endpoint_auth_method="none")
    first = use(auth, app, tokens["refresh_token"]).json()
    past_grace(auth, app)
    assert use(auth, app, tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert use(auth, app, first["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("token", ["", "x", "knr_", "knr_0.1.x", "é", "knr_" + "0" * 26 + ".1." + "A" * 43])
def test_nonsense_is_invalid_grant(auth: Auth, token: str) -> None:
    app, _ = granted(auth)
    answer = use(auth, app, token)
    assert answer.status_code == 400
    assert answer.json()["error"] == ("invalid_request" if token == "" else "invalid_grant")


def test_a_disabled_users_grants_refresh_no_more(auth: Auth) -> None:
    app, tokens = granted(auth)
    auth.sql("UPDATE users SET status = 'disabled' WHERE email = %s", auth.demo["email"])
    try:
        assert use(auth, app, tokens["refresh_token"]).json()["error"] == "invalid_grant"
    finally:
        auth.sql("UPDATE users SET status = 'active' WHERE email = %s", auth.demo["email"])


@given(st.integers(1, 999_999_999), st.binary(min_size=32, max_size=32))
def test_a_token_reads_back_and_no_other_generation_or_seed_passes(generation: int, seed: bytes) -> None:
    grant_id = new_id("gnt")
    token = tokens.read_refresh(tokens.write_refresh(grant_id, generation, seed, KEYRING))
    assert token is not None
    assert (token.grant_id, token.generation) == (grant_id, generation)
    assert tokens.is_genuine(token, seed, KEYRING)
    assert not tokens.is_genuine(token._replace(generation=generation + 1), seed, KEYRING)
    assert not tokens.is_genuine(token, bytes(31) + b"x", KEYRING)


@given(st.text())
def test_no_text_breaks_reading(text: str) -> None:
    assert tokens.read_refresh("knr_" + text) is None or len(text) > 70


@given(st.integers(1, 100), st.integers(1, 100), st.integers(0, 120))
def test_only_the_newest_and_within_the_grace_its_parent_may_be_used(generation: int, newest: int, age: int) -> None:
    found = tokens.use_of(generation, newest, NOW - timedelta(seconds=age), NOW, GRACE)
    expected = "next" if generation >= newest else "again" if generation == newest - 1 and age <= 30 else "reuse"
    assert found == expected


def test_a_family_ends_after_thirty_idle_days_and_180_in_all() -> None:
    assert tokens.family_expires_at(NOW, NOW) == NOW + timedelta(days=30)
    assert tokens.family_expires_at(NOW - timedelta(days=170), NOW) == NOW + timedelta(days=10)

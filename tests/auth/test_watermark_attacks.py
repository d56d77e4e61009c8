"""A role of auth's database, in strange hands, makes no revoked token good: watermarks only widen, and stay as long as their tokens."""

from typing import Any

import psycopg
import pytest

from shared.web.revocations import Marks
from tests.auth.support import Auth, claims_of
from tests.auth.test_changes import changes, covers, mint_and_revoke, number
from tests.auth.test_rfcs import credentials

# As the attacker writes them, after `SET app.tenant_id`; `client`, `grant`, `jti` are of a revoked service token, `other` is a live app.
NARROWING = {
    "delete": "DELETE FROM watermarks WHERE id = %(grant)s",
    "delete all of the tenant": "DELETE FROM watermarks",
    "end at once": "UPDATE watermarks SET expires_at = now() WHERE id = %(grant)s",
    "refuse less": "UPDATE watermarks SET not_before_ms = 0 WHERE id = %(grant)s",
    "refuse another": "UPDATE watermarks SET id = 'x' WHERE id = %(grant)s",
    "refuse another kind": "UPDATE watermarks SET kind = 'token' WHERE id = %(grant)s",
    "refuse it to another client": "UPDATE watermarks SET client_id = %(other)s WHERE id = %(grant)s",
    "make it coverable": "UPDATE watermarks SET made_before_ms = 0 WHERE id = %(grant)s",
    "make it coverable by none": "UPDATE watermarks SET made_before_ms = NULL WHERE id = %(grant)s",
    "hide it from followers": "UPDATE watermarks SET sequence = 0 WHERE id = %(grant)s",
    "a number that nobody took": "UPDATE watermarks SET sequence = sequence + 1 WHERE id = %(grant)s",
    "live for ever": "UPDATE watermarks SET expires_at = '9000-01-01' WHERE id = %(grant)s",
    "refuse tokens to come": "UPDATE watermarks SET not_before_ms = 4102444800000 WHERE id = %(grant)s",
    "cover it by one that has ended": """
        INSERT INTO watermarks (kind, id, tenant_id, client_id, not_before_ms, made_before_ms, expires_at, sequence)
        SELECT 'client', %(client)s, current_tenant(), %(client)s, floor(extract(epoch FROM now()) * 1000), 0, now(), next_changes(1) + 1
    """,
    "cover it by one that nobody sees": """
        INSERT INTO watermarks (kind, id, tenant_id, client_id, not_before_ms, made_before_ms, expires_at, sequence)
        SELECT 'client', %(client)s, current_tenant(), %(client)s, floor(extract(epoch FROM now()) * 1000), 0,
            now() + interval '30 days 5 minutes', sequence FROM revocation_state
    """,
    "cover it by one under another name": """
        INSERT INTO watermarks (kind, id, tenant_id, client_id, not_before_ms, made_before_ms, expires_at, sequence)
        SELECT 'tenant', 'org_x', current_tenant(), NULL, floor(extract(epoch FROM now()) * 1000), 0, now() + interval '30 days 5 minutes',
            next_changes(1) + 1
    """,
    "take the place of a grant's in time": """
        INSERT INTO watermarks (kind, id, tenant_id, client_id, not_before_ms, made_before_ms, expires_at, sequence)
        SELECT 'grant', %(live)s, current_tenant(), 'app_x', 1, 1, now() + interval '1 hour', next_changes(1) + 1
    """,
    "take the place of an app's in time": """
        SELECT set_config('app.tenant_id', %(stranger)s, true);
        INSERT INTO watermarks (kind, id, tenant_id, client_id, not_before_ms, made_before_ms, expires_at, sequence)
        SELECT 'client', %(other)s, current_tenant(), %(other)s, 1, 1, now() + interval '30 days 5 minutes', next_changes(1) + 1
    """,
    "refuse tokens to come of an app": """
        INSERT INTO watermarks (kind, id, tenant_id, client_id, not_before_ms, made_before_ms, expires_at, sequence)
        SELECT 'client', %(other)s, current_tenant(), %(other)s, 4102444800000, 1, '2101-01-01', next_changes(1) + 1
    """,
    "go back with the numbers": "UPDATE revocation_state SET sequence = 0",
    "end the numbers": "UPDATE revocation_state SET sequence = 9223372036854775807",
    "go back with the version": "UPDATE revocation_state SET version = 0",
    "end the versions": "UPDATE revocation_state SET version = 9223372036854775807",
}
BY_THE_WEB_PROCESS = {
    "distrust the key that signs": "SELECT distrust_keys(array_agg(kid)) FROM signing_keys",
}


@pytest.fixture(scope="module")
def revoked(auth: Auth) -> dict[str, Any]:
    """A service token that was revoked, a live one of another app, and the ids of both."""
    app, other = auth.register(), auth.register()
    [claims] = mint_and_revoke(auth, app, 1)
    live = claims_of(auth.admin("POST", f"/v1/platform/apps/{other['client_id']}/service-token").json()["token"])
    ids = {"client": app["client_id"], "grant": claims["grant_id"], "other": other["client_id"]}
    return ids | {"live": live["grant_id"], "stranger": auth.other["tenant_id"], "claims": claims}


def held(auth: Auth) -> Marks:
    """As a gateway that starts now knows them."""
    marks = Marks()
    after, more = 0, True
    while more:
        answer = changes(auth, after)
        marks.add(answer.watermarks)
        after, more = answer.sequence or 0, answer.more
    return marks


def attempt(auth: Auth, role: str, statement: str, values: dict[str, Any]) -> None:
    dsn = {"web": auth.settings.database_url, "worker": auth.settings.worker_database_url or ""}[role]
    with psycopg.connect(dsn, cursor_factory=psycopg.ClientCursor) as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (auth.demo["tenant_id"],))
        conn.execute(statement.encode(), values)


@pytest.mark.parametrize("role", ["web", "worker"])
@pytest.mark.parametrize("how", NARROWING)
def test_no_role_of_a_process_narrows_or_hides_what_is_revoked(
    auth: Auth, revoked: dict[str, Any], how: str, role: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        attempt(auth, role, NARROWING[how], revoked)
    assert covers(held(auth), revoked["claims"])


@pytest.mark.parametrize("how", BY_THE_WEB_PROCESS)
def test_a_web_process_refuses_no_token_of_a_good_key(auth: Auth, revoked: dict[str, Any], how: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        attempt(auth, "web", BY_THE_WEB_PROCESS[how], revoked)


def test_a_token_that_somebody_revoked_for_another_client_before_is_refused_to_its_own(auth: Auth) -> None:
    """The place of a token's watermark is free until it is revoked, and no row knows whose the token is."""
    app, other = auth.register(), auth.register()
    token = auth.token(app).json()["access_token"]
    claims = claims_of(token)
    values = {"jti": claims["jti"], "other": other["client_id"]}
    attempt(
        auth, "web", "SELECT revoke_tokens('token', ARRAY[%(jti)s], %(other)s, interval '1 hour', 1000, 5000)", values
    )
    before = number(auth)
    assert not covers(held(auth), claims)
    assert auth.form("/v1/oauth/revoke", credentials(app) | {"token": token}).status_code == 200
    running = Marks()
    running.add(changes(auth, before).watermarks)
    assert covers(running, claims)
    assert covers(held(auth), claims)


def test_a_distrusted_key_outlives_a_watermark_of_the_platforms_tenant(auth: Auth) -> None:
    auth.sql("SELECT distrust_keys(ARRAY['a_key_of_old'])")
    try:
        with psycopg.connect(auth.settings.worker_database_url or "") as conn:
            conn.execute("SELECT set_config('app.tenant_id', 'platform', true)")
            conn.execute("SELECT revoke_tokens('tenant', ARRAY['platform'], NULL, interval '1 hour', 1000, 5000)")
            kept = conn.execute("SELECT kind, id FROM watermarks").fetchall()
            conn.rollback()
        assert {("key", "a_key_of_old"), ("tenant", "platform")} <= set(kept)
    finally:
        auth.sql("DELETE FROM watermarks WHERE id = 'a_key_of_old'")

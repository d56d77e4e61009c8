"""A whole key rotation under load, as verifiers with caches see it."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import jwt
import psycopg
import pytest
from jwt import PyJWKSet

from services.auth.app import create_app
from services.auth.keys import keystore, rotation
from shared.primitives.crypto import Keyring
from shared.web.identity import HEADER, Caller, mint
from tests.auth.support import API, ISSUER, Auth, header_of, running
from tests.conftest import FreshDatabase
from tests.support.alone import KEY
from tests.support.plain import PLAIN
from tests.support.serving import serving
from tests.support.stack import Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

CACHE_SECONDS = 0.5
# In proportion a busy machine, which may hold the key store's own refreshing up for seconds, is allowed for.
WAIT = timedelta(seconds=6)


@pytest.fixture
def quick(fresh_database: FreshDatabase, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Auth]:
    """Auth whose times are all a hundredth of the real ones."""
    monkeypatch.setattr(keystore, "REFRESH_SECONDS", 0.1)
    with running(fresh_database("auth"), redis_url) as auth:
        yield auth


class Verifier:
    """A partner that fetches the JWKS when its cache is over, and at no other time."""

    def __init__(self, auth: Auth) -> None:
        self.auth = auth
        self.fetched_at = 0.0

    def verify(self, token: str) -> dict[str, Any]:
        if time.monotonic() - self.fetched_at > CACHE_SECONDS:
            self.keys = PyJWKSet.from_dict(self.auth.call("GET", "/.well-known/jwks.json").json())
            self.fetched_at = time.monotonic()
        key = self.keys[header_of(token)["kid"]].key
        return jwt.decode(token, key, ["RS256"], audience=API, issuer=ISSUER)


def test_a_verifier_with_a_cached_jwks_sees_no_failure_through_a_whole_rotation(quick: Auth) -> None:
    app, stop = quick.register(), threading.Event()
    kids: list[str] = []
    failures: list[str] = []

    def use() -> None:
        verifier = Verifier(quick)
        while not stop.is_set():
            token = quick.token(app).json()["access_token"]
            try:
                verifier.verify(token)
            except Exception as error:
                failures.append(repr(error))
            kids.append(header_of(token)["kid"])

    users = [threading.Thread(target=use) for _ in range(3)]
    for user in users:
        user.start()
    before = wait_for(lambda: kids[0] if kids else None)
    keyring = Keyring.from_text(quick.settings.encryption_keys)
    with psycopg.connect(quick.settings.worker_database_url or "") as conn:
        after = rotation.rotate(conn, keyring, bits=2048, wait=WAIT)
    wait_for(lambda: after in kids)
    quick.sql("UPDATE signing_keys SET removed_at = now() + interval '0.2 s' WHERE kid = %s", before)
    wait_for(lambda: [key["kid"] for key in quick.call("GET", "/.well-known/jwks.json").json()["keys"]] == [after])
    seen = len(kids)
    wait_for(lambda: len(kids) > seen + 20)
    stop.set()
    for user in users:
        user.join()
    assert failures == []
    assert kids[-1] == after


def test_no_replica_lags_behind_an_emergency_rotation(
    fresh_database: FreshDatabase, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two web processes on one database, whose background refresh is far too slow to help."""
    monkeypatch.setattr(keystore, "REFRESH_SECONDS", 3600)
    database = fresh_database("auth")
    with running(database, redis_url) as one, serving(create_app(one.settings)) as url:
        other = httpx2.Client(base_url=url, timeout=30, trust_env=False, verify=PLAIN)
        app = one.register()
        keyring = Keyring.from_text(one.settings.encryption_keys)
        before = header_of(one.token(app).json()["access_token"])["kid"]
        for http in (one.http, other):
            assert before in http.get("/.well-known/jwks.json", headers=_anonymous()).text
        with psycopg.connect(one.settings.worker_database_url or "") as conn:
            after = rotation.rotate(conn, keyring, bits=2048, wait=rotation.EMERGENCY_WAIT)
            rotation.distrust_older(conn, after)
        signed_by: list[str] = []
        deadline = time.monotonic() + 10
        while after not in signed_by and time.monotonic() < deadline:
            signed_by.append(header_of(one.token(app).json()["access_token"])["kid"])
        # From its first signature on, the other replica publishes it and signs with nothing else.
        assert signed_by[-1] == after
        assert after in other.get("/.well-known/jwks.json", headers=_anonymous()).text
        form = {
            "grant_type": "client_credentials",
            "client_id": app["client_id"],
            "client_secret": app["client_secret"],
        }
        token = other.post("/v1/oauth/token", data=form, headers=_anonymous()).json()["access_token"]
        assert header_of(token)["kid"] == after
        published = [key["kid"] for key in other.get("/.well-known/jwks.json", headers=_anonymous()).json()["keys"]]
        assert published == [after]
        other.close()


def _anonymous() -> dict[str, str]:
    return {HEADER: mint(Caller(address="203.0.113.7"), KEY, "auth")}


def test_the_gateway_learns_a_key_it_has_never_seen_by_itself(stack: Stack) -> None:
    """An emergency rotation: the new key signs before any cache can know it."""
    auth = stack.described["services"]["auth"]
    keyring = Keyring.from_text(stack_encryption_keys(stack))
    with psycopg.connect(auth["worker_database_url"]) as conn:
        kid = rotation.rotate(conn, keyring, bits=2048, wait=timedelta(0))
    token = wait_for(lambda: found if header_of(found := stack.app_token("webhooks:read"))["kid"] == kid else None)
    with stack.client("auth", token) as client:
        wait_for(lambda: client.get("/v1/platform/scopes").status_code == 200)


def stack_encryption_keys(stack: Stack) -> str:
    secrets = json.loads((Path(stack.described["state"]) / "secrets.json").read_text())
    return secrets["encryption keys of auth"]

"""However many grants end at once, all other revocations wait only for a bounded number of watermarks."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.errors import LockNotAvailable

from services.auth.revocations import watermarks
from tests.auth.federation import Connection
from tests.auth.support import Auth, Browser, authorization, redeem, register_web_app, returned
from tests.auth.test_operator import operate
from tests.auth.test_revocations import new_user
from tests.auth.test_sign_in import choose, new_link

MANY = int(os.environ.get("MANY_GRANTS", "40000"))
FEW = watermarks.CLIENT_MOST
TIMES = 4
"""`MANY` hold the row of the revocations for at most this many times as long as `FEW`."""
SEED = """
    INSERT INTO grants (grant_id, tenant_id, client_id, user_id, scopes, audience, offline, seed, expires_at)
    SELECT 'gnt_' || %(tag)s || lpad(number::text, 12, '0'), %(tenant_id)s, (%(clients)s::text[])[1 + number %% cardinality(%(clients)s)],
        %(user_id)s, '{webhooks:write}', '{}', true, '', now() + interval '30 days'
    FROM generate_series(1, %(count)s) AS number
"""


def seed(auth: Auth, email: str, clients: list[str], count: int) -> None:
    with psycopg.connect(auth.settings.migration_database_url or "") as conn:
        [(user_id,)] = conn.execute("SELECT user_id FROM users WHERE email = %s", (email,)).fetchall()
        row = {"tag": f"{time.time_ns():x}", "tenant_id": auth.demo["tenant_id"], "user_id": user_id}
        conn.execute(SEED, row | {"clients": clients, "count": count})
        conn.execute("ANALYZE grants")


def live(auth: Auth, client_id: str) -> int:
    [(count,)] = auth.sql("SELECT count(*) FROM grants WHERE client_id = %s AND revoked_at IS NULL", client_id)
    return count


def held_by(auth: Auth, call: Callable[[], Any]) -> float:
    """The longest time in seconds for which another revocation would have waited during `call`."""
    done = threading.Event()
    longest = 0.0

    def look() -> None:
        nonlocal longest
        with psycopg.connect(auth.settings.worker_database_url or "", autocommit=True) as conn:
            free = time.perf_counter()
            while not done.is_set():
                try:
                    conn.execute("SELECT FROM revocation_state FOR UPDATE NOWAIT")
                    free = time.perf_counter()
                except LockNotAvailable:
                    longest = max(longest, time.perf_counter() - free)
                time.sleep(0.001)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        call()
    finally:
        done.set()
        looking.join()
    return longest


def withdraw(auth: Auth, email: str, app: dict[str, Any]) -> None:
    browser = Browser(auth)
    browser.sign_in({"email": email})
    answer = browser.submit(browser.get("/v1/auth/sessions"), "/v1/auth/sessions", withdraw=app["client_id"])
    assert answer.headers.get("location", "").endswith("done=withdrawn"), answer.text


def disable(auth: Auth, email: str, app: dict[str, Any]) -> None:
    operate(auth, "user", "disable", email)


def change_password(auth: Auth, email: str, app: dict[str, Any]) -> None:
    browser = Browser(auth)
    assert choose(browser, browser.get(new_link(auth, {"email": email})), "another long password") == 200


def test_nobody_waits_longer_for_many_grants_of_one_person_than_for_few(auth: Auth) -> None:
    for end in (withdraw, change_password, disable):
        took: list[float] = []
        for count in (FEW, MANY):
            email, app = new_user(auth), register_web_app(auth)
            seed(auth, email, [app["client_id"]], count)
            took.append(held_by(auth, lambda end=end, email=email, app=app: end(auth, email, app)))
            assert live(auth, app["client_id"]) == 0
        print(end.__name__, took)
        assert took[1] < TIMES * took[0], (end.__name__, took)

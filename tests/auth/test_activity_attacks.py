"""Neither the requests of one app's client nor its rows lose the counts and refusals of other apps."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from services.auth.activity import Activity, CallKind, Calls
from shared.storage.database import SET_TENANT, AsyncConnection
from tests.auth.device_support import begun, register_device_app
from tests.auth.support import Auth
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

LONGEST = 9_223_372_036_854_775_807


def flush(auth: Auth, *notes: Callable[[Activity], object]) -> None:
    """All of them between two flushes of one process."""

    async def run() -> None:
        async with AsyncConnectionPool(
            auth.settings.database_url, connection_class=AsyncConnection, min_size=1, max_size=1
        ) as pool:
            activity = Activity(pool)
            for note in notes:
                note(activity)
            await activity.flush()

    asyncio.run(run())


def counted(auth: Auth, app: dict[str, Any]) -> int:
    ((number,),) = auth.sql(
        "SELECT coalesce(sum(count), 0)::integer FROM daily_counts WHERE client_id = %s AND kind = 'token'",
        app["client_id"],
    )
    return number


def test_a_count_that_cannot_be_written_loses_no_other_organisations(auth: Auth) -> None:
    """A primary key has at most 2,704 bytes; text of random letters does not become shorter."""
    app = auth.register()
    letters = "".join(chr(0x4E00 + 7919 * n % 20_000) for n in range(5_000))
    flush(
        auth,
        lambda each: each.count("org_of_a_stranger", "app_a", "token", letters),
        lambda each: each.count(app["tenant_id"], app["client_id"], "token"),
        lambda each: each.count("org_of_z_stranger", "app_z", "token", letters),
    )
    assert counted(auth, app) == 1


@pytest.mark.parametrize("table", ["daily_counts", "refused_calls"])
def test_a_row_that_a_web_process_filled_loses_no_other_organisations_counts(auth: Auth, table: str) -> None:
    victim, stranger = auth.register(), "org_of_a_stranger"
    now = datetime.now(UTC)
    kind = CallKind("app_a", 403, "forbidden", "GET /", "")

    def fill(activity: Activity) -> None:
        activity.count(stranger, "app_a", "token")
        activity.calls_refused(stranger, kind, Calls(1, now, now, "a" * 32))

    flush(auth, fill)
    with psycopg.connect(auth.settings.database_url) as conn:
        conn.execute(SET_TENANT, (stranger,))
        assert conn.execute(f"UPDATE {table} SET count = %s".encode(), (LONGEST,)).rowcount
    flush(auth, fill, lambda each: each.count(victim["tenant_id"], victim["client_id"], "token"))
    assert counted(auth, victim) == 1


def test_a_caller_names_no_kinds_of_counts(auth: Auth) -> None:
    """Each kind is a row; a device's app needs no secret, so that strangers could fill the table."""
    app = register_device_app(auth)
    begun(auth, app, grant_type="a word of the caller")
    details = "SELECT detail FROM daily_counts WHERE client_id = %s AND kind = 'device_authorization'"
    assert wait_for(lambda: auth.sql(details, app["client_id"])) == [("",)]

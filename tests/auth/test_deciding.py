"""Decisions that meet: two operators, an operator and the tenant, and one that dies half way."""

import asyncio
import os
import subprocess
import sys
import threading
from typing import Any

import msgspec
import psycopg
import pytest

from services.auth.requests import deciding
from services.auth.tenants.operations import OperationRefused
from shared.process.settings import required
from tests.auth.organisations import PATH, Organisation
from tests.auth.support import Auth
from tests.auth.test_operator import Done, run
from tests.support.waiting import wait_for

WAITING = """
    SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE NOT granted AND datname = current_database()
"""
EFFECTS = """
    SELECT (SELECT count(*) FROM tenants), (SELECT count(*) FROM apps), (SELECT count(*) FROM users),
        (SELECT count(*) FROM audit), (SELECT count(*) FROM outbox)
"""


@pytest.fixture
def organisation(auth: Auth) -> Organisation:
    return Organisation(auth)


def hold(auth: Auth, table: str, column: str, value: str) -> psycopg.Connection[Any]:
    """A transaction that has locked one row, for others to queue behind."""
    conn = psycopg.connect(required(auth.settings.migration_database_url, ""))
    conn.execute(f"SELECT 1 FROM {table} WHERE {column} = %s FOR UPDATE", (value,))  # pyright: ignore[reportArgumentType]
    return conn


def test_a_withdrawal_and_an_approval_at_once_are_one_of_the_two_whole(auth: Auth, organisation: Organisation) -> None:
    def both(made: dict[str, Any]) -> tuple[bool, int]:
        """Sends the two to the same row, held until both stand there."""
        done: list[Done] = []
        statuses: list[int] = []
        approving = threading.Thread(target=lambda: done.append(run_apart(auth, "approve", made["id"])))
        withdrawing = threading.Thread(target=lambda: statuses.append(organisation.withdraw(made).status_code))
        stand_at_a_row(auth, made, approving, withdrawing)
        return done[0].status == 0, statuses[0]

    made = organisation.ask("telephony")
    is_approved, withdrawal = both(made)
    outcome = (organisation.read(made)["status"], is_approved, withdrawal, bool(organisation.row("granted_scopes")))
    assert outcome in [("approved", True, 409, True), ("withdrawn", False, 200, False)]


def test_two_operators_approve_at_once_and_one_is_told_so(auth: Auth, organisation: Organisation) -> None:
    email = f"twice@{organisation.tenant_id[-12:]}.example"
    made = organisation.ask("sandbox", {"admin_email": email, "demo_data": False})
    before = auth.sql("SELECT count(*) FROM tenants")[0][0]
    done: list[Done] = []
    apart = threading.Thread(target=lambda: done.append(run_apart(auth, "approve", made["id"])))
    here = threading.Thread(target=lambda: done.append(run_here(auth, made["id"])))
    stand_at_a_row(auth, made, apart, here)
    assert sorted(one.status == 0 for one in done) == [False, True]
    assert any("approved already" in one.text for one in done)
    assert auth.sql("SELECT count(*) FROM tenants")[0][0] == before + 1


def test_an_approval_killed_half_way_leaves_nothing_and_can_be_made_again(
    auth: Auth, organisation: Organisation
) -> None:
    email = f"killed@{organisation.tenant_id[-12:]}.example"
    made = organisation.ask("sandbox", {"admin_email": email, "demo_data": False})
    before = auth.sql(EFFECTS)
    # The sandbox's user is written after its tenant: held up by an uncommitted twin, the approval stands half done.
    with psycopg.connect(required(auth.settings.migration_database_url, "")) as gate:
        gate.execute(
            "INSERT INTO users (user_id, tenant_id, email, name) VALUES ('usr_twin', %s, %s, 'x')",
            (organisation.tenant_id, email),
        )
        process = start(auth, "approve", made["id"])
        wait_for(lambda: auth.sql(WAITING) == [(1,)], what="the approval to be half done")
        process.kill()
        process.communicate()
        gate.rollback()
    wait_for(lambda: auth.sql(EFFECTS) == before, what="the dead transaction to be rolled back")
    assert organisation.read(made)["status"] == "pending"
    assert run(auth, "requests", "approve", made["id"]).status == 0
    assert organisation.read(made)["status"] == "approved"


def test_the_app_role_decides_nothing(auth: Auth, organisation: Organisation) -> None:
    made = organisation.ask("telephony")
    statements = [
        "UPDATE integration_requests SET status = 'approved', decided_at = now() WHERE id = %s",
        "UPDATE integration_requests SET sandbox_tenant_id = tenant_id WHERE id = %s",
        "DELETE FROM integration_requests WHERE id = %s",
    ]
    for statement in statements:
        with psycopg.connect(auth.settings.database_url) as conn:
            conn.execute("SELECT set_config('app.tenant_id', %s, true)", (organisation.tenant_id,))
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement, (made["id"],))  # pyright: ignore[reportArgumentType]
    assert organisation.call("GET", f"{PATH}/{made['id']}").json()["status"] == "pending"


def start(auth: Auth, *words: str) -> "subprocess.Popen[str]":
    """The command as a process of its own, as operators run it."""
    fields = msgspec.structs.asdict(auth.settings)
    environment = {name.upper(): str(value) for name, value in fields.items() if value is not None}
    return subprocess.Popen(
        [sys.executable, "-m", "services.auth", "requests", *words],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def stand_at_a_row(auth: Auth, made: dict[str, Any], slow: threading.Thread, quick: threading.Thread) -> None:
    """Two decisions queue at a held row, and end once it is free. A lock is waited for 5 s at most: who takes long to come comes first."""
    with hold(auth, "integration_requests", "id", made["id"]) as gate:
        slow.start()
        wait_for(lambda: auth.sql(WAITING) == [(1,)], what="the first to stand at the row")
        quick.start()
        wait_for(lambda: auth.sql(WAITING) == [(2,)], what="both to stand at the row")
        gate.rollback()
    slow.join()
    quick.join()


def run_here(auth: Auth, request_id: str) -> Done:
    """An approval without the seconds that a process takes to start."""

    async def approve() -> None:
        async with deciding.operating(auth.settings) as conn:
            await deciding.approve(conn, request_id, None)

    try:
        asyncio.run(approve())
    except OperationRefused as refused:
        return Done(1, str(refused))
    return Done(0, "")


def run_apart(auth: Auth, *words: str) -> Done:
    process = start(auth, *words)
    text, _ = process.communicate()
    return Done(process.returncode, text.strip())

"""The work in sandboxes: auth sends a service one portion and, when it is answered, the next, in the transaction of the answer.

So a sandbox of any size has one portion under way, and nothing is lost or done twice where a process is killed: outbox and inbox carry the
portion and its answer. A portion whose answer does not come is sent again. Tenants take turns as for every message (decision 0040).
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg.rows import class_row

from services.auth import metrics
from services.auth.sandboxes import queries
from services.auth.sandboxes.models import SandboxRow
from services.auth.sandboxes.plan import STEPS
from services.auth.tenants.operations import SCHEDULE
from shared.messaging import outbox
from shared.messaging.messages import (
    Received,
    SandboxDeliveries,
    SandboxDevices,
    SandboxEncounters,
    SandboxIncidents,
    SandboxPortionDone,
    SandboxTask,
)
from shared.storage import audit
from shared.storage.database import Connection, set_tenant
from shared.web.identity import Caller

FINISHED = {"preparing": "ready", "resetting": "ready", "deleting": "deleted"}


def portion_of(sandbox: SandboxRow) -> SandboxTask:
    """The message for the present portion."""
    step = STEPS[sandbox.state][sandbox.step]
    return message(sandbox, step.part, step.task, step=sandbox.step, portion=sandbox.portion)


def message(sandbox: SandboxRow, part: str, task: str, **more: Any) -> SandboxTask:
    """Work for the service `part`."""
    fields: dict[str, Any] = {
        "sandbox_id": sandbox.id,
        "client_id": sandbox.client_id,
        "generation": sandbox.generation,
        "seed": sandbox.seed,
        "until": sandbox.until,
        "task": task,
    } | more
    match part:
        case "epcr":
            return SandboxEncounters(**fields)
        case "device_ingest":
            return SandboxDevices(**fields)
        case "graphql_api":
            return SandboxIncidents(**fields)
        case "webhook_dispatcher":
            return SandboxDeliveries(**fields)
        case _:
            raise ValueError(part)


def go_on(conn: Connection, received: Sequence[Received[SandboxPortionDone]]) -> None:
    """Sends the portion after each that was answered, or ends the work. An answer that nothing waits for changes nothing."""
    finished: list[SandboxRow] = []
    for one in received:
        answer = msgspec.structs.asdict(one.body) | {"tenant_id": one.tenant_id}
        with conn.cursor(row_factory=class_row(SandboxRow)) as cursor:
            sandbox = cursor.execute(queries.ANSWERED, answer).fetchone()
            if sandbox is None:
                continue
            step, portion = (sandbox.step, sandbox.portion + 1) if one.body.left else (sandbox.step + 1, 0)
            if step == len(STEPS[sandbox.state]):
                conn.execute(queries.FINISH, {"id": sandbox.id, "state": FINISHED[sandbox.state]})
                finished.append(sandbox)
                continue
            moved = cursor.execute(queries.GO_ON, {"id": sandbox.id, "step": step, "portion": portion}).fetchone()
        assert moved is not None
        outbox.add_sync(conn, sandbox.sandbox_tenant_id, portion_of(moved), traceparent=one.traceparent)
    # Comes last: an entry of the trail needs the transaction set to its tenant, and an answer is found by none.
    for sandbox in finished:
        set_tenant(conn, sandbox.tenant_id)
        by = Caller(tenant_id=sandbox.tenant_id, client_id=SCHEDULE)
        detail = {"tenant": sandbox.sandbox_tenant_id, "generation": sandbox.generation}
        conn.execute(audit.RECORD, audit.entry(by, f"sandbox.{FINISHED[sandbox.state]}", sandbox.id, detail))


def resume(conn: Connection) -> int:
    """Sends the present portion of stopped work again, after ever longer waits. Returns how many it sent.

    A portion that is done twice changes nothing, and its second answer finds the work gone on.
    """
    with conn.cursor(row_factory=class_row(SandboxRow)) as cursor:
        stopped = cursor.execute(queries.STOPPED).fetchall()
    for sandbox in stopped:
        outbox.add_sync(conn, sandbox.sandbox_tenant_id, portion_of(sandbox))
    (age,) = conn.execute(queries.OLDEST_WORK).fetchone() or (0.0,)
    metrics.oldest_sandbox_work.set(max(0.0, age))
    return len(stopped)

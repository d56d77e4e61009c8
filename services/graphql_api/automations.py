"""Performs runs of control-plane's automations: approved documents, new incidents, notes on an incident's timeline.

Each run has a transaction of its own under the HTTP role, with its id beside its effect. A run that a killed worker had committed is
found by its id when its message is sent again; a run that it had not committed has left nothing.
"""

import atexit
import re
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
from anyio.from_thread import BlockingPortal, start_blocking_portal
from psycopg_pool import AsyncConnectionPool

from services.graphql_api import errors, inputs, queries, schema
from services.graphql_api.context import Context
from services.graphql_api.errors import Refusal
from services.graphql_api.incidents import resolvers as incidents
from services.graphql_api.incidents.models import Draft
from services.graphql_api.settings import Settings
from services.graphql_api.transport import documents, plans
from services.graphql_api.transport.documents import Operation
from services.graphql_api.transport.plans import Planner
from shared.messaging import outbox
from shared.messaging.messages import AutomationAction, AutomationIncident, Received, RunDocument, RunFinished
from shared.primitives import ids
from shared.process import telemetry
from shared.storage.database import AsyncConnection, Connection, aset_tenant, open_pool
from shared.web.identity import Caller

# A run with one of these errors may succeed at another time; one with another error is refused again.
PASSING = frozenset({"UNAVAILABLE", "INTERNAL"})
# Mutations of this service without credentials in their variables.
AUTOMATED = frozenset({"createIncident", "updateIncident", "closeIncident"})
NOTE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
CONNECTIONS = 4
"""At most, in a worker: see the runbook connection-budget."""
Result = dict[str, Any]


class Opened(NamedTuple):
    """An event loop in a thread of its own, and its connections."""

    loop: BlockingPortal
    pool: AsyncConnectionPool[AsyncConnection]


class Runs:
    """Performs runs and reports the outcome of each attempt to control-plane.

    Tasks are threads and resolvers are async: all tasks of a process share one event loop and its pool of connections.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._opening = threading.Lock()
        self._open: Opened | None = None
        self._closing = ExitStack()

    @cached_property
    def planner(self) -> Planner:
        executable = schema.build()
        return Planner(executable, documents.load(executable))

    @cached_property
    def catalogue(self) -> dict[tuple[str, str], Operation]:
        """Approved documents by bundle and operation."""
        loaded = documents.load(self.planner.schema).bundles
        return {
            (bundle.name, operation.name): operation for bundle in loaded.values() for operation in bundle.operations
        }

    def perform(self, conn: Connection, messages: Sequence[Received[AutomationAction]]) -> None:
        opened = self._opened()
        for message in messages:
            with telemetry.span(f"automation {type(message.body).__name__}", parent=message.traceparent):
                finished = opened.loop.call(self._attempt, opened.pool, message)
                outbox.add_sync(conn, message.tenant_id, finished)

    def _opened(self) -> Opened:
        """Opens the loop and the pool for the first run, so that neither crosses a fork."""
        with self._opening:
            if self._open is None:
                loop = self._closing.enter_context(start_blocking_portal(name="runs"))
                pool = open_pool(self.settings.database_url, max_size=CONNECTIONS)
                self._closing.enter_context(loop.wrap_async_context_manager(pool))
                self._open = Opened(loop, pool)
                atexit.register(self.close)
            return self._open

    def close(self) -> None:
        """Ends the loop and its connections; the next run opens them again."""
        with self._opening:
            self._open = None
            self._closing.close()
            atexit.unregister(self.close)

    async def _attempt(
        self, pool: AsyncConnectionPool[AsyncConnection], message: Received[AutomationAction]
    ) -> RunFinished:
        run = message.body
        try:
            result = await self._once(pool, message)
        except Refusal as refusal:
            # For the run's log: the message and the pointers, but no other details, which may quote a value.
            places = [one["pointer"] for one in refusal.extra.get("errors", [])]
            return RunFinished(
                run_id=run.run_id,
                attempt=run.attempt,
                outcome="failed" if refusal.code in PASSING else "refused",
                error=refusal.code,
                detail=" ".join([refusal.message, *places]),
            )
        return RunFinished(run_id=run.run_id, attempt=run.attempt, outcome="succeeded", result=result)

    async def _once(self, pool: AsyncConnectionPool[AsyncConnection], message: Received[AutomationAction]) -> Result:
        """The result of this attempt or of an earlier one. Raises a Refusal, which undoes the attempt."""
        run = message.body
        async with pool.connection() as conn:
            await aset_tenant(conn, message.tenant_id)
            new = await conn.execute(queries.ADD_EFFECT, (run.run_id, message.tenant_id, "{}"))
            if await new.fetchone() is None:
                row = await (await conn.execute(queries.FIND_EFFECT, (run.run_id,))).fetchone()
                return row[0] if row else {}
            caller = Caller(
                tenant_id=message.tenant_id,
                client_id=run.client_id,
                subject=run.automation_id,
                scopes=frozenset(run.scopes),
                environment=run.environment,
                token_use="service",  # noqa: S106 - a kind of token, not one
            )
            result = await self._act(Context(caller, conn, self.settings, run.cause), conn, run)
            await conn.execute(queries.SET_EFFECT, (msgspec.json.encode(result).decode(), run.run_id))
            return result

    async def _act(self, context: Context, conn: AsyncConnection, run: AutomationAction) -> Result:
        granted = await (await conn.execute(queries.GRANTED, (run.client_id,))).fetchone()
        if granted is None:
            raise errors.forbidden("The app is not active.")
        if isinstance(run, RunDocument):
            operation = self.catalogue.get((run.bundle, run.operation))
            if operation is None or not operation.document.roots <= AUTOMATED:
                raise errors.not_approved()
            if run.bundle not in granted[0]:
                raise errors.not_granted(run.operation, operation.document.roots, [run.bundle])
            plan = self.planner.plan(operation.text)
            for scope in plan.write_scopes:
                context.require(scope)
            answer = await plans.run(self.planner.schema, plan, run.variables, context)
            if "errors" in answer:
                error = answer["errors"][0]
                extra = {name: value for name, value in error["extensions"].items() if name not in ("code", "trace_id")}
                raise Refusal(error["extensions"]["code"], error["message"], **extra)
            return {name: made["id"] for name, made in answer["data"].items()}
        assert isinstance(run, AutomationIncident)
        if run.fields is not None:
            opened = await incidents.open_incident(context, inputs.convert(run.fields, Draft, "fields"))
            return {"incident_id": opened.id}
        if run.note is None or not NOTE.fullmatch(run.note):
            raise errors.bad_input(
                "The note is not a code of at most 64 letters, digits, points, hyphens and underscores."
            )
        if run.incident_id is None or not ids.is_id(run.incident_id, "inc"):
            raise errors.not_found()
        annotated = await incidents.annotate(context, run.incident_id, run.note)
        return {"incident_id": annotated.id}

"""What automations of control-plane do here: an approved document, an incident opened, a note on one's timeline.

Each run has a transaction of its own under the HTTP role, in which its id is written beside its effect. A worker killed after that
commit is told of the run again and finds the id; killed before, it finds nothing done.
"""

import asyncio
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import msgspec
from starlette.requests import Request

from services.graphql_api import bundles, errors, execution, inputs, queries, schema
from services.graphql_api.bundles import Operation
from services.graphql_api.context import Context
from services.graphql_api.errors import Refusal
from services.graphql_api.incidents import resolvers as incidents
from services.graphql_api.incidents.models import Draft
from services.graphql_api.plans import Planner
from services.graphql_api.settings import Settings
from shared import ids, outbox, peers, tracing
from shared.crypto import Keyring
from shared.database import WRITABLE, AsyncConnection, Connection, aset_tenant
from shared.identity import Caller
from shared.messages import AutomationAction, AutomationIncident, RunDocument, RunFinished
from shared.worker import Received

# What may go right at another time; anything else would be refused again.
PASSING = frozenset({"UNAVAILABLE", "INTERNAL"})
# Nothing with credentials in its variables, nothing that only reads, nothing that another service does.
AUTOMATED = frozenset({"createIncident", "updateIncident", "closeIncident"})
NOTE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
Result = dict[str, Any]


class Runs:
    """Performs runs and tells control-plane what became of each attempt."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def planner(self) -> Planner:
        executable = schema.build()
        return Planner(executable, bundles.load(executable))

    @cached_property
    def catalogue(self) -> dict[tuple[str, str], Operation]:
        """Approved documents by bundle and operation."""
        loaded = bundles.load(self.planner.schema).bundles
        return {
            (bundle.name, operation.name): operation for bundle in loaded.values() for operation in bundle.operations
        }

    def perform(self, conn: Connection, messages: Sequence[Received[AutomationAction]]) -> None:
        for message in messages:
            with tracing.span(f"automation {type(message.body).__name__}", parent=message.traceparent):
                outbox.add_sync(conn, message.tenant_id, asyncio.run(self._attempt(message)))

    async def _attempt(self, message: Received[AutomationAction]) -> RunFinished:
        run = message.body
        told: dict[str, Any] = {"run_id": run.run_id, "attempt": run.attempt}
        try:
            result = await self._once(message)
        except Refusal as refusal:
            outcome = "failed" if refusal.code in PASSING else "refused"
            return RunFinished(**told, outcome=outcome, error=refusal.code, detail=_said(refusal))
        return RunFinished(**told, outcome="succeeded", result=result)

    async def _once(self, message: Received[AutomationAction]) -> Result:
        """What the run made, now or at an earlier attempt. Raises a Refusal, and then nothing of it remains."""
        run = message.body
        async with await AsyncConnection.connect(
            self.settings.database_url, target_session_attrs=WRITABLE, **peers.POSTGRES
        ) as conn:
            await aset_tenant(conn, message.tenant_id)
            new = await conn.execute(queries.ADD_EFFECT, (run.run_id, message.tenant_id, "{}"))
            if await new.fetchone() is None:
                row = await (await conn.execute(queries.FIND_EFFECT, (run.run_id,))).fetchone()
                return row[0] if row else {}
            result = await self._act(self._context(message, conn), conn, run)
            await conn.execute(queries.SET_EFFECT, (msgspec.json.encode(result).decode(), run.run_id))
            return result

    def _context(self, message: Received[AutomationAction], conn: AsyncConnection) -> Context:
        run = message.body
        caller = Caller(
            tenant_id=message.tenant_id,
            client_id=run.client_id,
            subject=run.automation_id,
            scopes=frozenset(run.scopes),
            environment=run.environment,
            token_use="service",  # noqa: S106 - a kind of token, not one
        )
        # Nobody's request: resolvers ask it for keys alone, since they are given their transaction.
        state = {"settings": self.settings, "keyring": Keyring.from_text(self.settings.encryption_keys)}
        return Context(Request({"type": "http", "headers": [], "state": state}), caller, conn, run.cause)

    async def _act(self, context: Context, conn: AsyncConnection, run: AutomationAction) -> Result:
        granted = await (await conn.execute(queries.GRANTED, (run.client_id,))).fetchone()
        if granted is None:
            raise errors.forbidden("The app is not active.")
        if isinstance(run, RunDocument):
            return await self._run_document(context, run, granted[0])
        assert isinstance(run, AutomationIncident)
        if run.fields is not None:
            opened = await incidents.open_incident(context, inputs.convert(run.fields, Draft, "fields"))
            return {"incident_id": opened.id}
        return await _annotate(context, run)

    async def _run_document(self, context: Context, run: RunDocument, granted: list[str]) -> Result:
        operation = self.catalogue.get((run.bundle, run.operation))
        if operation is None or run.bundle not in granted or not operation.document.roots <= AUTOMATED:
            raise errors.not_approved()
        plan = self.planner.plan(operation.text)
        for scope in plan.write_scopes:
            context.require(scope)
        answer = await execution.run(self.planner.schema, plan, run.variables, context)
        if "errors" in answer:
            raise _refusal(answer["errors"][0])
        return {name: made["id"] for name, made in answer["data"].items()}


def _refusal(error: dict[str, Any]) -> Refusal:
    """The first error of an answer, with what its extensions add."""
    extra = {name: value for name, value in error["extensions"].items() if name not in ("code", "trace_id")}
    return Refusal(error["extensions"]["code"], error["message"], **extra)


def _said(refusal: Refusal) -> str:
    """For the run's log: the message and the places it speaks of, since what else is said of them may quote a value."""
    places = [one["pointer"] for one in refusal.extra.get("errors", [])]
    if "at" in refusal.extra:
        places.append(refusal.extra["at"])
    return " ".join([refusal.message, *places])


async def _annotate(context: Context, run: AutomationIncident) -> Result:
    if run.note is None or not NOTE.fullmatch(run.note):
        raise errors.bad_input("The note is not a code of at most 64 letters, digits, points, hyphens and underscores.")
    if run.incident_id is None or not ids.is_id(run.incident_id, "inc"):
        raise errors.not_found()
    annotated = await incidents.annotate(context, run.incident_id, run.note)
    return {"incident_id": annotated.id}

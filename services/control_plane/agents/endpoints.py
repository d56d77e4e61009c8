"""HTTP endpoints for an organisation's edge agents. `edge_endpoints` holds the calls of the agents themselves."""

from typing import Any, LiteralString

from msgspec import UNSET
from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import Response

from services.control_plane import caps
from services.control_plane.access import BASE
from services.control_plane.agents import credentials, queries
from services.control_plane.agents.models import (
    Agent,
    AgentChange,
    AgentDraft,
    AgentPage,
    AgentRow,
    AgentWithCode,
    Heartbeat,
)
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.storage import audit, idempotency
from shared.storage.database import AsyncConnection, found, page_of, tenant_transaction
from shared.web import http, problems
from shared.web.identity import Caller
from shared.web.problems import FieldError

LARGEST = 2 * Heartbeat.max_bytes


async def create_agent(request: Request, caller: Caller, draft: AgentDraft) -> Response:
    """The answer shows the enrolment code, which no other call does."""
    async with tenant_transaction(request, caller) as conn:
        if stored := await idempotency.stored(conn, request, caller):
            return stored
        await caps.require(conn, request.state.settings, caps.AGENTS, caller.tenant_id)
        await _require_packages(conn, draft.packages)
        agent_id = ids.new_id("agt")
        code, columns = _new_code(request, agent_id)
        row = asdict(draft) | columns | {"tenant_id": caller.tenant_id}
        agent = await found(conn, AgentRow, queries.INSERT, row)
        await conn.execute(queries.ADD_TENANT, (agent_id, caller.tenant_id))
        await audit.record(conn, caller, "agent.registered", agent_id)
        answer = http.created(_with_code(request, agent, code), f"{BASE}/agents/{agent_id}")
        return await idempotency.keep(conn, request, caller, answer)


async def list_agents(request: Request, caller: Caller, page: AgentPage) -> Response:
    parameters = {"vehicle_id": page.vehicle_id, "after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        agents, fitting = await page_of(conn, AgentRow, queries.LIST, parameters, page, LARGEST)
    settings = request.state.settings
    return http.listed(request, "agents", agents, fitting, lambda agent: agent.id, lambda agent: agent.shown(settings))


async def read_agent(request: Request, caller: Caller, agent_id: str) -> Agent:
    async with tenant_transaction(request, caller) as conn:
        agent = await _load(conn, agent_id)
    return agent.shown(request.state.settings)


async def change_agent(request: Request, caller: Caller, agent_id: str, change: AgentChange) -> Agent:
    """The agent receives the change with the answer to its next heartbeat."""
    async with tenant_transaction(request, caller) as conn:
        agent = await _load(conn, agent_id, queries.LOCK)
        if change.packages is not UNSET:
            await _require_packages(conn, change.packages)
        given = {name: value for name, value in asdict(change).items() if value is not UNSET}
        agent = await found(conn, AgentRow, queries.UPDATE, asdict(agent) | given)
        await audit.record(conn, caller, "agent.changed", agent.id, {"fields": sorted(given)})
    return agent.shown(request.state.settings)


async def renew_code(request: Request, caller: Caller, agent_id: str) -> Response:
    """A new code for an agent without a credential. The old code ends now, an old credential when a later one is first used."""
    async with tenant_transaction(request, caller) as conn:
        if stored := await idempotency.stored(conn, request, caller):
            return stored
        agent = await _load(conn, agent_id, queries.LOCK)
        if agent.revoked_at is not None:
            raise problems.conflict("The agent is revoked; register another.")
        code, columns = _new_code(request, agent.id)
        agent = await found(conn, AgentRow, queries.SET_CODE, columns)
        await audit.record(conn, caller, "agent.code_renewed", agent.id)
        answer = http.json(_with_code(request, agent, code), status=201)
        return await idempotency.keep(conn, request, caller, answer)


async def revoke_agent(request: Request, caller: Caller, agent_id: str) -> Agent:
    """Ends the agent's credential and its code at once, for good."""
    async with tenant_transaction(request, caller) as conn:
        agent = await _load(conn, agent_id, queries.LOCK)
        if agent.revoked_at is None:
            await audit.record(conn, caller, "agent.revoked", agent.id)
        agent = await found(conn, AgentRow, queries.REVOKE, (agent.id,))
    return agent.shown(request.state.settings)


async def _require_packages(conn: AsyncConnection, packages: list[str]) -> None:
    """Raises a 422 Problem for a package that is repeated, or no edge package of this tenant."""
    rows = await (await conn.execute(queries.KNOWN_PACKAGES, (packages,))).fetchall()
    known = {package_id for (package_id,) in rows}
    errors = [
        FieldError(f"/packages/{index}", "no edge package of this organisation" if one not in known else "named twice")
        for index, one in enumerate(packages)
        if one not in known or one in packages[:index]
    ]
    if errors:
        raise problems.invalid("A package cannot be assigned; see errors.", errors[:10])


async def _load(conn: AsyncConnection, agent_id: str, query: LiteralString = queries.FIND) -> AgentRow:
    if not ids.is_id(agent_id, "agt"):
        raise problems.not_found()
    return await found(conn, AgentRow, query, (agent_id,))


def _new_code(request: Request, agent_id: str) -> tuple[str, dict[str, Any]]:
    """The code, and the columns that store its MAC."""
    code, secret = credentials.new("enr", agent_id)
    keyring: Keyring = request.state.keyring
    mac = keyring.mac(secret.encode(), credentials.purpose("enr", agent_id))
    return code, {"id": agent_id, "code_mac": mac, "seconds": request.state.settings.agent_code_seconds}


def _with_code(request: Request, agent: AgentRow, code: str) -> AgentWithCode:
    assert agent.code_expires_at is not None
    shown = asdict(agent.shown(request.state.settings))
    return AgentWithCode(**shown, enrolment_code=code, enrolment_code_expires_at=agent.code_expires_at)

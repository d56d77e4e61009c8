"""Edge agents over HTTP. Their organisation registers, lists and revokes them; `edge_endpoints` is where they speak themselves."""

from typing import Any

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from services.control_plane import caps
from services.control_plane.access import BASE
from services.control_plane.agents import credentials, queries
from services.control_plane.agents.models import Agent, AgentChange, AgentDraft, AgentPage
from services.control_plane.settings import Settings
from shared import audit, http, idempotency, ids, pagination, problems
from shared.crypto import Keyring
from shared.database import AsyncConnection, tenant_transaction
from shared.identity import Caller
from shared.problems import FieldError
from shared.rows import every, first


async def create_agent(request: Request, caller: Caller, draft: AgentDraft) -> Response:
    """Registers an agent; its enrolment code is shown this once."""
    async with tenant_transaction(request, caller) as conn:
        stored = await idempotency.stored(conn, request, caller)
        if stored is not None:
            return stored
        await caps.require(conn, request.state.settings, caps.AGENTS, caller.tenant_id)
        await _check_packages(conn, draft.packages)
        agent_id = ids.new_id("agt")
        code, code_row = _new_code(request, agent_id)
        row = msgspec.structs.asdict(draft) | code_row | {"tenant_id": caller.tenant_id}
        agent = await _found(conn, queries.INSERT, row)
        await conn.execute(queries.ADD_TENANT, (agent_id, caller.tenant_id))
        await audit.record(conn, caller, "agent.registered", agent_id)
        answer = http.created(_with_code(request, agent, code), f"{BASE}/agents/{agent_id}")
        return await idempotency.keep(conn, request, caller, answer)


async def list_agents(request: Request, caller: Caller, page: AgentPage) -> Response:
    where = {"vehicle_id": page.vehicle_id, "after": pagination.after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        found = await every(conn, Agent, queries.LIST, where)
    rows, next_cursor = pagination.slice_page(request, found, page, lambda row: row.id)
    content = {"agents": [row.view(_settings(request)) for row in rows], "next_cursor": next_cursor}
    return http.json(content, headers=pagination.link_header(request, next_cursor))


async def read_agent(request: Request, caller: Caller, agent_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        agent = await _find(conn, agent_id)
    return http.json(agent.view(_settings(request)))


async def change_agent(request: Request, caller: Caller, agent_id: str, change: AgentChange) -> Response:
    """Names it, moves it, and says what it should run: it hears of that with its next heartbeat."""
    async with tenant_transaction(request, caller) as conn:
        agent = await _find(conn, agent_id, queries.LOCK)
        if change.packages is not UNSET:
            await _check_packages(conn, change.packages)
        named = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET}
        agent = await _found(conn, queries.UPDATE, msgspec.structs.asdict(agent) | named)
        await audit.record(conn, caller, "agent.changed", agent.id, {"fields": sorted(named)})
    return http.json(agent.view(_settings(request)))


async def renew_code(request: Request, caller: Caller, agent_id: str) -> Response:
    """Another code for an agent that lost its credential or never enrolled; the old code is void, the credential until it enrols is not."""
    async with tenant_transaction(request, caller) as conn:
        stored = await idempotency.stored(conn, request, caller)
        if stored is not None:
            return stored
        agent = await _find(conn, agent_id, queries.LOCK)
        if agent.revoked_at is not None:
            raise problems.conflict("The agent is revoked; register another.")
        code, code_row = _new_code(request, agent.id)
        agent = await _found(conn, queries.SET_CODE, code_row)
        await audit.record(conn, caller, "agent.code_renewed", agent.id)
        answer = http.json(_with_code(request, agent, code), status=201)
        return await idempotency.keep(conn, request, caller, answer)


async def revoke_agent(request: Request, caller: Caller, agent_id: str) -> Response:
    """For good: its credential and any code end at once."""
    async with tenant_transaction(request, caller) as conn:
        agent = await _find(conn, agent_id, queries.LOCK)
        if agent.revoked_at is None:
            await audit.record(conn, caller, "agent.revoked", agent.id)
        agent = await _found(conn, queries.REVOKE, (agent.id,))
    return http.json(agent.view(_settings(request)))


async def _check_packages(conn: AsyncConnection, packages: list[str]) -> None:
    rows = await (await conn.execute(queries.KNOWN_PACKAGES, (packages,))).fetchall()
    known = {package_id for (package_id,) in rows}
    errors = [
        FieldError(f"/packages/{index}", "no edge package of this organisation" if one not in known else "named twice")
        for index, one in enumerate(packages)
        if one not in known or one in packages[:index]
    ]
    if errors:
        raise problems.invalid("A package cannot be assigned; see errors.", errors[:10])


async def _find(conn: AsyncConnection, agent_id: str, statement: Any = queries.FIND) -> Agent:
    if not ids.is_id(agent_id, "agt"):
        raise problems.not_found()
    return await _found(conn, statement, (agent_id,))


async def _found(conn: AsyncConnection, statement: Any, parameters: Any) -> Agent:
    agent = await first(conn, Agent, statement, parameters)
    if agent is None:
        raise problems.not_found()
    return agent


def _new_code(request: Request, agent_id: str) -> tuple[str, dict[str, Any]]:
    """The code, and the columns that keep its MAC."""
    code, secret = credentials.new("enr", agent_id)
    keyring: Keyring = request.state.keyring
    mac = keyring.mac(secret.encode(), credentials.purpose("enr", agent_id))
    return code, {"id": agent_id, "code_mac": mac, "seconds": _settings(request).agent_code_seconds}


def _with_code(request: Request, agent: Agent, code: str) -> dict[str, Any]:
    shown = {"enrolment_code": code, "enrolment_code_expires_at": agent.code_expires_at}
    return agent.view(_settings(request)) | shown


def _settings(request: Request) -> Settings:
    settings: Settings = request.state.settings
    return settings

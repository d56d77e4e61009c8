"""HTTP endpoints for edge agents. An agent has no token; its enrolment code or its credential identifies it."""

from datetime import UTC, datetime, timedelta
from typing import LiteralString

from msgspec.structs import asdict
from psycopg.types.json import Jsonb
from starlette.requests import Request
from starlette.responses import Response

from services.control_plane import contents
from services.control_plane import queries as tenants
from services.control_plane.access import is_granted
from services.control_plane.agents import credentials, queries
from services.control_plane.agents.credentials import Kind, Presented
from services.control_plane.agents.models import (
    AgentRow,
    DesiredRow,
    Enrolled,
    Enrolment,
    Heartbeat,
    Instructions,
    LiveContent,
)
from services.control_plane.packages.queries import READ_CONTENT
from services.control_plane.packages.rules import SEMVER
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.storage import audit
from shared.storage.database import AsyncConnection, aset_tenant, every, first, found, transaction
from shared.web import http, problems
from shared.web.identity import Caller
from shared.web.problems import FieldError, Problem

# Wrong secrets for one code. The next attempt is refused even with the right secret.
MOST_FAILURES = 10
MOST_UNUSED = 5
"""Credentials of one agent that wait for their first use, beside the one in use. One more ends the oldest of them."""
AHEAD = timedelta(minutes=5)


async def enrol(request: Request, body: Enrolment) -> Enrolled:
    """Exchanges an unused code for a credential. No later call shows the credential."""
    presented = credentials.read("enr", body.code)
    async with transaction(request) as conn:
        agent = await _identified(conn, presented, queries.LOCK)
        credential = await _exchange(request, conn, agent, presented)
    # After the commit: an exception inside the transaction would undo the count of wrong secrets.
    if agent is None or credential is None:
        raise _refused("code")
    return Enrolled(agent.id, credential, agent.environment, request.state.settings.agent_heartbeat_seconds)


async def heartbeat(request: Request) -> Response:
    """Stores the agent's report and answers with the packages it should run."""
    presented = _bearer(request)
    try:
        report = await http.decode(request, Heartbeat)
    except Problem:
        # An agent that is revoked learns that first.
        async with transaction(request) as conn:
            await _authenticated(request, conn, presented, queries.FIND)
        raise
    async with transaction(request) as conn:
        agent = await _authenticated(request, conn, presented, queries.LOCK)
        # After a heartbeat from a clock ahead of ours, every later one would count as an old one.
        if report.sent_at > datetime.now(UTC) + AHEAD:
            reason = FieldError("/sent_at", "more than 5 minutes ahead of our clock")
            raise problems.invalid("The heartbeat is from the future; see errors.", [reason])
        reported = Jsonb(report, dumps=lambda one: http.encode(one).decode())
        row = {"id": agent.id, "sent_at": report.sent_at, "reported": reported}
        agent = await found(conn, AgentRow, queries.STORE_REPORT, row)
        desired = await every(conn, DesiredRow, queries.DESIRED, asdict(agent))
    running = {(one.package_id, one.version) for one in report.running}
    instructions = Instructions(
        agent_id=agent.id,
        environment=agent.environment,
        in_sync=running == {(one.package_id, one.version) for one in desired},
        desired=[one.shown() for one in desired],
        heartbeat_seconds=request.state.settings.agent_heartbeat_seconds,
    )
    return http.json(instructions)


async def download(request: Request, package_id: str, version: str) -> Response:
    """The content of a version the agent should run, or the range of it that an interrupted download lacks."""
    async with transaction(request) as conn:
        agent = await _authenticated(request, conn, _bearer(request), queries.FIND)
        # The same 404 for every version that is not assigned to the agent and live in its environment.
        if not ids.is_id(package_id, "pkg") or not SEMVER.fullmatch(version):
            raise problems.not_found()
        asked = {"package_id": package_id, "version": version}
        assigned = {"packages": agent.packages, "environment": agent.environment}
        content = await found(conn, LiveContent, queries.FIND_LIVE_CONTENT, asked | assigned)
        wanted = contents.wanted(request, content.content_sha256, content.size)

    async def read(first: int, length: int) -> bytes:
        async with transaction(request) as conn:
            await aset_tenant(conn, agent.tenant_id)
            return await contents.read_piece(conn, READ_CONTENT, first, length, content.version_id)

    return await wanted.response(request, read)


async def _authenticated(
    request: Request, conn: AsyncConnection, presented: Presented | None, query: LiteralString
) -> AgentRow:
    """The agent whose live credential was presented. The first use of one ends those before it. Raises a 401 Problem."""
    agent = await _identified(conn, presented, query)
    if presented is None or agent is None or agent.revoked_at is not None:
        raise _refused("credential")
    used = next((one for one in agent.credential_macs if _matches(request, "agt", one, presented)), None)
    if used is None:
        raise _refused("credential")
    if used != agent.credential_macs[0]:
        await conn.execute(queries.END_EARLIER_CREDENTIALS, {"id": agent.id, "mac": used})
    return agent


async def _identified(conn: AsyncConnection, presented: Presented | None, query: LiteralString) -> AgentRow | None:
    """The agent that the caller claims to be, with its tenant set; None if unknown or if its tenant has no grant."""
    if presented is None:
        return None
    row = await (await conn.execute(queries.TENANT_OF, (presented.agent_id,))).fetchone()
    if row is None:
        return None
    await aset_tenant(conn, row[0])
    granted = await (await conn.execute(tenants.GRANTED_SCOPES, (row[0],))).fetchone()
    if granted is None or not is_granted(granted[0]):
        return None
    return await first(conn, AgentRow, query, (presented.agent_id,))


async def _exchange(
    request: Request, conn: AsyncConnection, agent: AgentRow | None, presented: Presented | None
) -> str | None:
    """The agent's new credential; None, with the failure counted, where the code is not its live one."""
    if agent is None or presented is None:
        return None
    live = (
        agent.revoked_at is None
        and agent.code_failures < MOST_FAILURES
        and agent.code_expires_at is not None
        and agent.code_expires_at > datetime.now(UTC)
    )
    if not (_matches(request, "enr", agent.code_mac, presented) and live):
        await conn.execute(queries.COUNT_FAILURE, (agent.id,))
        return None
    credential, secret = credentials.new("agt", agent.id)
    keyring: Keyring = request.state.keyring
    mac = keyring.mac(secret.encode(), credentials.purpose("agt", agent.id))
    await conn.execute(queries.ENROL, {"id": agent.id, "mac": mac, "unused": MOST_UNUSED})
    await audit.record(conn, Caller(tenant_id=agent.tenant_id, client_id=agent.id), "agent.enrolled", agent.id)
    return credential


def _matches(request: Request, kind: Kind, stored: bytes | None, presented: Presented) -> bool:
    keyring: Keyring = request.state.keyring
    macs = keyring.macs(presented.secret.encode(), credentials.purpose(kind, presented.agent_id))
    return credentials.is_one_of(stored, macs)


def _bearer(request: Request) -> Presented | None:
    given = request.headers.getlist("authorization")
    scheme, _, text = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    return credentials.read("agt", text.strip()) if scheme.lower() == "bearer" else None


def _refused(secret: str) -> Problem:
    """The same answer for every fault, so that trying reveals nothing."""
    return problems.unauthorized(f"The {secret} is not valid.")

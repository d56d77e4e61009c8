"""Where edge agents speak themselves: they have no app's token, so a code or their own credential says who they are."""

from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import msgspec
from psycopg.types.json import Jsonb
from starlette.requests import Request
from starlette.responses import Response

from services.control_plane import queries as tenants
from services.control_plane import resuming
from services.control_plane.access import is_granted
from services.control_plane.agents import credentials, queries
from services.control_plane.agents.credentials import Kind, Presented
from services.control_plane.agents.models import Agent, Desired, Enrolment, Heartbeat, LiveContent
from services.control_plane.packages.rules import SEMVER
from shared import audit, http, ids, problems
from shared.crypto import Keyring
from shared.database import AsyncConnection, aset_tenant, transaction
from shared.identity import Caller
from shared.problems import FieldError, Problem
from shared.rows import every, first

# Wrong secrets for one code; the next one finds it void.
MOST_FAILURES = 10
AHEAD = timedelta(minutes=5)


async def enrol(request: Request, body: Enrolment) -> Response:
    """A code that was not used yet for a credential that is shown this once."""
    presented = credentials.read("enr", body.code)
    async with transaction(request) as conn:
        agent = await _said(conn, presented, queries.LOCK)
        credential = await _exchange(request, conn, agent, presented)
    # Refused only now: the wrong guess is counted, which an exception inside would undo.
    if agent is None or credential is None:
        raise _refused("code")
    shown = {"agent_id": agent.id, "credential": credential, "environment": agent.environment}
    return http.json(shown | {"heartbeat_seconds": request.state.settings.agent_heartbeat_seconds})


async def heartbeat(request: Request) -> Response:
    """What the agent runs, for what it should run."""
    presented = _bearer(request)
    await http.read_body(request, http.limit_of(Heartbeat))  # before a connection is taken: a slow body holds none
    async with transaction(request) as conn:
        agent = await _authenticated(request, conn, presented, queries.LOCK)
        told = await http.decode(request, Heartbeat)
        _check_time(told)
        reported = Jsonb(told, dumps=lambda one: http.encode(one).decode())
        heard = await first(conn, Agent, queries.HEAR, {"id": agent.id, "sent_at": told.sent_at, "reported": reported})
        desired = await every(conn, Desired, queries.DESIRED, msgspec.structs.asdict(heard or agent))
    return http.json(_instructions(request, agent, told, desired))


async def download(request: Request, package_id: str, version: str) -> Response:
    """The content of a version the agent should run, or the part of it that is asked for, so that one that broke off can go on."""
    async with transaction(request) as conn:
        agent = await _authenticated(request, conn, _bearer(request), queries.FIND)
        live = await _live(conn, agent, package_id, version)
        wanted = resuming.wanted(request, live.content_sha256, live.size)
        body = await _read(conn, live, wanted.span) if wanted.span is not None else b""
    return wanted.response(body)


async def _live(conn: AsyncConnection, agent: Agent, package_id: str, version: str) -> LiveContent:
    """Raises a 404 Problem, the same one, for all that is not assigned to the agent and live in its environment now."""
    found = None
    if ids.is_id(package_id, "pkg") and SEMVER.fullmatch(version):
        asked = {"package_id": package_id, "version": version}
        assigned = {"packages": agent.packages, "environment": agent.environment}
        found = await first(conn, LiveContent, queries.FIND_LIVE_CONTENT, asked | assigned)
    if found is None:
        raise problems.not_found()
    return found


async def _read(conn: AsyncConnection, live: LiveContent, span: resuming.Span) -> bytes:
    # In binary, since as text each byte would travel as two.
    async with conn.cursor(binary=True) as cursor:
        await cursor.execute(queries.READ_CONTENT, (span.first + 1, span.length, live.version_id))
        row = await cursor.fetchone()
    assert row is not None
    return row[0]


def _instructions(request: Request, agent: Agent, told: Heartbeat, desired: list[Desired]) -> dict[str, Any]:
    running = {(one.package_id, one.version) for one in told.running}
    return {
        "agent_id": agent.id,
        "environment": agent.environment,
        "in_sync": running == {(one.package_id, one.version) for one in desired},
        "desired": [one.view() for one in desired],
        "heartbeat_seconds": request.state.settings.agent_heartbeat_seconds,
    }


async def _authenticated(
    request: Request, conn: AsyncConnection, presented: Presented | None, query: LiteralString
) -> Agent:
    """The agent whose live credential was shown. Raises a 401 Problem."""
    agent = await _said(conn, presented, query)
    if presented is None or agent is None or not _is_credential(request, agent, presented):
        raise _refused("credential")
    return agent


async def _said(conn: AsyncConnection, presented: Presented | None, query: LiteralString) -> Agent | None:
    """The agent it says it is, with its tenant set; None where there is none, or its organisation has no control plane any more."""
    if presented is None:
        return None
    row = await (await conn.execute(queries.TENANT_OF, (presented.agent_id,))).fetchone()
    if row is None:
        return None
    await aset_tenant(conn, row[0])
    granted = await (await conn.execute(tenants.GRANTED_SCOPES, (row[0],))).fetchone()
    if granted is None or not is_granted(granted[0]):
        return None
    return await first(conn, Agent, query, (presented.agent_id,))


async def _exchange(
    request: Request, conn: AsyncConnection, agent: Agent | None, presented: Presented | None
) -> str | None:
    """The agent's new credential; None, and the failure counted, where the code is not its live one."""
    if agent is None or presented is None:
        return None
    if not _is_code(request, agent, presented):
        await conn.execute(queries.COUNT_FAILURE, (agent.id,))
        return None
    credential, secret = credentials.new("agt", agent.id)
    keyring: Keyring = request.state.keyring
    mac = keyring.mac(secret.encode(), credentials.purpose("agt", agent.id))
    await conn.execute(queries.ENROL, {"id": agent.id, "mac": mac})
    await audit.record(conn, Caller(tenant_id=agent.tenant_id, client_id=agent.id), "agent.enrolled", agent.id)
    return credential


def _is_code(request: Request, agent: Agent, presented: Presented) -> bool:
    live = (
        agent.revoked_at is None
        and agent.code_failures < MOST_FAILURES
        and agent.code_expires_at is not None
        and agent.code_expires_at > datetime.now(UTC)
    )
    return _matches(request, "enr", agent.code_mac, presented) and live


def _is_credential(request: Request, agent: Agent, presented: Presented) -> bool:
    return _matches(request, "agt", agent.credential_mac, presented) and agent.revoked_at is None


def _matches(request: Request, kind: Kind, stored: bytes | None, presented: Presented) -> bool:
    keyring: Keyring = request.state.keyring
    macs = keyring.macs(presented.secret.encode(), credentials.purpose(kind, presented.agent_id))
    return credentials.is_one_of(stored, macs)


def _bearer(request: Request) -> Presented | None:
    given = request.headers.getlist("authorization")
    scheme, _, text = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    return credentials.read("agt", text.strip()) if scheme.lower() == "bearer" else None


def _check_time(told: Heartbeat) -> None:
    """A clock that runs ahead would make every later heartbeat an old one. Raises a 422 Problem."""
    if told.sent_at > datetime.now(UTC) + AHEAD:
        reason = FieldError("/sent_at", "more than 5 minutes ahead of our clock")
        raise problems.invalid("The heartbeat is from the future; see errors.", [reason])


def _refused(what: str) -> Problem:
    """The same whatever is wrong with it, so that nothing can be told from trying."""
    return problems.unauthorized(f"The {what} is not valid.")

"""Every call about edge agents."""

from datetime import datetime
from typing import Literal

import msgspec

from services.control_plane.access import BASE, READ, WRITE
from services.control_plane.agents import edge_endpoints, endpoints
from services.control_plane.agents.models import (
    AgentChange,
    AgentDraft,
    AgentPage,
    Enrolment,
    Environment,
    Heartbeat,
)
from services.control_plane.agents.staleness import Staleness
from services.control_plane.octets import MEDIA
from services.control_plane.packages.routes import PublicJwk
from shared.routing import Content, Operation

AGENTS = f"{BASE}/agents"
ONE = AGENTS + "/{agent_id}"
UNKNOWN = {401: "The code or credential is not valid: wrong, used, past its time or revoked"}


class Agent(msgspec.Struct):
    """A box at the edge. `staleness` says how long it has been silent; `reported` is its newest heartbeat."""

    id: str
    name: str
    vehicle_id: str
    environment: Environment
    packages: list[str]
    status: Literal["awaiting_enrolment", "enrolled", "revoked"]
    staleness: Staleness
    last_seen_at: datetime | None
    reported: Heartbeat | None
    enrolled_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime


class AgentWithCode(Agent):
    """With its enrolment code, which is shown by this call alone and good for one enrolment."""

    enrolment_code: str
    enrolment_code_expires_at: datetime


class Agents(msgspec.Struct):
    agents: list[Agent]
    next_cursor: str | None


class Enrolled(msgspec.Struct):
    """`credential` is shown this once; the agent sends it as `Authorization: Bearer` with every call of its own."""

    agent_id: str
    credential: str
    environment: Environment
    heartbeat_seconds: int


class Desired(msgspec.Struct):
    """A package the agent should run: the version that is live in its environment.

    `content_url` is the path of its content on this host. `signature` is the Ed25519 signature of the UTF-8 bytes of `statement`
    under `jwk`; the statement is JSON, and names the package, the version and the content's digest that are signed. A key that was
    revoked since has a `key_revoked_at`.
    """

    package_id: str
    name: str
    release_id: str
    version: str
    content_sha256: str
    size: int
    content_url: str
    key_id: str
    jwk: PublicJwk
    key_revoked_at: datetime | None
    statement: str
    signature: str


class Instructions(msgspec.Struct):
    """What the agent should run, and whether it does."""

    agent_id: str
    environment: Environment
    in_sync: bool
    desired: list[Desired]
    heartbeat_seconds: int


OPERATIONS = [
    Operation(
        "GET",
        AGENTS,
        endpoints.list_agents,
        "List edge agents",
        READ,
        {200: Agents},
        query=AgentPage,
    ),
    Operation(
        "POST",
        AGENTS,
        endpoints.create_agent,
        "Register an edge agent",
        WRITE,
        {201: AgentWithCode},
        body=AgentDraft,
        headers=("Idempotency-Key",),
        refusals={409: "A call with this Idempotency-Key is under way"},
        example={"name": "Gateway box", "vehicle_id": "AMB-42", "environment": "production"},
    ),
    Operation(
        "POST",
        f"{AGENTS}/enrol",
        edge_endpoints.enrol,
        "Enrol, as an edge agent",
        None,
        {200: Enrolled},
        "Ten wrong guesses make a code void.",
        body=Enrolment,
        refusals=UNKNOWN,
        example={"code": "enr_01jdkfx3c8e2r9v5m7q4t6w0ya.the-secret-that-was-shown-once"},
    ),
    Operation(
        "POST",
        f"{AGENTS}/heartbeat",
        edge_endpoints.heartbeat,
        "Report, as an edge agent",
        None,
        {200: Instructions},
        "Sent with the agent's own credential. Repeating a heartbeat changes nothing.",
        body=Heartbeat,
        refusals=UNKNOWN,
        example={"sent_at": "2026-03-23T12:00:00Z", "running": [], "agent_version": "2.1.0"},
        decodes=False,
    ),
    Operation(
        "GET",
        f"{AGENTS}/content/{{package_id}}/{{version}}",
        edge_endpoints.download,
        "Download what to run, as an edge agent",
        None,
        {200: (Content(MEDIA, None),), 206: (Content(MEDIA, None),)},
        "Sent with the agent's own credential. Given is what the heartbeat's answer names and is still live; anything else is 404:"
        " report again. A download that broke off goes on with `Range`, one range of bytes, and the ETag in `If-Range`. `Repr-Digest`"
        " (RFC 9530) is that of the whole, also with a part of it.",
        headers=("Range", "If-Range"),
        refusals=UNKNOWN
        | {412: "The content is not the one that If-Match names", 416: "None of the content's bytes is in the range"},
        has_etag=True,
    ),
    Operation(
        "GET",
        ONE,
        endpoints.read_agent,
        "Inspect an edge agent",
        READ,
        {200: Agent},
    ),
    Operation(
        "PATCH",
        ONE,
        endpoints.change_agent,
        "Change what an edge agent should run",
        WRITE,
        {200: Agent},
        "Changes what it names; the agent hears of it with its next heartbeat.",
        body=AgentChange,
        example={"packages": []},
    ),
    Operation(
        "POST",
        f"{ONE}/enrolment-code",
        endpoints.renew_code,
        "Get another enrolment code",
        WRITE,
        {201: AgentWithCode},
        headers=("Idempotency-Key",),
        refusals={409: "The agent is revoked, or a call with this Idempotency-Key is under way"},
    ),
    Operation(
        "POST",
        f"{ONE}/revoke",
        endpoints.revoke_agent,
        "Revoke an edge agent",
        WRITE,
        {200: Agent},
    ),
]
IDS = {"agent_id": "agt_123"}

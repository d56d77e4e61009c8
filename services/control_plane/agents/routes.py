"""Every call about edge agents."""

from services.control_plane.access import BASE, READ, WRITE
from services.control_plane.agents import edge_endpoints, endpoints
from services.control_plane.agents.models import (
    Agent,
    AgentChange,
    AgentDraft,
    AgentPage,
    Agents,
    AgentWithCode,
    Enrolled,
    Enrolment,
    Heartbeat,
    Instructions,
)
from services.control_plane.contents import MEDIA
from shared.web.routing import Content, Operation

AGENTS = f"{BASE}/agents"
ONE = AGENTS + "/{agent_id}"
UNKNOWN = {401: "The code or credential is not valid: wrong, used, past its time or revoked"}

OPERATIONS = [
    Operation(
        "GET",
        AGENTS,
        endpoints.list_agents,
        "List edge agents",
        READ,
        {200: Agents},
        "Those of your organisation, newest first.",
        query=AgentPage,
    ),
    Operation(
        "POST",
        AGENTS,
        endpoints.create_agent,
        "Register an edge agent",
        WRITE,
        {201: AgentWithCode},
        "Answers with the code for its one enrolment.",
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
        id="enrolAgent",
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
        id="sendAgentHeartbeat",
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
        "Sent with the agent's own credential, for a version that the heartbeat's answer names and that is still live. Anything else is"
        " 404: report again. An interrupted download continues with `Range`, one range of bytes, and the ETag in `If-Range`."
        " `Repr-Digest` (RFC 9530) is the digest of the whole content, also with a part of it.",
        id="downloadAgentContent",
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
        "With its newest heartbeat.",
    ),
    Operation(
        "PATCH",
        ONE,
        endpoints.change_agent,
        "Change what an edge agent should run",
        WRITE,
        {200: Agent},
        "Changes the given fields; the agent gets the change with the answer to its next heartbeat.",
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
        "The former code becomes void. An agent that is enrolled already keeps its credential until it first uses one of a later"
        f" enrolment. Of credentials that it has not used, the newest {edge_endpoints.MOST_UNUSED} work.",
        id="renewEnrolmentCode",
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
        "Its credential and its code end at once, for good.",
    ),
]
IDS = {"agent_id": "agt_123"}

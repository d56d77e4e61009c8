"""The calls of operators: every service has the same, each for its own backlog, dead letters and acts."""

from shared.operators.endpoints import READ, WAITING, WRITE, Operators, require_operator
from shared.operators.models import (
    ActDraft,
    ActFilter,
    Backlog,
    DeadLetterFilter,
    DeadLetters,
    OperatorAct,
    OperatorActs,
)
from shared.web.routing import Operation, Part

BASE = "/v1/operations/{service}"
DESCRIPTION = (
    "For operators of the platform: people of Knogin's own tenant, after a sign-in with a second factor. No organisation can get these"
    " scopes. An act is written down with its reason, carried out by the service within seconds, and in the audit trail of the"
    " platform and of the organisation that it concerns."
)
WEAK = {
    401: "No token, an invalid one, or one from a sign-in without a second factor (`insufficient_user_authentication`, RFC 9470)"
}


def part(service: str) -> Part:
    """The calls of the service with that public name, such as `device-ingest`."""
    own = Operators(service)
    ids = {"service": "auth", "act_id": "act_01jdkfx3c8e2r9v5m7q4t6w0ya"}
    return Part("Operations", "operations", DESCRIPTION, [*_reads(own), *_acts(own)], ids)


def _reads(own: Operators) -> list[Operation]:
    """The work that waits in the service."""
    return [
        Operation(
            "GET",
            f"{BASE}/backlog",
            own.read_backlog,
            "Read the backlog of a service",
            READ,
            {200: Backlog},
            "Measured twice a minute: messages by consumer, dead letters, entries of the audit trail without a seal, and the service's own"
            " figures. Numbers are counted up to 10,000.",
            refusals=WEAK,
            guard=require_operator,
        ),
        Operation(
            "GET",
            f"{BASE}/dead-letters",
            own.list_dead_letters,
            "List dead letters",
            READ,
            {200: DeadLetters},
            "Messages of all organisations whose effect failed five times, or that ended their worker three times; the newest first,"
            " without their content. The error is the exception's type and place, or says that the worker ended.",
            query=DeadLetterFilter,
            refusals=WEAK,
            guard=require_operator,
        ),
    ]


def _acts(own: Operators) -> list[Operation]:
    """The acts that change something, and their results."""
    return [
        Operation(
            "GET",
            f"{BASE}/acts",
            own.list_operator_acts,
            "List acts of operators",
            READ,
            {200: OperatorActs},
            "The newest first, of all operators, for a year.",
            query=ActFilter,
            refusals=WEAK,
            guard=require_operator,
        ),
        Operation(
            "POST",
            f"{BASE}/acts",
            own.create_operator_act,
            "Ask for an act",
            WRITE,
            {202: OperatorAct},
            "Every service replays and discards dead letters; auth suspends and resumes tenants, decides integration requests and"
            " distrusts signing keys; webhook-dispatcher stops and resumes a webhook, or all deliveries of a"
            " tenant; control-plane stops and resumes an automation, and stops all of a tenant. Read the act until `ended_at` is there."
            " An act is never repeated by itself: after `interrupted`, look first.",
            body=ActDraft,
            headers=("Idempotency-Key",),
            refusals=WEAK | {409: f"{WAITING.most} acts of the service wait"},
            example={
                "action": "tenant.suspend",
                "subject_id": "org_01jdkfx3c8e2r9v5m7q4t6w0ya",
                "reason": "Credentials leaked; agreed with the organisation",
            },
            guard=require_operator,
        ),
        Operation(
            "GET",
            f"{BASE}/acts/{{act_id}}",
            own.read_operator_act,
            "Read an act of an operator",
            READ,
            {200: OperatorAct},
            "Until `ended_at` is there, the service has not carried it out.",
            refusals=WEAK,
            guard=require_operator,
        ),
    ]

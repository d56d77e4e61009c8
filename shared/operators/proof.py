"""The proof of an act: the gateway's statement of the operator and of the request that asked for it, and the bytes of that request.

The web process writes acts down and can put any text into them. The relay carries out the act that the statement names, and no other.
"""

import hashlib
from typing import Literal, get_args

from shared.operators.models import ActDraft, Asked
from shared.primitives.crypto import base64url_encode
from shared.primitives.ids import PLATFORM_TENANT
from shared.process import metrics
from shared.web import http
from shared.web.identity import LIFETIME, Caller, Requested, Verifier
from shared.web.problems import Problem

READ, WRITE = "platform:operate:read", "platform:operate:write"
CLOCKS_SECONDS = 120
"""How far the gateway's clock may be from the database's."""
Fault = Literal["statement", "operator", "time", "request", "act", "replay"]
metrics.begin(metrics.operator_acts_refused, get_args(Fault))


class Unproven(Exception):
    """No operator asked for this act; `fault` names the part of the proof that fails."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault: Fault = fault


def is_person_of_platform(caller: Caller) -> bool:
    return (
        caller.tenant_id == PLATFORM_TENANT
        and caller.token_use == "access"  # noqa: S105 - a kind of token
        and caller.person_id is not None
    )


def path_of_acts(service: str) -> str:
    """`service` is its public name, such as `device-ingest`."""
    return f"/v1/operations/{service}/acts"


def names_request(requested: Requested | None, service: str, body: bytes) -> bool:
    """Whether the gateway saw exactly this body, in a request for an act of the service with that public name."""
    return (
        requested is not None
        and (requested.method, requested.path, requested.query) == ("POST", path_of_acts(service), "")
        and requested.body == base64url_encode(hashlib.sha256(body).digest())
    )


class Proof:
    """Proves acts of one service, by its name as the audience of identity headers."""

    def __init__(self, identity_public_keys: str, service: str) -> None:
        self._verifier = Verifier(identity_public_keys, service)
        self._service = service.replace("_", "-")

    def require(self, asked: Asked) -> str:
        """The id of the statement, which proves one act. Raises Unproven."""
        statement = self._verifier.stated(asked.identity)
        if statement is None:
            raise Unproven("statement")
        caller = statement.caller
        is_theirs = (caller.subject, caller.client_id) == (asked.asked_by, asked.client_id)
        if not (is_theirs and is_person_of_platform(caller) and caller.second_factor and caller.has(WRITE)):
            raise Unproven("operator")
        late = asked.asked_at.timestamp() - (statement.exp - LIFETIME)
        if not -CLOCKS_SECONDS <= late <= LIFETIME + CLOCKS_SECONDS:
            raise Unproven("time")
        requested = statement.requested
        if requested is None or not names_request(requested, self._service, asked.request):
            raise Unproven("request")
        try:
            draft = http.decode_bytes(asked.request, ActDraft)
        except Problem:
            raise Unproven("request") from None
        if (draft.action, draft.subject_id, draft.reason.strip()) != (asked.action, asked.subject_id, asked.reason):
            raise Unproven("act")
        return requested.id

"""Exchanges an identity header, so that one service can call another for the same caller.

A service receives a header that only it accepts. To call another service for the same caller, it signs a request with its own key and
exchanges the header. The new header has fewer scopes, does not live longer, and ends with the same token.
"""

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.identities import Identities
from gateway.metrics import exchanges
from gateway.revocations import Revocations
from gateway.settings import Settings
from shared.primitives.crypto import PublicKeys
from shared.web import identity as shared_identity
from shared.web import problems
from shared.web.identity import Verifier
from shared.web.problems import Problem

PATH = "/internal/exchange"
LIMIT = 32 * 1024
# (calling service, called service): prefix of the caller's scopes that the new header carries.
ALLOWED = {("graphql_api", "webhook_dispatcher"): "webhooks:"}


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    identity: str
    audience: str


class Exchange:
    def __init__(self, settings: Settings, identities: Identities, revocations: Revocations) -> None:
        self._identities = identities
        self._revocations = revocations
        self._services = PublicKeys(settings.service_public_keys) if settings.service_public_keys else None
        # While keys are rotated, another gateway may sign with a different key.
        self._public_keys = ",".join(filter(None, (settings.identity_public_keys, identities.public_text)))
        self._verifiers: dict[str, Verifier] = {}
        self.route = Route(PATH, self.answer, methods=["POST"])

    async def answer(self, request: Request) -> Response:
        try:
            body = b""
            try:
                async for part in request.stream():
                    body += part
                    if len(body) > LIMIT:
                        raise Problem(413, "Content too large", f"The body may have at most {LIMIT} bytes.")
            except ClientDisconnect:
                raise problems.invalid("The body broke off.", []) from None
            signed = request.headers.getlist(shared_identity.SERVICE_HEADER)
            service = None
            if self._services is not None and len(signed) == 1:
                service = shared_identity.verify_call(self._services, signed[0], "POST", PATH, body)
            if service is None:
                raise problems.unauthorized("A service signs this call.")
            try:
                asked = msgspec.json.decode(body, type=Asked)
            except msgspec.DecodeError:
                raise problems.invalid("The body is an identity and an audience.", []) from None
            scopes = ALLOWED.get((service, asked.audience))
            if scopes is None:
                raise problems.forbidden("This service does not call that one for its callers.")
            if not self._revocations.usable:
                raise problems.unavailable("Tokens cannot be checked at the moment; try again.")
            verifier = self._verifiers.get(service)
            if verifier is None:
                verifier = self._verifiers[service] = Verifier(self._public_keys, service, self._revocations.marks)
            statement = verifier.read(asked.identity)
            if statement is None or not statement.caller.client_id:
                raise problems.forbidden("The identity is not one for this service, or not any more.")
            narrowed = frozenset(scope for scope in statement.caller.scopes if scope.startswith(scopes))
            header = self._identities.narrowed(statement, asked.audience, narrowed)
            body = msgspec.json.encode({"identity": header, "expires_at": statement.exp})
        except Problem as problem:
            exchanges.labels("refused").inc()
            return problem.response()
        exchanges.labels("granted").inc()
        return Response(body, 200, {"cache-control": "no-store"}, "application/json")

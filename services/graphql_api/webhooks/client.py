"""Calls webhook-dispatcher for the caller, in the caller's trace.

The identity header of a request is for graphql-api alone. The gateway exchanges it for one for webhook-dispatcher, with the caller's
`webhooks:` scopes, when graphql-api signs the request for it.
"""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx2
import msgspec
from starlette.requests import Request

from services.graphql_api import errors, inputs
from services.graphql_api.settings import Settings
from shared.primitives.crypto import Signer
from shared.process import telemetry
from shared.process.settings import required
from shared.storage import idempotency
from shared.web import identity
from shared.web.problems import FieldError

SERVICE = "graphql_api"
AUDIENCE = "webhook_dispatcher"
PATH = "/v1/webhooks"
KEPT = 10_000
TIMEOUT = httpx2.Timeout(10, connect=2)
log = logging.getLogger(__name__)


class Exchanged(NamedTuple):
    header: str
    expires_at: float


class Webhooks:
    """The connections to webhook-dispatcher, and the exchanged identities until they expire."""

    def __init__(self, http: httpx2.AsyncClient, exchange_url: str, signer: Signer) -> None:
        self.http = http
        self._url = httpx2.URL(exchange_url)
        self._signer = signer
        self._exchanged: dict[str, Exchanged] = {}

    async def identity(self, own: str) -> str:
        """The header for webhook-dispatcher of the caller with the header `own`. Raises an UNAVAILABLE Refusal."""
        kept = self._exchanged.get(own)
        if kept is not None and kept.expires_at > time.time():
            return kept.header
        body = msgspec.json.encode({"identity": own, "audience": AUDIENCE})
        signed = identity.sign_call(self._signer, SERVICE, "POST", self._url.path, body)
        headers = {identity.SERVICE_HEADER: signed, "content-type": "application/json"}
        try:
            response = await self.http.post(self._url, content=body, headers=headers)
        except httpx2.HTTPError as error:
            log.error("the gateway exchanges no identity: %s", type(error).__name__)
            raise errors.unavailable() from None
        if response.status_code != 200:
            log.error("the gateway exchanged no identity: %d", response.status_code)
            raise errors.unavailable()
        answer = response.json()
        exchanged = Exchanged(str(answer["identity"]), float(answer["expires_at"]))
        if len(self._exchanged) >= KEPT:
            self._exchanged.clear()
        self._exchanged[own] = exchanged
        return exchanged.header


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[Webhooks]:
    """Ignores the proxies of the environment."""
    exchange_url = required(settings.identity_exchange_url, "IDENTITY_EXCHANGE_URL")
    signer = Signer(required(settings.service_signing_key, "SERVICE_SIGNING_KEY"))
    async with httpx2.AsyncClient(base_url=settings.webhook_dispatcher_url, timeout=TIMEOUT, trust_env=False) as http:
        yield Webhooks(http, exchange_url, signer)


async def call(request: Request, method: str, path: str, body: Any = None, *, keep_key: bool = False) -> Any:
    """The answer's JSON, None for 204. Raises a Refusal with the content of the problem document.

    With `keep_key` it sends the caller's Idempotency-Key, so that a creation repeated here is not repeated there.
    """
    webhooks: Webhooks | None = request.state.webhooks
    if webhooks is None:
        raise errors.unavailable("Webhooks are not available here.")
    with telemetry.span(f"{method} {PATH}"):
        own = request.headers[identity.HEADER]
        headers = {identity.HEADER: await webhooks.identity(own)}
        if traceparent := telemetry.traceparent():
            headers["traceparent"] = traceparent
        if keep_key and idempotency.HEADER in request.headers:
            headers[idempotency.HEADER] = request.headers[idempotency.HEADER]
        try:
            response = await webhooks.http.request(method, PATH + path, json=body, headers=headers)
        except httpx2.HTTPError as error:
            log.error("webhook-dispatcher does not answer: %s", type(error).__name__)
            raise errors.unavailable() from None
    if response.status_code == 204:
        return None
    if response.status_code >= 400:
        raise _refusal(response)
    return response.json()


def _refusal(response: httpx2.Response) -> errors.Refusal:
    try:
        content = response.json()
    except ValueError:
        content = None
    problem: dict[str, Any] = content if isinstance(content, dict) else {}
    detail = str(problem.get("detail") or "webhook-dispatcher refused the call.")
    match response.status_code:
        case 400 | 413 | 415 | 422:
            found = [FieldError(**one) for one in problem.get("errors", [])]
            return errors.Unfit(detail, inputs.as_arguments(found, "/input")) if found else errors.bad_input(detail)
        case 401 | 403:
            scope = problem.get("scope")
            return errors.forbidden(detail, **({"scope": scope} if scope else {}))
        case 404:
            return errors.not_found()
        case 409:
            return errors.conflict(detail)
        case 429:
            return errors.Refusal("RATE_LIMITED", detail)
        case _:
            log.error("webhook-dispatcher answered %d", response.status_code)
            return errors.unavailable()

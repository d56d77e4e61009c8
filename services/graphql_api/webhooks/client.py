"""webhook-dispatcher, called on the caller's behalf: with the caller's own identity, in the caller's trace."""

import logging
from typing import Any

import httpx
from starlette.requests import Request

from services.graphql_api import errors
from shared import idempotency, identity, tracing

PATH = "/v1/webhooks"
TIMEOUT = httpx.Timeout(10, connect=2)
log = logging.getLogger(__name__)


def client(base_url: str) -> httpx.AsyncClient:
    """The connections to webhook-dispatcher; proxies of the environment play no part."""
    return httpx.AsyncClient(base_url=base_url, timeout=TIMEOUT, trust_env=False)


async def call(request: Request, method: str, path: str, body: Any = None, *, keep_key: bool = False) -> Any:
    """The answer's JSON, None for 204. Raises a Refusal that says the same as the problem document it got.

    `keep_key` passes on the caller's Idempotency-Key, so that a creation repeated here is not repeated there.
    """
    http: httpx.AsyncClient | None = request.state.webhooks
    if http is None:
        raise errors.unavailable("Webhooks are not available here.")
    with tracing.span(f"{method} {PATH}"):
        try:
            response = await http.request(method, PATH + path, json=body, headers=_headers(request, keep_key))
        except httpx.HTTPError as error:
            log.error("webhook-dispatcher does not answer: %s", type(error).__name__)
            raise errors.unavailable() from None
    if response.status_code == 204:
        return None
    if response.status_code >= 400:
        raise _refusal(response)
    return response.json()


def _headers(request: Request, keep_key: bool) -> dict[str, str]:
    headers = {identity.HEADER: request.headers[identity.HEADER]}
    if traceparent := tracing.traceparent():
        headers["traceparent"] = traceparent
    if keep_key and idempotency.HEADER in request.headers:
        headers[idempotency.HEADER] = request.headers[idempotency.HEADER]
    return headers


def _refusal(response: httpx.Response) -> errors.Refusal:
    problem = _problem(response)
    detail = str(problem.get("detail") or "webhook-dispatcher refused the call.")
    match response.status_code:
        case 400 | 413 | 415 | 422:
            faults = problem.get("errors")
            return errors.bad_input(detail, **({"errors": faults} if faults else {}))
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


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}

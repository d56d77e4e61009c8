"""`/livez`: the process runs. `/readyz`: it can do its work; the answer names the result of each check."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.web import http

Check = Callable[[Request], Awaitable[object]]
log = logging.getLogger(__name__)


def routes(checks: Mapping[str, Check]) -> list[Route]:
    """The two probes. A check that raises or takes over 3 seconds makes the service unready."""

    async def livez(request: Request) -> Response:
        return http.json({"status": "alive"})

    async def readyz(request: Request) -> Response:
        results = {name: await _passes(name, check, request) for name, check in checks.items()}
        ready = all(results.values())
        content = {"status": "ready" if ready else "not ready", "checks": results}
        return http.json(content, 200 if ready else 503)

    return [Route("/livez", livez, methods=["GET"]), Route("/readyz", readyz, methods=["GET"])]


async def _passes(name: str, check: Check, request: Request) -> bool:
    try:
        async with asyncio.timeout(3):
            await check(request)
    except Exception as error:  # any error of a dependency means "not ready"
        log.warning("check %s failed: %s", name, type(error).__name__)
        return False
    return True

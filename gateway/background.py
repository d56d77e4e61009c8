"""The ASGI application: the gateway and its background tasks, from start to drain."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from starlette.types import Receive, Scope, Send

from gateway import limits, metrics, refused, usage
from gateway.app import Gateway
from shared.process import redis_clients

SWEEP_SECONDS = 0.25
START_SECONDS = 3.0
"""After this time without keys or revocations, the gateway serves requests that need no token and answers 503 to the others."""
log = logging.getLogger(__name__)


class Background:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._tasks: list[asyncio.Task[Any]] = []
        self._redis: Redis | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self._lifespan(receive, send) if scope["type"] == "lifespan" else self._gateway(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._start()
        # No request is read before keys and revocations are known; meanwhile new connections wait in the listening socket.
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await self._gateway.keys.learned.wait()
                await self._gateway.revocations.learned.wait()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        # Cancels repeatedly until all tasks end: a client library may mistake one cancellation for its own timeout.
        pending = set(self._tasks)
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=0.5)
        await self._gateway.usage.flush()
        await self._gateway.refused.flush()
        self._gateway.issuer.close()
        for upstream in self._gateway.upstreams.values():
            upstream.close()
        if self._redis is not None:
            await self._redis.aclose()
        self._gateway.account.flush()
        await send({"type": "lifespan.shutdown.complete"})

    def _start(self) -> None:
        gateway = self._gateway
        jobs: list[Awaitable[None]] = [
            gateway.keys.run(),
            gateway.revocations.run(),
            _every(SWEEP_SECONDS, self._sweep),
            _every(usage.EVERY_SECONDS, gateway.usage.flush),
            _every(refused.EVERY_SECONDS, gateway.refused.flush),
        ]
        if gateway.settings.redis_url:
            self._redis = redis_clients.async_client(gateway.settings.redis_url, connect=1, answer=1)
            jobs += [
                limits.run(gateway.limits, self._redis),
                limits.keep_swept(gateway.limits.longest_window, self._redis),
                redis_clients.follow(gateway.settings.redis_url, redis_clients.REVOCATIONS, gateway.revocations.ring),
            ]
        self._tasks = [asyncio.ensure_future(job) for job in jobs]
        for task in self._tasks:
            task.add_done_callback(_report)

    async def _sweep(self) -> None:
        gateway = self._gateway
        now = asyncio.get_running_loop().time()
        gateway.watch.sweep()
        for upstream in gateway.upstreams.values():
            upstream.sweep(now)
            name, places = upstream.name, upstream.places
            metrics.upstream_active.labels(name).set(len(upstream.active))
            metrics.places_largest.labels(name).set(places.largest())
            states = {
                "taken": places.taken,
                "free": places.total - places.taken,
                "waiting": places.waiting,
                "receiving": upstream.receiving.taken,
            }
            for state, count in states.items():
                metrics.places.labels(name, state).set(count)
        metrics.connections.set(gateway.watch.count)
        gateway.account.flush()


async def _every(seconds: float, job: Callable[[], Awaitable[None]]) -> None:
    """For ever, also after an error: nothing else holds clients and services to their deadlines. Logs the first of a row of errors."""
    is_failing = False
    while True:
        await asyncio.sleep(seconds)
        try:
            await job()
            is_failing = False
        except Exception:
            if not is_failing:
                log.exception("background work failed, and is tried again")
            is_failing = True


def _report(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("background work ended", exc_info=error)

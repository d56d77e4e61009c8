"""Probes, metrics and the exchange of identities, on a separate port that is never public."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.app import Gateway
from shared.process.metrics import export_build
from shared.process.settings import revision
from shared.web import routing
from shared.web.serving import CalmServer


def create_ops(gateway: Gateway, working: Callable[[], bool]) -> Starlette:
    """`/readyz` is 200 only while this process serves requests and can check tokens."""

    async def serving(request: Request) -> None:
        if not working():
            raise RuntimeError("not serving")

    async def keys(request: Request) -> None:
        if not gateway.keys.ready:
            raise RuntimeError("no signing keys")

    async def revocations(request: Request) -> None:
        if not gateway.revocations.usable:
            raise RuntimeError("revocations unknown")

    async def metrics(request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    export_build(revision())
    checks = {"serving": serving, "jwks": keys, "revocations": revocations}
    return Starlette(routes=[*routing.probes(checks), Route("/metrics", metrics), gateway.exchange.route])


class OpsServer(CalmServer):
    """Handles no signals: the main server does, and ends this one with itself."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def serve(gateway: Gateway, host: str, port: int, working: Callable[[], bool]) -> "asyncio.Task[None]":
    config = uvicorn.Config(
        create_ops(gateway, working), host=host, port=port, log_config=None, access_log=False, lifespan="off", ws="none"
    )
    return asyncio.create_task(OpsServer(config).serve())

"""Probes and metrics, on a port of their own that is never public."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.app import Gateway
from shared import health


def create_ops(gateway: Gateway) -> Starlette:
    """`/readyz` is 200 only when tokens can be checked."""

    async def keys(request: Request) -> None:
        if not gateway.keys.ready:
            raise RuntimeError("no signing keys")

    async def revocations(request: Request) -> None:
        if not gateway.revocations.usable:
            raise RuntimeError("revocations unknown")

    async def metrics(request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[*health.routes({"jwks": keys, "revocations": revocations}), Route("/metrics", metrics)])


class OpsServer(uvicorn.Server):
    """Lives and ends with the main server, whose signals it leaves alone."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def serve(gateway: Gateway, host: str, port: int) -> "asyncio.Task[None]":
    config = uvicorn.Config(
        create_ops(gateway), host=host, port=port, log_config=None, access_log=False, lifespan="off", ws="none"
    )
    return asyncio.create_task(OpsServer(config).serve())

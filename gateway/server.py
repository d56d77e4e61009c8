"""The gateway process: one event loop, the public listener and the ops listener."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import uvicorn

from gateway import ops
from gateway.app import Gateway
from gateway.background import Background
from gateway.protocol import GatewayProtocol
from gateway.reads import SmallReads
from gateway.settings import Settings
from shared.process import telemetry
from shared.web.serving import Server, freeze


def run(settings: Settings, *, fds: Sequence[int], host: str, port: int, ops_host: str) -> None:
    """Serves until SIGTERM, then drains: answers requests in flight and closes idle connections."""
    telemetry.configure_logs("gateway", settings.log_level)
    telemetry.configure_tracing(
        "gateway", spans_file=settings.spans_file, otlp_endpoint=settings.otel_exporter_otlp_endpoint
    )
    gateway = Gateway(settings)
    server = Server(config(gateway, settings))
    freeze()
    listeners = [socket.socket(fileno=fd) for fd in fds] or [listen(host, port)]

    async def main() -> None:
        ops_port = settings.ops_port
        probes = ops.serve(gateway, ops_host, ops_port, server.working.is_set) if ops_port else None
        await server.serve(sockets=listeners)
        if probes is not None:
            probes.cancel()
            await asyncio.gather(probes, return_exceptions=True)

    try:
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(main())
    finally:
        telemetry.shutdown_tracing()


def config(gateway: Gateway, settings: Settings) -> uvicorn.Config:
    # uvicorn expects a class but only calls it, so a factory serves.
    def protocol(*args: Any, **kwargs: Any) -> Any:
        return SmallReads(GatewayProtocol(*args, watch=gateway.watch, **kwargs))

    return uvicorn.Config(
        Background(gateway),
        interface="asgi3",  # uvicorn would detect it only from an async `__call__`
        http=protocol,  # pyright: ignore[reportArgumentType]
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        headers=[("x-content-type-options", "nosniff")],
        timeout_graceful_shutdown=settings.drain_timeout,
        backlog=2048,
    )


def listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener

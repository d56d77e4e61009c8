"""A web process: uvicorn as every service runs it."""

import gc
import socket
import sys
import threading
from typing import Any

import uvicorn

from shared import heavy, tracing
from shared.draining import DrainingProtocol, Server


def freeze() -> None:
    """Takes what is imported by now out of garbage collection, each full run of which would hold the loop for 40 ms and more."""
    gc.collect()
    gc.freeze()


def serve(app: Any, host: str, port: int, fd: int | None, working: threading.Event, **options: Any) -> None:
    """uvicorn as every web process here runs it. Idle connections outlive the gateway's, so that none closes under a request."""
    freeze()
    sys.setswitchinterval(heavy.SWITCH_SECONDS)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=options.pop("http", DrainingProtocol),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=20,
        **options,
    )
    # Handed over as what it is: uvicorn's own `fd` takes it for a UNIX socket, without TCP_NODELAY, and answers wait 40 ms for an ACK.
    server = Server(config, working)
    server.run(sockets=None if fd is None else [socket.socket(fileno=fd)])
    tracing.shutdown()
    if not server.started:
        raise SystemExit("the application did not start")

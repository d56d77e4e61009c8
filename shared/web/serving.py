"""Runs a service's web process on uvicorn."""

import gc
import socket
import sys
import threading
from typing import Any

import uvicorn

from shared.process import tracing
from shared.web import heavy
from shared.web.draining import DrainingProtocol, Server


def freeze() -> None:
    """Excludes all present objects from garbage collection; a full collection with them would block the loop for 40 ms or more."""
    gc.collect()
    gc.freeze()


def serve(app: Any, host: str, port: int, fd: int | None, working: threading.Event, **options: Any) -> None:
    """Serves until the process ends. Idle connections live longer here than in the gateway, so that none closes during a request."""
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
    # Not through uvicorn's `fd`, which treats it as a UNIX socket without TCP_NODELAY, so that answers wait 40 ms for an ACK.
    server = Server(config, working)
    server.run(sockets=None if fd is None else [socket.socket(fileno=fd)])
    tracing.shutdown()
    if not server.started:
        raise SystemExit("the application did not start")

"""The ops port of a process, which is never public: `/livez`, `/readyz` and Prometheus's `/metrics`."""

import logging
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.process import liveness, metrics, telemetry
from shared.process.settings import revision
from shared.storage import database

log = logging.getLogger(__name__)
metrics.clock_offset.set_function(lambda: database.clock.offset)
metrics.pool_connections.labels("used").set_function(lambda: database.measure("pool_size", "pool_available"))
metrics.pool_connections.labels("idle").set_function(lambda: database.measure("pool_available"))
metrics.pool_waiting.set_function(database.waiting)


def serve(port: int, ready: Callable[[], object] = lambda: None, host: str = "127.0.0.1") -> None:
    """Serves on `port` of `host` in its own thread. Port 0 means no ops port.

    `ready` raises while the process cannot work, and returns False while the process starts or ends.
    """
    if not port:
        return

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, generate_latest(), CONTENT_TYPE_LATEST)
            elif self.path == "/livez":
                self._answer(*((200, b"alive\n") if liveness.is_alive() else (503, b"stuck\n")))
            elif self.path == "/readyz":
                try:
                    working = ready() is not False
                except Exception as error:  # any error of a dependency means "not ready"
                    log.warning("not ready: %s", type(error).__name__)
                    working = False
                self._answer(*((200, b"ready\n") if working else (503, b"not ready\n")))
            else:
                self._answer(404, b"not found\n")

        def _answer(self, status: int, body: bytes, content_type: str = "text/plain") -> None:
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Writes no line: scrapes and probes are too frequent."""

    metrics.export_build(revision())
    server = _Server((host, port), Handler)
    # `None`: only the end of the process ends the server, so it need not check for a shutdown twice a second.
    threading.Thread(target=server.serve_forever, args=(None,), name="operations", daemon=True).start()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores a probe that closes its connection early; that is not an error of this process."""
        error = sys.exception()
        if not isinstance(error, ConnectionError):
            log.error("ops port: %s", telemetry.describe(error))

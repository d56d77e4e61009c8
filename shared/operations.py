"""The ops port of a process, never public: `/livez`, `/readyz` and Prometheus' `/metrics`."""

import logging
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared import database, logs, metrics
from shared.settings import revision

log = logging.getLogger(__name__)


def serve(port: int, ready: Callable[[], object] = lambda: None, host: str = "127.0.0.1") -> None:
    """Answers on `port` of `host` from a thread of its own. Port 0 means no ops port.

    `ready` raises while the process cannot work, and is False while it only begins or ends.
    """
    if not port:
        return

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, generate_latest(), CONTENT_TYPE_LATEST)
            elif self.path == "/livez":
                self._answer(200, b"alive\n")
            elif self.path == "/readyz":
                self._answer(*_readiness(ready))
            else:
                self._answer(404, b"not found\n")

        def _answer(self, status: int, body: bytes, content_type: str = "text/plain") -> None:
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes and probes are not worth a line."""

    metrics.tell_build(revision())
    _measure_pools()
    server = _Server((host, port), Handler)
    # Nobody ends it but the process, so that it need not look twice a second whether it was.
    threading.Thread(target=server.serve_forever, args=(None,), name="operations", daemon=True).start()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A probe that hangs up before its answer is whole is no error of this process."""
        error = sys.exception()
        if not isinstance(error, ConnectionError):
            log.error("ops port: %s", logs.describe(error))


def _measure_pools() -> None:
    used, idle = metrics.pool_connections.labels("used"), metrics.pool_connections.labels("idle")
    used.set_function(lambda: database.measure("pool_size", "pool_available"))
    idle.set_function(lambda: database.measure("pool_available"))
    metrics.pool_waiting.set_function(lambda: database.measure("requests_waiting"))


def _readiness(ready: Callable[[], object]) -> tuple[int, bytes]:
    try:
        working = ready() is not False
    except Exception as error:  # whatever a dependency raises, the answer is "not ready"
        log.warning("not ready: %s", type(error).__name__)
        working = False
    return (200, b"ready\n") if working else (503, b"not ready\n")

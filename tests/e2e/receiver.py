"""The test's own webhook receiver. It stores the requests and answers as a test wants."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from standardwebhooks import Webhook


class Arrival(NamedTuple):
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def trace_id(self) -> str:
        return self.headers["traceparent"].split("-")[1]

    def verify(self, secret: str) -> object:
        """The decoded body. Raises WebhookVerificationError if the signature is not made with the secret."""
        return Webhook(secret).verify(self.body, dict(self.headers))


class Receiver:
    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        self.arrivals: list[Arrival] = []
        self.open = threading.Event()
        self.open.set()


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Answers 204 to every request. While `open` is cleared, it reads requests and does not answer."""
    kept: Receiver

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.arrivals.append(Arrival({name.lower(): value for name, value in self.headers.items()}, body))
            kept.open.wait(60)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Logs nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept = Receiver(server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield kept
    finally:
        kept.open.set()
        server.shutdown()
        server.server_close()

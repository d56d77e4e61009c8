"""Runs in place of a page for operators or a collector of traces. It answers 200 to every request and does nothing."""

import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Idle(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing."""


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
for port in sys.argv[1].split(","):
    server = ThreadingHTTPServer(("0.0.0.0", int(port)), Idle)  # noqa: S104 - within its container
    threading.Thread(target=server.serve_forever, args=(None,), daemon=True).start()
signal.pause()

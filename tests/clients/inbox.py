"""A partner's process: writes the id of each event that it takes to a file, and prints its port. `python inbox.py <file>`."""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Inbox(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        with Path(sys.argv[1]).open("a") as file:
            file.write(self.headers["webhook-id"] + "\n")
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test reads the port alone."""


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", 0), Inbox)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()

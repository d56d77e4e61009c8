"""A platform that misbehaves as a test wants: it answers each call by a script, and remembers calls, effects and connections."""

import json
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import psutil

TOKEN_PATH = "/v1/oauth/token"


class Asked(NamedTuple):
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Answering(NamedTuple):
    """`cut` sends half of the body and closes, `drop` nothing at all, `drip` a byte each 50 ms; `late` waits first."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}
    cut: bool = False
    drop: bool = False
    drip: bool = False
    late: float = 0.0


Script = Callable[[Asked], Answering]


def problem(status: int, slug: str = "", **more: Any) -> Answering:
    headers = {"content-type": "application/problem+json"}
    document = {
        "type": f"https://knogin.com/api/docs#{slug}",
        "title": slug,
        "status": status,
        "detail": "",
        "trace_id": "a" * 32,
    }
    return Answering(status, json.dumps(document | more).encode(), headers)


HTML = Answering(502, b"<html><body>Bad gateway</body></html>", {"content-type": "text/html"})
ENCOUNTER = {
    "id": "enc_1",
    "organization_id": "org_1",
    "care_model": "a_model_of_next_year",
    "status": "in_progress",
    "vehicle_id": "AMB-1",
    "cad_incident_id": "cad_1",
    "patient_number": 1,
    "version": 1,
    "test": False,
    "identity": 1,
    "patient": {"id": "pat_1"},
    "times": {},
    "secondary_impressions": [],
    "vital_signs": [],
    "procedures": [],
    "medications": [],
    "created_at": "2026-11-25T03:47:00.861700Z",
    "updated_at": "2026-11-25T03:47:00.861700Z",
    "a_member_of_next_year": {"x": [1]},
}


class Stub:
    """`valid` are the accepted tokens, `secret` the accepted secret; `effects` maps each Idempotency-Key to how often it had an effect."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.port = server.server_address[1]
        self.url = f"http://api.localhost:{self.port}"
        self.script: Script | None = None
        self.asked: list[Asked] = []
        self.secret = "secret-1"
        self.valid: set[str] = set()
        self.minted = 0
        self.lives = 300
        self.minting_seconds = 0.0
        self.token_script: Script | None = None
        self.unchecked: Script | None = None
        self.lock = threading.Lock()
        self.effects: dict[str, int] = {}
        self.opened = 0
        self.now_open = 0

    @property
    def sockets(self) -> int:
        """The sockets that clients in this process have open towards it."""
        return sum(1 for one in psutil.Process().net_connections("tcp") if one.raddr and one.raddr.port == self.port)

    @property
    def calls(self) -> list[Asked]:
        return [one for one in self.asked if one.path != TOKEN_PATH]

    def mint(self, asked: Asked) -> Answering:
        if self.token_script:
            return self.token_script(asked)
        time.sleep(self.minting_seconds)
        given = b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode().partition(":")[2]
        with self.lock:
            if given != self.secret:
                return Answering(401, b'{"error": "invalid_client", "error_description": "no"}')
            self.minted += 1
            token = f"token-{self.minted}"
            self.valid.add(token)
        return Answering(
            body=json.dumps({"access_token": token, "expires_in": self.lives, "token_type": "Bearer"}).encode()
        )

    def answer(self, asked: Asked) -> Answering:
        with self.lock:
            self.asked.append(asked)
        if asked.path == TOKEN_PATH:
            return self.mint(asked)
        if self.unchecked:
            return self.unchecked(asked)
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.valid:
            refused = problem(401, "unauthorized")
            return refused._replace(headers={"www-authenticate": 'Bearer error="invalid_token"'})
        if self.script:
            return self.script(asked)
        return Answering(201 if asked.method == "POST" else 200, json.dumps(ENCOUNTER).encode())

    def effect(self, asked: Asked) -> None:
        """Once for each key, as the platform does."""
        with self.lock:
            self.effects.setdefault(asked.headers["idempotency-key"], 1)


@contextmanager
def stub() -> Iterator[Stub]:
    kept: Stub

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def setup(self) -> None:
            super().setup()
            with kept.lock:
                kept.opened += 1
                kept.now_open += 1

        def finish(self) -> None:
            with suppress(OSError):
                super().finish()
            with kept.lock:
                kept.now_open -= 1

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:
                self.close_connection = True

        def reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = kept.answer(Asked(self.command, self.path, headers, body))
            time.sleep(answer.late)
            if answer.drop:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in {"content-type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            if answer.cut:
                self.wfile.write(answer.body[: len(answer.body) // 2])
                self.close_connection = True
            elif answer.drip:
                for byte in answer.body:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(0.05)
            else:
                self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = reply

        def log_message(self, format: str, *args: object) -> None:
            """Logs nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            """Clients that go away are the point."""

    server = Server(("127.0.0.1", 0), Handler)
    kept = Stub(server)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""A webhook receiver to look at deliveries with: `python -m deploy.receiver --secret whsec_… --port 9000`.

It verifies each one as a partner would, with the `standardwebhooks` package, and prints what came.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Annotated, Any

import typer
from rich.console import Console
from standardwebhooks import Webhook, WebhookVerificationError

LARGEST = 1024 * 1024


@dataclass(frozen=True)
class Delivery:
    """One request as it came in; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def trace_id(self) -> str:
        """From the W3C `traceparent` header; empty without one."""
        return self.headers.get("traceparent", "").partition("-")[2].partition("-")[0]

    def json(self) -> Any:
        """The body decoded."""
        return json.loads(self.body)

    def verified(self, secret: str) -> bool:
        """Whether the signature is right and fresh, by Standard Webhooks 1.0."""
        try:
            Webhook(secret).verify(self.body, dict(self.headers))
        except WebhookVerificationError:
            return False
        return True


class Receiver:
    """Listens on 127.0.0.1 in a thread and hands every delivery to `receive`, whose result is the status it answers."""

    def __init__(self, receive: Callable[[Delivery], int], port: int = 0) -> None:
        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = min(int(self.headers.get("content-length", 0)), LARGEST)
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(receive(Delivery(self.path, headers, self.rfile.read(length))))
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Deliveries are told by `receive`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Door)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def serve(self) -> None:
        """Until Ctrl-C."""
        self._server.serve_forever()


def main(
    secret: Annotated[str, typer.Option(help="The subscription's secret, whsec_…")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes any.")] = 9000,
) -> None:
    """Print every delivery, verified or not."""
    console = Console(highlight=False)

    def receive(delivery: Delivery) -> int:
        good = delivery.verified(secret)
        console.print("signature verified" if good else "signature WRONG", style="green" if good else "bold red")
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature", "traceparent"):
            console.print(f"{name}: {delivery.headers.get(name, '')}", markup=False)
        console.print(_pretty(delivery.body), markup=False)
        return 204 if good else 401

    receiver = Receiver(receive, port)
    console.print(f"listening on {receiver.url}")
    try:
        receiver.serve()
    except KeyboardInterrupt:
        console.print("stopped")


def _pretty(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body.decode(errors="backslashreplace")


if __name__ == "__main__":
    typer.run(main)

"""A webhook receiver that shows deliveries: `python -m deploy.receiver --secret … --port 9000`.

It verifies each delivery as a partner would, with the `standardwebhooks` package, and prints it.
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
    """One request as received; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def trace_id(self) -> str:
        """From the W3C `traceparent` header; empty without one."""
        return self.headers.get("traceparent", "").partition("-")[2].partition("-")[0]

    def json(self) -> Any:
        return json.loads(self.body)

    def verified(self, secret: str) -> bool:
        """Whether the signature is right and recent, by Standard Webhooks 1.0.

        A secret that does not begin with `whsec_` is the key itself and not base64; the package takes it as bytes.
        """
        try:
            key = secret if secret.startswith("whsec_") else secret.encode()
            Webhook(key).verify(self.body, dict(self.headers), json_parse=False)
        except (WebhookVerificationError, ValueError):  # the package raises ValueError for an impossible header
            return False
        return True


class Receiver:
    """Listens on 127.0.0.1 in a thread, calls `receive` with every delivery, and answers with the status that it returns."""

    def __init__(self, receive: Callable[[Delivery], int], port: int = 0) -> None:
        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = self.headers.get("content-length", "")
                if not length.isdecimal() or int(length) > LARGEST:
                    self.send_error(411 if not length else 413)
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(receive(Delivery(self.path, headers, self.rfile.read(int(length)))))
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Does nothing: `receive` prints the deliveries."""

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
        """Serves until Ctrl-C."""
        self._server.serve_forever()


def main(
    secret: Annotated[str, typer.Option(help="The subscription's secret, whsec_… or your own")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes any.")] = 9000,
) -> None:
    """Print every delivery, verified or not."""
    console = Console(highlight=False)

    def receive(delivery: Delivery) -> int:
        good = delivery.verified(secret)
        console.print(
            "signature verified" if good else "signature WRONG or too old", style="green" if good else "bold red"
        )
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature", "traceparent"):
            console.print(f"{name}: {delivery.headers.get(name, '')}", markup=False)
        try:
            text = json.dumps(json.loads(delivery.body), indent=2, ensure_ascii=False)
        except ValueError:
            text = delivery.body.decode(errors="backslashreplace")
        console.print(text, markup=False)
        return 204 if good else 401

    receiver = Receiver(receive, port)
    console.print(f"listening on {receiver.url}")
    try:
        receiver.serve()
    except KeyboardInterrupt:
        console.print("stopped")


if __name__ == "__main__":
    typer.run(main)

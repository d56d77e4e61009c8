"""One request on its way through the gateway, and the fields of its log line, span and metrics."""

from typing import Any

from starlette.types import Receive, Scope, Send

from gateway.headers import Headers, Incoming
from gateway.refused_bytes import Payer
from gateway.tracing import Trace


class Call:
    __slots__ = (
        "answer",
        "client",
        "client_id",
        "http_version",
        "incoming",
        "length",
        "method",
        "payer",
        "reason",
        "receive",
        "refusal",
        "route",
        "send",
        "status",
        "target",
        "tenant_id",
        "trace",
        "upstream",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, trace: Trace) -> None:
        self.receive = receive
        self.send = send
        self.trace = trace
        self.method: str = scope["method"]
        self.http_version: str = scope["http_version"]
        self.target: bytes = scope["gateway.target"]
        self.length: int | None = scope["gateway.length"]
        self.client: Any = scope["gateway.connection"]
        self.incoming = Incoming(scope["headers"])
        # Added to the client's answer, made by a service or by the gateway.
        self.answer: Headers = trace.answer_headers()
        # Set where there is a body.
        self.payer: Payer | None = None
        # For the log line, the span and the metrics.
        self.route = "(none)"
        self.status = 0
        self.tenant_id = ""
        self.client_id = ""
        self.upstream = ""
        self.reason = ""
        # Of a service's refusal: slug, template of the route, scope.
        self.refusal: tuple[str, str, str] = ("", "", "")

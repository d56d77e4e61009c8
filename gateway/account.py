"""Records each request: one log line, one metric, and one span if the trace is sampled."""

import os
import time
from contextlib import suppress
from typing import Any

import msgspec

from gateway.call import Call
from gateway.metrics import refusals, token_failures
from gateway.problems import Refusal
from shared.process import metrics, telemetry

FLUSH_LINES = 256
encode = msgspec.json.Encoder().encode


class Account:
    """Collects log lines and writes them together: one write for each line would cost as much as the proxying itself."""

    def __init__(self, output: int = 1) -> None:
        self._output = output
        self._lines: list[bytes] = []
        self._children: dict[tuple[str, str, int], tuple[Any, Any]] = {}

    def close_call(self, call: Call) -> None:
        seconds = time.perf_counter() - call.trace.began
        labels = call.route, call.method, call.status
        children = self._children.get(labels)
        if children is None:
            children = metrics.requests.labels(*labels), metrics.request_seconds.labels(call.route, call.method)
            self._children[labels] = children
        counter, histogram = children
        counter.inc()
        histogram.observe(seconds)
        line: dict[str, Any] = {
            "message": f"{call.method} {call.route} {call.status}",
            "trace_id": call.trace.trace_id,
            "tenant_id": call.tenant_id or None,
            "client_id": call.client_id or None,
            "upstream": call.upstream or None,
            "status": call.status,
            "ms": round(seconds * 1000, 2),
        }
        if call.reason:
            line["reason"] = call.reason
        self.write(line)
        if call.trace.span is not None:
            attributes = {
                "http.request.method": call.method,
                "http.route": call.route,
                "gateway.upstream": call.upstream,
            }
            call.trace.finish(f"{call.method} {call.route}", call.status, call.incoming.traceparent, **attributes)

    def refused(self, refusal: Refusal, trace_id: str) -> None:
        """Records the refusal of a request that could not be parsed."""
        self.count(refusal)
        self.write(
            {
                "message": f"refused {refusal.status}",
                "trace_id": trace_id,
                "status": refusal.status,
                "reason": refusal.title,
            }
        )

    def count(self, refusal: Refusal) -> None:
        refusals.labels(refusal.status, refusal.title).inc()
        if refusal.status == 401:
            token_failures.labels(refusal.reason).inc()

    def write(self, line: dict[str, Any]) -> None:
        self._lines.append(
            encode(
                {"at": telemetry.moment(time.time()), "level": "info", "service": "gateway", "logger": "access", **line}
            )
            + b"\n"
        )
        if len(self._lines) >= FLUSH_LINES:
            self.flush()

    def flush(self) -> None:
        """With a full disk or a closed pipe the lines are lost, and all else goes on."""
        lines, self._lines = self._lines, []
        if lines:
            with suppress(OSError):
                os.write(self._output, b"".join(lines))

"""The cheapest possible receiver, as a separate process: records when each webhook-id arrives, answers, and reports on request.

`python -m tests.bench.webhooks_receiver PORT`; `GET /report` returns the arrivals so far as `id nanoseconds` lines and forgets
them, `POST /hang…` is never answered.
"""

import asyncio
import sys
import time
from typing import Any

import uvloop

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
arrivals: list[tuple[bytes, int]] = []


class Connection(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            length = int(_value(head, b"content-length") or 0)
            if len(self.buffer) < end + 4 + length:
                return
            target = self.buffer[: self.buffer.index(b" HTTP")]
            self.buffer = self.buffer[end + 4 + length :]
            self._answer(target, head)

    def _answer(self, target: bytes, head: bytes) -> None:
        if target.startswith(b"GET"):
            body = b"\n".join(b"%s %d" % arrival for arrival in arrivals)
            arrivals.clear()
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            return
        if target.startswith(b"POST /hang"):
            return
        arrivals.append((_value(head, b"webhook-id"), time.time_ns()))
        self.transport.write(OK)


def _value(head: bytes, name: bytes) -> bytes:
    return head.partition(b"\r\n" + name + b":")[2].partition(b"\r\n")[0].strip()


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", port, backlog=1000)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))

"""`python -m tests.chaos.stub`: a server that gives every request the same answer; prints its port."""

import asyncio
import sys

ANSWER = b'HTTP/1.1 201 Created\r\ncontent-length: 10\r\n\r\n{"id":"a"}'


class Stub(asyncio.Protocol):
    """Answers a request when as many bytes of its body have come as its head announces."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._head = b""
        self._missing = 0

    def data_received(self, data: bytes) -> None:
        if not self._missing:
            self._head += data
            head, end, body = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
            self._missing = int(length or 0)
            self._head, data = b"", body
        self._missing -= len(data)
        if self._missing <= 0:
            self._missing = 0
            self._transport.write(ANSWER)  # pyright: ignore[reportAttributeAccessIssue]


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

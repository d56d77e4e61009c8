"""`python -m tests.bench.receiving`: a hospital that fetches one long answer after another and drops its bytes.

Its first line of input is a `Fetching` as JSON. It writes "receiving", and begins with the next line. It writes seconds and bytes of each
answer as JSON, a line each. It ends after an answer whose end finds its input closed.

It represents another machine, and so takes as little of this one as it can: its priority is the lowest, and it reads into one buffer.
"""

import json
import socket
import subprocess
import sys
import threading
import time
from types import TracebackType

import msgspec

from deploy.local.table import ROOT
from shared.process import priority

PATIENCE = 600
LAST = b"\r\n0\r\n\r\n"
"""The end of an answer that is sent in chunks, and so of one that is whole (RFC 9112, section 7.1)."""


class Fetching(msgspec.Struct):
    """Where the service is, and the bytes of the request."""

    host: str
    port: int
    request: str


class Fetched(msgspec.Struct):
    """Seconds until the first byte and until the last, and the number of bytes."""

    first: float
    last: float
    size: int


class Receiver:
    """Fetches while the block runs; `next` gives each answer. The block's end waits for the answer that is on its way."""

    def __init__(self, fetching: Fetching) -> None:
        command = [sys.executable, "-m", "tests.bench.receiving"]
        self._child = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._write(msgspec.json.encode(fetching).decode())
        assert self._read() == "receiving\n"

    def __enter__(self) -> "Receiver":
        self._write("begin")
        return self

    def _write(self, line: str) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(line + "\n")

    def _read(self) -> str:
        assert self._child.stdout is not None
        return self._child.stdout.readline()

    def next(self) -> Fetched:
        return msgspec.json.decode(self._read(), type=Fetched)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._child.communicate(timeout=PATIENCE)
        finally:
            self._child.kill()
            self._child.wait()


def fetched(fetching: Fetching, buffer: bytearray) -> Fetched:
    began, first, size, end = time.perf_counter(), 0.0, 0, b""
    with socket.create_connection((fetching.host, fetching.port), timeout=PATIENCE) as connection:
        connection.sendall(fetching.request.encode())
        while got := connection.recv_into(buffer):
            first = first or time.perf_counter() - began
            size += got
            end = (end + bytes(buffer[max(0, got - len(LAST)) : got]))[-len(LAST) :]
    assert end == LAST, "the answer is not whole"
    return Fetched(first, time.perf_counter() - began, size)


def main() -> None:
    fetching = msgspec.json.decode(sys.stdin.readline(), type=Fetching)
    priority.yield_to_all(19)
    buffer, over = bytearray(1 << 20), threading.Event()
    print("receiving", flush=True)
    sys.stdin.readline()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    while not over.is_set():
        print(json.dumps(msgspec.to_builtins(fetched(fetching, buffer))), flush=True)


if __name__ == "__main__":
    main()

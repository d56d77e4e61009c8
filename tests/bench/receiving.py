"""`python -m tests.bench.receiving`: a hospital that fetches long answers one after another and drops their bytes.

It writes "receiving", then for each line of its input, a `Fetching` as JSON, a line with the `Fetched` as JSON.

It represents another machine, and so takes as little of this one as it can: its priority is the lowest, and it reads into one buffer.
"""

import os
import socket
import subprocess
import sys
import time
from types import TracebackType

import msgspec

from deploy.local.table import ROOT

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
    """A process that fetches for this one."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.bench.receiving"]
        self._child = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def __enter__(self) -> "Receiver":
        assert self._read() == "receiving\n"
        return self

    def _read(self) -> str:
        assert self._child.stdout is not None
        return self._child.stdout.readline()

    def fetch(self, fetching: Fetching) -> Fetched:
        assert self._child.stdin is not None
        self._child.stdin.write(msgspec.json.encode(fetching).decode() + "\n")
        return msgspec.json.decode(self._read(), type=Fetched)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.kill()
        self._child.communicate(timeout=60)


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
    os.nice(19)
    buffer = bytearray(1 << 20)
    print("receiving", flush=True)
    for line in sys.stdin:
        made = fetched(msgspec.json.decode(line, type=Fetching), buffer)
        print(msgspec.json.encode(made).decode(), flush=True)


if __name__ == "__main__":
    main()

"""A control for exports: as much processor time, and as many bytes in as many hops, without our code.

Its processes get a socket by its descriptor, and import little, so that their start costs nothing:

- `python -m tests.bench.burner burn <descriptor> <nice> <share> <slice> <size>` burns that share of a processor, with that priority:
  `slice` seconds of processor time, then it sends `size` bytes from memory, then it rests. It makes up for time in which it waited for
  a processor. It ends with the first line of its input, and writes the seconds that it burnt.
- `python -m tests.bench.burner pass <descriptor>` writes its port, and passes the bytes on to the first client of it.
"""

import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from shared.process import priority

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 600
PATIENCE = 60
PIECE = 64 << 10


class Load(NamedTuple):
    """The priority, the share of a processor, the seconds that are burnt at a time, and the bytes that are sent after each."""

    nice: int
    share: float
    slice: float
    size: int


class Burner:
    """Burns, passes on and reads while the block runs; afterwards `burnt` has its seconds of processor time, `read` the bytes."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._stack = ExitStack()
        self.burnt = 0.0
        self.read = 0

    def __enter__(self) -> "Burner":
        with ExitStack() as opened:
            source, sink = socket.socketpair()
            with source, sink:
                passing = opened.enter_context(_child("pass", source))
                self._burning = opened.enter_context(_child("burn", sink, *map(str, self._load)))
            port = int(_line_of(passing))
            client = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
            self._reader = threading.Thread(target=self._read, args=(client,))
            self._reader.start()
            assert _line_of(self._burning) == "burning"
            self._stack = opened.pop_all()
        return self

    def _read(self, client: socket.socket) -> None:
        while part := client.recv(1 << 20):
            self.read += len(part)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            self.burnt = float(self._burning.communicate("\n", timeout=PATIENCE)[0])
            self._reader.join(PATIENCE)


@contextmanager
def _child(work: str, end: socket.socket, *given: str) -> Iterator["subprocess.Popen[str]"]:
    """A process of this module with that end of a socket. It is killed at the end of the block."""
    command = [sys.executable, "-m", "tests.bench.burner", work, str(end.fileno()), *given]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, pass_fds=[end.fileno()]
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def _line_of(child: "subprocess.Popen[str]") -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def burn(out: socket.socket, load: Load) -> None:
    priority.yield_to_all(load.nice)
    portion = bytes(load.size)
    print("burning", flush=True)
    began, before = time.perf_counter(), time.process_time()
    while time.perf_counter() - began < MOST_SECONDS:
        until = time.process_time() + load.slice
        while time.process_time() < until:
            sum(range(200))
        out.sendall(portion)
        burnt = time.process_time() - before
        rest = burnt / load.share - (time.perf_counter() - began)
        if select.select([sys.stdin], [], [], max(0.0, rest))[0]:
            break
    print(time.process_time() - before)


def pass_on(source: socket.socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        print(server.getsockname()[1], flush=True)
        client, _ = server.accept()
    client.settimeout(PATIENCE)
    with client:
        while piece := source.recv(PIECE):
            client.sendall(piece)


if __name__ == "__main__":
    work, end, *given = sys.argv[1:]
    with socket.socket(fileno=int(end)) as connection:
        connection.settimeout(PATIENCE)
        if work == "burn":
            burn(connection, Load(int(given[0]), float(given[1]), float(given[2]), int(given[3])))
        else:
            pass_on(connection)

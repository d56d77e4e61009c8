"""`python -m tests.bench.burner <nice> <share> <slice>`: burns that share of a processor, with that priority, until its input ends.

It burns `slice` seconds of processor time, then rests, and makes up for time in which it waited for a processor. It writes "burning" when
it begins and the seconds that it burnt when it ends. It imports little, so that its start costs nothing.
"""

import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from shared.process import children

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 600


class Burner:
    """Burns while the block runs; afterwards `burnt` has its seconds of processor time."""

    def __init__(self, nice: int, share: float, slice_: float) -> None:
        self._command = [sys.executable, "-m", "tests.bench.burner", str(nice), str(share), str(slice_)]
        self.burnt = 0.0

    def __enter__(self) -> "Burner":
        self._child = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self._child.stdout is not None
        assert self._child.stdout.readline() == "burning\n"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            output = self._child.communicate(timeout=60)[0]
            self.burnt = float(output) if kind is None else 0.0
        finally:
            self._child.kill()
            self._child.wait()


def main(nice: int, share: float, slice_: float) -> None:
    children.yield_to_all(nice)
    print("burning", flush=True)
    began, before = time.perf_counter(), time.process_time()
    while time.perf_counter() - began < MOST_SECONDS:
        burnt = time.process_time() - before
        until = time.process_time() + slice_
        while time.process_time() < until:
            sum(range(200))
        rest = (burnt + slice_) / share - (time.perf_counter() - began)
        if select.select([sys.stdin], [], [], max(0.0, rest))[0]:
            break
    print(time.process_time() - before)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))

"""`python -m services.epcr.renderer.process`: a process that makes long answers, so that its parent, the web process, passes bytes on.

It has no settings, no database, and no keys but those of the pseudonyms in its answers. Its standard input is a socket with frames: 4 bytes
of length, then an order of the parent (pickled: the number of a work, its job or None, readings or None) or a `Portion` (MessagePack),
after which its bytes follow. An order with a negative number ends that work, and has no answer. The process ends with its parent's socket.
"""

import pickle
import signal
import socket
import time
import traceback
from contextlib import suppress
from pathlib import Path

import msgspec

from services.epcr.fhir.encode import UnfitBundle
from services.epcr.renderer.work import Job, Portion, Wants
from shared.process import priority
from shared.web.portions import BYTES, SECONDS

LENGTH = 4
NICE = 5
"""Beside one process that wants the whole processor, a quarter of it is left for long answers. With a tenth (nice 10) they did not always
begin within the gateway's patience on a machine at load 100."""
FIRST_TO_END = "1000"
"""The kernel's preference (`oom_score_adj`): where the container's memory is full, this process ends, and not the web process."""


class Begun:
    """A work in progress."""

    def __init__(self, job: Job) -> None:
        self._work = job()
        self._is_begun = False

    def portion(self, readings: str | None) -> Portion:
        written: list[bytes] = []
        try:
            wants, is_last = self._steps(readings, written)
        except UnfitBundle as error:
            return Portion(is_last=True, unfit=error.reasons)
        except Exception as error:
            places = traceback.extract_tb(error.__traceback__)
            fault = " < ".join(f"{one.name}:{one.lineno}" for one in reversed(places))
            return Portion(is_last=True, fault=f"{type(error).__name__} in {fault}")
        return Portion(written, self._is_begun, wants, is_last)

    def _steps(self, readings: str | None, written: list[bytes]) -> tuple[Wants | None, bool]:
        """Works until the portion is long enough, or wants readings. Returns its wish, and whether the work is done."""
        until, size = time.perf_counter() + SECONDS, 0
        try:
            step = self._work.send(readings)
            while True:
                if isinstance(step, Wants):
                    return step, False
                if step is not None:
                    self._is_begun = True
                    written.append(step)
                    size += len(step)
                if size >= BYTES or time.perf_counter() >= until:
                    return None, False
                step = next(self._work)
        except StopIteration as end:
            self._is_begun = True
            written.append(end.value or b"")
            return None, True


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    priority.yield_to_all(NICE)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_END)
    works: dict[int, Begun] = {}
    with socket.socket(fileno=0) as parent, parent.makefile("rwb") as frames:
        while header := frames.read(LENGTH):
            number, job, readings = pickle.loads(frames.read(int.from_bytes(header)))  # noqa: S301 - of our own parent
            if number < 0:
                works.pop(-number, None)
                continue
            if job is not None:
                works[number] = Begun(job)
            portion = works[number].portion(readings)
            portion.number = number
            if portion.is_last:
                del works[number]
            pieces, portion.pieces = portion.pieces, []
            portion.size = sum(map(len, pieces))
            answer = msgspec.msgpack.encode(portion)
            frames.writelines([len(answer).to_bytes(LENGTH), answer, *pieces])
            frames.flush()


if __name__ == "__main__":
    main()

"""`python -m tests.bench.reading`: another partner, who calls one address at an even rate, in a process of its own.

Its first line of input is a `Reading` as JSON. It writes "reading", calls until its input ends, then writes the milliseconds of each call
as JSON.
"""

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from deploy.local.table import ROOT
from shared.web.identity import HEADER, Caller, mint
from tests.support.alone import KEY

MOST_SECONDS = 600


class Reading(msgspec.Struct):
    """Who calls, and how often each second. `service` is the audience of the identity header."""

    name: str
    url: str
    service: str
    caller: Caller
    rate: float


class Times(list[float]):
    """Milliseconds of the calls, in order."""

    def __str__(self) -> str:
        return (
            f"{len(self):>4} calls, p50 {self.at(0.5):5.1f} ms, p90 {self.at(0.9):5.1f} ms, p99 {self.at(0.99):5.1f} ms"
        )

    def at(self, share: float) -> float:
        return sorted(self)[int(len(self) * share)]


class Readers:
    """All of them read while the block runs; afterwards `times` has those of each."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        self._readings = readings
        self._children: list[subprocess.Popen[str]] = []
        self.times: dict[str, Times] = {}

    def __enter__(self) -> "Readers":
        command = [sys.executable, "-m", "tests.bench.reading"]
        for reading in self._readings:
            child = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
            )
            self._children.append(child)
            assert child.stdin is not None
            child.stdin.write(msgspec.json.encode(reading).decode() + "\n")
        for child in self._children:
            assert child.stdout is not None
            assert child.stdout.readline() == "reading\n"
        return self

    def __exit__(self, *_: object) -> None:
        try:
            for reading, child in zip(self._readings, self._children, strict=True):
                output = child.communicate(timeout=60)[0]
                self.times[reading.name] = Times(json.loads(output))
        finally:
            for child in self._children:
                child.kill()
                child.wait()


def main() -> None:
    reading = msgspec.json.decode(sys.stdin.readline(), type=Reading)
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    place = urlsplit(reading.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    taken: list[float] = []
    print("reading", flush=True)
    began = time.perf_counter()
    for number in range(int(reading.rate * MOST_SECONDS)):
        time.sleep(max(0.0, began + number / reading.rate - time.perf_counter()))
        if over.is_set():
            break
        start = time.perf_counter()
        connection.request("GET", place.path, headers={HEADER: mint(reading.caller, KEY, reading.service)})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        taken.append(1000 * (time.perf_counter() - start))
    print(json.dumps(taken))


if __name__ == "__main__":
    main()

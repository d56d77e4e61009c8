"""`python -m tests.chaos.attacking PLAN`: sends prepared requests at a rate to the target that each line of its standard input names.

The line is a name of the plan's `ports`, any other means nobody; it is repeated on standard output once every earlier request is
answered. At the end of its input it prints the answers counted, by name. A process of its own, so that its own cost does not slow
the client that is measured.
"""

import asyncio
import base64
import json
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

AT_ONCE = 8
"""Requests of one attacker that wait for an answer."""


class Attacker:
    """Sends each request in turn, at that rate or as fast as AT_ONCE of them are answered."""

    def __init__(self, per_second: float, requests: list[bytes]) -> None:
        self._between = 1 / per_second
        self._requests = requests
        self._number = 0

    async def attack(self, port: int, answers: Counter[str], stop: asyncio.Event) -> None:
        """Until `stop` is set and everything sent is answered."""
        free = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as running:
            while not stop.is_set():
                await free.acquire()
                request = self._requests[self._number % len(self._requests)]
                self._number += 1
                running.create_task(_one(port, request, answers)).add_done_callback(lambda _: free.release())
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._between)


async def _one(port: int, request: bytes, answers: Counter[str]) -> None:
    with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
        async with asyncio.timeout(30):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(request)
                await writer.drain()
                head = await reader.readline()
                answers[head.split(b" ")[1].decode() if b" " in head else "none"] += 1
            finally:
                writer.close()
            return
    answers["none"] += 1


async def main(plan: dict[str, Any]) -> None:
    answers: dict[str, Counter[str]] = {name: Counter() for name in plan["ports"]}
    attackers = [
        Attacker(each["per_second"], [base64.b64decode(one) for one in each["requests"]]) for each in plan["attackers"]
    ]
    stop = asyncio.Event()
    attacks: list[asyncio.Task[None]] = []
    while line := await asyncio.to_thread(sys.stdin.readline):
        stop.set()
        await asyncio.gather(*attacks)
        stop.clear()
        name = line.strip()
        attacks = [
            asyncio.create_task(attacker.attack(plan["ports"][name], answers[name], stop))
            for attacker in (attackers if name in answers else [])
        ]
        sys.stdout.write(line)
        sys.stdout.flush()
    stop.set()
    await asyncio.gather(*attacks)
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))

"""`python -m tests.chaos.attacking PLAN`: sends prepared requests at a rate; each line of standard input names the target.

A line is a name of the plan's `ports`; any other name stops the attack. The process repeats the line on standard output when
every earlier request is answered. At the end of input it prints the number of answers by name, and the bytes sent. It is a separate
process, so that its own cost does not slow the measured client.
"""

import asyncio
import base64
import json
import socket
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

AT_ONCE = 8
"""Most requests of one attacker that wait for an answer."""
BYTES = "bytes"
"""The name under which the bytes of the requests are counted that were sent to their end."""


class Attacker:
    """Sends the requests in turn, at the given rate or as fast as AT_ONCE of them are answered."""

    def __init__(self, per_second: float, requests: dict[str, list[bytes]]) -> None:
        self._between = 1 / per_second
        self._requests = requests
        self._sent: Counter[str] = Counter()

    async def attack(self, name: str, port: int, answers: Counter[str], stop: asyncio.Event) -> None:
        """Runs until `stop` is set and every request sent is answered. Target `name` without requests of its own gets the first one's."""
        requests = self._requests[name] or next(iter(self._requests.values()))
        free, now = asyncio.Semaphore(AT_ONCE), asyncio.get_running_loop().time
        due = now()
        async with asyncio.TaskGroup() as running:
            while not stop.is_set():
                await free.acquire()
                request = requests[self._sent[name] % len(requests)]
                self._sent[name] += 1
                running.create_task(_one(port, request, answers)).add_done_callback(lambda _: free.release())
                due += self._between
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), max(0, due - now()))


async def _one(port: int, request: bytes, answers: Counter[str]) -> None:
    """Over a plain socket: streams of asyncio copy a large body several times, on processors that the system needs."""
    loop = asyncio.get_running_loop()
    head = b""
    with suppress(OSError, TimeoutError), socket.socket() as connection:
        connection.setblocking(False)
        async with asyncio.timeout(30):
            await loop.sock_connect(connection, ("127.0.0.1", port))
            with suppress(ConnectionError):  # it may be answered before all of its body is read
                await loop.sock_sendall(connection, request)
                answers[BYTES] += len(request)
            head = await loop.sock_recv(connection, 64)
    answers[head.split(b" ")[1].decode() if b" " in head else "none"] += 1


async def main(plan: dict[str, Any]) -> None:
    answers: dict[str, Counter[str]] = {name: Counter() for name in plan["ports"]}
    attackers = [
        Attacker(
            each["per_second"],
            {name: [base64.b64decode(one) for one in requests] for name, requests in each["requests"].items()},
        )
        for each in plan["attackers"]
    ]
    stop = asyncio.Event()
    attacks: list[asyncio.Task[None]] = []
    while line := await asyncio.to_thread(sys.stdin.readline):
        stop.set()
        await asyncio.gather(*attacks)
        stop.clear()
        name = line.strip()
        attacks = [
            asyncio.create_task(attacker.attack(name, plan["ports"][name], answers[name], stop))
            for attacker in (attackers if name in answers else [])
        ]
        sys.stdout.write(line)
        sys.stdout.flush()
    stop.set()
    await asyncio.gather(*attacks)
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))

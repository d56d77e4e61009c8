"""`python -m tests.chaos.attacking PLAN`: sends prepared requests at a rate until its standard input ends, and counts the answers.

A process of its own, so that what it costs does not slow the client that is measured.
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


async def one(port: int, request: bytes, answers: Counter[str]) -> None:
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


async def attack(port: int, per_second: float, requests: list[bytes], answers: Counter[str]) -> None:
    """Each request in turn, at that rate or as fast as AT_ONCE of them are answered."""
    free = asyncio.Semaphore(AT_ONCE)
    running: set[asyncio.Task[None]] = set()
    number = 0
    while True:
        await free.acquire()
        task = asyncio.create_task(one(port, requests[number % len(requests)], answers))
        running.add(task)
        task.add_done_callback(lambda done: (running.discard(done), free.release()))
        number += 1
        await asyncio.sleep(1 / per_second)


async def main(plan: dict[str, Any]) -> None:
    answers: Counter[str] = Counter()
    attackers = [
        asyncio.create_task(
            attack(plan["port"], each["per_second"], [base64.b64decode(one) for one in each["requests"]], answers)
        )
        for each in plan["attackers"]
    ]
    await asyncio.to_thread(sys.stdin.read)
    for task in attackers:
        task.cancel()
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))

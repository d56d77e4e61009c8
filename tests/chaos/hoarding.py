"""`python -m tests.chaos.hoarding PLAN`: one organisation creates as much of everything as the limits allow, and prints the answers.

It mints service tokens and revokes each, registers apps, and waits for tests of webhooks whose receiver never answers. All happen
at once, each app as fast as its own rate limit allows; together they are beyond that of the organisation. The process ends when all is
done.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

BETWEEN = 0.05
"""Seconds between two calls of one app, which its rate limit allows."""
APP = {
    "name": "Hoard",
    "grant_types": ["client_credentials"],
    "redirect_uris": [],
    "requested_scopes": ["webhooks:read"],
}
TOO_MANY = "429 too-many-requests"
Answers = dict[str, Counter[str]]


class Caller:
    """One keep-alive connection with one token."""

    def __init__(self, port: int, host: str, token: str) -> None:
        self._port = port
        self._fields = f"host: {host}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Returns the status (0 without an answer) and the decoded body."""
        try:
            async with asyncio.timeout(60):
                return await self._call(method, path, b"" if body is None else json.dumps(body).encode())
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            return 0, {}

    async def _call(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        length = f"content-length: {len(body)}\r\n" if method == "POST" else ""
        writer.write(f"{method} {path} HTTP/1.1\r\n{self._fields}{length}\r\n".encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = int(head.partition("content-length: ")[2].partition("\r\n")[0] or 0)
        content = await reader.readexactly(size)
        if "connection: close" in head:
            self.close()
        return int(head.split(" ", 2)[1]), json.loads(content) if content else {}

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def outcome(status: int, body: Any) -> str:
    """The status; for a refusal also the problem's type and the resource that reached its limit."""
    kind = str(body.get("type", "")).rpartition("#")[2] if status >= 400 else ""
    return " ".join(str(part) for part in (status, kind, body.get("resource", "") if kind else "") if part)


async def paced(began: float) -> None:
    await asyncio.sleep(max(0.0, began + BETWEEN - time.monotonic()))


async def mint_and_revoke(caller: Caller, client_id: str, answers: Answers, wanted: int) -> None:
    path = f"/v1/platform/apps/{client_id}/service-token"
    while answers["mint"]["201"] < wanted:
        began = time.monotonic()
        status, body = await caller.call("POST", path)
        answers["mint"][outcome(status, body)] += 1
        await paced(began)
        is_live = status == 201
        while is_live:
            began = time.monotonic()
            status, refused = await caller.call("DELETE", f"{path}s/{body['id']}")
            answers["revoke"][outcome(status, refused)] += 1
            is_live = status == 429
            await paced(began)


async def register(caller: Caller, answers: Answers, wanted: int) -> None:
    while answers["app"].total() - answers["app"][TOO_MANY] < wanted:
        began = time.monotonic()
        answers["app"][outcome(*await caller.call("POST", "/v1/platform/apps", APP))] += 1
        await paced(began)


async def wait_for_tests(caller: Caller, path: str, answers: Answers) -> None:
    """Repeats the call for ever; one such task runs for each of the plan's waiters."""
    while True:
        answers["waiting test"][outcome(*await caller.call("POST", path))] += 1
        await asyncio.sleep(5)


async def main(plan: dict[str, Any]) -> None:
    answers: Answers = {kind: Counter() for kind in ("mint", "revoke", "app", "waiting test")}
    port, host = plan["port"], plan["host"]
    waiting = [
        asyncio.create_task(wait_for_tests(Caller(port, host, one["token"]), one["path"], answers))
        for one in plan["waiters"]
    ]
    began = time.monotonic()
    await asyncio.gather(
        *(
            mint_and_revoke(Caller(port, host, one["token"]), one["id"], answers, plan["tokens"])
            for one in plan["minters"]
        ),
        *(register(Caller(port, host, token), answers, plan["apps"]) for token in plan["makers"]),
    )
    for task in waiting:
        task.cancel()
    sys.stdout.write(json.dumps({"seconds": round(time.monotonic() - began), **answers}))


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))

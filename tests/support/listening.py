"""A TCP server in a thread of the tests; a coroutine of the test serves each connection."""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Sequence

from tests.support.waiting import PATIENCE, joined

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listener:
    """Listens on `port` of the addresses, or on any free port. `limit` is the most bytes that a reader holds."""

    def __init__(
        self,
        serve: Serve,
        port: int = 0,
        addresses: Sequence[str] = ("127.0.0.1",),
        tls: ssl.SSLContext | None = None,
        limit: int = 1 << 16,
    ) -> None:
        self.port = port
        self._serve, self._addresses, self._tls, self._limit = serve, addresses, tls, limit
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()), daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(PATIENCE), "the listener has not begun"

    def stop(self) -> None:
        """Stops listening, and cancels the coroutines that serve connections."""
        self._loop.call_soon_threadsafe(self._done.set)
        joined(self._thread)

    async def _listen(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(
            self._serve, self._addresses, self.port, ssl=self._tls, limit=self._limit, backlog=1024
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._done.wait()
        server.close()
        await asyncio.sleep(0)  # in which pending connections begin
        while serving := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)
            await asyncio.sleep(0)  # in which the sockets of aborted connections close

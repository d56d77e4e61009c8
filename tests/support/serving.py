"""Serves an application on a real socket, in a thread of the tests."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from tests.support.waiting import joined, wait_for

# As in the services. A client of httpx gives up an idle connection after 5 seconds, as uvicorn does without a setting: where both do at the
# same moment, a request meets a connection that is being closed, and fails.
KEEP_ALIVE = 75
# Seconds after which a request that a test left in its handler is cancelled.
GRACE = 30


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serves the application while the block runs. Yields its address."""
    # asyncio sends a small answer at once only if the socket's protocol is TCP; otherwise each waits 40 ms for an acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http="httptools",
            loop="uvloop",
            log_config=None,
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACE,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    wait_for(lambda: server.started, what="the server")
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        joined(thread)
        listener.close()

"""Ends a process whose password Redis has refused for a minute. After its restart it reads a changed password from the settings."""

import logging
import os
import signal
import threading
import time

from redis import Redis, RedisError
from redis.exceptions import AuthenticationError

PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 5.0
# Time for work in progress to finish; a worker that waits for its broker may not react to the signal.
END_SECONDS = 30.0
log = logging.getLogger(__name__)


class Lockout:
    """Measures for how long Redis has refused the password."""

    def __init__(self, patience: float = PATIENCE_SECONDS) -> None:
        self.patience = patience
        self._since: float | None = None

    def is_final(self, error: BaseException | None) -> bool:
        """Whether Redis has refused the password for `patience` seconds. `error` is its last answer, None if it served."""
        if not isinstance(error, AuthenticationError):
            # While Redis is away, nothing is known about the password.
            self._since = None if error is None else self._since
            return False
        if self._since is None:
            self._since = time.monotonic()
        return time.monotonic() - self._since >= self.patience


def watch(redis: Redis, patience: float = PATIENCE_SECONDS, look: float = LOOK_SECONDS) -> None:
    """Pings Redis every few seconds in its own thread, and ends this process with SIGTERM when it is locked out.

    Each ping uses a new connection, because Redis checks the password only when a connection begins.
    """

    def ask() -> None:
        lockout = Lockout(patience)
        while not lockout.is_final(_answer(redis)):
            time.sleep(look)
        log.critical(
            "Redis refuses this process' password: it ends, to be started with the one its settings have by now"
        )
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(END_SECONDS)
        os._exit(1)

    threading.Thread(target=ask, name="lockout", daemon=True).start()


def _answer(redis: Redis) -> Exception | None:
    try:
        redis.ping()
    except (RedisError, OSError) as error:
        return error
    finally:
        redis.connection_pool.disconnect()
    return None

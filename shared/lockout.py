"""Ends a process that Redis has refused for a minute: settings are read at start, and by then its password may be another one."""

import logging
import os
import signal
import threading
import time

from redis import Redis, RedisError
from redis.exceptions import AuthenticationError

PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 5.0
# For what is being done; a worker that waits for its broker may not hear the signal.
END_SECONDS = 30.0
log = logging.getLogger(__name__)


class Lockout:
    """Remembers since when Redis has refused the password."""

    def __init__(self, patience: float = PATIENCE_SECONDS) -> None:
        self.patience = patience
        self._since: float | None = None

    def is_final(self, error: BaseException | None) -> bool:
        """Whether this was so for long enough. `error` is how Redis answered last, None where it served."""
        if not isinstance(error, AuthenticationError):
            # One that is away says nothing about the password.
            self._since = None if error is None else self._since
            return False
        if self._since is None:
            self._since = time.monotonic()
        return time.monotonic() - self._since >= self.patience


def watch(redis: Redis, patience: float = PATIENCE_SECONDS, look: float = LOOK_SECONDS) -> None:
    """Asks Redis every few seconds, from a thread of its own; ends this process as SIGTERM does where it is locked out.

    Each time over a new connection: one that is open is asked for no password.
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

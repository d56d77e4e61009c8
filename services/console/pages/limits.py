"""How many requests one person, or one network of strangers, sends in a minute: counted in this process, in bounded memory."""

import time
from collections.abc import Callable

MINUTE = 60
MOST_COUNTED = 50_000


class Limiter:
    """A fixed window of a minute. A full table forgets the counts of the windows before, and then the oldest half."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._counts: dict[str, tuple[int, int]] = {}

    def take(self, key: str) -> int:
        """0 if the request may be answered, else the seconds to wait."""
        window, elapsed = divmod(self._clock(), MINUTE)
        counted, count = self._counts.get(key, (0, 0))
        if counted != int(window):
            count = 0
            if len(self._counts) >= MOST_COUNTED:
                kept = [(key, value) for key, value in self._counts.items() if value[0] == int(window)]
                self._counts = dict(kept[-MOST_COUNTED // 2 :])
        if count >= self._most:
            return max(1, int(MINUTE - elapsed))
        self._counts[key] = (int(window), count + 1)
        return 0

"""Rate: at most so many events in any window of seconds, as a sliding window of two counts.

Pure: who asks gives the time. Processes can have a count in common: each adds its `unshared` events in one place, and learns the total.
"""

import math
from typing import NamedTuple

ROUNDING = 1e-6
"""The part of the window before that rounded times may add. Who comes back after exactly `retry_after` is not refused for it."""


class Taken(NamedTuple):
    """Whether an event was allowed, how many more would be, and the whole seconds until the window ends."""

    allowed: bool
    remaining: int
    reset: int


class Rate:
    """The events of one caller: at most `quota` in any `seconds`.

    `count` are those of this window known so far, `previous` those of the window before. A `fresh` one has not yet read the window before.
    """

    __slots__ = ("count", "fresh", "previous", "quota", "seconds", "unshared", "window")

    def __init__(self, quota: int, seconds: int) -> None:
        self.quota = quota
        self.seconds = seconds
        self.window = 0
        self.count = 0
        self.previous = 0
        self.unshared = 0
        self.fresh = True

    def take(self, now: float) -> Taken:
        """Counts an event if it is allowed."""
        used, elapsed = self._used(now)
        allowed = self._fits(used)
        if allowed:
            self.count += 1
            self.unshared += 1
            used += 1
        return Taken(allowed, max(0, int(self.quota - used)), math.ceil(self.seconds - elapsed))

    def add(self, amount: int, now: float) -> None:
        """Counts `amount`, also beyond the quota."""
        self._used(now)
        self.count += amount
        self.unshared += amount

    def has_room(self, now: float) -> bool:
        """Whether `take` would allow an event."""
        return self._fits(self._used(now)[0])

    def until_reset(self, now: float) -> int:
        """Whole seconds until the window ends."""
        return math.ceil(self.seconds - now % self.seconds)

    def retry_after(self, now: float) -> int:
        """Whole seconds until a refused event would be allowed."""
        quota, seconds = self.quota, self.seconds
        elapsed = now % seconds
        if self.count < quota and self.previous:
            wait = seconds * (1 - (quota - 1 - self.count) / self.previous) - elapsed
        else:
            wait = seconds - elapsed + seconds * (1 - (quota - 1) / max(self.count, 1))
        return max(1, math.ceil(wait))

    def learn(self, window: int, sent: int, total: int, before: int) -> None:
        """Takes over the common counts of `window` and of the one before it, after `sent` events were added to them."""
        if self.window == window:
            self.unshared -= sent
            self.count = total + self.unshared
            self.previous = before if self.fresh else self.previous
            self.fresh = False

    def _fits(self, used: float) -> bool:
        return used + 1 <= self.quota + ROUNDING * (1 + self.previous)

    def _used(self, now: float) -> tuple[float, float]:
        """The events that count now, and the seconds since the window began."""
        seconds = self.seconds
        window, elapsed = divmod(now, seconds)
        if window != self.window:
            self.fresh = self.window == 0
            self.previous = self.count if window == self.window + 1 else 0
            self.window, self.count, self.unshared = int(window), 0, 0
        return self.count + self.previous * (seconds - elapsed) / seconds, elapsed

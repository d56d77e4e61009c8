"""Fair shares of a process's memory for the bodies and answers that requests hold; nothing waits.

A tenant may hold as many bytes as are free afterwards (the dynamic threshold of Choudhury and Hahne): alone half of them. A client of a
tenant, or a network of callers without a token, may hold as many as its tenant leaves free: alone a third of all bytes.
"""

from collections import Counter
from collections.abc import Sequence
from weakref import WeakSet

from shared.web import problems

MEMORY_BYTES = 96 << 20
"""Bytes, of the 512 MiB of a container; connections to the database keep copies of their largest values."""
FREE_OF_CHARGE = 64 << 10
"""Bytes. The gateway's places limit the number of smaller bodies and answers."""
_memories: WeakSet["Memory"] = WeakSet()


def held_ratio() -> float:
    """The share that is held, of the memory of this process that is fullest; 0 where it has none."""
    return max((1 - memory.free / memory.total for memory in list(_memories)), default=0.0)


class Memory:
    """`total` bytes to share. A path names the groups of a holder, the widest first, such as its tenant and its client."""

    def __init__(self, total: int = MEMORY_BYTES) -> None:
        self.total = self.free = total
        self._held = Counter[tuple[str, ...]]()
        _memories.add(self)

    def take(self, path: Sequence[str], size: int) -> None:
        """Raises a Problem: 429 where the tenant holds its share, 503 where others hold nearly all."""
        if self.take_now(path, size):
            return
        # All callers without a token are one tenant, and not one organisation.
        if not self._held[tuple(path if not path[0] else path[:1])]:
            raise problems.unavailable("Too many large bodies are held; try again.")
        detail = "Your organisation's large requests under way fill its share of the memory for them; wait for their answers."
        raise problems.too_many(detail)

    def take_now(self, path: Sequence[str], size: int) -> bool:
        """Whether `size` bytes were taken."""
        fits = self.fits(path, size)
        if fits:
            self._add(path, size)
        return fits

    def fits(self, path: Sequence[str], size: int) -> bool:
        left = self.free - size
        if left < 0:
            return False
        for group in _groups(path):
            held = self._held[group]
            if held and held + size > left:
                return False
            if len(group) == 1:
                left -= held + size
        return True

    def give_back(self, path: Sequence[str], size: int) -> None:
        self._add(path, -size)

    def _add(self, path: Sequence[str], size: int) -> None:
        self.free -= size
        for group in _groups(path):
            self._held[group] += size
            if not self._held[group]:
                del self._held[group]


def _groups(path: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(path[:depth]) for depth in range(1, len(path) + 1)]

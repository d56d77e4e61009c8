"""Many cases of one check in one test. A failed case does not end it, and its end lists every failed case."""

from collections.abc import Iterator
from contextlib import contextmanager


class Cases:
    def __init__(self) -> None:
        self.number = 0
        self.faults: list[str] = []

    @contextmanager
    def case(self, name: object) -> Iterator[None]:
        """One case. An `Exception` is kept for the end of the test; anything else, such as the end of a hanging test, ends it now."""
        self.number += 1
        try:
            yield
        except Exception as fault:
            self.faults.append(f"{name}: {type(fault).__name__}: {fault}")
        except BaseException as fault:
            fault.add_note(f"in the case {name}")
            raise

    def end(self) -> None:
        """Fails if a case failed, or if there was none."""
        assert self.number, "there is no case"
        assert not self.faults, "\n".join(self.faults)


@contextmanager
def cases() -> Iterator[Cases]:
    made = Cases()
    yield made
    made.end()

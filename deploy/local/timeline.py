"""The time axis of a trace. Long idle times are folded, because a retry hours later would make all other bars too short."""

from collections.abc import Sequence
from dataclasses import dataclass

# An idle time longer than SILENCE times the busy time is folded, and drawn as FOLDED times the busy time.
SILENCE = 0.5
FOLDED = 0.04


@dataclass(frozen=True)
class Span:
    """Times are nanoseconds since 1970."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    service: str
    start_ns: int
    end_ns: int
    status: str
    attributes: dict[str, object]


@dataclass(frozen=True)
class Stretch:
    """A period of time and its length on the axis before scaling."""

    start_ns: int
    end_ns: int
    shown: float
    fold: bool


class Axis:
    """Maps times to positions between 0 and 1; `spans` must not be empty."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.first = min(span.start_ns for span in spans)
        self.length = max(span.end_ns for span in spans) - self.first
        busy = _busy(spans)
        activity = sum(end - start for start, end in busy) or 1
        self._stretches = [Stretch(*busy[0], busy[0][1] - busy[0][0], False)]
        for start, end in busy[1:]:
            silence = start - self._stretches[-1].end_ns
            fold = silence > activity * SILENCE
            self._stretches.append(Stretch(start - silence, start, activity * FOLDED if fold else silence, fold))
            self._stretches.append(Stretch(start, end, end - start, False))
        self._whole = sum(stretch.shown for stretch in self._stretches) or 1

    @property
    def folded(self) -> int:
        """Nanoseconds that are not drawn to scale."""
        return sum(stretch.end_ns - stretch.start_ns for stretch in self._stretches if stretch.fold)

    def position(self, at_ns: int) -> float:
        before = 0.0
        for stretch in self._stretches:
            if at_ns <= stretch.end_ns:
                inside = (at_ns - stretch.start_ns) / ((stretch.end_ns - stretch.start_ns) or 1)
                return min(1.0, (before + max(0.0, inside) * stretch.shown) / self._whole)
            before += stretch.shown
        return 1.0

    def folds(self, width: int) -> list[int]:
        """The cells, of `width`, that show folded time."""
        middles = [
            self.position((stretch.start_ns + stretch.end_ns) // 2) for stretch in self._stretches if stretch.fold
        ]
        return [min(width - 1, int(middle * width)) for middle in middles]

    def ruler(self, width: int) -> str:
        end = duration(self.length)
        return f"0 {'·' * max(0, width - 4 - len(end))} {end}"[:width]


def duration(nanoseconds: int) -> str:
    milliseconds = nanoseconds / 1e6
    return f"{milliseconds / 1000:.2f} s" if milliseconds >= 1000 else f"{milliseconds:.1f} ms"


def _busy(spans: Sequence[Span]) -> list[tuple[int, int]]:
    """The periods with at least one open span, in order."""
    merged: list[tuple[int, int]] = []
    for span in sorted(spans, key=lambda span: span.start_ns):
        if merged and span.start_ns <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], span.end_ns))
        else:
            merged.append((span.start_ns, span.end_ns))
    return merged

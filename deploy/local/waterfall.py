"""Draws one trace across all processes: a bar for each span; waits in outbox and queue look different from work.

Long idle times are folded, because a retry hours later would make all other bars too short.
"""

import io
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red", "bright_cyan", "bright_magenta")
FIGURE = 8  # columns of "999.9 ms"
PICTURE = 150  # columns
WAITS = ("outbox wait", "queue wait")
FOLD = "┊"
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


def read(file: Path, trace_id: str) -> list[Span]:
    """The spans of one trace. Skips a line that a process has not finished writing."""
    return [span for line in _lines(file) if trace_id in line and (span := _parse(line)) and span.trace_id == trace_id]


def wait(file: Path, trace_id: str, seconds: float = 2) -> list[Span]:
    """As `read`, but waits up to `seconds`, because a process writes its spans shortly after its answer."""
    deadline = time.monotonic() + seconds
    while not (spans := read(file, trace_id)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return spans


def newest(file: Path) -> str:
    """The id of the trace that a client's request began last, or "" if there is none: the platform's own calls pass no gateway."""
    asked = [span for line in _lines(file) if (span := _parse(line)) and span.service == "gateway"]
    return max(asked, key=lambda span: span.start_ns).trace_id if asked else ""


def save(spans: Sequence[Span], picture: Path) -> None:
    """Writes the drawing as SVG."""
    console = Console(record=True, width=PICTURE, file=io.StringIO())
    console.print(draw(spans, PICTURE))
    console.save_svg(str(picture), title="make trace")


def draw(spans: Sequence[Span], width: int) -> Table:
    """A table as wide as `width` columns; `spans` must not be empty."""
    axis = Axis(spans)
    services = list(dict.fromkeys(span.service for span in sorted(spans, key=lambda span: span.start_ns)))
    rows = in_order(spans)
    names = min(max(2 * depth + len(span.name) for depth, span in rows), width // 3)
    cells = max(10, width - names - max(map(len, ["service", *services])) - 2 * FIGURE - 10)
    title = f"trace {spans[0].trace_id}: {len(spans)} spans, {len(services)} services, {duration(axis.length)}"
    title += f"  ({FOLD} {duration(axis.folded)} in which nothing happened)" if axis.folded else ""
    table = Table(box=None, padding=(0, 1), header_style="dim", title=title, title_justify="left")
    table.add_column("span", no_wrap=True, max_width=names)
    table.add_column("service", no_wrap=True)
    table.add_column(axis.ruler(cells), no_wrap=True)
    table.add_column("at", no_wrap=True, justify="right", min_width=FIGURE)
    table.add_column("took", no_wrap=True, justify="right", min_width=FIGURE)
    for depth, span in rows:
        colour = COLOURS[services.index(span.service) % len(COLOURS)]
        table.add_row(
            Text("  " * depth + span.name, "bold red" if span.status == "error" else "dim" if is_wait(span) else ""),
            Text(span.service, colour),
            bar(axis, span, cells, colour),
            duration(span.start_ns - axis.first),
            duration(span.end_ns - span.start_ns),
        )
    return table


def in_order(spans: Iterable[Span]) -> list[tuple[int, Span]]:
    """Each span with its depth: parents before children, siblings by start. A span without its parent is at the top."""
    children: dict[str | None, list[Span]] = defaultdict(list)
    known = {span.span_id for span in spans}
    for span in sorted(spans, key=lambda span: (span.start_ns, span.end_ns)):
        children[span.parent_id if span.parent_id in known else None].append(span)
    ordered: list[tuple[int, Span]] = []
    waiting = [(0, span) for span in reversed(children[None])]
    while waiting:
        depth, span = waiting.pop()
        ordered.append((depth, span))
        waiting += [(depth + 1, child) for child in reversed(children[span.span_id])]
    return ordered


def bar(axis: Axis, span: Span, width: int, colour: str) -> Text:
    """The line of a span: its bar of at least one cell, within `width`, and the folds that it does not cover."""
    before = min(width - 1, int(axis.position(span.start_ns) * width))
    cells = max(1, min(width - before, round(axis.position(span.end_ns) * width) - before))
    drawn = Text(" " * before).append(("░" if is_wait(span) else "█") * cells, "dim" if is_wait(span) else colour)
    drawn.append(" " * (width - before - cells))
    for fold in axis.folds(width):
        if not before <= fold < before + cells:
            drawn = drawn[:fold].append(FOLD, "dim").append(drawn[fold + 1 :])
    return drawn


def is_wait(span: Span) -> bool:
    return span.name in WAITS


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def _parse(line: str) -> Span | None:
    try:
        found = json.loads(line)
        return Span(**{name: found[name] for name in Span.__dataclass_fields__})
    except (ValueError, KeyError):
        return None

"""Results go to stdout, words to stderr. Colour and movement only on a terminal, never with NO_COLOR, TERM=dumb or --no-color."""

from __future__ import annotations

import itertools
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

COLOURS = {"good": "32", "bad": "31", "warn": "33", "quiet": "2", "strong": "1"}
FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
# Text from elsewhere must not steer the terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_STYLE = re.compile(r"(\x1b\[(?:0|1|2|31|32|33)m)")


def printable(text: str) -> str:
    """`text` without characters that steer a terminal."""
    return _CONTROL.sub("�", text)


class Output:
    """Where a command writes. `wrote` becomes true with the first result."""

    def __init__(self, *, as_json: bool, colour: bool = True, quiet: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.wrote = False
        self._colour = colour and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    @property
    def can_ask(self) -> bool:
        return sys.stdin.isatty() and sys.stderr.isatty()

    def styled(self, text: str, style: str, stream: TextIO | None = None) -> str:
        if self._colour and (stream or sys.stdout).isatty():
            return f"\x1b[{COLOURS[style]}m{text}\x1b[0m"
        return text

    def _safe(self, text: str, stream: TextIO) -> str:
        """`text` with no escape but the colours of this class, and without these where there is no colour."""
        if not (self._colour and stream.isatty()):
            return printable(text)
        return "".join(part if number % 2 else printable(part) for number, part in enumerate(_STYLE.split(text)))

    def line(self, text: str) -> None:
        """A line of the result."""
        self.wrote = True
        print(self._safe(text, sys.stdout), flush=True)

    def json(self, value: Any) -> None:
        """A result as JSON, on lines for a terminal and on one line for a program."""
        self.wrote = True
        text = msgspec.json.encode(value)
        text = msgspec.json.format(text, indent=2) if sys.stdout.isatty() else text
        print(_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text.decode()), flush=True)

    def say(self, text: str, style: str = "") -> None:
        """Words for a person."""
        if not self.quiet:
            self.complain(text, style)

    def complain(self, text: str, style: str = "") -> None:
        """Words that --quiet does not silence."""
        styled = self.styled(text, style, sys.stderr) if style else text
        print(self._safe(styled, sys.stderr), file=sys.stderr, flush=True)

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Aligned columns; without lines, so that other programs can cut them."""
        cells = [[printable(cell).replace("\n", " ").replace("\t", " ") for cell in row] for row in rows]
        widths = [max(len(row[column]) for row in [list(heads), *cells]) for column in range(len(heads))]
        self.line(self.styled(_aligned([head.upper() for head in heads], widths), "quiet"))
        for row in cells:
            self.line(_aligned(row, widths))

    def fields(self, values: Mapping[str, str]) -> None:
        width = max(len(name) for name in values)
        for name, value in values.items():
            self.line(f"{self.styled(name.ljust(width), 'quiet')}  {printable(value)}")

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Shows that something is under way: a moving sign on a terminal, one line elsewhere."""
        if self.quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
            self.say(text)
            yield
            return
        done = threading.Event()
        turning = threading.Thread(target=_turn, args=(text, done), daemon=True)
        turning.start()
        try:
            yield
        finally:
            done.set()
            turning.join()


def _turn(text: str, done: threading.Event) -> None:
    for frame in itertools.cycle(FRAMES):
        print(f"\r{frame} {text}", end="", file=sys.stderr, flush=True)
        if done.wait(0.1):
            print(f"\r{' ' * (len(text) + 2)}\r", end="", file=sys.stderr, flush=True)
            return


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def at(moment: datetime | None) -> str:
    """Local time with its offset, which nobody has to guess."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %z") if moment is not None else "-"


def ago(moment: datetime) -> str:
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"

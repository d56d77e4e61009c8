"""The handover as a PDF: typst sets the page from a template; the sheet's texts are data to it and never evaluated.

The same sheet gives the same bytes, so that a hash of them can be sent beside the document.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from unicodedata import category

import msgspec
import typst

from services.epcr.handover.sheet import Sheet

MOST_MARKS = 8
MEDIA_TYPE = "application/pdf"


def render(sheet: Sheet) -> bytes:
    """A4 pages with tags for screen readers. Takes some milliseconds, which belong in a thread: the interpreter is free meanwhile."""
    content = "".join(_settable(msgspec.json.encode(sheet).decode()))
    made = typst.compile(_template(), sys_inputs={"sheet": content}, ignore_system_fonts=True)
    assert isinstance(made, bytes)
    return made


def _settable(text: str) -> Iterator[str]:
    """The text without the rest of long runs of combining marks, whose setting takes a time that grows with their square."""
    marks = 0
    for character in text:
        marks = marks + 1 if character > "\u02ff" and category(character)[0] == "M" else 0
        if marks <= MOST_MARKS:
            yield character


@cache
def _template() -> bytes:
    return Path(__file__).with_name("sheet.typ").read_bytes()

"""The handover as a PDF: typst sets the page from a template; the sheet's texts are data to it and never evaluated.

The same sheet gives the same bytes, so that a hash of them can be sent beside the document.
"""

import re
from pathlib import Path
from unicodedata import category

import msgspec
import typst

from services.epcr.handover.sheet import Sheet

TEMPLATE = Path(__file__).with_name("sheet.typ").read_bytes()
MOST_MARKS = 8
# A page is some hundred characters wide; a longer word may break. No part of an escape is parted from it: one begins a word here.
_LONG_WORD = re.compile(r'[^\s\\"]{60}(?=[^\s\\"])')
MEDIA_TYPE = "application/pdf"
# The first version with tags. Later ones say in a key that the tags are sound, which poppler takes for a fault of the file.
STANDARD = "1.5"


def render(sheet: Sheet) -> bytes:
    """A4 pages with tags for screen readers. Takes some milliseconds, which belong in a thread: the interpreter is free meanwhile."""
    notices = filter(None, (sheet.notice, *(section.notice for section in sheet.sections)))
    sheet = msgspec.structs.replace(sheet, notice=" ".join(notices))
    content, marks = list[str](), 0
    for character in msgspec.json.encode(sheet).decode():
        # The rest of a long run of combining marks is left out: the time to set it grows with the square of its length.
        marks = marks + 1 if character > "\u02ff" and category(character)[0] == "M" else 0
        if marks <= MOST_MARKS:
            content.append(character)
    text = _LONG_WORD.sub("\\g<0>\u200b", "".join(content))
    made = typst.compile(TEMPLATE, sys_inputs={"sheet": text}, ignore_system_fonts=True, pdf_standards=STANDARD)
    assert isinstance(made, bytes)
    return made

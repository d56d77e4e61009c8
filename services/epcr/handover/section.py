"""A section of the page."""

from typing import Literal

import msgspec

from services.epcr.fhir.narrative import Row
from services.epcr.fhir.words import Language
from services.epcr.handover.words import say

# Rows of a section: a page that nobody can read helps nobody. The record has the others, and a sentence gives their number.
MOST_ROWS = 60


class Section(msgspec.Struct, kw_only=True):
    """A table with `columns` and `cells`, then labelled rows, of which the first are `alerts`, then paragraphs.

    `form` is how it looks: `box` in a frame with its title beside the rows, `pairs` with two rows in a line, `half` beside the next `half`.
    Where `has_names`, the labels name conditions and medicines of the patient, not fields. The last line of a table may sum the others up.
    The `notice` is at the top of the first page.
    """

    title: str
    form: Literal["list", "box", "pairs", "half"] = "list"
    alerts: int = 0
    has_names: bool = False
    has_summary: bool = False
    columns: list[str] = []
    cells: list[list[str]] = []
    rows: list[Row] = []
    texts: list[str] = []
    more: str = ""
    notice: str = ""


def left_out(others: str, shown: int, number: int, language: Language) -> str:
    """How many of a number of entries are shown, and which the others are; nothing where all are shown."""
    return say(f"more_{others}", language).format(shown=shown, others=number - shown) if number > shown else ""

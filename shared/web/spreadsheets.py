"""Tables as CSV for a spreadsheet (RFC 4180), with a byte order mark.

In Italian, columns are separated by semicolons and decimals by commas, as a spreadsheet set to Italian reads them. Column names and words
are the same in every language, for programs.
"""

import csv
import io
from collections.abc import Iterable, Sequence

MARK = "\ufeff"


def written(columns: Sequence[str], rows: Iterable[Sequence[object]], language: str) -> str:
    """A table. None is an empty cell, a truth value yes or no, and a fraction has six digits."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";" if language == "it" else ",", lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(value, language) for value in row])
    return MARK + text.getvalue()


def _cell(value: object, language: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        text = f"{value:.6g}"
        return text.replace(".", ",") if language == "it" else text
    return str(value)

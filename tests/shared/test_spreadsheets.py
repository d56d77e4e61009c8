"""Tables as CSV, in the form that a spreadsheet of each language reads."""

import csv
import io

import pytest

from shared.web import spreadsheets

ROW = ("a;b,c", None, True, False, 0.1234567, 12, 'a "quoted"\nline')


@pytest.mark.parametrize(("language", "delimiter", "share"), [("en", ",", "0.123457"), ("it", ";", "0,123457")])
def test_every_cell_is_read_back_as_it_was_written(language: str, delimiter: str, share: str) -> None:
    text = spreadsheets.written(("one", "two"), [ROW], language)
    assert text.startswith("\ufeffone" + delimiter)
    names, row = csv.reader(io.StringIO(text.removeprefix(spreadsheets.MARK), newline=""), delimiter=delimiter)
    assert names == ["one", "two"]
    assert row == ["a;b,c", "", "yes", "no", share, "12", 'a "quoted"\nline']

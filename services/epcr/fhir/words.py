"""The words of a record for people, in English and Italian, from one table: names of fields, and values of closed vocabularies."""

import csv
from functools import cache
from pathlib import Path
from typing import Literal

Language = Literal["en", "it"]
TABLE = Path(__file__).parents[1] / "data" / "words.csv"


@cache
def table() -> dict[str, dict[str, str]]:
    """For each key its words by language. A key is a field, a value, or `field.value` and `part.field` where the same word differs."""
    with TABLE.open(newline="") as file:
        return {row["key"]: {"en": row["en"], "it": row["it"]} for row in csv.DictReader(file)}


def word(key: str, language: Language, within: str = "") -> str:
    """The word of a field or value; `within` is the field of a value, or the part of a field. Raises KeyError for an unknown key."""
    words = table()
    return (words.get(f"{within}.{key}") or words[key])[language]

"""The descriptions of indicators in each language: English is in the definitions, Italian beside them in `italian.json`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Language = Literal["en", "it"]
ITALIAN: Mapping[str, str] = json.loads((Path(__file__).parent / "italian.json").read_text())
"""By the English description."""


def described(english: str, language: Language) -> str:
    return ITALIAN.get(english, english) if language == "it" else english

"""The texts of the pages, from `texts/<area>.toml`; dotted keys, `{names}` for values, and a plural where a key has both forms.

[queue]
waiting.one.en = "One request waits"
waiting.one.it = "Una richiesta attende"
waiting.other.en = "{count} requests wait"
waiting.other.it = "{count} richieste attendono"
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.console.session.models import Language
from shared.web import scopes

FOLDER = Path(__file__).parents[1] / "texts"
LANGUAGES: tuple[Language, ...] = ("en", "it")
COMMON = "common"
_RANGE = re.compile(r"\s*([a-zA-Z]{2})(?:-[a-zA-Z0-9-]+)?\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?")


def flat(table: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """`{"a": {"b": "text"}}` as `{"a.b": "text"}`."""
    texts: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            texts |= flat(value, f"{before}{key}.")
        else:
            texts[before + key] = str(value)
    return texts


def read(folder: Path = FOLDER) -> dict[Language, dict[str, dict[str, str]]]:
    """All texts by language, area and key."""
    areas = {path.stem: flat(tomllib.loads(path.read_text("utf-8"))) for path in sorted(folder.glob("*.toml"))}
    return {
        language: {
            area: {
                key.removesuffix(f".{language}"): text for key, text in texts.items() if key.endswith(f".{language}")
            }
            for area, texts in areas.items()
        }
        for language in LANGUAGES
    }


ALL = read()


class Texts:
    """The texts of one area in one language: those of the area first, then the common ones. Raises KeyError for an unknown key."""

    def __init__(self, language: Language, area: str = COMMON) -> None:
        self.language: Language = language
        self.area = area
        self._texts = ALL[language][COMMON] | ALL[language].get(area, {})

    def __call__(self, key: str, **values: Any) -> str:
        if "count" in values and f"{key}.one" in self._texts:
            key = f"{key}.one" if values["count"] == 1 else f"{key}.other"
        text = self._texts[key]
        if not values:
            return text
        shown = {name: number(value, self.language) if is_number(value) else value for name, value in values.items()}
        return text.format(**shown)

    def has(self, key: str) -> bool:
        """For words that the platform may extend, such as a new status: a word without a text shows as it is."""
        return key in self._texts

    def word(self, prefix: str, value: object) -> str:
        """The text of `prefix.value`, or the value itself."""
        return self._texts.get(f"{prefix}.{value}", str(value))

    def scope(self, name: str) -> str:
        """The words of the consent page for a scope; the name of a scope that is gone."""
        scope = scopes.ALL.get(name)
        return name if scope is None else scope.consent if self.language == "en" else scope.consent_italian


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(value: float, language: Language, digits: int | None = None) -> str:
    """1,234.5 in English, 1.234,5 in Italian."""
    text = f"{value:,.{digits}f}" if digits is not None else f"{value:,}"
    return text if language == "en" else text.translate(str.maketrans(",.", ".,"))


def accepted(header: str) -> Language:
    """The best language of an `Accept-Language` field (RFC 9110 §12.5.4), else English."""
    best: Language = "en"
    weight = 0.0
    for part in header[:400].split(","):
        found = _RANGE.fullmatch(part)
        if found is None:
            continue
        for language in LANGUAGES:
            if found[1].lower() == language and float(found[2] or 1) > weight:
                best, weight = language, float(found[2] or 1)
    return best

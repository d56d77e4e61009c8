"""The platform's faults of fields in the words of a form: by their code and limit, else as they are, in English. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from services.console.pages.texts import Texts

MOST_ALLOWED = 8
"""Accepted values that one sentence lists."""
MOST_ADDRESS = 254
_BOUND = re.compile(r"Expected (at least|at most|above|below) \S+?( characters| items| members)?\.")
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")
_IN_ENGLISH = ("enum", "format", "pattern", "text", "type", "repeated")
"""Codes whose sentences of the platform say more than a translation: it serves readers of another language."""


def words(t: Texts, error: Mapping[str, Any]) -> tuple[str, str]:
    """The text of a fault, and its language where it is not that of the page."""
    code, detail, limit = str(error.get("code", "")), str(error.get("detail", "")), error.get("limit")
    if t.has(f"fault.{code}"):
        return t(f"fault.{code}", limit=limit or ""), ""
    bound = _BOUND.fullmatch(detail)
    if bound is not None and isinstance(limit, int | float):
        return t(f"unfit.{bound[1].replace(' ', '_')}{(bound[2] or '').replace(' ', '_')}", count=limit), ""
    if code == "missing":
        return t("unfit.missing"), ""
    allowed = error.get("allowed")
    if t.language != "en" and code in _IN_ENGLISH:
        if isinstance(allowed, list) and 0 < len(allowed) <= MOST_ALLOWED:
            return t("unfit.one_of", allowed=", ".join(str(one)[:100] for one in allowed)), ""
        return t(f"unfit.{code}"), ""
    return detail, "" if t.language == "en" else "en"


def field_of(pointer: str, fields: Mapping[str, str]) -> str:
    """The form's field of a JSON pointer: that of its longest beginning among `fields`, else its first member."""
    parts = pointer.lstrip("/").split("/")
    beginnings = ("/".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((fields[one] for one in beginnings if one in fields), parts[0])


def is_address(text: str) -> bool:
    """Whether a form may send the text as an e-mail address; the platform looks closer."""
    return len(text) <= MOST_ADDRESS and text.isprintable() and _ADDRESS.fullmatch(text) is not None

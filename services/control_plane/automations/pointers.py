"""JSON Pointer (RFC 6901): a place in an event's data."""

from typing import Any, Final

MAX_LENGTH = 256
MAX_STEPS = 16


class _Missing:
    """What stands where nothing does; null is a value."""


MISSING: Final = _Missing()


def objection(pointer: str) -> str | None:
    """Why this is no pointer that is taken here; None when it is."""
    if pointer and not pointer.startswith("/"):
        return "a JSON Pointer begins with /"
    if len(pointer) > MAX_LENGTH or pointer.count("/") > MAX_STEPS:
        return f"at most {MAX_LENGTH} characters and {MAX_STEPS} steps"
    if "~" in pointer.replace("~0", "").replace("~1", ""):
        return "~ stands as ~0 or ~1 alone"
    return None


def resolve(pointer: str, document: Any) -> Any:
    """The value there, or MISSING. An array's members are counted from 0, without leading zeros."""
    for step in _steps(pointer):
        document = _member(document, step)
        if document is MISSING:
            return MISSING
    return document


def _steps(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _member(value: Any, step: str) -> Any:
    if isinstance(value, dict):
        return value.get(step, MISSING)
    if isinstance(value, list) and step.isdecimal() and step.isascii() and step == str(int(step[:9])):
        return value[int(step)] if int(step) < len(value) else MISSING
    return MISSING

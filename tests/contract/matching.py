"""Checks that an answer has at least the fields that the page shows."""

from typing import Any

from tests.contract.page import ANY


def lacks(actual: Any, expected: Any, place: str = "") -> list[str]:
    """The places at which `actual` lacks a value or has another one; empty if all match."""
    if expected is ANY or expected == {}:
        return []
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return [f"{place}: not an object"]
        missing = [f"{place}/{name}: missing" for name in expected if name not in actual]
        return missing + [
            m for name in expected if name in actual for m in lacks(actual[name], expected[name], f"{place}/{name}")
        ]
    if isinstance(expected, list) and expected and isinstance(expected[0], dict):
        if not isinstance(actual, list) or not actual:
            return [f"{place}: not a list with anything in it"]
        return [m for index, item in enumerate(actual) for m in lacks(item, expected[0], f"{place}/{index}")]
    return [] if actual == expected else [f"{place}: {actual!r} instead of {expected!r}"]

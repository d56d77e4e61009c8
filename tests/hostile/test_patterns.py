"""Patterns of values: none takes a line end after a value that it takes."""

import importlib
import pkgutil
import re
import typing
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deploy
import gateway
import services
import shared
from services.epcr.records.models import Address
from shared.web.strict_json import in_ecmascript

ANYTHING = {r"\S"}
"""Takes any text that is not blank."""


def patterns() -> set[str]:
    for package in (shared, services, gateway, deploy):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    found = set[str]()
    for kind in descendants(msgspec.Struct):
        if kind.__module__.partition(".")[0] in ("shared", "services", "gateway", "deploy"):
            for field in msgspec.structs.fields(kind):
                found |= set(within(field.type))
    return found


def descendants(kind: type[Any]) -> Iterator[type[Any]]:
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


def within(kind: Any) -> Iterator[str]:
    """The patterns of a type and of its parts; Structs in it are looked at by themselves."""
    for meta in getattr(kind, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta) and meta.pattern is not None:
            yield meta.pattern
    parts = [kind.__origin__] if hasattr(kind, "__metadata__") else typing.get_args(kind)
    for part in parts:
        yield from within(part)


PATTERNS = sorted(patterns())


def test_the_patterns_are_found() -> None:
    assert r"^[A-Z]{2}\Z" in PATTERNS
    assert len(PATTERNS) > 20


@pytest.mark.parametrize("pattern", [pattern for pattern in PATTERNS if pattern not in ANYTHING])
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_no_pattern_takes_a_line_end_after_a_value(pattern: str, data: Any) -> None:
    value = data.draw(st.from_regex(pattern)).rstrip("\n")
    assert not re.search(pattern, value + "\n")
    assert r"\Z" not in in_ecmascript(pattern)


def test_a_country_with_a_line_end_is_refused() -> None:
    assert msgspec.convert({"country": "IT"}, Address).country == "IT"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"country": "IT\n"}, Address)

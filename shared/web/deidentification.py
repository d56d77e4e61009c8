"""The modes in which an app sees patient care records, and the scopes that go with moved times."""

from collections.abc import Iterable
from typing import Literal

from shared.web import scopes

Mode = Literal["exact", "shifted", "safe_harbor"]
# In order: the last mode hides most.
MODES: tuple[Mode, ...] = ("exact", "shifted", "safe_harbor")
# An app with moved times may have only these. Everything else names real encounters, devices or incidents, or gives real times to
# the second; with it an app could compute the real times. A new scope is refused until its entry says otherwise.
SCOPES = frozenset(name for name, scope in scopes.ALL.items() if scope.with_moved_times)


def strictest(*modes: Mode) -> Mode:
    """The mode that hides most."""
    return max(modes, key=MODES.index)


def permitted(mode: Mode, scopes: Iterable[str]) -> list[str]:
    """Those of `scopes` that `mode` allows, in the same order."""
    return [scope for scope in scopes if mode == "exact" or scope in SCOPES]


def refused(mode: Mode, scopes: Iterable[str]) -> list[str]:
    """Those of `scopes` that `mode` does not allow."""
    kept = set(permitted(mode, scopes))
    return [scope for scope in scopes if scope not in kept]

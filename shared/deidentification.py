"""How an app may be shown patient care records, and what an app that is not shown exact times may hold besides."""

from collections.abc import Iterable
from typing import Literal

Mode = Literal["exact", "shifted", "safe_harbor"]
# From the least to the most hidden.
MODES: tuple[Mode, ...] = ("exact", "shifted", "safe_harbor")
# Everything else is live: it names real encounters, devices or incidents, or says to the second when something happened, and
# beside it a moved time could be moved back. A new scope or event type is refused until it stands here.
SCOPES = frozenset({"argus:epcr:read", "webhooks:read", "webhooks:write", "offline_access"})
EVENTS = frozenset({"webhook.disabled", "app.secret_rotated", "integration_request.decided"})


def strictest(*modes: Mode) -> Mode:
    """The mode that hides most."""
    return max(modes, key=MODES.index)


def permitted(mode: Mode, scopes: Iterable[str]) -> list[str]:
    """The scopes of `scopes` that go with `mode`, in their order."""
    return [scope for scope in scopes if mode == "exact" or scope in SCOPES]


def refused(mode: Mode, scopes: Iterable[str]) -> list[str]:
    """The scopes of `scopes` that do not."""
    kept = set(permitted(mode, scopes))
    return [scope for scope in scopes if scope not in kept]

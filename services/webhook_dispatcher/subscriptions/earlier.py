"""Secrets and signing keys that others replaced. Each signs until the end that was stated for it; no later rotation changes that end."""

from collections.abc import Sequence
from typing import Any, Literal

from services.webhook_dispatcher.subscriptions.models import Earlier, EarlierKey, EarlierSecret
from shared.storage.caps import Cap, refusal

MOST = 5
"""That sign at the same time, the present one among them."""


OVERLAP_HOURS = 24
"""For which a replaced secret signs; the call that replaces a key names its own seconds."""


def kept(what: Literal["secrets", "keys"], earlier: Sequence[Earlier], *, force: bool) -> list[Earlier]:
    """Those that go on signing when the present one too becomes an earlier one. `force` ends the oldest. Raises a 409 Problem."""
    if len(earlier) < MOST - 1:
        return list(earlier)
    if force:
        return list(earlier[: MOST - 2])
    shown = EarlierSecret if what == "secrets" else EarlierKey
    instead = (
        "each signs until its stated end. Replace the present one when the first has ended, at `next_rotation_at`, or with"
        ' `"force": true`, which ends the oldest now'
    )
    raise refusal(
        Cap(f"{what} that sign", MOST, "A webhook", instead),
        **{f"pending_{what}": [shown(one.shown, one.expires_at) for one in earlier]},
        next_rotation_at=min(one.expires_at for one in earlier),
    )


def columns(older: Sequence[Earlier]) -> dict[str, list[Any]]:
    """The parameters of the columns of those older than the previous one."""
    return {
        "older": [one.sealed for one in older],
        "older_shown": [one.shown for one in older],
        "older_ends": [one.expires_at for one in older],
    }

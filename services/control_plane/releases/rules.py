"""Who may decide, and what may follow what. Pure."""

from services.control_plane.releases.models import Release
from shared import ids
from shared.identity import Caller

# What each step may be taken from.
MAY_APPROVE = frozenset({"requested", "approved"})
MAY_REJECT = frozenset({"requested", "approved"})


def user_of(caller: Caller) -> str | None:
    """The person a token was given for; the token of an app alone names the app as its subject."""
    return caller.subject if caller.subject is not None and ids.is_id(caller.subject, "usr") else None


def is_same_hand(release: Release, caller: Caller) -> bool:
    """Whether the caller asked for the release: the same person, through whichever app, or the same app where no two persons are known."""
    user = user_of(caller)
    if user is not None and release.requested_by_user is not None:
        return user == release.requested_by_user
    return caller.client_id == release.requested_by

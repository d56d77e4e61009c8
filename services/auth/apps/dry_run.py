"""What a governance change would have refused over the last seven days, from daily counters. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import UNSET

from services.auth.apps import redirects
from services.auth.apps.models import App, GovernanceChange

# Kinds of daily_counts that a dry run reads.
SERVICE_TOKEN = "service_token"
AUTHORIZED_WITHOUT_PKCE = "authorized_without_pkce"
AUTHORIZED_AT = "authorized_at"


class Count(NamedTuple):
    kind: str
    detail: str
    number: int


def would_refuse(change: GovernanceChange, app: App, counts: Iterable[Count]) -> dict[str, int]:
    """Refusals by reason; a reason stands here only when the change would have caused it."""
    found: dict[str, int] = {}
    for kind, detail, number in counts:
        reason = _reason(change, app, kind, detail)
        if reason is not None:
            found[reason] = found.get(reason, 0) + number
    return found


def _reason(change: GovernanceChange, app: App, kind: str, detail: str) -> str | None:
    if kind == SERVICE_TOKEN and change.allow_service_tokens is False and app.allow_service_tokens:
        return "service_tokens_not_allowed"
    if kind == AUTHORIZED_WITHOUT_PKCE and change.enforce_pkce is True and not app.enforce_pkce:
        return "pkce_required"
    if (
        kind == AUTHORIZED_AT
        and change.redirect_uris is not UNSET
        and not redirects.is_registered(detail, change.redirect_uris)
    ):
        return "redirect_uri_not_registered"
    return None

"""The scopes, and the rules of which app may carry which. Pure."""

import re
from collections.abc import Iterable

from shared.web.identity import Caller

OFFLINE_ACCESS = "offline_access"
PLATFORM_APPS = "platform:apps"

DESCRIPTIONS = {
    "webhooks:read": "Read outbound webhook subscriptions and their deliveries",
    "webhooks:write": "Create and update outbound webhook subscriptions",
    "argus:epcr:read": "Read de-identified patient care record encounters",
    "argus:epcr:write": "Create and update patient care record encounters",
    "argus:devices:read": "Read enrolled medical devices and their observations",
    "argus:devices:write": "Enrol medical devices and submit observations",
    "argus:acqi:read": "Read ambulance clinical quality indicators",
    "argus:incidents:read": "Read incidents",
    "argus:incidents:write": "Create and update incidents",
    OFFLINE_ACCESS: "Keep access while the user is away (refresh tokens)",
}
ON_REQUEST = {
    "argus:telephony:read": "Read telephony providers and routing",
    "argus:telephony:write": "Configure telephony providers and routing",
    "argus:platform:read": "Read control-plane resources",
    "argus:platform:write": "Manage control-plane resources",
}
# Not in the catalogue. Only operators give them, to first-party apps.
FIRST_PARTY = {
    PLATFORM_APPS: "Manage the integration apps of the organisation",
    "argus:epcr:clinical": "Read and write complete clinical records",
}
_TOKENS = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")
ALL = DESCRIPTIONS | ON_REQUEST | FIRST_PARTY


def catalogue(granted: Iterable[str]) -> dict[str, str]:
    """The scopes that a tenant's apps may ask for: the common ones, and the on-request ones that the tenant was granted."""
    return DESCRIPTIONS | {scope: text for scope, text in ON_REQUEST.items() if scope in set(granted)}


def allows(approved: Iterable[str], scope: str) -> bool:
    """Whether an app approved for `approved` may carry `scope`; `…:write` includes `…:read`."""
    return Caller(scopes=frozenset(approved)).has(scope)


def parse(text: str) -> list[str] | None:
    """A space-separated scope parameter (RFC 6749 §3.3) without repetitions, in its own order; None when malformed."""
    if not _TOKENS.fullmatch(text):
        return None
    return list(dict.fromkeys(text.split(" ")))

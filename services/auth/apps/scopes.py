"""The rules of which app may carry which scope. Pure."""

import re
from collections.abc import Iterable

from shared.web import scopes
from shared.web.identity import Caller

OFFLINE_ACCESS = "offline_access"
PLATFORM_APPS = "platform:apps"

DESCRIPTIONS = {name: scope.description for name, scope in scopes.EVERYDAY.items()}
ON_REQUEST = {name: scope.description for name, scope in scopes.ON_REQUEST.items()}
FIRST_PARTY = {name: scope.description for name, scope in scopes.FIRST_PARTY.items()}
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

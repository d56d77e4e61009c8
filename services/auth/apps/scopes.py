"""The rules of which app may carry which scope. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence

from shared.web import scopes
from shared.web.identity import Caller

OFFLINE_ACCESS = "offline_access"
PLATFORM_APPS = "platform:apps"
READ_PEOPLE = "platform:people:read"
CHANGE_PEOPLE = "platform:people:write"
PLATFORM_AUDIT = "platform:audit"
SCHEDULE_REPORTS = "argus:acqi:schedule"

DESCRIPTIONS = {name: scope.description for name, scope in scopes.EVERYDAY.items()}
ON_REQUEST = {name: scope.description for name, scope in scopes.ON_REQUEST.items()}
FIRST_PARTY = {name: scope.description for name, scope in scopes.FIRST_PARTY.items()}
_TOKENS = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")
ALL = DESCRIPTIONS | ON_REQUEST | FIRST_PARTY
"""The scopes that an app, a mapped role or a grant to a tenant may name."""
OPERATORS = {name: scope.description for name, scope in scopes.OPERATORS.items()}
"""Of operators alone: no app asks for them, and no operator's command gives them."""


def catalogue(granted: Iterable[str]) -> dict[str, str]:
    """The scopes that a tenant's apps may ask for: the common ones, and the on-request ones that the tenant was granted."""
    return DESCRIPTIONS | {scope: text for scope, text in ON_REQUEST.items() if scope in set(granted)}


def allows(approved: Iterable[str], scope: str) -> bool:
    """Whether an app approved for `approved` may carry `scope`; `…:write` includes `…:read`."""
    return Caller(scopes=frozenset(approved)).has(scope)


def of_roles(roles: Iterable[str], mapping: Mapping[str, Sequence[str]]) -> list[str]:
    """The scopes that these roles allow together. Roles that are not mapped allow none."""
    return sorted({scope for role in roles for scope in mapping.get(role, ())})


def beyond(limit: Sequence[str] | None, wanted: Iterable[str]) -> list[str]:
    """The scopes that a person with this limit may not give to an app. No role is needed for offline access.

    A person without a limit may give all but those of operators.
    """
    if limit is None:
        return [scope for scope in wanted if scope in OPERATORS]
    return [scope for scope in wanted if scope != OFFLINE_ACCESS and not allows(limit, scope)]


def exceeds(granted: Iterable[str], roles: Iterable[str], mapping: Mapping[str, Sequence[str]]) -> bool:
    """Whether a grant is over for a person with these roles: they allow less, or none of them is mapped."""
    left = set(roles) & set(mapping)
    return not left or bool(beyond(of_roles(left, mapping), granted))


def parse(text: str) -> list[str] | None:
    """A space-separated scope parameter (RFC 6749 §3.3) without repetitions, in its own order; None when malformed."""
    if not _TOKENS.fullmatch(text):
        return None
    return list(dict.fromkeys(text.split(" ")))

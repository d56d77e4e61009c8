"""What an automation may do at the moment it runs: what its maker's token could, as far as its app and organisation still may."""

from collections.abc import Collection, Iterable

# Scopes that an organisation has only while they are granted to it.
ON_REQUEST = ("argus:telephony:", "argus:platform:")


def scopes(made_with: Iterable[str], of_app: Collection[str], of_tenant: Collection[str]) -> list[str]:
    return sorted(
        scope
        for scope in made_with
        if _includes(of_app, scope) and (not scope.startswith(ON_REQUEST) or _includes(of_tenant, scope))
    )


def covers(patterns: Iterable[str], event_type: str) -> bool:
    """Whether a pattern of approval covers the type: itself, `incident.*` for all below, `*` for all there are."""
    return any(_covers(pattern, event_type) for pattern in patterns)


def _covers(pattern: str, event_type: str) -> bool:
    if pattern.endswith("*"):
        return event_type.startswith(pattern[:-1]) and (pattern == "*" or pattern.endswith(".*"))
    return pattern == event_type


def _includes(held: Collection[str], scope: str) -> bool:
    """`…:write` includes `…:read` of the same resource."""
    return scope in held or (scope.endswith(":read") and scope.removesuffix("read") + "write" in held)

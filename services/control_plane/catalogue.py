"""Scopes that a package may name. Auth owns them; a test compares this copy with its list."""

SCOPES = frozenset(
    {
        "webhooks:read",
        "webhooks:write",
        "argus:epcr:read",
        "argus:epcr:write",
        "argus:devices:read",
        "argus:devices:write",
        "argus:acqi:read",
        "argus:incidents:read",
        "argus:incidents:write",
        "offline_access",
        "argus:telephony:read",
        "argus:telephony:write",
        "argus:platform:read",
        "argus:platform:write",
    }
)

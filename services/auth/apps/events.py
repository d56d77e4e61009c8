"""Event types an app may be approved for, and the patterns that approve them. Pure."""

CATALOGUE = (
    "incident.created",
    "incident.updated",
    "incident.closed",
    "epcr.encounter.created",
    "epcr.encounter.updated",
    "epcr.encounter.completed",
    "device.enrolled",
    "device.observations.recorded",
    "webhook.disabled",
    "app.secret_rotated",
    "integration_request.decided",
)


def matches(pattern: str, event_type: str) -> bool:
    """`incident.*` matches what begins with `incident.`; anything else matches itself."""
    if pattern.endswith(".*"):
        return event_type.startswith(pattern[:-1])
    return pattern == event_type


def is_known(pattern: str) -> bool:
    """Whether a pattern approves at least one event type there is."""
    return any(matches(pattern, event_type) for event_type in CATALOGUE)

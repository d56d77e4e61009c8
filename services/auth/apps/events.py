"""Event types an app may be approved for, and the patterns that approve them. Pure."""

from shared import deidentification

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
    "automation.fired",
)
# These tell when something happened, to the second: an app whose times are moved must not hear them.
LIVE = tuple(name for name in CATALOGUE if name not in deidentification.EVENTS)


def matches(pattern: str, event_type: str) -> bool:
    """`incident.*` matches what begins with `incident.`; anything else matches itself."""
    if pattern.endswith(".*"):
        return event_type.startswith(pattern[:-1])
    return pattern == event_type


def is_live(pattern: str) -> bool:
    """Whether a pattern approves an event that tells of encounters, devices or incidents as they happen."""
    return any(matches(pattern, event_type) for event_type in LIVE)


def is_known(pattern: str) -> bool:
    """Whether a pattern approves at least one event type there is."""
    return any(matches(pattern, event_type) for event_type in CATALOGUE)

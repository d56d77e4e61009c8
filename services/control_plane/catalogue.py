"""Scopes and event types a package may name. Auth and webhook-dispatcher own them; a test holds this copy to theirs. Pure."""

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
EVENT_TYPES = frozenset(
    {
        "incident.created",
        "incident.updated",
        "incident.closed",
        "epcr.encounter.created",
        "epcr.encounter.updated",
        "epcr.encounter.completed",
        "epcr.identity.corrected",
        "device.enrolled",
        "device.observations.recorded",
        "webhook.disabled",
        "app.secret_rotated",
        "integration_request.decided",
        "automation.fired",
    }
)

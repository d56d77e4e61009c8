"""Answers to operators: a tenant with more than can be counted, a service with a backlog, an act that is under way."""

from typing import Any

from starlette.requests import Request

TENANT = "org_01jdkfx3c8e2r9v5m7q4t6w0ya"
WAITING = {"consumer": "webhook_dispatcher", "waiting": 10_000, "oldest_seconds": 431.2, "unsent_seconds": 0.0}


def backlog(request: Request) -> dict[str, Any]:
    service = request.url.path.split("/")[3]
    return {
        "service": service,
        "measured_at": "2026-11-20T09:12:30Z",
        "consumers": [WAITING],
        "failing_messages": 2,
        "dead_letters": 1,
        "unsealed_entries": 3,
        "unsealed_seconds": 0.8,
        "own": [
            {"name": "senders", "value": 2.0},
            {"name": "oldest_due_seconds", "value": 7300.0},
            {"name": "new", "value": 1},
        ],
    }


def tenant(**fields: Any) -> dict[str, Any]:
    made = {
        "tenant_id": TENANT,
        "name": "Lakeland <b>Ambulance</b> Trust",
        "status": "active",
        "environment": "production",
        "created_at": "2026-11-02T08:00:00Z",
        "granted_scopes": ["argus:telephony:read"],
        "graphql_bundles": [],
        "federation": False,
        "apps": 1000,
        "people": 12,
        "sandboxes": 1,
        "pending_requests": 1,
    }
    return made | fields


STOP = {"tenant_id": TENANT, "act_id": "act_01jdkfx3c8e2r9v5m7q4t6w0ya", "reason": "It floods us"}
WEBHOOK = STOP | {
    "webhook_id": "wh_01m88d0qm0fmp9q50vgx5q4nfh",
    "client_id": "app_01m88d0pt8f2jr1bd6zq6c1t5k",
    "host": "hooks.example",
    "enabled": False,
    "disabled_reason": "stopped_by_operator",
    "disabled_at": "2026-11-20T12:00:00Z",
}
AUTOMATION = STOP | {
    "automation_id": "auto_01jdkfx3c8e2r9v5m7q4t6w0ya",
    "client_id": "app_01m88d0pt8f2jr1bd6zq6c1t5k",
    "name": "Case sync",
    "enabled": False,
    "disabled_reason": "stopped_by_operator",
    "stopped_at": "2026-11-20T12:00:00Z",
}
APP = {"client_id": "app_01m88d0pt8f2jr1bd6zq6c1t5k", "tenant_id": TENANT, "name": "Case sync", "status": "active"}

ANSWERS = {
    "GET /v1/operations/auth/apps/{client_id}": APP,
    "GET /v1/operations/webhook-dispatcher/webhooks/{webhook_id}": WEBHOOK,
    "GET /v1/operations/webhook-dispatcher/stopped-webhooks": {"stopped_webhooks": [WEBHOOK], "next_cursor": None},
    "GET /v1/operations/control-plane/automations/{automation_id}": AUTOMATION,
    "GET /v1/operations/control-plane/stopped-automations": {"stopped_automations": [AUTOMATION], "next_cursor": None},
    "GET /v1/operations/{service}/backlog": backlog,
    "GET /v1/operations/auth/tenants/{tenant_id}": tenant(),
}

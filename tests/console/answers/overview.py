"""Answers with which every part of the front page has something to show."""

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request

APP = "app_01m88d0q5rekasgwnts2cwwdh6"
NOW = datetime.now(UTC)


def at(**distance: float) -> str:
    return (NOW + timedelta(**distance)).isoformat()


def ending(request: Request | None) -> dict[str, Any]:
    secret = {"client_id": APP, "app_name": "Case sync", "kind": "secret", "id": "sec_01m88d0q5rekasgwnts2cwwdh6"}
    token = secret | {"kind": "service_token", "id": "tok_01m88d0q5rekasgwnts2cwwdh6", "last_used_at": None}
    times = {"created_at": at(days=-20), "expires_at": at(hours=30), "last_used_at": at(minutes=-3)}
    certificate = {"connection_id": "samlc_01m89g2a7gfx0sy7nchvghf9zd", "connection_name": "Our directory"}
    ended = certificate | {"fingerprint": "ab" * 32, "expires_at": at(days=-1), "last_used_at": at(days=-2)}
    return {"credentials": [secret | times, times | token], "certificates": [ended]}


def webhooks(request: Request) -> dict[str, Any]:
    webhook = {"id": "wh_01m88d0qm0fmp9q50vgx5q4nfh", "client_id": APP, "url": "https://integrator.example/webhooks"}
    failing = webhook | {"failing_since": at(hours=-2), "unapproved_events": ["epcr.encounter.created"]}
    disabled = webhook | {"enabled": False, "disabled_reason": "gone", "disabled_at": at(days=-40)}
    return {"webhooks": [failing, disabled], "next_cursor": None}


def apps(request: Request) -> dict[str, Any]:
    app = {"client_id": APP, "name": "Case sync connector", "status": "active", "first_party": False}
    return {"apps": [app | {"usage": {"refused": 1234}}], "next_cursor": "x"}


def requests(request: Request) -> dict[str, Any]:
    asked = {"id": "ireq_01m89es0g6e1nbhaaffj4wtq49", "created_at": at(days=-1), "decided_at": None, "sandbox": None}
    pending = asked | {"capability": "telephony", "status": "pending"}
    made = asked | {"capability": "sandbox", "status": "approved", "sandbox": {"credentials_at": None}}
    return {"integration_requests": [pending, made, pending | {"capability": "something_new"}]}


ANSWERS = {"GET /v1/platform/ending-credentials": ending}
FRONT = {"GET /v1/webhooks": webhooks, "GET /v1/platform/apps": apps, "GET /v1/platform/integration-requests": requests}
"""In the place of other areas' answers, for the front page alone."""

"""Answers for the pages of webhooks: one that fails, one without traffic, and a delivery with several tries."""

from typing import Any

from starlette.responses import JSONResponse

WEBHOOK = "wh_01m88d0qm0fmp9q50vgx5q4nfh"
DELIVERY = "dlv_01m88d0qmze9gaw15hny2avmtm"
APP = "app_01m88d0pt8f2jr1bd6zq6c1t5k"
REPLAY = "rpl_01m88d0qmze9gaw15hny2avmtm"
EVENT = "evt_01m88d0qmze8gb967pqdwcmfq2"
TRACE = "786711f462c121cbf08dbad7571e7bf4"
NONE = {"attempts": 0, "delivered": 0, "p95_ms": None}
BUSY = {
    "last_hour": {"attempts": 40, "delivered": 31, "p95_ms": 812.5},
    "last_day": {"attempts": 1204, "delivered": 1201, "p95_ms": 91.7},
    "last_week": {"attempts": 8377, "delivered": 8369, "p95_ms": 93.2},
}


def webhook(**changes: Any) -> dict[str, Any]:
    return {
        "id": WEBHOOK,
        "client_id": APP,
        "url": "https://integrator.example/webhooks/argus?key=canary-of-a-url",
        "events": ["incident.updated", "incident.closed"],
        "unapproved_events": ["incident.closed"],
        "filter": {"pointer": "/priority", "eq": "high"},
        "payload": "full",
        "max_per_second": 20,
        "client_certificate": None,
        "oauth": None,
        "description": "Case sync of the hospital",
        "enabled": True,
        "disabled_reason": None,
        "disabled_at": None,
        "paused": False,
        "secret_fingerprint": "d9d40a167514",
        "public_key": "whpk_VKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=",
        "headers": ["x-tenant"],
        "failing_since": "2026-11-25T03:00:00Z",
        "slowed_until": None,
        "concurrency": 1,
        "recovering": False,
        "created_at": "2026-11-20T03:47:00Z",
        "updated_at": "2026-11-24T03:47:00Z",
        "previous_secret_fingerprint": "0123456789ab",
        "previous_secret_expires_at": "2026-11-28T03:47:00Z",
        "previous_secrets": [{"fingerprint": "0123456789ab", "expires_at": "2026-11-28T03:47:00Z"}],
        "filtered": {
            "events": 12,
            "last_event_id": EVENT,
            "last_event_type": "incident.updated",
            "last_at": "2026-11-25T03:40:00Z",
        },
        "backlog": {"waiting": 7, "more": False, "clearing": False, "gathering": False},
    } | changes


def listed(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in webhook(**changes).items() if name != "backlog"}


def delivery(**changes: Any) -> dict[str, Any]:
    return {
        "id": DELIVERY,
        "event_id": EVENT,
        "event_type": "incident.updated",
        "sequence": 41,
        "status": "retrying",
        "attempted_at": "2026-11-25T03:52:01Z",
        "attempt": 2,
        "response_status": 401,
        "response_body": "bad signature",
        "response_truncated": False,
        "duration_ms": 48.5,
        "next_attempt_at": "2026-11-25T04:22:01Z",
        "error": "http_status: the receiver answered 401",
        "trace_id": TRACE,
        "created_at": "2026-11-25T03:47:00Z",
    } | changes


def attempt(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "number": number,
        "attempted_at": f"2026-11-25T03:{46 + number}:01Z",
        "url": "https://integrator.example/webhooks/argus?key=canary-of-a-url",
        "request_headers": {
            "content-type": "application/json",
            "webhook-id": EVENT,
            "webhook-signature": "(redacted)",
            "x-tenant": "(redacted)",
        },
        "resolved_address": "192.0.2.7",
        "response_status": 401,
        "response_headers": {"content-type": "text/plain", "server": "receiver"},
        "response_body": "bad signature",
        "response_truncated": False,
        "error": "http_status: the receiver answered 401",
        "duration_ms": 48.5,
        "timings_ms": {"dns": 4.1, "connect": 22.0, "tls": 14.5, "first_byte": 21.9, "body": 0.5, "total": 48.5},
        "trace_id": TRACE,
    } | changes


def history(**changes: Any) -> dict[str, Any]:
    attempts = [
        attempt(
            1, response_status=None, response_headers={}, response_body=None, error="dns_error: the name has no address"
        ),
        attempt(2),
    ]
    return delivery(
        request_body='{"type":"incident.updated","timestamp":"2026-11-25T03:47:00Z","data":{"status":"closed"}}',
        attempts=attempts,
        **changes,
    )


def replay(**changes: Any) -> dict[str, Any]:
    return {
        "id": REPLAY,
        "webhook_id": WEBHOOK,
        "state": "running",
        "waits_for": None,
        "filter": {
            "status": "failed",
            "response": "5xx",
            "event_type": "incident.updated",
            "event_id": None,
            "key": "inc_01m88d0qmze9gaw15hny2avmtm",
            "trace_id": None,
        },
        "since": "2026-11-24T03:47:00Z",
        "until": "2026-11-25T03:47:00Z",
        "per_second": 10,
        "matching": 1204,
        "more": False,
        "done": 402,
        "delivered": 398,
        "failed": 3,
        "skipped": 1,
        "waiting": 10,
        "reached_at": "2026-11-24T12:00:00Z",
        "created_at": "2026-11-25T03:47:00Z",
        "progressed_at": "2026-11-25T03:48:00Z",
        "expected_end_at": "2026-11-25T03:50:00Z",
        "stopped_at": None,
        "finished_at": None,
    } | changes


def counted(request: Any) -> Any:
    """A dry run is counted, another call starts a replay."""
    period = {"since": "2026-11-24T03:47:00Z", "until": "2026-11-25T03:47:00Z"}
    if "dry_run=true" in request.url.query:
        return {"dry_run": True, "matching": 1204, "more": False} | period
    return JSONResponse(replay(), 201)


ANSWERS: dict[str, Any] = {
    "GET /v1/webhooks": {
        "webhooks": [
            listed(statistics=BUSY, next_attempt_at="2026-11-25T04:22:01Z"),
            listed(
                id="wh_01m88d0qm0fmp9q50vgx5q4nfj",
                failing_since=None,
                description=None,
                statistics={"last_hour": NONE, "last_day": NONE, "last_week": NONE},
            ),
            listed(
                id="wh_01m88d0qm0fmp9q50vgx5q4nfk",
                enabled=False,
                disabled_reason="gone",
                disabled_at="2026-11-24T03:47:00Z",
                statistics=BUSY,
            ),
        ],
        "next_cursor": None,
    },
    "GET /v1/webhooks/contacts": {"emails": ["ops@integrator.example"], "updated_at": "2026-11-20T03:47:00Z"},
    "GET /v1/webhooks/{webhook_id}": webhook(),
    "PUT /v1/webhooks/{webhook_id}": webhook(),
    "POST /v1/webhooks/{webhook_id}/replays": counted,
    "GET /v1/webhooks/{webhook_id}/replays": {
        "replays": [
            replay(),
            replay(id="rpl_01m88d0qmze9gaw15hny2avmtn", state="stopped", stopped_at="2026-11-25T03:49:00Z", more=True),
            replay(
                id="rpl_01m88d0qmze9gaw15hny2avmtp", state="finished", done=1204, finished_at="2026-11-25T03:49:00Z"
            ),
        ],
        "next_cursor": None,
    },
    "GET /v1/webhooks/{webhook_id}/replays/{replay_id}": replay(),
    "POST /v1/webhooks/{webhook_id}/replays/{replay_id}/stop": replay(state="stopped"),
    "POST /v1/webhooks/{webhook_id}/replays/{replay_id}/resume": replay(),
    "GET /v1/webhooks/{webhook_id}/health": {
        "state": "failing",
        "summary": "The endpoint has failed 4 times in a row.",
        "last_success_at": "2026-11-25T02:58:00Z",
        "failures_in_a_row": 4,
        "last_error": "http_status: the receiver answered 401",
        "failing_since": "2026-11-25T03:00:00Z",
        "next_attempt_at": "2026-11-25T04:22:01Z",
        "waiting": 7,
        "statistics": BUSY,
    },
    "GET /v1/deliveries": {
        "deliveries": [
            delivery(webhook_id=WEBHOOK, client_id=APP),
            delivery(
                id="dlv_01m88d0qmze9gaw15hny2avmtn",
                webhook_id="wh_01m88d0qm0fmp9q50vgx5q4nfj",
                client_id=APP,
                status="succeeded",
                response_status=200,
                error=None,
                attempt=3,
                next_attempt_at=None,
            ),
            delivery(
                id="dlv_01m88d0qmze9gaw15hny2avmtp",
                event_id="evt_01m88d0qmze8gb967pqdwcmfq3",
                webhook_id=WEBHOOK,
                client_id=APP,
                status="failed",
                next_attempt_at=None,
                attempt=9,
            ),
        ],
        "next_cursor": "b3BhcXVl",
    },
    "GET /v1/webhooks/{webhook_id}/deliveries/{delivery_id}": history(),
}

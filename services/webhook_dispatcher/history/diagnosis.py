"""Describes a test delivery to the receiver's owner: the exact bytes, the connection, and a verdict in plain words."""

import ssl
import time
from typing import Any

from services.webhook_dispatcher.history.models import Diagnosis
from services.webhook_dispatcher.sending import signing
from services.webhook_dispatcher.sending.client import Outcome, Sent, sent_body
from services.webhook_dispatcher.sending.connection import Exchange

QUICK_MS = 20
EXPIRES_SOON_DAYS = 21


def describe(sent: Sent) -> Diagnosis:
    """The answer of `POST …/test?wait=true`. It hides the values of custom headers, and nothing else."""
    due, outcome, tls = sent.due, sent.outcome, tls_facts(sent.exchange)
    body = sent_body(due)
    shown = sent.shown_headers() | {"webhook-signature": sent.headers["webhook-signature"]}
    return Diagnosis(
        delivery_id=due.delivery_id,
        status="succeeded" if outcome.succeeded else "failed",
        verdict=verdict(outcome, tls),
        request={"url": due.url, "headers": shown, "body": body.decode()},
        signed_content=signing.signed_content(due.event_id, sent.timestamp, body).decode(),
        resolved_address=outcome.address,
        tls=tls,
        timings_ms=sent.exchange.timings() if sent.exchange is not None else {},
        response={
            "status": outcome.status,
            "headers": outcome.headers,
            "body": outcome.body,
            "truncated": outcome.truncated,
        },
        error=outcome.error,
        trace_id=sent.trace_id,
    )


def verdict(outcome: Outcome, tls: dict[str, Any] | None) -> str:
    """One sentence: the result, and the receiver's next step."""
    if outcome.succeeded:
        days = tls["expires_in_days"] if tls else None
        soon = days is not None and days < EXPIRES_SOON_DAYS
        return (
            f"accepted, but the certificate expires in {days} days" if soon else "accepted: the receiver answered 2xx"
        )
    status = outcome.status
    if status is None:
        return outcome.error or "no answer"
    if outcome.timed_out:
        return "the answer began but did not end in time: answer at once and work afterwards"
    if 300 <= status < 400:
        return "redirect: register the final URL"
    if status in (401, 403):
        quick = f" in {outcome.duration_ms:.0f} ms" if outcome.duration_ms < QUICK_MS else ""
        return f"the receiver answered {status}{quick}: most likely it verifies with another secret, or a parsed body"
    if status in (404, 405):
        return f"the receiver answered {status}: it does not expect POST at this URL"
    if status == 410:
        return "the receiver answered 410: a real delivery would have disabled this webhook"
    if status in (413, 415):
        return f"the receiver answered {status}: it must take JSON of up to 256 KiB"
    if status == 429:
        return "the receiver answered 429: it limits us; deliveries would slow down"
    if 200 <= status < 300:
        return outcome.error or "the answer was not complete"
    return f"the receiver answered {status}: it failed on its side"


def tls_facts(exchange: Exchange | None) -> dict[str, Any] | None:
    """Version and certificate of the connection; None over plain http, or without a connection."""
    if exchange is None or not exchange.certificate:
        return None
    expires = ssl.cert_time_to_seconds(exchange.certificate["notAfter"])
    return {
        "version": exchange.tls_version,
        "expires_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires)),
        "expires_in_days": int((expires - time.time()) // 86400),
    }

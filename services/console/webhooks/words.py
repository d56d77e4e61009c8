"""The meaning of a receiver's answer, as keys of texts; a command that sends a request again. Pure."""

import shlex
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from services.console.pages.links import without_values
from services.console.webhooks.models import Delivery, FirstAttempts, Replay, Webhook

Kind = Literal["good", "bad", "warn", "info", "off"]
REDACTED = "(redacted)"
STOPPED = "stopped_by_operator"
RESPONSES = ("2xx", "3xx", "4xx", "5xx", "none")
GOOD_SHARE = 0.99
RECOVERS_AFTER = timedelta(minutes=1)
OF_CODES: Mapping[str, str] = {
    "dns_error": "dns",
    "tls_error": "tls",
    "connection_error": "connection",
    "protocol_error": "protocol",
    "address_refused": "address",
    "event_expired": "expired",
    "approval_withdrawn": "unapproved",
    "oauth_error": "oauth",
    "redirect": "redirect",
}
OF_STATUSES: Mapping[int, str] = {
    401: "unauthorised",
    403: "unauthorised",
    404: "not_found",
    405: "not_found",
    410: "gone",
    413: "unacceptable",
    415: "unacceptable",
    429: "limited",
}


class Tag(NamedTuple):
    """A status as `ui.tag` shows it; `key` is a word of the texts `state` or `delivery`."""

    kind: Kind
    key: str


def verdict_of(response_status: int | None, error: str | None) -> str:
    """The texts `verdict.<word>` and `todo.<word>` of one attempt."""
    code = (error or "").partition(":")[0]
    if code == "timeout":
        return "slow" if "answer" in (error or "") else "silent"
    if code in OF_CODES and (response_status is None or code == "redirect"):
        return OF_CODES[code]
    if response_status is None:
        return "unknown" if error else "accepted"
    if 200 <= response_status < 300:
        return "broken_off" if error else "accepted"
    if 300 <= response_status < 400:
        return "redirect"
    return OF_STATUSES.get(response_status, "refused" if response_status < 500 else "failed")


def tag_of_delivery(delivery: Delivery) -> Tag:
    """`succeeded_later` where an earlier attempt failed."""
    match delivery.status:
        case "succeeded":
            return Tag("good", "succeeded" if delivery.attempt <= 1 else "succeeded_later")
        case "failed":
            return Tag("bad", "failed")
        case "retrying":
            return Tag("warn", "retrying")
        case _:
            return Tag("info", "queued")


def tag_of_replay(replay: Replay) -> Tag:
    match replay.state:
        case "running":
            return Tag("info", "running") if replay.waits_for is None else Tag("warn", "waits")
        case "stopped":
            return Tag("off", "stopped")
        case _:
            return Tag("warn", "finished_with_failures") if replay.failed else Tag("good", "finished")


def tag_of_webhook(webhook: Webhook, taken_at: datetime | None = None) -> Tag:
    """A webhook without events is not called healthy: its receiver is unknown, but for the delivery or test of `taken_at`."""
    if webhook.disabled_reason == STOPPED:
        return Tag("bad", "stopped")
    if not webhook.enabled:
        return Tag("off", "disabled")
    if webhook.deliveries_stopped:
        return Tag("off", "stopped")
    if webhook.paused:
        return Tag("off", "paused")
    if webhook.failing_since is not None:
        return Tag("bad", "failing")
    if webhook.slowed_until is not None:
        return Tag("warn", "slowed")
    if webhook.recovering:
        return Tag("info", "recovering")
    if webhook.statistics is None or not webhook.statistics.last_week.attempts:
        return Tag("off", "no_traffic") if taken_at is None else Tag("info", "tested")
    newest = next(one for one in periods_of(webhook) if one.attempts)
    if newest.delivered >= GOOD_SHARE * newest.attempts:
        return Tag("good", "healthy")
    return Tag("warn", "some_fail")


def periods_of(webhook: Webhook) -> tuple[FirstAttempts, ...]:
    """The shortest period first."""
    statistics = webhook.statistics
    return () if statistics is None else (statistics.last_hour, statistics.last_day, statistics.last_week)


class Share(NamedTuple):
    """`period` is a text; `percent` is None without attempts."""

    period: str
    counted: FirstAttempts
    percent: float | None


def shares_of(webhook: Webhook) -> list[Share]:
    names = ("last_hour", "last_day", "last_week")
    return [Share(name, one, share_of(one)) for name, one in zip(names, periods_of(webhook), strict=False)]


def share_of(counted: FirstAttempts) -> float | None:
    """Percent of first attempts that the receiver took. 100 only if it took all; None without any."""
    if not counted.attempts:
        return None
    share = 100 * counted.delivered / counted.attempts
    return 100.0 if counted.delivered == counted.attempts else min(99.9, int(share * 10) / 10)


def curl(url: str, headers: Mapping[str, str], body: str) -> str:
    """A command that sends the same request, without the signature, values of the owner's headers, and values in the URL's query."""
    lines = [f"curl --request POST {shlex.quote(without_values(url))}"]
    for name, value in headers.items():
        if value != REDACTED and not name.lower().startswith(("webhook-signature", "authorization")):
            lines.append(f"  --header {shlex.quote(f'{name}: {value}')}")
    lines.append(f"  --data-raw {shlex.quote(body)}")
    return " \\\n".join(lines)


def recovers(failing_since: datetime | None, now: datetime) -> bool:
    """Whether the platform sends all that wait once the receiver takes one. After a shorter failure each goes out at its own next try."""
    return failing_since is not None and now - failing_since > RECOVERS_AFTER

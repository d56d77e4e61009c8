"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, UnsetType, field

from .._model import Model


class Addresses(Model, kw_only=True):
    """The networks that deliveries come from. A signature is the only proof of their origin."""

    networks: list[str]
    """Networks such as `203.0.113.16/28`"""


class AppDeliveries(Model, kw_only=True):
    """A page of deliveries of several webhooks"""

    deliveries: list[AppDelivery]
    """The deliveries of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class AppDelivery(Model, kw_only=True):
    """A delivery with its webhook and app."""

    id: str
    """The delivery's id, such as `dlv_01jdk…`"""
    event_id: str
    """The event's id, as in `webhook-id`"""
    event_type: str
    """The event's type, such as `incident.created`"""
    sequence: int | None
    """The delivery's number among those of the webhook, without gaps; null for a test"""
    status: str
    """`retrying` waits for `next_attempt_at`; `failed` is given up. One of: failed, queued, retrying, succeeded"""
    attempted_at: datetime | None
    """When it was last sent; null before"""
    attempt: int
    """The number of the latest attempt, from 1"""
    response_status: int | None
    """The receiver's HTTP status; null without an answer"""
    response_body: str | None
    """The beginning of the receiver's answer"""
    response_truncated: bool | None
    """Whether the answer was longer"""
    duration_ms: float | None
    """Milliseconds until the answer"""
    next_attempt_at: datetime | None
    """When it is sent next; null if it is not"""
    error: str | None
    """The error in words; null if there was none"""
    trace_id: str | None
    """The trace of the call, 32 hex digits; give it to support"""
    created_at: datetime
    """When it was made"""
    webhook_id: str
    """The webhook's id"""
    client_id: str
    """The id of the app, such as `app_01jdk…`"""


class Attempt(Model, kw_only=True):
    """One request of a delivery with its answer, as the history stores it. `timings_ms` are those of its phases that
    took place.
    """

    number: int
    """The number of the attempt, from 1"""
    attempted_at: datetime
    """When it was last sent; null before"""
    url: str
    """The HTTPS address of the receiver"""
    request_headers: dict[str, str]
    """Headers that were sent, without the values of secret ones"""
    resolved_address: str | None
    """The IP address that was called; null if the name did not resolve"""
    response_status: int | None
    """The receiver's HTTP status; null without an answer"""
    response_headers: dict[str, str] | None
    """Headers of the receiver's answer"""
    response_body: str | None
    """The beginning of the receiver's answer"""
    response_truncated: bool
    """Whether the answer was longer"""
    error: str | None
    """The error in words; null if there was none"""
    duration_ms: float
    """Milliseconds until the answer"""
    timings_ms: dict[str, float] | None
    """Milliseconds of the phases that took place: `dns`, `connect` (with TLS), `tls`, `first_byte`, `body`, `total`;
    null if nothing was sent
    """
    trace_id: str | None
    """The trace of the call, 32 hex digits; give it to support"""


class Backlog(Model, kw_only=True):
    """How many deliveries wait for a webhook, counted up to 10,000 (`more`), and which background work on them is
    under way.

    `clearing`: those that its app is no longer approved for are given up. `gathering`: those given up are taken
    back.
    """

    waiting: int
    """How many deliveries wait, up to 10,000"""
    more: bool
    """Whether there are more than those counted"""
    clearing: bool
    """Whether deliveries without approval are being given up"""
    gathering: bool
    """Whether given-up deliveries are being taken back"""


class ClientCertificate(Model, kw_only=True):
    """A certificate that the platform presents to the receiver (mutual TLS), with its private key. No answer shows the
    key.
    """

    certificate: str
    """The certificate in PEM, with at most four that lead to its authority"""
    private_key: str
    """Its private key in PEM, not encrypted: RSA from 2,048 bits, EC or Ed25519"""


class Contacts(Model, kw_only=True):
    """The addresses that get mail about the app's webhooks."""

    emails: list[str]
    """Addresses that get mail about the app's webhooks, at most five"""
    updated_at: datetime | None
    """When they were last changed; null if there are none"""


class ContactsChange(Model, kw_only=True):
    """The contacts that replace those before; an empty list removes all. An administrator may name another app in
    `client_id`.
    """

    emails: list[str]
    """Addresses that get mail about the app's webhooks, at most five"""
    client_id: str | UnsetType | None = UNSET
    """The app, if an administrator changes those of another than the calling one"""


class Deliveries(Model, kw_only=True):
    """A page of deliveries"""

    deliveries: list[Delivery]
    """The deliveries of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Delivery(Model, kw_only=True):
    """One event for one subscription, with its latest attempt."""

    id: str
    """The delivery's id, such as `dlv_01jdk…`"""
    event_id: str
    """The event's id, as in `webhook-id`"""
    event_type: str
    """The event's type, such as `incident.created`"""
    sequence: int | None
    """The delivery's number among those of the webhook, without gaps; null for a test"""
    status: str
    """`retrying` waits for `next_attempt_at`; `failed` is given up. One of: failed, queued, retrying, succeeded"""
    attempted_at: datetime | None
    """When it was last sent; null before"""
    attempt: int
    """The number of the latest attempt, from 1"""
    response_status: int | None
    """The receiver's HTTP status; null without an answer"""
    response_body: str | None
    """The beginning of the receiver's answer"""
    response_truncated: bool | None
    """Whether the answer was longer"""
    duration_ms: float | None
    """Milliseconds until the answer"""
    next_attempt_at: datetime | None
    """When it is sent next; null if it is not"""
    error: str | None
    """The error in words; null if there was none"""
    trace_id: str | None
    """The trace of the call, 32 hex digits; give it to support"""
    created_at: datetime
    """When it was made"""


class DeliveryHistory(Model, kw_only=True):
    """A delivery with its request body and each attempt."""

    id: str
    """The delivery's id, such as `dlv_01jdk…`"""
    event_id: str
    """The event's id, as in `webhook-id`"""
    event_type: str
    """The event's type, such as `incident.created`"""
    sequence: int | None
    """The delivery's number among those of the webhook, without gaps; null for a test"""
    status: str
    """`retrying` waits for `next_attempt_at`; `failed` is given up. One of: failed, queued, retrying, succeeded"""
    attempted_at: datetime | None
    """When it was last sent; null before"""
    attempt: int
    """The number of the latest attempt, from 1"""
    response_status: int | None
    """The receiver's HTTP status; null without an answer"""
    response_body: str | None
    """The beginning of the receiver's answer"""
    response_truncated: bool | None
    """Whether the answer was longer"""
    duration_ms: float | None
    """Milliseconds until the answer"""
    next_attempt_at: datetime | None
    """When it is sent next; null if it is not"""
    error: str | None
    """The error in words; null if there was none"""
    trace_id: str | None
    """The trace of the call, 32 hex digits; give it to support"""
    created_at: datetime
    """When it was made"""
    request_body: str | None
    """The exact body that was sent"""
    attempts: list[Attempt]
    """Each attempt, oldest first"""


class Diagnosis(Model, kw_only=True):
    """The result of one test request: the exact bytes, the connection, and the next step in `verdict`."""

    delivery_id: str
    """The delivery's id"""
    status: str
    """`succeeded` or `failed`"""
    verdict: str
    """The result and the next step, in words"""
    request: dict[str, Any]
    """The exact request: method, address, headers, body"""
    signed_content: str
    """The text that was signed: `id.timestamp.body`"""
    resolved_address: str | None
    """The IP address that was called; null if the name did not resolve"""
    tls: dict[str, Any] | None
    """The TLS version, cipher and certificate; null without TLS"""
    timings_ms: dict[str, Any]
    """Milliseconds of each step: name, connection, TLS, first byte, total"""
    response: dict[str, Any]
    """The receiver's answer: status, headers, body"""
    error: str | None
    """The error in words; null if there was none"""
    trace_id: str | None
    """The trace of the call, 32 hex digits; give it to support"""


class EarlierKey(Model, kw_only=True):
    """A signing key that another one replaced. It signs beside it until `expires_at`."""

    public_key: str
    """The public key"""
    expires_at: datetime
    """When it stops signing"""


class EarlierSecret(Model, kw_only=True):
    """A secret that another one replaced. It signs beside it until `expires_at`."""

    fingerprint: str
    """The fingerprint of the secret: the first 12 hexadecimal digits of its SHA-256"""
    expires_at: datetime
    """When it stops signing"""


class Filter(Model, kw_only=True):
    """One of: `pointer` with one of `eq ne in gt lt exists prefix`; `all`, `any`: a list of filters; `not`: a filter."""

    pointer: str | UnsetType = UNSET
    """A JSON Pointer (RFC 6901) into the event's data"""
    eq: str | int | float | bool | UnsetType | None = UNSET
    """The member equals this value"""
    ne: str | int | float | bool | UnsetType | None = UNSET
    """The member is missing, or differs from this value"""
    in_: list[str | int | float | bool | None] | UnsetType = field(name="in", default=UNSET)
    """The member equals one of these values"""
    gt: float | UnsetType = UNSET
    """The member is a number above this"""
    lt: float | UnsetType = UNSET
    """The member is a number below this"""
    exists: bool | UnsetType = UNSET
    """Whether the member must be there"""
    prefix: str | UnsetType = UNSET
    """The member is a text that begins so"""
    all: list[Filter] | UnsetType = UNSET
    """Every one of these filters matches"""
    any: list[Filter] | UnsetType = UNSET
    """At least one of these filters matches"""
    not_: Filter | UnsetType = field(name="not", default=UNSET)


class FilterTrial(Model, kw_only=True):
    """Event types and the filter that a webhook for them would have. An administrator may name another app in
    `client_id`.
    """

    events: list[str]
    """Event types of the catalogue, such as `incident.created`"""
    filter: Filter
    """The filter to try"""
    client_id: str | UnsetType | None = UNSET
    """The app, if an administrator tries it for another than the calling one"""


class FilterTried(Model, kw_only=True):
    """How many of the newest events of these types the filter would have let through, and which, newest first."""

    looked_at: int
    """How many events were looked at, at most 100"""
    matched: int
    """How many of them the filter lets through"""
    events: list[TriedEvent]
    """The events, newest first"""


class Filtered(Model, kw_only=True):
    """The events that a webhook's filter held back since the filter was set, and the last of them. They have no
    delivery.
    """

    events: int
    """How many events were held back since the filter was set"""
    last_event_id: str
    """The last of them"""
    last_event_type: str
    """The last one's type"""
    last_at: datetime
    """When the last one was held back"""


class FirstAttempts(Model, kw_only=True):
    """The first attempts of the deliveries of a period: how many the receiver took, and the duration that 95 in 100
    stayed below.

    Without attempts nothing is known of the receiver. The duration is estimated from twelve classes. A count is up
    to a minute late, and
    the period begins up to a bucket earlier: five minutes of the last hour, an hour of the others.
    """

    attempts: int
    """How many deliveries were sent for the first time"""
    delivered: int
    """How many of them the receiver answered 2xx"""
    p95_ms: float | None
    """Milliseconds that 95 in 100 of them stayed below; null without attempts"""


class Health(Model, kw_only=True):
    """How an endpoint fares: its state, a summary in words, and the facts behind it."""

    state: str
    """`healthy`; `untried`, when nothing was delivered yet; `failing`, since its last success; `slowed`, when it asked
    for a pause; `recovering`; `disabled`; `paused`, with its app or the deliveries of the organisation. One of:
    disabled, failing, healthy, paused, recovering, slowed, untried
    """
    summary: str
    """The same in sentences, for people"""
    last_success_at: datetime | None
    """When a delivery of the newest 1,000 last succeeded; null if none did"""
    failures_in_a_row: int
    """Failed attempts since the last success, counted up to 1,000"""
    last_error: str | None
    """The last failure; null if the last attempt succeeded"""
    failing_since: str | None
    """The first failure of the present series; null if the last attempt succeeded"""
    next_attempt_at: datetime | None
    """When the next delivery is due; null if none waits or nothing is sent"""
    waiting: int
    """How many deliveries wait, counted up to 10,000"""
    statistics: Statistics
    last_test_at: datetime | None
    """When it last took a test, of the newest 100 tests; null if it took none"""


class NewWebhook(Model, kw_only=True):
    """An administrator may name another app in `client_id`; without it the webhook is the calling app's."""

    url: str
    """The HTTPS address of the receiver"""
    events: list[str]
    """Event types of the catalogue in full, such as `incident.created`, without `*`"""
    filter: Filter | UnsetType | None = UNSET
    """Only events whose data it lets through are delivered; null for all. A member that an event lacks fits no
    comparison but `ne`. At most 20 parts, 100 values in all `in`, and 8 KiB
    """
    payload: Literal["full", "thin"] | UnsetType = UNSET
    """`full`, or `thin`: the type, time and id of the event without its data, so that none lies in logs on the way;
    the body then has `thin`, and its data is the `event_id`
    """
    max_per_second: int | UnsetType | None = UNSET
    """The most deliveries a second, 1 to 1,000; up to a second's deliveries may go out at once. Null for no limit"""
    client_certificate: ClientCertificate | UnsetType | None = UNSET
    """The certificate that the platform presents to the receiver; null for none"""
    oauth: OAuth | UnsetType | None = UNSET
    """The grant with which the platform gets an access token for each delivery; null for none"""
    secret: str | UnsetType | None = UNSET
    """The signing secret: `whsec_` and base64 of 24 to 64 bytes"""
    headers: dict[str, str] | UnsetType = UNSET
    """Headers that are added to each delivery; their values are encrypted"""
    description: str | UnsetType | None = UNSET
    """A text for people"""
    client_id: str | UnsetType | None = UNSET
    """The app, if an administrator makes it for another than the calling one"""


class OAuth(Model, kw_only=True):
    """A grant of client credentials (RFC 6749 §4.4): each delivery has an access token of this token URL. No answer
    shows the secret.
    """

    token_url: str
    """The token endpoint; the rules for a webhook's URL hold for it"""
    client_id: str
    """The platform's client id at the receiver"""
    client_secret: str
    """The secret of that client; no answer shows it"""
    scope: str | UnsetType = UNSET
    """Scopes to ask for, separated by spaces"""


class Queued(Model, kw_only=True):
    """A test delivery that waits to be sent"""

    delivery_id: str
    """The delivery's id"""
    status: str
    """The state"""


class Reconciliation(Model, kw_only=True):
    """accepted = delivered + pending + given_up, of all deliveries within the retention; the sequence has no gap.

    Without `complete`, for a while after an upgrade of the platform, only the newest 100,000 are counted and older
    ones are kept too.
    """

    accepted: int
    """How many deliveries were taken on"""
    delivered: int
    """How many were answered 2xx"""
    pending: int
    """How many still wait"""
    given_up: int
    """How many were given up"""
    first_sequence: int | None
    """The first sequence number that is counted"""
    last_sequence: int | None
    """The last sequence number that is counted"""
    complete: bool
    """Whether every delivery within the retention is counted"""


class Recovering(Model, kw_only=True):
    """How many deliveries will be sent again: those taken back after they had been given up, and `hastened`, which
    would have been retried
    later (counted up to 10,000). More are taken back in the background while `gathering`; the webhook's `backlog`
    shows when that is done.
    """

    queued: int
    """How many given-up deliveries are sent again"""
    hastened: int
    """How many waiting retries are sent sooner"""
    gathering: bool
    """Whether more are taken back in the background"""


class Replay(Model, kw_only=True):
    """A replay and its progress. `matching` was counted at the beginning (`more`: there are more than that).

    `done` is the sum of `delivered`, `failed` (by the first attempt since) and `skipped`; `waiting` have been sent
    to the queue and are
    not attempted yet. `waits_for` says why nothing is sent now: the webhook is stopped, its own recovery goes
    first, or its
    receiver fails or asked for a pause. `expected_end_at` is an estimate from the rate so far.
    """

    id: str
    """The id"""
    webhook_id: str
    """The webhook's id"""
    state: str
    """`running`, `stopped` by a call, or `finished`. One of: finished, running, stopped"""
    waits_for: str | None
    """Why nothing is sent now: `webhook` (it is disabled or paused), `recovery` (its own recovery goes first),
    `receiver` (it fails or asked for a pause); null while deliveries go out
    """
    filter: ReplayFilter
    """Which deliveries"""
    since: str
    """Start of the period, inclusive"""
    until: datetime
    """End of the period, exclusive"""
    per_second: int
    """The most deliveries that go out in a second"""
    matching: int
    """How many deliveries fit, as counted at the beginning, up to 10,000"""
    more: bool
    """Whether there are more than those counted"""
    done: int
    """How many are over: delivered, failed and skipped"""
    delivered: int
    """How many the receiver took"""
    failed: int
    """How many the receiver did not take at the first attempt; those that had been given up are tried again"""
    skipped: int
    """How many were not sent: the app is no longer approved for them, their event is past its retention, or they were
    being sent
    """
    waiting: int
    """How many are in the queue and not attempted yet"""
    reached_at: datetime
    """When the delivery was created up to which the replay has come"""
    created_at: datetime
    """When it was made"""
    progressed_at: datetime
    """When a delivery was last over"""
    expected_end_at: datetime | None
    """When it will end at the rate so far; null where that is not known"""
    stopped_at: datetime | None
    """When it was stopped"""
    finished_at: datetime | None
    """When it was finished"""


class ReplayCounted(Model, kw_only=True):
    """How many deliveries fit, counted up to 10,000 (`more`). A call also looks at a limited number of deliveries, the
    oldest first.
    """

    dry_run: bool
    """True: nothing is sent"""
    matching: int
    """How many deliveries fit, up to 10,000"""
    more: bool
    """Whether there are more than those counted"""
    since: str
    """Start of the period that was counted, inclusive"""
    until: datetime
    """End of the period that was counted, exclusive"""


class ReplayDraft(Model, kw_only=True):
    """`since` (inclusive) and `until` (exclusive) are about `created_at`: without them all that are kept, up to now."""

    status: Literal["failed", "retrying", "succeeded"] | UnsetType | None = UNSET
    """Only deliveries in this state"""
    response: Literal["2xx", "3xx", "4xx", "5xx", "none"] | UnsetType | None = UNSET
    """Only deliveries whose newest attempt had an answer of this class; `none` if no answer came"""
    event_type: str | UnsetType | None = UNSET
    """Only deliveries of this event type"""
    event_id: str | UnsetType | None = UNSET
    """Only deliveries of this event"""
    key: str | UnsetType | None = UNSET
    """Only deliveries of events with this subject, such as an incident"""
    trace_id: str | UnsetType | None = UNSET
    """Only deliveries whose newest attempt is in this trace"""
    since: datetime | UnsetType | None = UNSET
    """Only deliveries created at this time or later; without it all that are kept"""
    until: datetime | UnsetType | None = UNSET
    """Only deliveries created before this time; without it up to now"""
    per_second: int | UnsetType = UNSET
    """The most deliveries that go out in a second"""


class ReplayFilter(Model, kw_only=True):
    """Which deliveries of the webhook: those that fit every given field. `key` is the id of the event's subject."""

    status: str | None = None
    """Only deliveries in this state"""
    response: str | None = None
    """Only deliveries whose newest attempt had an answer of this class; `none` if no answer came"""
    event_type: str | None = None
    """Only deliveries of this event type"""
    event_id: str | None = None
    """Only deliveries of this event"""
    key: str | None = None
    """Only deliveries of events with this subject, such as an incident"""
    trace_id: str | None = None
    """Only deliveries whose newest attempt is in this trace"""


class Replays(Model, kw_only=True):
    """A page of replays"""

    replays: list[Replay]
    """The replays, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class RotateSigningKey(Model, kw_only=True):
    """How long the present key signs beside the new one. Earlier ones keep their ends. 0 ends all of them at once."""

    overlap_seconds: int | UnsetType = UNSET
    """Seconds that the present key signs beside the new one; 0 ends every earlier one at once"""
    force: bool | UnsetType = UNSET
    """Ends the oldest at once where as many live as may"""


class ShownCertificate(Model, kw_only=True):
    """The certificate that the platform presents to the receiver."""

    fingerprint: str
    """The SHA-256 of the certificate in hexadecimal digits"""
    expires_at: datetime
    """When the certificate ends"""


class ShownOAuth(Model, kw_only=True):
    """The grant with which the platform gets access tokens for the receiver."""

    token_url: str
    """The token endpoint"""
    client_id: str
    """The platform's client id at the receiver"""
    scope: str
    """The scopes that are asked for"""


class Statistics(Model, kw_only=True):
    """How the first attempts of a webhook's deliveries fared."""

    last_hour: FirstAttempts
    last_day: FirstAttempts
    last_week: FirstAttempts


class TriedEvent(Model, kw_only=True):
    """An event of the past, and whether the filter would have let it through."""

    event_id: str
    """The event's id, as in `webhook-id`"""
    event_type: str
    """The event's type, such as `incident.created`"""
    accepted_at: datetime
    """When the platform accepted the event"""
    matches: bool
    """Whether the filter lets it through"""


class Webhook(Model, kw_only=True):
    """A subscription. `secret` is shown once, by the call that generated it; `secret_fingerprint` afterwards.

    `backlog` is in the answers to reading and changing one webhook, `statistics` and `next_attempt_at` in lists
    that ask for them.
    """

    id: str
    """The webhook's id, such as `wh_01jdk…`"""
    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    url: str
    """The HTTPS address of the receiver"""
    events: list[str]
    """Event types of the catalogue, such as `incident.created`"""
    unapproved_events: list[str]
    """Those of `events` for which the app has no approval: nothing is sent for them"""
    filter: Filter | None
    """Only events whose data it lets through are delivered; null for all. A member that an event lacks fits no
    comparison but `ne`. At most 20 parts, 100 values in all `in`, and 8 KiB
    """
    payload: str
    """`full`, or `thin`: the type, time and id of the event without its data, so that none lies in logs on the way;
    the body then has `thin`, and its data is the `event_id`. One of: full, thin
    """
    max_per_second: int | None
    """The most deliveries a second, 1 to 1,000; up to a second's deliveries may go out at once. Null for no limit"""
    client_certificate: ShownCertificate | None
    """The certificate that the platform presents to the receiver; null for none"""
    oauth: ShownOAuth | None
    """The grant with which the platform gets an access token for each delivery; null for none"""
    description: str | None
    """A text for people"""
    enabled: bool
    """Whether it works; false stops it"""
    disabled_reason: str | None
    """Why it was stopped, such as `failing` or `gone`; null while it works"""
    disabled_at: datetime | None
    """When it was stopped; null while it works"""
    paused: bool
    """Whether its app is disabled: events are kept meanwhile"""
    secret_fingerprint: str
    """The fingerprint of the signing secret"""
    public_key: str | None
    """The public key of the signatures `v1a`: `whpk_` and base64 of 32 bytes (Ed25519, RFC 8032). Null for a webhook
    that has none yet
    """
    headers: list[str]
    """Names of the headers that are added to each delivery"""
    failing_since: str | None
    """The first failure of the present series; null if the last attempt succeeded"""
    slowed_until: datetime | None
    """Until when the receiver asked for a pause"""
    concurrency: int
    """How many deliveries are sent at the same time"""
    recovering: bool
    """Whether the rate rises again after failures"""
    created_at: datetime
    """When it was made"""
    updated_at: datetime
    """When it last changed"""
    previous_secret_fingerprint: str | None = None
    """The fingerprint of the newest of the secrets that still sign beside it"""
    previous_secret_expires_at: datetime | None = None
    """When the old secret stops working; null if it has"""
    previous_public_key: str | None = None
    """The public key of the newest of the signing keys that still sign beside it"""
    previous_public_key_expires_at: datetime | None = None
    """When the old signing key stops signing"""
    previous_secrets: list[EarlierSecret] | None = None
    """The secrets that still sign beside it, newest first; left out if there are none"""
    previous_public_keys: list[EarlierKey] | None = None
    """The signing keys that still sign beside it, newest first; left out if there are none"""
    filtered: Filtered | None = None
    """The events that the filter held back; left out if there are none"""
    backlog: Backlog | None = None
    """The deliveries that wait"""
    statistics: Statistics | None = None
    """How the first attempts of its deliveries fared"""
    next_attempt_at: datetime | None = None
    """When its next delivery is due; only in lists with `statistics`"""
    secret: str | None = None
    """The signing secret, `whsec_` and base64 of 24 to 64 bytes: only in the answer to the call that generated it. A
    secret that you gave is not shown
    """
    deliveries_stopped: bool | None = None
    """Whether Knogin stopped all deliveries of the organisation: nothing is sent until Knogin resumes them"""
    stop_reason: str | None = None
    """The reason that the platform's operator gave for stopping it; null unless `disabled_reason` is
    `stopped_by_operator`
    """


class WebhookChange(Model, kw_only=True):
    """Only the given fields change. `force` goes with a new `secret`, and ends the oldest where as many sign as may."""

    url: str | UnsetType = UNSET
    """The HTTPS address of the receiver"""
    events: list[str] | UnsetType = UNSET
    """Event types of the catalogue, such as `incident.created`"""
    filter: Filter | UnsetType | None = UNSET
    """Only events whose data it lets through are delivered; null for all. A member that an event lacks fits no
    comparison but `ne`. At most 20 parts, 100 values in all `in`, and 8 KiB
    """
    payload: Literal["full", "thin"] | UnsetType = UNSET
    """`full`, or `thin`: the type, time and id of the event without its data, so that none lies in logs on the way;
    the body then has `thin`, and its data is the `event_id`
    """
    max_per_second: int | UnsetType | None = UNSET
    """The most deliveries a second, 1 to 1,000; up to a second's deliveries may go out at once. Null for no limit"""
    client_certificate: ClientCertificate | UnsetType | None = UNSET
    """The certificate that the platform presents to the receiver; null for none"""
    oauth: OAuth | UnsetType | None = UNSET
    """The grant with which the platform gets an access token for each delivery; null for none"""
    secret: str | UnsetType = UNSET
    """The signing secret: `whsec_` and base64 of 24 to 64 bytes"""
    force: bool | UnsetType = UNSET
    """Ends the oldest at once where as many live as may"""
    headers: dict[str, str] | UnsetType = UNSET
    """Headers that are added to each delivery; their values are encrypted"""
    description: str | UnsetType | None = UNSET
    """A text for people"""
    enabled: bool | UnsetType = UNSET
    """Whether it works; false stops it"""


class Webhooks(Model, kw_only=True):
    """A page of webhooks"""

    webhooks: list[Webhook]
    """The webhooks of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""

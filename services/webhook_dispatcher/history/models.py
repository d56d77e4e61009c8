"""Queries, rows and answers of deliveries, their attempts, tests and recoveries."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from services.webhook_dispatcher.subscriptions.administrators import AppPage
from shared.web import http
from shared.web.http import Page

DeliveryStatus = Literal["queued", "succeeded", "retrying", "failed"]
ResponseClass = Literal["2xx", "3xx", "4xx", "5xx", "none"]
Name = Annotated[str, Meta(min_length=1, max_length=128)]
TraceId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]


class DeliveryPage(Page):
    status: DeliveryStatus | None = None
    event_type: Name | None = None
    since: http.Timestamp | None = None
    until: http.Timestamp | None = None


class AppDeliveryPage(AppPage):
    """`response` is the class of the newest attempt's answer, `none` where none came; `trace_id` is that of its request."""

    webhook_id: Name | None = None
    status: DeliveryStatus | None = None
    response: ResponseClass | None = None
    event_type: Name | None = None
    event_id: Name | None = None
    trace_id: TraceId | None = None
    since: http.Timestamp | None = None
    until: http.Timestamp | None = None


class RecoverQuery(http.Body):
    since: http.Timestamp


class TestQuery(http.Body):
    wait: bool = False
    event_type: Name | None = None


class Delivery(msgspec.Struct, kw_only=True):
    """One event for one subscription, with its latest attempt."""

    id: str
    event_id: str
    event_type: str
    sequence: int | None
    status: DeliveryStatus
    attempted_at: datetime | None
    attempt: int
    response_status: int | None
    response_body: str | None
    response_truncated: bool | None
    duration_ms: float | None
    next_attempt_at: datetime | None
    error: str | None
    trace_id: str | None
    created_at: datetime


class AppDelivery(Delivery, kw_only=True):
    """A delivery with its webhook and app."""

    webhook_id: str
    client_id: str


class AppDeliveries(msgspec.Struct):
    deliveries: list[AppDelivery]
    next_cursor: str | None


class Attempt(msgspec.Struct, kw_only=True):
    """One request of a delivery with its answer, as the history stores it. `timings_ms` are those of its phases that took place."""

    number: int
    attempted_at: datetime
    url: str
    request_headers: dict[str, str]
    resolved_address: str | None
    response_status: int | None
    response_headers: dict[str, str] | None
    response_body: str | None
    response_truncated: bool
    error: str | None
    duration_ms: float
    timings_ms: dict[str, float] | None
    trace_id: str | None


class Deliveries(msgspec.Struct):
    deliveries: list[Delivery]
    next_cursor: str | None


class DeliveryHistory(Delivery, kw_only=True):
    """A delivery with its request body and each attempt."""

    request_body: str | None
    attempts: list[Attempt]


class Queued(msgspec.Struct):
    delivery_id: str
    status: str


class Recovering(msgspec.Struct):
    """How many deliveries will be sent again: those taken back after they had been given up, and `hastened`, which would have been retried
    later (counted up to 10,000). More are taken back in the background while `gathering`; the webhook's `backlog` shows when that is done.
    """

    queued: int
    hastened: int
    gathering: bool


class Reconciliation(msgspec.Struct):
    """accepted = delivered + pending + given_up, of all deliveries within the retention; the sequence has no gap.

    Without `complete`, for a while after an upgrade of the platform, only the newest 100,000 are counted and older ones are kept too.
    """

    accepted: int
    delivered: int
    pending: int
    given_up: int
    first_sequence: int | None
    last_sequence: int | None
    complete: bool


class Diagnosis(msgspec.Struct):
    """The result of one test request: the exact bytes, the connection, and the next step in `verdict`."""

    delivery_id: str
    status: str
    verdict: str
    request: dict[str, Any]
    signed_content: str
    resolved_address: str | None
    tls: dict[str, Any] | None
    timings_ms: dict[str, Any]
    response: dict[str, Any]
    error: str | None
    trace_id: str | None

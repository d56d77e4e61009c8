"""The metrics of this service, beside those of every service."""

import threading
import time

from prometheus_client import Counter, Gauge, Histogram

from shared.process.metrics import BUCKETS

attempts = Counter("webhook_attempts_total", "Requests sent to receivers", ["outcome"])
filtered = Counter("webhook_events_filtered_total", "Events that the filter of a webhook held back")
attempt_seconds = Histogram("webhook_attempt_seconds", "From request to complete answer", buckets=BUCKETS)
lag_seconds = Histogram(
    "webhook_lag_seconds",
    "From a delivery's acceptance to its first request, of receivers that do not fail",
    buckets=BUCKETS,
)
# Counted up to 10,000: a measurement must not read a whole backlog.
due = Gauge("webhook_deliveries_due", "Deliveries due and not yet sent, at most 1,000 a webhook and 10,000 in all")
held = Gauge("webhook_deliveries_held", "Deliveries of stopped or recovering webhooks, at most 10,000")
waiting = Gauge("webhook_deliveries_waiting", "Deliveries not over; above 10,000 by the statistics of PostgreSQL")
# A receiver that hangs or fails is its owner's to repair: more senders do not help, so it calls no operator and no sender.
oldest = Gauge("webhook_oldest_due_seconds", "Age of the oldest delivery that is due, of receivers that do not fail")
oldest_failing = Gauge("webhook_oldest_due_failing_seconds", "The same of receivers whose last request failed")
tenants_late = Gauge(
    "webhook_tenants_late", "Tenants with a delivery due for over five seconds to a receiver that does not fail"
)
senders = Gauge("webhook_senders", "Senders that run")
chores = Gauge("webhook_chores", "Decisions about webhooks that still have rows of the past to follow")
chore_age = Gauge("webhook_oldest_chore_seconds", "Age of the oldest of them")
waiting_events = Gauge("webhook_waiting_events", "Events whose many deliveries are made in portions, at most 10,000")
oldest_waiting_event = Gauge("webhook_oldest_waiting_event_seconds", "Age of the oldest of them")
work_failed = Counter("webhook_work_failures_total", "Work of the relay on one webhook or event that failed", ["work"])
for work in ("chore", "recovery", "disable", "fan-out", "notice", "replay"):
    work_failed.labels(work)
LAGS = ("none", "minute", "hour", "day", "retention", "expired")
consumers = Gauge(
    "webhook_consumers", "Consumers by the time since the last place that they read, at most 10,000", ["behind"]
)
furthest_consumer = Gauge(
    "webhook_consumer_furthest_behind_seconds", "The longest such time of a consumer that read in the last 15 minutes"
)
readers_waiting = Gauge("webhook_readers_waiting", "Reads of consumers that wait for an event in this process")
mails = Counter("webhook_mails_total", "Mails to contacts of apps, and runs that found no mail server", ["outcome"])
for outcome in ("sent", "refused", "failed", "expired"):
    mails.labels(outcome)
oldest_mail = Gauge("webhook_oldest_mail_seconds", "Age of the mail that waits and is due first")
unclaimable = Counter(
    "webhook_deliveries_unclaimable_total",
    "Deliveries forgotten because the database refused the record of a result",
)
oldest_step = Gauge(
    "webhook_oldest_recovery_step_seconds", "Time since the last step of the recovery that waits longest"
)
replays = Gauge("webhook_replays", "Replays that run, or whose last deliveries are being counted")
oldest_replay_step = Gauge(
    "webhook_oldest_replay_step_seconds", "How late the next step of the replay is that waits longest"
)
# Together they show receivers of many tenants that fail at once, for which the cause is ours.
tenants_failing = Gauge(
    "webhook_tenants_failing",
    "Tenants with a receiver that began to fail in the last six hours and failed in the last 15 minutes",
)
tenants_stopped = Gauge("webhook_tenants_stopped", "Tenants whose deliveries operators have stopped, at most 10,000")
oldest_stop = Gauge(
    "webhook_oldest_stop_seconds", "Time since operators stopped a tenant's deliveries, of the oldest stop"
)
stop_reminder = Gauge(
    "webhook_stop_reminder_seconds", "How old a stop of a tenant's deliveries may be before an alert reminds of it"
)
tenants_reached = Gauge(
    "webhook_tenants_reached", "Tenants of which a receiver took a webhook of this sender in the last 5 minutes"
)


class Reached:
    """When a receiver of each tenant last took a webhook. Holds the tenants of the last `SECONDS`."""

    SECONDS = 300.0

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._lock = threading.Lock()

    def add(self, tenant_id: str) -> None:
        with self._lock:
            self._at.pop(tenant_id, None)
            self._at[tenant_id] = time.monotonic()

    def number(self) -> int:
        with self._lock:
            while self._at and time.monotonic() - self._at[oldest := next(iter(self._at))] > self.SECONDS:
                del self._at[oldest]
            return len(self._at)


reached = Reached()
tenants_reached.set_function(reached.number)

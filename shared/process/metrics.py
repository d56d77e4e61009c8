"""The metrics of every process. Labels are routes, queues and outcomes, never an id, a tenant or a text that a caller chose."""

import platform
from collections.abc import Iterable
from itertools import product

from prometheus_client import Counter, Gauge, Histogram

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


def begin(counter: Counter, *values: Iterable[str]) -> Counter:
    """Exports 0 for all combinations of label values. Prometheus' `increase()` ignores the first event of a series that begins with it."""
    for labels in product(*values):
        counter.labels(*labels)
    return counter


requests = Counter("http_requests_total", "Requests answered", ["route", "method", "status"])
request_seconds = Histogram("http_request_seconds", "Time to answer a request", ["route", "method"], buckets=BUCKETS)

pool_connections = Gauge("pool_connections", "Database connections of this process", ["state"])
pool_waiting = Gauge("pool_requests_waiting", "Requests and tasks that wait for a database connection")

outbox_sent = Counter("outbox_messages_sent_total", "Messages handed to the broker", ["consumer", "again"])
outbox_unsent = Gauge("outbox_oldest_unsent_seconds", "Age of the oldest outbox row never sent", ["consumer"])
outbox_waiting = Gauge("outbox_messages_waiting", "Outbox rows not acknowledged, counted up to 10,000", ["consumer"])
outbox_held_back = Gauge(
    "outbox_held_back", "1 while the consumer's queue, or Redis, is too full to be sent anything", ["consumer"]
)
outbox_unacknowledged = Gauge(
    "outbox_oldest_unacknowledged_seconds", "Age of the oldest outbox row not acknowledged", ["consumer"]
)
queue_length = Gauge("queue_messages", "Celery calls waiting in a queue", ["queue"])
queue_bytes = Gauge("queue_bytes", "Memory that Redis uses for a queue", ["queue"])
redis_memory_share = Gauge("redis_memory_used_ratio", "Share of its memory limit that Redis uses; 0 without a limit")

messages = Counter("messages_consumed_total", "Messages taken from the queue", ["message", "outcome"])
message_seconds = Histogram(
    "message_age_seconds", "From a message's commit to its effect", ["message"], buckets=BUCKETS
)
messages_refused = Counter(
    "messages_refused_total", "Messages and calls refused as forged or malformed", ["reason", "producer"]
)
dead_letters = begin(Counter("dead_letters_total", "Messages given up", ["message"]), ["any"])

revocations_age = Gauge(
    "revocations_age_seconds", "Since the revocations of tokens were last confirmed by auth; infinite until they are"
)

audit_unsealed = Gauge("audit_unsealed_entries", "Entries of the audit trail without a seal, counted up to 100,000")
audit_unsealed_age = Gauge("audit_oldest_unsealed_seconds", "Age of the oldest entry of the audit trail without a seal")
audit_anchored = Gauge(
    "audit_last_anchor_timestamp_seconds",
    "When this relay last made sure that the newest seal is anchored outside the database",
)
audit_checked = Gauge(
    "audit_last_check_timestamp_seconds", "When the newest sealed entry of the audit trail was last found unchanged"
)
audit_passed = Gauge(
    "audit_last_pass_timestamp_seconds",
    "When a pass over all entries of the audit trail last ended; before the first end, when it began",
)
audit_pass_ratio = Gauge(
    "audit_pass_ratio", "How much of all entries of the audit trail the pass under way has compared, 1 after its end"
)
audit_exports = Gauge("audit_exports_under_way", "Exports of the audit trail under way in this process, of at most 8")
audit_broken = Gauge("audit_trail_broken", "1 while a check finds that the audit trail does not fit its seals, else 0")
retention_overdue = Gauge(
    "retention_overdue_seconds", "How long the oldest row of a table has been past its retention", ["table"]
)

periodic_late = Gauge(
    "periodic_job_late_seconds",
    "How long a job of the relay has been due since it last succeeded here; the least of all relays counts",
    ["task"],
)

rows_set_aside = Counter(
    "rows_set_aside_total", "Rows that a periodic job could not work on and does not try again soon", ["work"]
)

identities_untimely = Counter(
    "identities_untimely_total", "Requests refused because the gateway's clock or this process' is wrong"
)
clock_offset = Gauge("clock_offset_seconds", "By how much this process' clock is ahead of its database's")

build = Gauge("build_info", "Always 1; the labels name the running revision and Python", ["revision", "python"])


def export_build(revision: str) -> None:
    build.labels(revision, platform.python_version()).set(1)

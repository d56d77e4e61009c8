"""What this service counts beyond what every service does."""

from prometheus_client import Counter, Gauge, Histogram

from services.webhook_dispatcher.delivery import Sent
from shared.metrics import BUCKETS

attempts = Counter("webhook_attempts_total", "Requests sent to receivers", ["outcome"])
attempt_seconds = Histogram("webhook_attempt_seconds", "From request to complete answer", buckets=BUCKETS)
lag_seconds = Histogram("webhook_lag_seconds", "From a delivery's acceptance to its first request", buckets=BUCKETS)
due = Gauge("webhook_deliveries_due", "Deliveries due and not yet sent")
held = Gauge("webhook_deliveries_held", "Deliveries of stopped or recovering webhooks")
waiting = Gauge("webhook_deliveries_waiting", "Deliveries not over")
oldest = Gauge("webhook_oldest_due_seconds", "Age of the oldest delivery that is due")


def observe(sent: Sent) -> None:
    outcome = "succeeded" if sent.outcome.succeeded else (sent.outcome.error or "").partition(":")[0]
    attempts.labels(outcome).inc()
    attempt_seconds.observe(sent.outcome.duration_ms / 1000)
    if sent.due.attempt == 1:
        lag_seconds.observe(max(0.0, sent.at - sent.due.delivery_at.timestamp()))

"""What the relay measures beside the outbox."""

from prometheus_client import Gauge

runs = Gauge(
    "automation_runs", "Runs of automations that are not over well: dead, waiting for an attempt, running", ["status"]
)

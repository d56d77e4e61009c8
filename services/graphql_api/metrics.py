"""Metrics of graphql-api beside those of every service."""

from prometheus_client import Counter, Gauge

reports_behind = Gauge(
    "quality_reports_behind_seconds", "How long the report or the run of a schedule that waits longest has been due"
)
reports_failed = Counter(
    "quality_report_failures_total", "Attempts to make a report, or to run a schedule, that failed"
)

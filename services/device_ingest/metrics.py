"""Group commits and announcements. Few rows in a slow group mean a slow database, many rows in a fast group a busy service."""

from prometheus_client import Gauge, Histogram

group_rows = Histogram(
    "observation_group_rows", "Observations in one commit", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
)
group_seconds = Histogram(
    "observation_group_seconds",
    "Time to write one group",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
fullest_allowance = Gauge(
    "device_ingest_fullest_allowance_ratio",
    "The share of its allowance of observations that the organisation nearest to it stores",
)
announcements_behind = Gauge(
    "announcements_behind_seconds",
    "How long the oldest recorded observations have waited for their event to subscribers",
)

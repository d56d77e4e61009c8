"""Metrics of epcr beside those of every service."""

from prometheus_client import Counter, Gauge

unfit_bundles = Counter("epcr_unfit_bundles_total", "Bundles held back because a check found fault with them")
late_links_behind = Gauge(
    "late_links_behind_seconds", "How long the encounter that waits longest for its early readings has been due"
)

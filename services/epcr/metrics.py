"""Metrics of epcr beside those of every service."""

from prometheus_client import Counter, Gauge

unfit_bundles = Counter("epcr_unfit_bundles_total", "Bundles held back because a check found fault with them")
renderings = Gauge("epcr_renderings", "Long answers in progress in the renderer")
renderers_ended = Counter("epcr_renderers_ended_total", "Times that the renderer ended while the web process went on")
full_encounters = Counter(
    "epcr_full_encounters_total", "Times that readings came for an encounter that has MAX_READINGS"
)
due_facts_behind = Gauge("due_facts_behind_seconds", "How long the oldest facts have been due after late readings")
late_links_behind = Gauge(
    "late_links_behind_seconds", "How long the encounter that waits longest for its early readings has been due"
)
fullest_allowance = Gauge(
    "epcr_fullest_allowance_ratio",
    "The share of its allowance of stored bytes that the organisation nearest to it uses",
)
arrivals_behind = Gauge(
    "arrivals_behind_seconds",
    "How long the oldest change of a destination's days, or the oldest end of reading, has waited for the lists of arrivals",
)
unknown_reports_behind = Gauge(
    "unknown_reports_behind_seconds",
    "How long the oldest observation of an unknown encounter has been due to be reported to device-ingest",
)

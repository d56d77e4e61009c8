"""Metrics of epcr beside those of every service."""

import logging
from collections.abc import Sequence

from prometheus_client import Counter, Gauge

unfit_bundles = Counter(
    "epcr_unfit_bundles_total", "Bundles with a fault of this service, which were sent all the same"
)
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
log = logging.getLogger(__name__)


def note_faults(faults: Sequence[str]) -> None:
    """Of a bundle that is sent: rules and places, no values."""
    if faults:
        unfit_bundles.inc()
        log.error("a bundle has faults: %s", "; ".join(faults))

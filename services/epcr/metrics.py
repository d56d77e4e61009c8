"""What to watch beside the metrics of every service."""

from prometheus_client import Counter

unfit_bundles = Counter("epcr_unfit_bundles_total", "Bundles held back because a check found fault with them")

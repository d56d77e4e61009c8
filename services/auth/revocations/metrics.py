"""Metrics of revocations."""

from prometheus_client import Counter

folds = Counter("revocations_folded_total", "Watermarks that became one of their client or tenant", ["into"])

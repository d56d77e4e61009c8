"""The peers' answers from memory: the page's schema, and one figure for each indicator."""

from typing import Any

SDL = """
scalar DateTime
type Query { acqiMetrics(fromDate: DateTime!, toDate: DateTime!): [AcqiMetric!] }
type AcqiMetric { name: String! value: Float numerator: Int denominator: Int unit: String! }
"""
FIGURES: list[dict[str, Any]] = [
    {"name": f"indicator_{number:02d}", "value": 0.32, "numerator": 320, "denominator": 1000, "unit": "1"}
    for number in range(24)
]

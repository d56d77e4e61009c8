"""The peers' answers from memory: the page's schema, and one figure for each indicator."""

from typing import Any

from services.graphql_api.acqi.indicators import INDICATORS

SDL = """
scalar DateTime
type Query { acqiMetrics(fromDate: DateTime!, toDate: DateTime!): [AcqiMetric!] }
type AcqiMetric { name: String! value: Float numerator: Int denominator: Int unit: String! }
"""
FIGURES: list[dict[str, Any]] = [
    {"name": one.name, "value": 0.32, "numerator": 320, "denominator": 1000, "unit": "1"} for one in INDICATORS
]

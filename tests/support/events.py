"""The catalogue of event types, as producers' tests need it."""

from typing import Any

import jsonschema_rs

from shared.messaging.event_types import catalogue


def require_valid(event_type: str, data: Any) -> None:
    """Raises a ValidationError where `data`, plain values, breaks the schema of its type."""
    jsonschema_rs.Draft202012Validator(catalogue()[event_type].schema, validate_formats=True).validate(data)

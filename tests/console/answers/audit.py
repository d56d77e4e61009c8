"""Answers of the audit trail: a service with many entries, and one with a trail that does not hold."""

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request

from shared.primitives import ids

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
APP, PERSON = "app_01m88d0q5rekasgwnts2cwwdh6", "usr_01kaw3rzq9e3wtn5y7d8f2c4pm"


def entry(seconds: float, action: str = "encounter.read", **fields: Any) -> dict[str, Any]:
    """An entry from so many seconds before `NOW`."""
    made = {
        "id": ids.new_id("aud"),
        "at": (NOW - timedelta(seconds=seconds)).isoformat(),
        "action": action,
        "subject_id": "enc_01m88d0r19fjx8kh51pg6tdnvk",
        "client_id": APP,
        "actor": PERSON,
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "detail": {"fields": ["status", "A name <b>"]},
    }
    return made | fields


def verification(request: Request) -> dict[str, Any]:
    service = request.url.path.split("/")[3]
    held = {"checked_at": NOW.isoformat(), "sealed_until": NOW.isoformat(), "head": "9f" * 32}
    if service == "graphql-api":
        return {"service": service, "state": "unchecked", "checked_at": None, "sealed_until": None, "head": None}
    return {"service": service, "state": "broken" if service == "epcr" else "holds"} | held


ANSWERS = {"GET /v1/audit/{service}/verification": verification}

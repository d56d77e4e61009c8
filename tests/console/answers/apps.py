"""Answers for the pages of apps: an app with two secrets, and a request whose sandbox waits for its credentials."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.local.table import ROOT

EXAMPLES = json.loads((ROOT / "deploy" / "docs" / "examples.json").read_text("utf-8"))
OLD_SECRET = "sec_01m88d0q5veg5ta72e2snzdj8f"
NEW_SECRET = "sec_01m88d0q6eeg5ta72e2snzdj9a"


def _example(operation: str, status: str = "200") -> Any:
    return json.loads(json.dumps(EXAMPLES[operation][status]["application/json"]))


def app(**changes: Any) -> Any:
    """The app of the contract's examples with a secret in its overlap."""
    now = datetime.now(UTC)

    def at(**delta: int) -> str:
        return (now + timedelta(**delta)).isoformat()

    secrets = [
        {"id": NEW_SECRET, "created_at": at(hours=-6), "expires_at": None, "last_used_at": at(minutes=-5)},
        {"id": OLD_SECRET, "created_at": at(days=-200), "expires_at": at(hours=18), "last_used_at": at(hours=-5)},
    ]
    return _example("getApp") | {"secrets": secrets, "created_by": "usr_01m88d0q5rekasgwnts2cwwdh6"} | changes


ANSWERS = {
    "GET /v1/platform/apps/{client_id}": app(),
}

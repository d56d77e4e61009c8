"""The catalogue of event types, as webhook-dispatcher publishes it."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "services" / "webhook_dispatcher" / "catalogue"


def schema_of_event(event_type: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{event_type}.json").read_text())["schema"]

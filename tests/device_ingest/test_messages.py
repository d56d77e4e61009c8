"""The messages this service makes and takes, held against the golden files that the other side's tests read too."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.device_ingest import messages
from services.device_ingest.messages import Item
from services.device_ingest.models import Observation
from shared.messaging.messages import EncounterLink
from shared.primitives import ids
from shared.web import http
from tests.support.messages import require_valid

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "messages"
NOON = datetime(2026, 3, 23, 12, tzinfo=UTC)
ENCOUNTER = "enc_01jdkfw1b7d3s8x4n6p5r9t2zc"
DEVICE = "dev_01jdkfx3c8e2r9v5m7q4t6w0ya"


def observation(id: str, mdc_code: str, mdc_code10: int, value: str | None, unit: str | None, **fields: Any) -> Item:
    observation: dict[str, Any] = {
        "id": id,
        "device_id": DEVICE,
        "mdc_code": mdc_code,
        "mdc_code10": mdc_code10,
        "value": Decimal(value) if value else None,
        "unit_code": unit,
        "data_absent_reason": None,
        "observed_at": NOON,
        "recorded_at": NOON,
        "encounter_id": ENCOUNTER,
        "encounter_link": "pending",
        "flags": [],
        "test": False,
    }
    return Item(Observation(**observation | fields), "defib", None)


ITEMS = [
    observation("obs_01jdkfx9p0q5w2e7r1t8y4v3ba", "MDC_PULS_OXIM_SAT_O2", 150456, "98.0", "%"),
    observation(
        "obs_01jdkfxaq7h3n6k9d2f5g8j1cb",
        "MDC_TEMP_BODY",
        150364,
        "384.50",
        "Cel",
        observed_at=NOON + timedelta(seconds=1.25),
        flags=["out-of-range"],
    ),
    observation(
        "obs_01jdkfxbr4m8s1v5w9x2y6z0dc",
        "MDC_AWAY_CO2_ET",
        151728,
        None,
        None,
        data_absent_reason="not-a-number",
        observed_at=NOON + timedelta(seconds=2),
        test=True,
    ),
]


def as_written(text: bytes) -> Any:
    """JSON with every number as the digits it is written in."""
    return json.loads(text, parse_float=str, parse_int=str)


def test_observations_for_epcr_are_the_golden_message_to_the_digit() -> None:
    ((message, _),) = messages.for_epcr(ITEMS)
    golden = (GOLDEN / "epcr.observations_recorded.v1.json").read_bytes()
    assert as_written(http.encode(message)) == as_written(golden)


def test_the_golden_link_is_one_this_service_understands() -> None:
    golden = (GOLDEN / "device_ingest.encounter_links.v1.json").read_bytes()
    link = msgspec.json.decode(golden, type=EncounterLink)
    assert (link.encounter_id, link.link, len(link.observation_ids)) == (ENCOUNTER, "linked", 2)


@pytest.mark.parametrize("encounter_id", [ENCOUNTER, None])
def test_what_subscribers_hear_of_observations_follows_the_catalogue(encounter_id: str | None) -> None:
    event = messages.observations_recorded(DEVICE, encounter_id, 3, NOON, NOON + timedelta(seconds=2), test=False)
    assert ids.is_id(event.event_id, "evt")
    require_valid(event.type, json.loads(http.encode(event))["data"])

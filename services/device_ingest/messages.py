"""The messages this service sends: to epcr the observations of each encounter, to subscribers events with counts."""

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.device_ingest.models import Device, Observation
from shared.messaging import messages
from shared.messaging.messages import DeviceDescribed, Event, ObservationsRecorded
from shared.primitives import ids

# Up to five words of letters, digits and a few marks; models have up to four digits in a row.
_NAME = re.compile(r"[^\W_][\w.+&/-]{0,24}( [\w.+&/()-]{1,24}){0,4}")
_MANY_DIGITS = re.compile(r"\d{5}|\d[.\-/ ]?\d[.\-/ ]?\d[.\-/ ]?\d[.\-/ ]?\d")


class Item(NamedTuple):
    """A new observation, the class of its device, and the trace of its request."""

    observation: Observation
    device_class: str
    traceparent: str | None


def for_epcr(items: Iterable[Item]) -> Iterable[tuple[ObservationsRecorded, str | None]]:
    """One message for each encounter, with the trace of its first observation."""
    by_encounter: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if item.observation.encounter_id is not None:
            by_encounter[item.observation.encounter_id].append(item)
    for encounter_id, of_encounter in by_encounter.items():
        observations = [
            messages.Observation(
                id=item.observation.id,
                device_id=item.observation.device_id,
                device_class=item.device_class,
                mdc_code=item.observation.mdc_code,
                mdc_code10=item.observation.mdc_code10,
                value=item.observation.value,
                unit_code=item.observation.unit_code,
                data_absent_reason=item.observation.data_absent_reason,
                observed_at=item.observation.observed_at,
                flags=list[str](item.observation.flags),
                test=item.observation.test,
            )
            for item in of_encounter
        ]
        message = ObservationsRecorded(encounter_id=encounter_id, observations=observations)
        yield message, of_encounter[0].traceparent


def device_described(device: Device) -> DeviceDescribed:
    """For epcr, whose identified handovers name the maker and model of a device (HL7 PHD)."""
    return DeviceDescribed(
        device_id=device.id,
        manufacturer=_words(device.manufacturer, device.serial_number),
        model=_words(device.model, device.serial_number),
        described_at=device.updated_at,
    )


def _words(label: str | None, serial_number: str) -> str | None:
    """The label, unless it may hold more than the name of a maker or model: a serial number, an address, a sentence."""
    if label is None or serial_number.casefold() in label.casefold() or not _NAME.fullmatch(label):
        return None
    return label if _MANY_DIGITS.search(label) is None else None


def observations_recorded(
    device_id: str, encounter_id: str | None, count: int, first: datetime, last: datetime, *, test: bool
) -> Event:
    data = {
        "device_id": device_id,
        "encounter_id": encounter_id,
        "count": count,
        "first_observed_at": first,
        "last_observed_at": last,
    }
    return _event("device.observations.recorded", data, test)


def device_enrolled(device: Device, *, test: bool) -> Event:
    """Without the serial number, which identifies the device outside the platform."""
    data = {
        "device_id": device.id,
        "device_class": device.device_class,
        "status": device.status,
        "vehicle_id": device.vehicle_id,
    }
    return _event("device.enrolled", data, test)


def _event(kind: str, data: dict[str, Any], test: bool) -> Event:
    return Event(event_id=ids.new_id("evt"), type=kind, timestamp=datetime.now(UTC), data=data, test=test)

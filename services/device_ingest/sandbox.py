"""A sandbox's devices: enrolled for its invented year with readings of the last days, and erased in portions.

Only devices that were enrolled in a sandbox are erased, with their observations.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import structs

from services.device_ingest import messages, queries
from services.device_ingest.messages import Item
from services.device_ingest.models import Observation
from shared.messaging import outbox
from shared.messaging.messages import Received, SandboxDevices, SandboxPortionDone
from shared.messaging.sandboxes import (
    DEVICES_OF_VEHICLE,
    MISSION,
    VEHICLES,
    Case,
    Year,
    newest,
    portion_named,
    vehicle_id,
)
from shared.storage.database import Connection, set_tenant
from shared.web import http

READINGS, EVERY = 24, timedelta(minutes=1)
# Refid, numeric code, unit, and the range of the values in an arrest and otherwise.
METRICS = (
    ("MDC_PULS_OXIM_SAT_O2", 150456, "%", (78, 95), (92, 99)),
    ("MDC_PULS_OXIM_PULS_RATE", 149530, "/min", (40, 128), (62, 108)),
)
# There are partitions of the last eight days alone.
RECENT = timedelta(days=6, hours=12)
ERASED = 5000
MODELS = {"multiparameter": "Invented monitor", "defib": "Invented defibrillator"}


def perform(conn: Connection, received: Sequence[Received[SandboxDevices]]) -> None:
    for message in received:
        task = message.body
        set_tenant(conn, message.tenant_id)
        year = Year(message.tenant_id, task)
        left = False
        match task.task:
            case "seed":
                conn.execute(queries.INSERT_SANDBOX_DEVICES, (http.encode(list(_devices(year))).decode(),))
                since = datetime.now(UTC) - RECENT
                cases = [case for number in newest() if (case := year.case(number)).at > since]
                _record(conn, message.tenant_id, [reading for case in cases for reading in _readings(year, case)])
            case "erase" | "end":
                [left] = conn.execute(queries.ERASE_SANDBOX_DEVICES, (ERASED,)).fetchone() or (False,)
            case "arrest":
                case = year.scenario("arrest", MISSION)
                readings = list(_readings(year, case))
                _record(conn, message.tenant_id, readings)
                times = [reading.observed_at for reading in readings]
                about = (case.device_id, case.encounter_id, len(readings), min(times), max(times))
                outbox.add_sync(conn, message.tenant_id, messages.observations_recorded(*about, test=True))
                continue
            case _:
                continue
        outbox.add_sync(conn, message.tenant_id, SandboxPortionDone(**portion_named(task), left=left))


def _devices(year: Year) -> Iterator[dict[str, Any]]:
    for vehicle in range(VEHICLES):
        for place, device_class in enumerate(DEVICES_OF_VEHICLE):
            yield {
                "id": year.device_id(vehicle, place),
                "serial_number": f"{vehicle_id(vehicle)}-{device_class.upper()}",
                "device_class": device_class,
                "model": MODELS[device_class],
                "vehicle_id": vehicle_id(vehicle),
                "enrolled_at": year.began,
            }


def _readings(year: Year, case: Case) -> Iterator[Observation]:
    chance = year.chance("readings", case.number)
    for place, (refid, code, unit, in_arrest, usual) in enumerate(METRICS):
        low, high = in_arrest if case.kind == "arrest" else usual
        value = chance.randint(low, high)
        for number in range(READINGS):
            value = min(high, max(low, value + chance.randint(-3, 3)))
            at = case.at + timedelta(minutes=12) + number * EVERY
            yield Observation(
                id=year.id("obs", at, case.number, place, number),
                device_id=case.device_id,
                mdc_code=refid,
                mdc_code10=code,
                value=Decimal(value),
                unit_code=unit,
                data_absent_reason=None,
                observed_at=at,
                recorded_at=at,
                encounter_id=case.encounter_id,
                encounter_link="pending",
                flags=[],
                test=True,
            )


def _record(conn: Connection, tenant_id: str, readings: Sequence[Observation]) -> None:
    """Writes those that are not there, and sends them to their encounters."""
    rows = [structs.asdict(one) for one in readings]
    new = {row[0] for row in conn.execute(queries.INSERT_SANDBOX_OBSERVATIONS, (http.encode(rows).decode(),))}
    items = [Item(one, DEVICES_OF_VEHICLE[0], None) for one in readings if one.id in new]
    for sent, _ in messages.for_epcr(items):
        outbox.add_sync(conn, tenant_id, sent)

"""Devices: enrolled, found and changed. A hint of the active ones saves most observations a look-up."""

from typing import Any, LiteralString, NamedTuple

from msgspec import UNSET, structs
from psycopg.rows import dict_row
from starlette.requests import Request

from services.device_ingest import queries
from services.device_ingest.models import Device, DeviceChange, DeviceFilter, Enrolment, Vehicle
from shared.primitives import ids
from shared.primitives.crypto import base64url_decode, base64url_encode
from shared.storage.caps import Cap, require_room
from shared.storage.database import AsyncConnection, every, first, found, tenant_transaction
from shared.web import http, problems
from shared.web.identity import Caller

REMEMBERED = 50_000
# No call deletes a device, because its observations stay.
NO_MORE = "enrol one again, by its serial number, or ask Knogin for more"


class ActiveDevices:
    """The classes of recently seen active devices, by tenant and id. Only a hint: the INSERT checks the device again."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._classes: dict[tuple[str, str], str] = {}
        self._limit = limit

    def find(self, tenant_id: str, device_id: str) -> str | None:
        return self._classes.get((tenant_id, device_id))

    def remember(self, tenant_id: str, device_id: str, device_class: str) -> None:
        if len(self._classes) >= self._limit:
            del self._classes[next(iter(self._classes))]
        self._classes[tenant_id, device_id] = device_class

    def forget(self, tenant_id: str, device_id: str) -> None:
        self._classes.pop((tenant_id, device_id), None)


class Enrolled(NamedTuple):
    """`must_notify` where the class, vehicle or status changed, which subscribers get as an event."""

    device: Device
    is_new: bool
    must_notify: bool


async def enrol(conn: AsyncConnection, caller: Caller, enrolment: Enrolment, most: int) -> Enrolled:
    """Makes the device with this serial number active. Raises a 409 Problem for a new one beyond `most`."""
    known = await (await conn.execute(queries.HAS_DEVICE, (enrolment.serial_number,))).fetchone()
    if known is None:
        await require_room(conn, Cap("devices", most, instead=NO_MORE), caller.tenant_id, queries.COUNT_DEVICES)
    fields = structs.asdict(enrolment)
    parameters: dict[str, Any] = {
        "id": ids.new_id("dev"),
        "sandbox": caller.is_sandbox,
        "given": [name for name in queries.DETAILS if fields[name] is not UNSET],
        **{name: None if value is UNSET else value for name, value in fields.items()},
    }
    async with conn.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(queries.ENROL_DEVICE, parameters)).fetchone()
    assert row is not None
    is_new, must_notify = row.pop("is_new"), row.pop("must_notify")
    return Enrolled(Device(**row), is_new, must_notify)


async def find(conn: AsyncConnection, device_id: str, query: LiteralString = queries.FIND_DEVICE) -> Device:
    """Raises a 404 Problem for an id that is not a device of this tenant."""
    device = await first(conn, Device, query, (device_id,)) if ids.is_id(device_id, "dev") else None
    if device is None:
        raise problems.not_found("There is no such device.")
    return device


class Changed(NamedTuple):
    """The device after the change and before it."""

    device: Device
    before: Device


async def change(conn: AsyncConnection, device_id: str, wanted: DeviceChange) -> Changed:
    """Raises Problem: 404, or 409 for another status of a retired device."""
    device = await find(conn, device_id, queries.LOCK_DEVICE)
    if device.status == "retired" and wanted.status not in (UNSET, "retired"):
        raise problems.conflict("The device is retired; enrol it again to use it again.")
    given = {name: value for name, value in structs.asdict(wanted).items() if value is not UNSET}
    changed = await found(conn, Device, queries.CHANGE_DEVICE, structs.asdict(device) | given)
    return Changed(changed, before=device)


async def listed(conn: AsyncConnection, wanted: DeviceFilter, after: str | None) -> list[Device]:
    """One more than the page holds, newest first."""
    parameters = structs.asdict(wanted) | {"after": after, "limit": wanted.limit + 1}
    return await every(conn, Device, queries.LIST_DEVICES, parameters)


async def vehicles(conn: AsyncConnection, after: str | None, limit: int) -> list[Vehicle]:
    """One more than `limit`, in the order of their ids, those after `after`, a `vehicle_key`. Raises a 422 Problem for another text."""
    try:
        vehicle_id = base64url_decode(after or "").decode()
    except ValueError:
        raise http.foreign_cursor() from None
    if "\0" in vehicle_id:
        raise http.foreign_cursor()
    return await every(conn, Vehicle, queries.LIST_VEHICLES, {"after": vehicle_id, "limit": limit + 1})


def vehicle_key(vehicle: Vehicle) -> str:
    """The position of a vehicle in the list, which a cursor holds: its id in letters that a cursor may have."""
    return base64url_encode(vehicle.vehicle_id.encode())


VEHICLE_KEY = 700
"""The longest `vehicle_key`: 128 characters of four bytes."""


async def active_class(request: Request, caller: Caller, device_id: str) -> str:
    """The class of an active device. Raises Problem: 404 unknown to this tenant, 422 not active."""
    active: ActiveDevices = request.state.active_devices
    device_class = active.find(caller.tenant_id, device_id)
    if device_class is not None:
        return device_class
    async with tenant_transaction(request, caller) as conn:
        device = await find(conn, device_id)
    if device.status != "active":
        again = "enrol it again" if device.status == "retired" else "set its status to active"
        raise problems.invalid(f"The device is {device.status} and cannot send observations; {again} first.")
    active.remember(caller.tenant_id, device_id, device.device_class)
    return device.device_class

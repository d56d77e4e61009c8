"""Devices: enrolled, found, changed; and which of them are known to be active, so that most observations need no look-up."""

from typing import Any, NamedTuple

from msgspec import UNSET, structs
from psycopg.rows import class_row, dict_row
from starlette.requests import Request

from services.device_ingest import queries
from services.device_ingest.models import Device, DeviceChange, DeviceFilter, Enrolment
from shared import ids, problems
from shared.caps import Cap, require_room
from shared.database import AsyncConnection, tenant_transaction
from shared.identity import Caller

REMEMBERED = 50_000
# A device is never deleted, since its observations stay.
NO_MORE = "enrol one again, by its serial number, or ask Knogin for more"


class ActiveDevices:
    """Class of each active device seen lately, by tenant and id. Only a hint: the insert itself checks that it still holds."""

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
    """`is_news` where anything changed that subscribers hear of: class, vehicle, status."""

    device: Device
    is_new: bool
    is_news: bool


async def enrol(conn: AsyncConnection, caller: Caller, enrolment: Enrolment, most: int) -> Enrolled:
    """The device with this serial number, which is active from now on. Raises a 409 Problem for a new one beyond `most`."""
    known = await (await conn.execute(queries.HAS_DEVICE, (enrolment.serial_number,))).fetchone()
    if known is None:
        await require_room(conn, Cap("devices", most, instead=NO_MORE), caller.tenant_id, queries.COUNT_DEVICES)
    fields = structs.asdict(enrolment)
    optional = ("manufacturer", "model", "vehicle_id")
    parameters: dict[str, Any] = {
        "id": ids.new_id("dev"),
        **{name: None if value is UNSET else value for name, value in fields.items()},
        **{f"names_{name}": fields[name] is not UNSET for name in optional},
    }
    async with conn.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(queries.ENROL_DEVICE, parameters)).fetchone()
    assert row is not None
    is_new, is_news = row.pop("is_new"), row.pop("is_news")
    return Enrolled(Device(**row), is_new, is_news)


async def find(conn: AsyncConnection, device_id: str) -> Device:
    """Raises a 404 Problem for an id that names none of this tenant's devices."""
    return await _one(conn, queries.FIND_DEVICE, device_id)


class Changed(NamedTuple):
    """`is_active_again` where the change took an inactive device back into use."""

    device: Device
    is_active_again: bool


async def change(conn: AsyncConnection, device_id: str, wanted: DeviceChange) -> Changed:
    """The device with the named fields changed. Raises Problem: 404, or 409 for taking a retired device into use again."""
    device = await _one(conn, queries.LOCK_DEVICE, device_id)
    if device.status == "retired" and wanted.status not in (UNSET, "retired"):
        raise problems.conflict("The device is retired; enrol it again to use it again.")
    fields = structs.asdict(device) | {name: v for name, v in structs.asdict(wanted).items() if v is not UNSET}
    async with conn.cursor(row_factory=class_row(Device)) as cursor:
        changed = await (await cursor.execute(queries.CHANGE_DEVICE, fields)).fetchone()
    assert changed is not None
    return Changed(changed, is_active_again=changed.status == "active" != device.status)


async def listed(conn: AsyncConnection, wanted: DeviceFilter, after: str | None) -> list[Device]:
    """One more than the page holds, newest first."""
    parameters = structs.asdict(wanted) | {"after": after, "limit": wanted.limit + 1}
    async with conn.cursor(row_factory=class_row(Device)) as cursor:
        return await (await cursor.execute(queries.LIST_DEVICES, parameters)).fetchall()


async def active_class(request: Request, caller: Caller, device_id: str) -> str:
    """The class of an active device. Raises Problem: 404 unknown to this tenant, 422 not active."""
    known: ActiveDevices = request.state.active_devices
    device_class = known.find(caller.tenant_id, device_id)
    if device_class is not None:
        return device_class
    async with tenant_transaction(request, caller) as conn:
        device = await find(conn, device_id)
    if device.status != "active":
        again = "enrol it again" if device.status == "retired" else "set its status to active"
        raise problems.invalid(f"The device is {device.status} and cannot send observations; {again} first.")
    known.remember(caller.tenant_id, device_id, device.device_class)
    return device.device_class


async def _one(conn: AsyncConnection, query: Any, device_id: str) -> Device:
    if not ids.is_id(device_id, "dev"):
        raise problems.not_found("There is no such device.")
    async with conn.cursor(row_factory=class_row(Device)) as cursor:
        device = await (await cursor.execute(query, (device_id,))).fetchone()
    if device is None:
        raise problems.not_found("There is no such device.")
    return device

"""The vehicles that devices are on, and one of them with its devices and newest encounters."""

from starlette.responses import Response

from services.console.operations import addresses, contact
from services.console.operations.models import Device, Encounters, Vehicle
from services.console.operations.views import PAGE
from services.console.pages.visit import Visit
from services.console.upstream.errors import Refused
from shared.web.strict_json import is_storable

RECORDS = "argus:epcr:read"
NEWEST = 10
LONGEST = 128


async def vehicles(visit: Visit) -> Response:
    query = {"cursor": visit.cursor()}
    found = await visit.load("/api/v1/devices/vehicles", list[Vehicle], limit=PAGE, **query)
    return visit.page(
        "operations/vehicles.html", found=found, query=query, path_of=addresses.of_vehicle, battery=contact.battery_of()
    )


async def vehicle(visit: Visit) -> Response:
    """404 for one that has neither a device nor an encounter of this organisation."""
    vehicle_id = addresses.vehicle_in(visit.ids["vehicle"])
    if len(vehicle_id) > LONGEST or not is_storable(vehicle_id):
        raise Refused(404, "not-found", "", "")
    devices = await visit.get("/api/v1/devices", list[Device], limit=PAGE, vehicle_id=vehicle_id)
    encounters = None
    if visit.may(RECORDS):
        encounters = await visit.load("/api/v1/epcr/encounters", Encounters, limit=NEWEST, vehicle_id=vehicle_id)
    if not devices and (encounters is None or (encounters.failure is None and not encounters.value.encounters)):
        raise Refused(404, "not-found", "", "")
    times = [one.last_contact_at for one in devices if one.last_contact_at is not None]
    return visit.page(
        "operations/vehicle.html",
        title=vehicle_id,
        vehicle_id=vehicle_id,
        devices=devices,
        are_more=len(devices) == PAGE,
        last=max(times, default=None),
        encounters=encounters,
        battery=contact.battery_of(),
    )

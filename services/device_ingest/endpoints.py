"""HTTP endpoints of devices and their observations."""

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from services.device_ingest import devices, messages, observations
from services.device_ingest.models import (
    BatchAnswer,
    BatchItem,
    Device,
    DeviceChange,
    DeviceFilter,
    Enrolment,
    Observation,
    ObservationDraft,
    ObservationFilter,
    UnreadBatch,
    VehicleFilter,
)
from services.device_ingest.observations import Confirm, DeviceChanged, Write
from shared.messaging import outbox
from shared.storage import audit, idempotency
from shared.storage.database import require_right_clock, tenant_transaction, transaction
from shared.web import http
from shared.web.identity import Caller
from shared.web.problems import Problem

Answer = Callable[[Write, str, Confirm], Awaitable[Response]]

MANY = 50
"""Items of a batch that is decoded in a thread. All errors of one item take some twenty microseconds to find."""


async def list_devices(request: Request, caller: Caller, page: DeviceFilter) -> Response:
    async with tenant_transaction(request, caller) as conn:
        found = await devices.listed(conn, page, http.page_after(request, page))
    found, cursor = http.slice_page(request, found, page, key=lambda device: device.id)
    return http.json(found, headers=http.link_header(request, cursor))


async def list_vehicles(request: Request, caller: Caller, page: VehicleFilter) -> Response:
    after = http.page_after(request, page, most=devices.VEHICLE_KEY)
    async with tenant_transaction(request, caller) as conn:
        found = await devices.vehicles(conn, after, page.limit)
    found, cursor = http.slice_page(request, found, page, key=devices.vehicle_key)
    return http.json(found, headers=http.link_header(request, cursor))


async def enrol_device(request: Request, caller: Caller, enrolment: Enrolment) -> Response:
    async with tenant_transaction(request, caller) as conn:
        if stored := await idempotency.stored(conn, request, caller):
            return stored
        device, is_new, must_notify = await devices.enrol(conn, caller, enrolment, request.state.settings.most_devices)
        await audit.record(conn, caller, "device.enrol", device.id, {"new": is_new})
        if must_notify:
            await outbox.add(conn, caller.tenant_id, messages.device_enrolled(device, test=caller.is_sandbox))
        if device.manufacturer or device.model or None in (enrolment.manufacturer, enrolment.model):
            await outbox.add(conn, caller.tenant_id, messages.device_described(device))
        if is_new:
            response = http.created(device, location=f"/api/v1/devices/{device.id}")
        else:
            response = http.json(device)
        return await idempotency.keep(conn, request, caller, response)


async def read_device(request: Request, caller: Caller, device_id: str) -> Device:
    async with tenant_transaction(request, caller) as conn:
        return await devices.find(conn, device_id)


async def change_device(request: Request, caller: Caller, device_id: str, wanted: DeviceChange) -> Device:
    async with tenant_transaction(request, caller) as conn:
        device, before = await devices.change(conn, device_id, wanted)
        await audit.record(conn, caller, "device.change", device.id, {"status": device.status})
        if device.status == "active" != before.status:
            await outbox.add(conn, caller.tenant_id, messages.device_enrolled(device, test=caller.is_sandbox))
        if (device.manufacturer, device.model) != (before.manufacturer, before.model):
            await outbox.add(conn, caller.tenant_id, messages.device_described(device))
    return device


async def record_observation(request: Request, caller: Caller, device_id: str, draft: ObservationDraft) -> Response:
    async def answer(write: Write, device_class: str, confirm: Confirm) -> Response:
        (outcome,) = await observations.record(write, caller, device_id, device_class, [draft], confirm)
        if isinstance(outcome, Problem):
            raise outcome
        return http.created(outcome, location=f"/api/v1/devices/{device_id}/observations/{outcome.id}")

    return await _recorded(request, caller, device_id, answer)


async def record_observations(request: Request, caller: Caller, device_id: str, batch: UnreadBatch) -> Response:
    drafts = [observations.read(item) for item in batch.observations]

    async def answer(write: Write, device_class: str, confirm: Confirm) -> Response:
        outcomes = await observations.record(write, caller, device_id, device_class, drafts, confirm)
        results = [
            BatchItem(outcome.status, error=outcome.document())
            if isinstance(outcome, Problem)
            else BatchItem(201, id=outcome.id)
            for outcome in outcomes
        ]
        return http.json(BatchAnswer(results))

    return await _recorded(request, caller, device_id, answer)


async def list_observations(request: Request, caller: Caller, device_id: str, page: ObservationFilter) -> Response:
    async with tenant_transaction(request, caller) as conn:
        device = await devices.find(conn, device_id)
        found, reached = await observations.listed(conn, device.id, page, http.page_after(request, page))
        await audit.record(conn, caller, "observations.read", device.id)
    found, cursor = http.slice_page(request, found, page, key=observations.cursor_key, reached=reached)
    return http.json(found, headers=http.link_header(request, cursor))


async def read_observation(request: Request, caller: Caller, device_id: str, observation_id: str) -> Observation:
    async with tenant_transaction(request, caller) as conn:
        device = await devices.find(conn, device_id)
        observation = await observations.find(conn, device.id, observation_id)
        await audit.record(conn, caller, "observations.read", device.id)
    return observation


async def _recorded(request: Request, caller: Caller, device_id: str, answer: Answer) -> Response:
    """Answers for an active device. Tries a second time when the remembered class of the device is out of date."""
    await request.state.partitions.ensure(request.state.pool)
    device_class = await devices.active_class(request, caller, device_id)
    try:
        return await _write_once(request, caller, device_class, answer)
    except DeviceChanged:
        request.state.active_devices.forget(caller.tenant_id, device_id)
    device_class = await devices.active_class(request, caller, device_id)
    return await _write_once(request, caller, device_class, answer)


async def _write_once(request: Request, caller: Caller, device_class: str, answer: Answer) -> Response:
    """Writes with the group's commit; with an Idempotency-Key in a transaction of its own, which also stores the answer."""
    if idempotency.HEADER not in request.headers:

        async def confirm_clock() -> None:
            async with transaction(request) as conn:
                await require_right_clock(conn, now=True)

        return await answer(request.state.group.submit, device_class, confirm_clock)
    async with tenant_transaction(request, caller) as conn:
        if stored := await idempotency.stored(conn, request, caller):
            return stored
        confirm = partial(require_right_clock, conn, now=True)
        response = await answer(
            partial(observations.write, conn, request.state.settings.most_observations), device_class, confirm
        )
        return await idempotency.keep(conn, request, caller, response)

"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from .. import models
from .._paging import AsyncPages, Pages
from .._transport import Call, Caller, Operation

_LIST_DEVICES = Operation("listDevices", "GET", "/api/v1/devices", {200: list[models.devices.Device]})
_LIST_VEHICLES = Operation("listVehicles", "GET", "/api/v1/devices/vehicles", {200: list[models.devices.Vehicle]})
_ENROL_DEVICE = Operation(
    "enrolDevice",
    "POST",
    "/api/v1/devices/enrol",
    {200: models.devices.Device, 201: models.devices.Device},
    body="json",
    keyed=True,
)
_GET_DEVICE = Operation("getDevice", "GET", "/api/v1/devices/{}", {200: models.devices.Device})
_UPDATE_DEVICE = Operation("updateDevice", "PATCH", "/api/v1/devices/{}", {200: models.devices.Device}, body="json")
_LIST_OBSERVATIONS = Operation(
    "listObservations", "GET", "/api/v1/devices/{}/observations", {200: list[models.devices.Observation]}
)
_RECORD_OBSERVATION = Operation(
    "recordObservation",
    "POST",
    "/api/v1/devices/{}/observations",
    {201: models.devices.Observation},
    body="json",
    keyed=True,
)
_RECORD_OBSERVATIONS = Operation(
    "recordObservations",
    "POST",
    "/api/v1/devices/{}/observations:batch",
    {200: models.devices.BatchAnswer},
    body="json",
    keyed=True,
)
_GET_OBSERVATION = Operation(
    "getObservation", "GET", "/api/v1/devices/{}/observations/{}", {200: models.devices.Observation}
)


class Devices:
    """Medical devices and their observations, in the terms of IEEE 11073."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_devices(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        vehicle_id: str | None = None,
        device_class: Literal["bp", "defib", "ecg", "etco2", "glucose", "multiparameter", "oximeter", "thermometer"]
        | None = None,
        status: Literal["active", "inactive", "retired"] | None = None,
        silent_since: datetime | None = None,
        timeout: float | None = None,
    ) -> Pages[models.devices.Device]:
        """List medical devices.

        IEEE 11073 devices enrolled for the caller's organisation, newest first.

        Scope: `argus:devices:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `vehicle_id`: Only those of this vehicle.
        `device_class`: Only devices of this class.
        `status`: Only devices in this state.
        `silent_since`: Only devices that have sent no observation since this time, those among them that never sent
        one and were enrolled before it.
        """
        return self._client._pages(
            Call(
                _LIST_DEVICES,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "vehicle_id": vehicle_id,
                    "device_class": device_class,
                    "status": status,
                    "silent_since": silent_since,
                },
                timeout=timeout,
            )
        )

    def list_vehicles(
        self, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> Pages[models.devices.Vehicle]:
        """List the vehicles that devices are on.

        In the order of their ids, with their devices counted and their last contact. Retired devices do not count.

        Scope: `argus:devices:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(Call(_LIST_VEHICLES, query={"limit": limit, "cursor": cursor}, timeout=timeout))

    def enrol_device(
        self, body: models.devices.Enrolment, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.devices.Device:
        """Enrol a medical device.

        Keyed by serial number: 201 for a new device, 200 for a known one, which is updated.

        Scope: `argus:devices:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_ENROL_DEVICE, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def get_device(self, device_id: str, *, timeout: float | None = None) -> models.devices.Device:
        """Read a device.

        Also a retired one.

        Scope: `argus:devices:read`.

        `device_id`: The device's id.
        """
        return self._client._call(Call(_GET_DEVICE, path=(device_id,), timeout=timeout))

    def update_device(
        self, device_id: str, body: models.devices.DeviceChange, *, timeout: float | None = None
    ) -> models.devices.Device:
        """Move, rest or retire a device.

        Changes the fields it names. A retired device sends no observations; enrol it again to use it again.

        Scope: `argus:devices:write`.

        `device_id`: The device's id.
        """
        return self._client._call(Call(_UPDATE_DEVICE, path=(device_id,), body=body, timeout=timeout))

    def list_observations(
        self,
        device_id: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        mdc_code: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        timeout: float | None = None,
    ) -> Pages[models.devices.Observation]:
        """List a device's observations.

        Latest first by time of observation; `since` is inclusive, `until` exclusive. With `mdc_code` a call looks
        at 10,000 observations: a short page, or an empty one, may have a `Link` to the next.

        Scope: `argus:devices:read`.

        `device_id`: The device's id.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `mdc_code`: Only observations of this metric.
        `since`: Start of the period, inclusive.
        `until`: End of the period, exclusive.
        """
        return self._client._pages(
            Call(
                _LIST_OBSERVATIONS,
                path=(device_id,),
                query={"limit": limit, "cursor": cursor, "mdc_code": mdc_code, "since": since, "until": until},
                timeout=timeout,
            )
        )

    def record_observation(
        self,
        device_id: str,
        body: models.devices.ObservationDraft,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.devices.Observation:
        """Submit an observation.

        An MDC code (ISO/IEEE 11073-10101) with its exact value in a UCUM unit; 201 means that it is on disk. The
        same observation sent again (device, code, time, value) is recorded once and gets the same answer.

        Scope: `argus:devices:write`.

        `device_id`: The device's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _RECORD_OBSERVATION,
                path=(device_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def record_observations(
        self,
        device_id: str,
        body: models.devices.ObservationBatch,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.devices.BatchAnswer:
        """Submit up to 500 observations.

        Each observation is recorded or refused by itself, and has a result of its own in the same order. Its status
        is 409 (`limit-reached`) where the organisation stores as many observations as it may.

        Scope: `argus:devices:write`.

        `device_id`: The device's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _RECORD_OBSERVATIONS,
                path=(device_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def get_observation(
        self, device_id: str, observation_id: str, *, timeout: float | None = None
    ) -> models.devices.Observation:
        """Read an observation.

        With the exact digits that were sent.

        Scope: `argus:devices:read`.

        `device_id`: The device's id.
        `observation_id`: The observation's id.
        """
        return self._client._call(
            Call(
                _GET_OBSERVATION,
                path=(
                    device_id,
                    observation_id,
                ),
                timeout=timeout,
            )
        )


class AsyncDevices:
    """Medical devices and their observations, in the terms of IEEE 11073."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_devices(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        vehicle_id: str | None = None,
        device_class: Literal["bp", "defib", "ecg", "etco2", "glucose", "multiparameter", "oximeter", "thermometer"]
        | None = None,
        status: Literal["active", "inactive", "retired"] | None = None,
        silent_since: datetime | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.devices.Device]:
        """List medical devices.

        IEEE 11073 devices enrolled for the caller's organisation, newest first.

        Scope: `argus:devices:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `vehicle_id`: Only those of this vehicle.
        `device_class`: Only devices of this class.
        `status`: Only devices in this state.
        `silent_since`: Only devices that have sent no observation since this time, those among them that never sent
        one and were enrolled before it.
        """
        return self._client._pages(
            Call(
                _LIST_DEVICES,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "vehicle_id": vehicle_id,
                    "device_class": device_class,
                    "status": status,
                    "silent_since": silent_since,
                },
                timeout=timeout,
            )
        )

    def list_vehicles(
        self, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> AsyncPages[models.devices.Vehicle]:
        """List the vehicles that devices are on.

        In the order of their ids, with their devices counted and their last contact. Retired devices do not count.

        Scope: `argus:devices:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(Call(_LIST_VEHICLES, query={"limit": limit, "cursor": cursor}, timeout=timeout))

    async def enrol_device(
        self, body: models.devices.Enrolment, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.devices.Device:
        """Enrol a medical device.

        Keyed by serial number: 201 for a new device, 200 for a known one, which is updated.

        Scope: `argus:devices:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_ENROL_DEVICE, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    async def get_device(self, device_id: str, *, timeout: float | None = None) -> models.devices.Device:
        """Read a device.

        Also a retired one.

        Scope: `argus:devices:read`.

        `device_id`: The device's id.
        """
        return await self._client._call(Call(_GET_DEVICE, path=(device_id,), timeout=timeout))

    async def update_device(
        self, device_id: str, body: models.devices.DeviceChange, *, timeout: float | None = None
    ) -> models.devices.Device:
        """Move, rest or retire a device.

        Changes the fields it names. A retired device sends no observations; enrol it again to use it again.

        Scope: `argus:devices:write`.

        `device_id`: The device's id.
        """
        return await self._client._call(Call(_UPDATE_DEVICE, path=(device_id,), body=body, timeout=timeout))

    def list_observations(
        self,
        device_id: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        mdc_code: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.devices.Observation]:
        """List a device's observations.

        Latest first by time of observation; `since` is inclusive, `until` exclusive. With `mdc_code` a call looks
        at 10,000 observations: a short page, or an empty one, may have a `Link` to the next.

        Scope: `argus:devices:read`.

        `device_id`: The device's id.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `mdc_code`: Only observations of this metric.
        `since`: Start of the period, inclusive.
        `until`: End of the period, exclusive.
        """
        return self._client._pages(
            Call(
                _LIST_OBSERVATIONS,
                path=(device_id,),
                query={"limit": limit, "cursor": cursor, "mdc_code": mdc_code, "since": since, "until": until},
                timeout=timeout,
            )
        )

    async def record_observation(
        self,
        device_id: str,
        body: models.devices.ObservationDraft,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.devices.Observation:
        """Submit an observation.

        An MDC code (ISO/IEEE 11073-10101) with its exact value in a UCUM unit; 201 means that it is on disk. The
        same observation sent again (device, code, time, value) is recorded once and gets the same answer.

        Scope: `argus:devices:write`.

        `device_id`: The device's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _RECORD_OBSERVATION,
                path=(device_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    async def record_observations(
        self,
        device_id: str,
        body: models.devices.ObservationBatch,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.devices.BatchAnswer:
        """Submit up to 500 observations.

        Each observation is recorded or refused by itself, and has a result of its own in the same order. Its status
        is 409 (`limit-reached`) where the organisation stores as many observations as it may.

        Scope: `argus:devices:write`.

        `device_id`: The device's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _RECORD_OBSERVATIONS,
                path=(device_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    async def get_observation(
        self, device_id: str, observation_id: str, *, timeout: float | None = None
    ) -> models.devices.Observation:
        """Read an observation.

        With the exact digits that were sent.

        Scope: `argus:devices:read`.

        `device_id`: The device's id.
        `observation_id`: The observation's id.
        """
        return await self._client._call(
            Call(
                _GET_OBSERVATION,
                path=(
                    device_id,
                    observation_id,
                ),
                timeout=timeout,
            )
        )

"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from typing import Literal

from .. import models
from .._paging import AsyncPages, Pages
from .._transport import Call, Caller, Operation

_CREATE_SANDBOX = Operation(
    "createSandbox", "POST", "/v1/platform/sandboxes", {201: models.sandboxes.CreatedSandbox}, body="json", keyed=True
)
_LIST_SANDBOXES = Operation("listSandboxes", "GET", "/v1/platform/sandboxes", {200: models.sandboxes.Sandboxes})
_GET_SANDBOX = Operation("getSandbox", "GET", "/v1/platform/sandboxes/{}", {200: models.sandboxes.SandboxTenant})
_DELETE_SANDBOX = Operation("deleteSandbox", "DELETE", "/v1/platform/sandboxes/{}", {204: None})
_RESET_SANDBOX = Operation(
    "resetSandbox", "POST", "/v1/platform/sandboxes/{}/reset", {202: models.sandboxes.SandboxTenant}, keyed=True
)
_RUN_SCENARIO = Operation(
    "runScenario", "POST", "/v1/platform/sandboxes/{}/scenarios/{}", {202: models.sandboxes.Scenario}, keyed=True
)
_ADVANCE_SANDBOX_CLOCK = Operation(
    "advanceSandboxClock",
    "POST",
    "/v1/platform/sandboxes/{}/clock",
    {202: models.sandboxes.SandboxTenant},
    body="json",
    keyed=True,
)


class Sandboxes:
    """An organisation makes sandboxes by itself: each has invented data of a year, and scenarios to try programs with.
    Data of real patients do not belong there.
    """

    def __init__(self, client: Caller) -> None:
        self._client = client

    def create_sandbox(
        self, body: models.sandboxes.SandboxDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.sandboxes.CreatedSandbox:
        """Make a sandbox.

        Needs no operator. The sandbox answers its first call at once, with the credentials in this answer, which no
        other call shows. An invented year follows within a minute: encounters with cardiac arrests, strokes and
        falls, incidents, vehicles' devices with readings, and deliveries of an example webhook; so indicators and
        lists show something. Data of real patients do not belong into a sandbox. Your organisation may have a
        number of sandboxes at a time; an operator changes it.

        Scope: `platform:apps`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_CREATE_SANDBOX, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def list_sandboxes(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        state: Literal["advancing", "deleted", "deleting", "preparing", "ready", "resetting"] | None = None,
        timeout: float | None = None,
    ) -> Pages[models.sandboxes.SandboxTenant]:
        """List sandboxes.

        Those that your organisation made, newest first; deleted ones for a year.

        Scope: `platform:apps`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `state`: Only sandboxes in this state.
        """
        return self._client._pages(
            Call(
                _LIST_SANDBOXES,
                query={"limit": limit, "cursor": cursor, "state": state},
                timeout=timeout,
                page="sandboxes",
            )
        )

    def get_sandbox(self, sandbox_id: str, *, timeout: float | None = None) -> models.sandboxes.SandboxTenant:
        """Inspect a sandbox.

        With the progress of the work on its data.

        Scope: `platform:apps`.

        `sandbox_id`: The sandbox's id.
        """
        return self._client._call(Call(_GET_SANDBOX, path=(sandbox_id,), timeout=timeout))

    def delete_sandbox(self, sandbox_id: str, *, timeout: float | None = None) -> None:
        """Delete a sandbox.

        Its tokens end at every gateway within a second, and no app of it gets another. Its data are erased in
        portions; the audit trail stays. A repetition changes nothing.

        Scope: `platform:apps`.

        `sandbox_id`: The sandbox's id.
        """
        return self._client._call(Call(_DELETE_SANDBOX, path=(sandbox_id,), timeout=timeout))

    def reset_sandbox(
        self, sandbox_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.sandboxes.SandboxTenant:
        """Reset a sandbox.

        Erases its encounters, devices, incidents, indicators and deliveries, in portions, and writes the year
        before now. Apps, secrets, tokens, webhooks, destinations and automations stay, and so does the audit trail.
        At most 20 times a day.

        Scope: `platform:apps`.

        `sandbox_id`: The sandbox's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_RESET_SANDBOX, path=(sandbox_id,), headers={"Idempotency-Key": idempotency_key}, timeout=timeout)
        )

    def run_scenario(
        self, sandbox_id: str, scenario: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.sandboxes.Scenario:
        """Run a scenario.

        `arrest`: a cardiac arrest from the call to the handover, as an incident, an encounter and readings, with
        all their events. `failing_receiver`: a delivery of the example webhook whose receiver fails, is silent, and
        recovers. `revoked_tokens`: every token of the sandbox ends, as after a leak. At most 500 between two
        resets.

        Scope: `platform:apps`.

        `sandbox_id`: The sandbox's id.
        `scenario`: The scenario to run.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _RUN_SCENARIO,
                path=(
                    sandbox_id,
                    scenario,
                ),
                headers={"Idempotency-Key": idempotency_key},
                timeout=timeout,
            )
        )

    def advance_sandbox_clock(
        self,
        sandbox_id: str,
        body: models.sandboxes.ClockAdvance,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.sandboxes.SandboxTenant:
        """Advance a sandbox's clock.

        Waits of the sandbox become shorter by so many seconds, as if they had passed: the next attempt of each
        waiting delivery, a receiver's `Retry-After`, the days of failures after which a webhook is disabled, the
        end of an app's old secret and of a webhook's old signing key, and the end of refresh tokens. A delivery is
        tried once, however long the advance. Other times do not move, nor do tokens that have their end within. The
        sandbox is `advancing` until all waits have moved. At most 180 days between two resets.

        Scope: `platform:apps`.

        `sandbox_id`: The sandbox's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _ADVANCE_SANDBOX_CLOCK,
                path=(sandbox_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )


class AsyncSandboxes:
    """An organisation makes sandboxes by itself: each has invented data of a year, and scenarios to try programs with.
    Data of real patients do not belong there.
    """

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def create_sandbox(
        self, body: models.sandboxes.SandboxDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.sandboxes.CreatedSandbox:
        """Make a sandbox.

        Needs no operator. The sandbox answers its first call at once, with the credentials in this answer, which no
        other call shows. An invented year follows within a minute: encounters with cardiac arrests, strokes and
        falls, incidents, vehicles' devices with readings, and deliveries of an example webhook; so indicators and
        lists show something. Data of real patients do not belong into a sandbox. Your organisation may have a
        number of sandboxes at a time; an operator changes it.

        Scope: `platform:apps`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_CREATE_SANDBOX, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def list_sandboxes(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        state: Literal["advancing", "deleted", "deleting", "preparing", "ready", "resetting"] | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.sandboxes.SandboxTenant]:
        """List sandboxes.

        Those that your organisation made, newest first; deleted ones for a year.

        Scope: `platform:apps`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `state`: Only sandboxes in this state.
        """
        return self._client._pages(
            Call(
                _LIST_SANDBOXES,
                query={"limit": limit, "cursor": cursor, "state": state},
                timeout=timeout,
                page="sandboxes",
            )
        )

    async def get_sandbox(self, sandbox_id: str, *, timeout: float | None = None) -> models.sandboxes.SandboxTenant:
        """Inspect a sandbox.

        With the progress of the work on its data.

        Scope: `platform:apps`.

        `sandbox_id`: The sandbox's id.
        """
        return await self._client._call(Call(_GET_SANDBOX, path=(sandbox_id,), timeout=timeout))

    async def delete_sandbox(self, sandbox_id: str, *, timeout: float | None = None) -> None:
        """Delete a sandbox.

        Its tokens end at every gateway within a second, and no app of it gets another. Its data are erased in
        portions; the audit trail stays. A repetition changes nothing.

        Scope: `platform:apps`.

        `sandbox_id`: The sandbox's id.
        """
        return await self._client._call(Call(_DELETE_SANDBOX, path=(sandbox_id,), timeout=timeout))

    async def reset_sandbox(
        self, sandbox_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.sandboxes.SandboxTenant:
        """Reset a sandbox.

        Erases its encounters, devices, incidents, indicators and deliveries, in portions, and writes the year
        before now. Apps, secrets, tokens, webhooks, destinations and automations stay, and so does the audit trail.
        At most 20 times a day.

        Scope: `platform:apps`.

        `sandbox_id`: The sandbox's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_RESET_SANDBOX, path=(sandbox_id,), headers={"Idempotency-Key": idempotency_key}, timeout=timeout)
        )

    async def run_scenario(
        self, sandbox_id: str, scenario: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.sandboxes.Scenario:
        """Run a scenario.

        `arrest`: a cardiac arrest from the call to the handover, as an incident, an encounter and readings, with
        all their events. `failing_receiver`: a delivery of the example webhook whose receiver fails, is silent, and
        recovers. `revoked_tokens`: every token of the sandbox ends, as after a leak. At most 500 between two
        resets.

        Scope: `platform:apps`.

        `sandbox_id`: The sandbox's id.
        `scenario`: The scenario to run.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _RUN_SCENARIO,
                path=(
                    sandbox_id,
                    scenario,
                ),
                headers={"Idempotency-Key": idempotency_key},
                timeout=timeout,
            )
        )

    async def advance_sandbox_clock(
        self,
        sandbox_id: str,
        body: models.sandboxes.ClockAdvance,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.sandboxes.SandboxTenant:
        """Advance a sandbox's clock.

        Waits of the sandbox become shorter by so many seconds, as if they had passed: the next attempt of each
        waiting delivery, a receiver's `Retry-After`, the days of failures after which a webhook is disabled, the
        end of an app's old secret and of a webhook's old signing key, and the end of refresh tokens. A delivery is
        tried once, however long the advance. Other times do not move, nor do tokens that have their end within. The
        sandbox is `advancing` until all waits have moved. At most 180 days between two resets.

        Scope: `platform:apps`.

        `sandbox_id`: The sandbox's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _ADVANCE_SANDBOX_CLOCK,
                path=(sandbox_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

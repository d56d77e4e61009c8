"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from .. import models
from .._paging import AsyncPages, Pages
from .._transport import Call, Caller, Operation

_LIST_STOPPED_AUTOMATIONS = Operation(
    "listStoppedAutomations",
    "GET",
    "/v1/operations/control-plane/stopped-automations",
    {200: models.stopped_automations.StoppedAutomations},
)
_GET_OPERATOR_AUTOMATION = Operation(
    "getOperatorAutomation",
    "GET",
    "/v1/operations/control-plane/automations/{}",
    {200: models.stopped_automations.OperatorAutomation},
)


class StoppedAutomations:
    """For operators of the platform, as the calls of operations: automations that they stopped."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_stopped_automations(
        self, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> Pages[models.stopped_automations.OperatorAutomation]:
        """List automations that operators stopped.

        Each with its act and reason, until its organisation enables it or the act `automation.resume` lifts the
        stop.

        Scope: `platform:operate:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(
                _LIST_STOPPED_AUTOMATIONS,
                query={"limit": limit, "cursor": cursor},
                timeout=timeout,
                page="stopped_automations",
            )
        )

    def get_operator_automation(
        self, automation_id: str, *, timeout: float | None = None
    ) -> models.stopped_automations.OperatorAutomation:
        """Read whose an automation is.

        Its organisation, its app and its name, to compare before an act.

        Scope: `platform:operate:read`.

        `automation_id`: The automation's id.
        """
        return self._client._call(Call(_GET_OPERATOR_AUTOMATION, path=(automation_id,), timeout=timeout))


class AsyncStoppedAutomations:
    """For operators of the platform, as the calls of operations: automations that they stopped."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_stopped_automations(
        self, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> AsyncPages[models.stopped_automations.OperatorAutomation]:
        """List automations that operators stopped.

        Each with its act and reason, until its organisation enables it or the act `automation.resume` lifts the
        stop.

        Scope: `platform:operate:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(
                _LIST_STOPPED_AUTOMATIONS,
                query={"limit": limit, "cursor": cursor},
                timeout=timeout,
                page="stopped_automations",
            )
        )

    async def get_operator_automation(
        self, automation_id: str, *, timeout: float | None = None
    ) -> models.stopped_automations.OperatorAutomation:
        """Read whose an automation is.

        Its organisation, its app and its name, to compare before an act.

        Scope: `platform:operate:read`.

        `automation_id`: The automation's id.
        """
        return await self._client._call(Call(_GET_OPERATOR_AUTOMATION, path=(automation_id,), timeout=timeout))

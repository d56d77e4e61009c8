"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime

from .._model import Model


class OperatorAutomation(Model, kw_only=True):
    """An automation of any organisation: enough to know whose it is.

    `stopped_at`, `act_id` and `reason` are of the act that stopped it, where `disabled_reason` is
    `stopped_by_operator`.
    """

    automation_id: str
    """The automation"""
    tenant_id: str
    """The id of the organisation"""
    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    name: str
    """The name, for people"""
    enabled: bool
    """Whether it works; false stops it"""
    disabled_reason: str | None
    """Why it was stopped, such as `failing` or `gone`; null while it works"""
    stopped_at: datetime | None
    """When an operator last stopped it"""
    act_id: str | None
    """The act that last stopped it; null if no operator did"""
    reason: str | None
    """The operator's reason, which the organisation reads too"""


class StoppedAutomations(Model, kw_only=True):
    """A page of automations that operators stopped"""

    stopped_automations: list[OperatorAutomation]
    """The automations of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""

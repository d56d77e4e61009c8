"""Inputs and rows of providers and routes. No row has a provider's credentials."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.graphql_api.telephony.numbers import Pattern
from shared.web import http

Name = Annotated[str, http.external_id(100)]
Subsystem = Literal["psap", "municipal", "utilities", "transport", "hospital"]
Subaccount = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.@+-]{1,128}\Z")]


class ProviderDraft(http.Body, kw_only=True):
    name: Name
    is_default: bool = False
    is_active: bool = True
    carrier: dict[str, Any]


class ProviderChange(http.Body):
    name: Name | UnsetType = UNSET
    is_default: bool | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    carrier: dict[str, Any] | UnsetType = UNSET


class RouteDraft(http.Body, kw_only=True):
    provider_id: str
    phone_number: str | None = None
    subaccount: Subaccount | None = None
    target_subsystem: Subsystem
    is_active: bool = True


class RouteChange(http.Body):
    provider_id: str | UnsetType = UNSET
    target_subsystem: Subsystem | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    carrier_type: str
    open_settings: dict[str, Any]
    is_default: bool
    is_active: bool
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def settings(self) -> list[dict[str, str]]:
        return [
            {"name": name, "value": (str(value).lower() if isinstance(value, bool) else str(value))}
            for name, value in sorted(self.open_settings.items())
        ]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    provider_id: str
    prefix: str | None
    exact: bool
    subaccount: str | None
    target_subsystem: Subsystem
    is_active: bool
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def phone_number(self) -> str | None:
        return None if self.prefix is None else str(Pattern(self.prefix, self.exact))

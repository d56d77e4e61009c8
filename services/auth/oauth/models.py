"""Grants and codes as they stand in the database, and as Authlib asks about them."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from shared.deidentification import Mode


class GrantRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a user let an app do. `seed` goes into its refresh tokens, `generation` counts them."""

    grant_id: str
    tenant_id: str
    client_id: str
    user_id: str
    scopes: list[str]
    audience: list[str]
    offline: bool
    seed: bytes
    generation: int
    rotated_at: datetime | None
    created_at: datetime
    expires_at: datetime
    is_live: bool


class CodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A code just burned."""

    grant_id: str
    redirect_uri: str
    redirect_uri_named: bool
    code_challenge: str | None


class ClientRow(msgspec.Struct, frozen=True, kw_only=True):
    """What `find_oauth_clients` returns. `read_at_ms` is the database's clock when it was read."""

    client_id: str
    tenant_id: str
    name: str
    status: Literal["active", "disabled"]
    tenant_status: Literal["active", "suspended"]
    tenant_name: str
    environment: Literal["production", "sandbox"]
    first_party: bool
    grant_types: list[str]
    redirect_uris: list[str]
    requested_scopes: list[str]
    token_endpoint_auth_method: str
    jwks: dict[str, Any] | None
    enforce_pkce: bool
    access_token_ttl: int
    deidentification: Mode
    secret_ids: list[str] | None
    secret_macs: list[bytes] | None
    read_at_ms: int

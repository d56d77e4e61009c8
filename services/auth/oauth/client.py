"""A client as the token endpoint knows it, with the answers Authlib asks of one. Pure."""

import hmac
from typing import Any, Literal

import msgspec
from authlib.oauth2.rfc6749 import ClientMixin

from services.auth.apps import redirects, scopes
from services.auth.apps.store import secret_purpose
from shared import deidentification
from shared.crypto import Keyring
from shared.deidentification import Mode

SECRET_METHODS = frozenset({"client_secret_basic", "client_secret_post"})
_ABSENT = bytes(32)


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

    @property
    def approved_scopes(self) -> list[str]:
        """What its tokens may carry. Other scopes than these can stand in the row only where an older version of auth put them."""
        return deidentification.permitted(self.deidentification, self.requested_scopes)


class Client(ClientMixin):
    """RFC 6749 §2 in Authlib's words over a row."""

    def __init__(self, row: ClientRow) -> None:
        self.row = row

    @property
    def is_live(self) -> bool:
        return self.row.status == "active" and self.row.tenant_status == "active"

    @property
    def is_public(self) -> bool:
        return self.row.token_endpoint_auth_method == "none"

    def must_use_pkce(self) -> bool:
        return self.row.enforce_pkce or self.is_public

    def get_client_id(self) -> str:
        return self.row.client_id

    def get_default_redirect_uri(self) -> str:
        """The only registered one; empty where there are several, since then the request must say which."""
        return self.row.redirect_uris[0] if len(self.row.redirect_uris) == 1 else ""

    def get_allowed_scope(self, scope: Any) -> str | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The scope to grant: what was asked, or all the app has when nothing was. None when it may not have it."""
        if not scope:
            return " ".join(self.row.approved_scopes)
        asked = scopes.parse(scope)
        if asked is None or not all(scopes.allows(self.row.approved_scopes, one) for one in asked):
            return None
        return " ".join(asked)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirects.is_registered(redirect_uri, self.row.redirect_uris)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        ours = self.row.token_endpoint_auth_method
        return method == ours or (method in SECRET_METHODS and ours in SECRET_METHODS)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and "authorization_code" in self.row.grant_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.row.grant_types


def matching_secret(client: Client | None, client_id: str, secret: str, keyring: Keyring) -> str | None:
    """The id of the live secret that `secret` is. The work is the same for a client that does not exist."""
    row = client.row if client is not None else None
    stored = list(zip(row.secret_macs or (), row.secret_ids or (), strict=True)) if row is not None else []
    found = None
    for mac in keyring.macs(secret.encode(), secret_purpose(client_id)):
        hmac.compare_digest(mac, _ABSENT)
        for kept, secret_id in stored:
            if hmac.compare_digest(mac, kept):
                found = secret_id
    return found

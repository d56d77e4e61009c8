"""OAuth: forms of requests, and answers."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from services.auth.apps.models import AuthMethod, GrantType
from shared.web.scopes import Mode

ASSERTION_TYPE = Literal["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]


class ClientForm(msgspec.Struct, kw_only=True):
    client_id: str | UnsetType = UNSET
    client_secret: str | UnsetType = UNSET
    client_assertion_type: ASSERTION_TYPE | UnsetType = UNSET
    client_assertion: str | UnsetType = UNSET


class TokenForm(ClientForm, kw_only=True):
    """`code`, `redirect_uri` and `code_verifier` go with an authorization code, `refresh_token` with a refresh, `device_code` with the
    grant of RFC 8628.
    """

    grant_type: GrantType
    scope: str | UnsetType = UNSET
    resource: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    redirect_uri: str | UnsetType = UNSET
    code_verifier: str | UnsetType = UNSET
    refresh_token: str | UnsetType = UNSET
    device_code: str | UnsetType = UNSET


class DeviceForm(ClientForm, kw_only=True):
    """RFC 8628 §3.1."""

    scope: str | UnsetType = UNSET
    resource: str | UnsetType = UNSET


class DeviceAuthorization(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 8628 §3.2. `expires_in` and `interval` are in seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class PresentedForm(ClientForm, kw_only=True):
    token: str
    token_type_hint: str | UnsetType = UNSET


class Token(msgspec.Struct):
    """`expires_in` is in seconds; the access token is a JWT of RFC 9068."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str
    refresh_token: str | UnsetType = UNSET


class Nothing(msgspec.Struct):
    """An empty object."""


class Introspection(msgspec.Struct):
    """RFC 7662 §2.2; nothing but `active` for a token that is not live or not the client's own."""

    active: bool
    token_type: Literal["Bearer", "refresh_token"] | UnsetType = UNSET
    client_id: str | UnsetType = UNSET
    sub: str | UnsetType = UNSET
    scope: str | UnsetType = UNSET
    iat: int | UnsetType = UNSET
    exp: int | UnsetType = UNSET
    iss: str | UnsetType = UNSET
    aud: list[str] | UnsetType = UNSET
    jti: str | UnsetType = UNSET
    tenant_id: str | UnsetType = UNSET
    token_use: Literal["access", "service"] | UnsetType = UNSET
    grant_id: str | UnsetType = UNSET
    environment: Literal["production", "sandbox"] | UnsetType = UNSET
    deidentification: Mode | UnsetType = UNSET
    amr: list[str] | UnsetType = UNSET


class AuthorizeQuery(msgspec.Struct, kw_only=True):
    response_type: Literal["code"]
    client_id: str
    redirect_uri: str | UnsetType = UNSET
    scope: str | UnsetType = UNSET
    state: str | UnsetType = UNSET
    code_challenge: str | UnsetType = UNSET
    code_challenge_method: Literal["S256"] | UnsetType = UNSET
    resource: str | UnsetType = UNSET
    prompt: str | UnsetType = UNSET


class Key(msgspec.Struct):
    """A public key (RFC 7517)."""

    kty: Literal["RSA"]
    kid: str
    use: Literal["sig"]
    alg: Literal["RS256"]
    n: str
    e: str


class Keys(msgspec.Struct):
    keys: list[Key]


class ServerMetadata(msgspec.Struct):
    """RFC 8414 §2."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    revocation_endpoint: str
    introspection_endpoint: str
    device_authorization_endpoint: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    response_modes_supported: list[str]
    grant_types_supported: list[GrantType]
    code_challenge_methods_supported: list[str]
    token_endpoint_auth_methods_supported: list[AuthMethod]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[AuthMethod]
    revocation_endpoint_auth_signing_alg_values_supported: list[str]
    introspection_endpoint_auth_methods_supported: list[AuthMethod]
    introspection_endpoint_auth_signing_alg_values_supported: list[str]
    authorization_response_iss_parameter_supported: bool
    protected_resources: list[str]
    ui_locales_supported: list[str]


class ResourceMetadata(msgspec.Struct):
    """RFC 9728 §2."""

    resource: str
    authorization_servers: list[str]
    scopes_supported: list[str]
    bearer_methods_supported: list[str]
    resource_signing_alg_values_supported: list[str]

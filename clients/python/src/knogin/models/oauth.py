"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import UNSET, UnsetType

from .._model import Model


class DeviceAuthorization(Model, kw_only=True):
    """RFC 8628 §3.2. `expires_in` and `interval` are in seconds."""

    device_code: str
    """The device's secret, to ask for the token with; good once"""
    user_code: str
    """The letters that the person types on the page"""
    verification_uri: str
    """The page to show the person: sign-in, code, consent"""
    verification_uri_complete: str
    """The same page with the code filled in, for a link or a QR code"""
    expires_in: int
    """Seconds until both codes end"""
    interval: int
    """Seconds to wait between two calls for the token"""


class DeviceForm(Model, kw_only=True):
    """RFC 8628 §3.1."""

    client_id: str | UnsetType = UNSET
    """The id of the app, such as `app_01jdk…`"""
    client_secret: str | UnsetType = UNSET
    """The secret; shown this once"""
    client_assertion_type: Literal["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"] | UnsetType = UNSET
    """The kind of `client_assertion` (RFC 7523)"""
    client_assertion: str | UnsetType = UNSET
    """A JWT signed with the app's key, for `private_key_jwt`"""
    scope: str | UnsetType = UNSET
    """Scopes, separated by spaces"""
    resource: str | UnsetType = UNSET
    """The base URL of the host that the token is for (RFC 8707); both hosts if left out"""


class Introspection(Model, kw_only=True):
    """RFC 7662 §2.2; nothing but `active` for a token that is not live or not the client's own."""

    active: bool
    """Whether the token is valid now"""
    token_type: str | None = None
    """The type of the token. One of: Bearer, refresh_token"""
    client_id: str | None = None
    """The id of the app, such as `app_01jdk…`"""
    sub: str | None = None
    """The subject: a person, or the app itself"""
    scope: str | None = None
    """Scopes, separated by spaces"""
    iat: int | None = None
    """When it was issued, in Unix seconds"""
    exp: int | None = None
    """When it ends, in Unix seconds"""
    iss: str | None = None
    """The issuer"""
    aud: list[str] | None = None
    """The hosts that it is for"""
    jti: str | None = None
    """The token's id"""
    tenant_id: str | None = None
    """The id of the organisation"""
    token_use: str | None = None
    """`service` for a service token. One of: access, service"""
    grant_id: str | None = None
    """The grant that the token belongs to"""
    environment: str | None = None
    """Where it runs: `sandbox` has only test data. One of: production, sandbox"""
    deidentification: str | None = None
    """How patient care records are shown: `exact`, `shifted` times, or `safe_harbor`. One of: exact, safe_harbor,
    shifted
    """
    amr: list[str] | None = None
    """How the person signed in (RFC 8176), after a sign-in with a second factor"""


class Key(Model, kw_only=True):
    """A public key (RFC 7517)."""

    kty: str
    """The key type (RFC 7517)"""
    kid: str
    """The key's id"""
    use: str
    """The use of the key"""
    alg: str
    """The algorithm"""
    n: str
    """The RSA modulus, base64url"""
    e: str
    """The RSA exponent, base64url"""


class Keys(Model, kw_only=True):
    """A JSON Web Key Set (RFC 7517)"""

    keys: list[Key]
    """The keys that sign tokens now, and those that did a while ago"""


class Me(Model, kw_only=True):
    """Whom a token acts for. `person` is null for an app alone; `scopes` are those of the token.

    `second_factor`: the token comes from a sign-in with one.
    """

    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    person: Person | None
    """The person; null for a token of an app alone"""
    organisation: Organisation
    """The organisation of the token"""
    scopes: list[str]
    """The scopes of the token"""
    second_factor: bool
    """Whether the token comes from a sign-in of the person with a second factor"""
    signed_in_at: datetime | None
    """When the person last signed in, with a password or at their identity provider, before they allowed this access;
    null for an app alone and where it is not known
    """


class Nothing(Model, kw_only=True):
    """An empty object."""


class Organisation(Model, kw_only=True):
    """The organisation that a token belongs to."""

    tenant_id: str
    """The id of the organisation"""
    name: str
    """The organisation's name"""
    environment: str
    """Where it runs: `sandbox` has only test data. One of: production, sandbox"""


class Person(Model, kw_only=True):
    """The person whom a token acts for. `role` is null where the roles of the organisation's identity provider decide."""

    user_id: str
    """The person's id"""
    email: str
    """The e-mail address"""
    name: str
    """The person's name"""
    role: str | None
    """The role"""


class PresentedForm(Model, kw_only=True):
    """A token, with the client's proof"""

    client_id: str | UnsetType = UNSET
    """The app's id, if it is not sent as HTTP Basic"""
    client_secret: str | UnsetType = UNSET
    """The client's secret, if it is not sent as HTTP Basic"""
    client_assertion_type: Literal["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"] | UnsetType = UNSET
    """The kind of `client_assertion` (RFC 7523)"""
    client_assertion: str | UnsetType = UNSET
    """A JWT signed with the app's key, for `private_key_jwt`"""
    token: str
    """The token"""
    token_type_hint: str | UnsetType = UNSET
    """The type that the token probably has; it is not needed"""


class ResourceMetadata(Model, kw_only=True):
    """RFC 9728 §2."""

    resource: str
    """The base URL of this host"""
    authorization_servers: list[str]
    """The issuers whose tokens are accepted"""
    scopes_supported: list[str]
    """The scopes that exist"""
    bearer_methods_supported: list[str]
    """How a token is sent"""
    resource_signing_alg_values_supported: list[str]
    """Algorithms of signed answers"""


class ServerMetadata(Model, kw_only=True):
    """RFC 8414 §2."""

    issuer: str
    """The issuer of tokens, as in `iss`"""
    authorization_endpoint: str
    """The address of the authorization endpoint"""
    token_endpoint: str
    """The address of the token endpoint"""
    jwks_uri: str
    """The address of the signing keys"""
    revocation_endpoint: str
    """The address for revocation (RFC 7009)"""
    introspection_endpoint: str
    """The address for introspection (RFC 7662)"""
    device_authorization_endpoint: str
    """The address where a device begins (RFC 8628)"""
    scopes_supported: list[str]
    """The scopes that exist"""
    response_types_supported: list[str]
    """The values of `response_type`"""
    response_modes_supported: list[str]
    """The values of `response_mode`"""
    grant_types_supported: list[str]
    """The values of `grant_type`"""
    code_challenge_methods_supported: list[str]
    """The methods of PKCE"""
    token_endpoint_auth_methods_supported: list[str]
    """How clients may prove themselves for a token"""
    token_endpoint_auth_signing_alg_values_supported: list[str]
    """Algorithms of `client_assertion` for a token"""
    revocation_endpoint_auth_methods_supported: list[str]
    """How clients may prove themselves for a revocation"""
    revocation_endpoint_auth_signing_alg_values_supported: list[str]
    """Algorithms of `client_assertion` for a revocation"""
    introspection_endpoint_auth_methods_supported: list[str]
    """How clients may prove themselves for an introspection"""
    introspection_endpoint_auth_signing_alg_values_supported: list[str]
    """Algorithms of `client_assertion` for an introspection"""
    authorization_response_iss_parameter_supported: bool
    """Whether answers of the authorization endpoint have `iss` (RFC 9207)"""
    protected_resources: list[str]
    """The hosts that accept the tokens"""
    ui_locales_supported: list[str]
    """Languages of the sign-in pages"""


class Token(Model, kw_only=True):
    """`expires_in` is in seconds; the access token is a JWT of RFC 9068."""

    access_token: str
    """The token to send as `Authorization: Bearer`"""
    token_type: str
    """The type of the token"""
    expires_in: int
    """Seconds until the token ends"""
    scope: str
    """Scopes, separated by spaces"""
    refresh_token: str | None = None
    """The refresh token; each is good for one refresh"""


class TokenForm(Model, kw_only=True):
    """`code`, `redirect_uri` and `code_verifier` go with an authorization code, `refresh_token` with a refresh,
    `device_code` with the
    grant of RFC 8628.
    """

    client_id: str | UnsetType = UNSET
    """The app's id, if it is not sent as HTTP Basic"""
    client_secret: str | UnsetType = UNSET
    """The client's secret, if it is not sent as HTTP Basic"""
    client_assertion_type: Literal["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"] | UnsetType = UNSET
    """The kind of `client_assertion` (RFC 7523)"""
    client_assertion: str | UnsetType = UNSET
    """A JWT signed with the app's key, for `private_key_jwt`"""
    grant_type: Literal[
        "authorization_code", "client_credentials", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"
    ]
    """The OAuth grant type"""
    scope: str | UnsetType = UNSET
    """Scopes, separated by spaces"""
    resource: str | UnsetType = UNSET
    """The base URL of the host that the token is for (RFC 8707); both hosts if left out"""
    code: str | UnsetType = UNSET
    """The authorization code"""
    redirect_uri: str | UnsetType = UNSET
    """The registered address to which the browser returns"""
    code_verifier: str | UnsetType = UNSET
    """The secret of PKCE (RFC 7636)"""
    refresh_token: str | UnsetType = UNSET
    """The refresh token; each is good for one refresh"""
    device_code: str | UnsetType = UNSET
    """The device's secret, to ask for the token with; good once"""

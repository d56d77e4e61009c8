"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from typing import overload

from .. import models
from .._transport import Call, Caller, Operation

_CREATE_TOKEN = Operation(
    "createToken", "POST", "/v1/oauth/token", {200: models.oauth.Token}, body="form", auth="client"
)
_AUTHORIZE_DEVICE = Operation(
    "authorizeDevice",
    "POST",
    "/v1/oauth/device_authorization",
    {200: models.oauth.DeviceAuthorization},
    body="form",
    auth="client",
)
_REVOKE_TOKEN = Operation(
    "revokeToken", "POST", "/v1/oauth/revoke", {200: models.oauth.Nothing}, body="form", auth="client"
)
_INTROSPECT_TOKEN = Operation(
    "introspectToken", "POST", "/v1/oauth/introspect", {200: models.oauth.Introspection}, body="form", auth="client"
)
_GET_ME = Operation("getMe", "GET", "/v1/platform/me", {200: models.oauth.Me})
_GET_JWKS = Operation("getJwks", "GET", "/.well-known/jwks.json", {200: models.oauth.Keys}, auth="open")
_GET_VERSIONED_JWKS = Operation("getVersionedJwks", "GET", "/v1/auth/jwks.json", {200: models.oauth.Keys}, auth="open")
_GET_AUTHORIZATION_SERVER_METADATA = Operation(
    "getAuthorizationServerMetadata",
    "GET",
    "/.well-known/oauth-authorization-server",
    {200: models.oauth.ServerMetadata},
    auth="open",
)
_GET_PROTECTED_RESOURCE_METADATA = Operation(
    "getProtectedResourceMetadata",
    "GET",
    "/.well-known/oauth-protected-resource",
    {200: models.oauth.ResourceMetadata},
    auth="open",
)


class Oauth:
    """OAuth 2.0: an app gets a token here, for itself or in a person's name, and sends it with each call."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def create_token(self, body: models.oauth.TokenForm, *, timeout: float | None = None) -> models.oauth.Token:
        """Get a token.

        Client credentials, authorization code (60 seconds, once), refresh (each refresh token once; reuse ends the
        family) or device code (once, after the person has allowed it; until then `authorization_pending`). The
        client authenticates with HTTP Basic, `client_secret` in the body, or a signed `client_assertion`.
        """
        return self._client._call(Call(_CREATE_TOKEN, body=body, timeout=timeout))

    def authorize_device(
        self, body: models.oauth.DeviceForm, *, timeout: float | None = None
    ) -> models.oauth.DeviceAuthorization:
        """Begin on a device without a browser.

        RFC 8628. Show the person `verification_uri` and `user_code`, then ask for a token every `interval` seconds
        with `device_code`, until it is neither `authorization_pending` nor `slow_down` (then wait 5 seconds longer
        from now on). The person signs in, types the code and consents within `expires_in` seconds. The client
        authenticates with HTTP Basic, `client_secret` in the body, or a signed `client_assertion`.
        """
        return self._client._call(Call(_AUTHORIZE_DEVICE, body=body, timeout=timeout))

    def revoke_token(self, body: models.oauth.PresentedForm, *, timeout: float | None = None) -> models.oauth.Nothing:
        """Give a token back.

        RFC 7009. A refresh token is revoked with its family. The client authenticates with HTTP Basic,
        `client_secret` in the body, or a signed `client_assertion`.
        """
        return self._client._call(Call(_REVOKE_TOKEN, body=body, timeout=timeout))

    def introspect_token(
        self, body: models.oauth.PresentedForm, *, timeout: float | None = None
    ) -> models.oauth.Introspection:
        """Ask about a token.

        RFC 7662, for the client's own tokens. The client authenticates with HTTP Basic, `client_secret` in the
        body, or a signed `client_assertion`.
        """
        return self._client._call(Call(_INTROSPECT_TOKEN, body=body, timeout=timeout))

    def get_me(self, *, timeout: float | None = None) -> models.oauth.Me:
        """Read whom a token acts for.

        The person, their organisation and the token's scopes. A token of an app alone has no person.
        """
        return self._client._call(Call(_GET_ME, timeout=timeout))

    @overload
    def get_jwks(self, *, if_none_match: None = None, timeout: float | None = None) -> models.oauth.Keys: ...

    @overload
    def get_jwks(self, *, if_none_match: str, timeout: float | None = None) -> models.oauth.Keys | None: ...

    def get_jwks(self, *, if_none_match: str | None = None, timeout: float | None = None) -> models.oauth.Keys | None:
        """Read the signing keys.

        Pick the key by the token's `kid`; fetch again when it is unknown.

        None means that nothing has changed since `if_none_match`.

        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return self._client._call(Call(_GET_JWKS, headers={"If-None-Match": if_none_match}, timeout=timeout))

    @overload
    def get_versioned_jwks(self, *, if_none_match: None = None, timeout: float | None = None) -> models.oauth.Keys: ...

    @overload
    def get_versioned_jwks(self, *, if_none_match: str, timeout: float | None = None) -> models.oauth.Keys | None: ...

    def get_versioned_jwks(
        self, *, if_none_match: str | None = None, timeout: float | None = None
    ) -> models.oauth.Keys | None:
        """Read the signing keys, versioned path.

        The same bytes as `/.well-known/jwks.json`.

        None means that nothing has changed since `if_none_match`.

        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return self._client._call(Call(_GET_VERSIONED_JWKS, headers={"If-None-Match": if_none_match}, timeout=timeout))

    def get_authorization_server_metadata(self, *, timeout: float | None = None) -> models.oauth.ServerMetadata:
        """Discover the authorization server.

        RFC 8414.
        """
        return self._client._call(Call(_GET_AUTHORIZATION_SERVER_METADATA, timeout=timeout))

    def get_protected_resource_metadata(self, *, timeout: float | None = None) -> models.oauth.ResourceMetadata:
        """Discover a protected resource.

        RFC 9728; each host answers for itself.
        """
        return self._client._call(Call(_GET_PROTECTED_RESOURCE_METADATA, timeout=timeout))


class AsyncOauth:
    """OAuth 2.0: an app gets a token here, for itself or in a person's name, and sends it with each call."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def create_token(self, body: models.oauth.TokenForm, *, timeout: float | None = None) -> models.oauth.Token:
        """Get a token.

        Client credentials, authorization code (60 seconds, once), refresh (each refresh token once; reuse ends the
        family) or device code (once, after the person has allowed it; until then `authorization_pending`). The
        client authenticates with HTTP Basic, `client_secret` in the body, or a signed `client_assertion`.
        """
        return await self._client._call(Call(_CREATE_TOKEN, body=body, timeout=timeout))

    async def authorize_device(
        self, body: models.oauth.DeviceForm, *, timeout: float | None = None
    ) -> models.oauth.DeviceAuthorization:
        """Begin on a device without a browser.

        RFC 8628. Show the person `verification_uri` and `user_code`, then ask for a token every `interval` seconds
        with `device_code`, until it is neither `authorization_pending` nor `slow_down` (then wait 5 seconds longer
        from now on). The person signs in, types the code and consents within `expires_in` seconds. The client
        authenticates with HTTP Basic, `client_secret` in the body, or a signed `client_assertion`.
        """
        return await self._client._call(Call(_AUTHORIZE_DEVICE, body=body, timeout=timeout))

    async def revoke_token(
        self, body: models.oauth.PresentedForm, *, timeout: float | None = None
    ) -> models.oauth.Nothing:
        """Give a token back.

        RFC 7009. A refresh token is revoked with its family. The client authenticates with HTTP Basic,
        `client_secret` in the body, or a signed `client_assertion`.
        """
        return await self._client._call(Call(_REVOKE_TOKEN, body=body, timeout=timeout))

    async def introspect_token(
        self, body: models.oauth.PresentedForm, *, timeout: float | None = None
    ) -> models.oauth.Introspection:
        """Ask about a token.

        RFC 7662, for the client's own tokens. The client authenticates with HTTP Basic, `client_secret` in the
        body, or a signed `client_assertion`.
        """
        return await self._client._call(Call(_INTROSPECT_TOKEN, body=body, timeout=timeout))

    async def get_me(self, *, timeout: float | None = None) -> models.oauth.Me:
        """Read whom a token acts for.

        The person, their organisation and the token's scopes. A token of an app alone has no person.
        """
        return await self._client._call(Call(_GET_ME, timeout=timeout))

    @overload
    async def get_jwks(self, *, if_none_match: None = None, timeout: float | None = None) -> models.oauth.Keys: ...

    @overload
    async def get_jwks(self, *, if_none_match: str, timeout: float | None = None) -> models.oauth.Keys | None: ...

    async def get_jwks(
        self, *, if_none_match: str | None = None, timeout: float | None = None
    ) -> models.oauth.Keys | None:
        """Read the signing keys.

        Pick the key by the token's `kid`; fetch again when it is unknown.

        None means that nothing has changed since `if_none_match`.

        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return await self._client._call(Call(_GET_JWKS, headers={"If-None-Match": if_none_match}, timeout=timeout))

    @overload
    async def get_versioned_jwks(
        self, *, if_none_match: None = None, timeout: float | None = None
    ) -> models.oauth.Keys: ...

    @overload
    async def get_versioned_jwks(
        self, *, if_none_match: str, timeout: float | None = None
    ) -> models.oauth.Keys | None: ...

    async def get_versioned_jwks(
        self, *, if_none_match: str | None = None, timeout: float | None = None
    ) -> models.oauth.Keys | None:
        """Read the signing keys, versioned path.

        The same bytes as `/.well-known/jwks.json`.

        None means that nothing has changed since `if_none_match`.

        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return await self._client._call(
            Call(_GET_VERSIONED_JWKS, headers={"If-None-Match": if_none_match}, timeout=timeout)
        )

    async def get_authorization_server_metadata(self, *, timeout: float | None = None) -> models.oauth.ServerMetadata:
        """Discover the authorization server.

        RFC 8414.
        """
        return await self._client._call(Call(_GET_AUTHORIZATION_SERVER_METADATA, timeout=timeout))

    async def get_protected_resource_metadata(self, *, timeout: float | None = None) -> models.oauth.ResourceMetadata:
        """Discover a protected resource.

        RFC 9728; each host answers for itself.
        """
        return await self._client._call(Call(_GET_PROTECTED_RESOURCE_METADATA, timeout=timeout))

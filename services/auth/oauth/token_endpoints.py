"""Revocation (RFC 7009) and introspection (RFC 7662): a client gives back or asks about its own tokens."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from starlette.requests import Request
from starlette.responses import Response

from services.auth.oauth import queries, refresh, store
from services.auth.oauth.answering import answer_or_unavailable, authenticate, client_transaction, render
from services.auth.oauth.grants import CONFIDENTIAL
from services.auth.oauth.presented_token import (
    AccessToken,
    RefreshToken,
    introspection,
    jti_milliseconds,
    read_access_token,
)
from services.auth.oauth.reading import read_request
from services.auth.oauth.server import Answer, AuthorizationServer, OAuthRequest
from services.auth.revocations import bell, watermarks
from services.auth.revocations import queries as revocation_queries
from shared.database import AsyncConnection

Token = AccessToken | RefreshToken


class _ReadsToken:
    """What both endpoints share: the token was read before Authlib asks, and an unknown hint is no error (RFC 7009 §2.1)."""

    def check_params(self, request: Any, client: Any) -> None:
        if "token" not in request.form:
            raise InvalidRequestError("The parameter token is missing.")

    def query_token(self, token_string: str, token_type_hint: str | None) -> Any:
        return None

    def read(self, request: OAuthRequest) -> Token | None:
        return request.token


class Revocation(_ReadsToken, RevocationEndpoint):
    CLIENT_AUTH_METHODS = [*CONFIDENTIAL, "none"]  # noqa: RUF012 - Authlib's own name and type

    def authenticate_token(self, request: Any, client: Any) -> Token | None:
        """Another client's token is left alone and answered as an unknown one is: with 200 (RFC 7009 §2.2)."""
        self.check_params(request, client)
        token = self.read(request)
        return token if token is not None and token.check_client(client) else None

    def revoke_token(self, token: Any, request: Any) -> None:
        request.gives_back = token


class Introspection(_ReadsToken, IntrospectionEndpoint):
    """Only a client that can authenticate, and only about its own tokens: all else is simply not active."""

    CLIENT_AUTH_METHODS = CONFIDENTIAL

    def authenticate_token(self, request: Any, client: Any) -> Token | None:
        self.check_params(request, client)
        token = self.read(request)
        return token if token is not None and self.check_permission(token, client, request) else None

    def check_permission(self, token: Any, client: Any, request: Any) -> bool:
        return token.check_client(client)

    def introspect_token(self, token: Any) -> dict[str, Any]:
        return introspection(token)


async def revoke(request: Request) -> Response:
    return await _serve(request, "revocation")


async def introspect(request: Request) -> Response:
    return await _serve(request, "introspection")


async def _serve(request: Request, endpoint: str) -> Response:
    try:
        asked = await read_request(request)
    except OAuth2Error as error:
        return render(error())
    server: AuthorizationServer = request.state.oauth.for_client(asked.known_client)
    answer = await answer_or_unavailable(server, asked, _decide(request, server, asked, endpoint))
    if asked.gives_back is not None:
        await bell.ring(request.state.redis)
    return render(answer)


async def _decide(request: Request, server: AuthorizationServer, asked: OAuthRequest, endpoint: str) -> Answer:
    await authenticate(request, server, asked)
    async with client_transaction(request, asked) as conn:
        asked.token = await _read_token(request, conn, server, asked, expired_too=endpoint == "revocation")
        answer = server.create_endpoint_response(endpoint, asked)
        assert isinstance(answer, Answer)
        if asked.gives_back is not None:
            await _end(conn, asked.gives_back)
    return answer


async def _read_token(
    request: Request, conn: AsyncConnection, server: AuthorizationServer, asked: OAuthRequest, *, expired_too: bool
) -> Token | None:
    text = asked.values.get("token", "")
    if text.startswith(refresh.PREFIX):
        return await _read_refresh_token(conn, server, asked, text)
    access = read_access_token(text, request.state.keys.public_jwks(), server.issuer, expired_too=expired_too)
    if access is None or not access.check_client(asked.authenticated):
        return None
    claims = access.claims
    parameters = {
        "client_id": claims.client_id,
        "grant_id": claims.grant_id,
        "tenant_id": claims.tenant_id,
        "token_id": claims.jti,
    }
    marks = await (await conn.execute(revocation_queries.COVERING, parameters)).fetchall()
    access.revoked = any(jti_milliseconds(claims.jti) < mark for (mark,) in marks)
    return access


async def _read_refresh_token(
    conn: AsyncConnection, server: AuthorizationServer, asked: OAuthRequest, text: str
) -> RefreshToken | None:
    token = refresh.read(text)
    if token is None:
        return None
    grant = await store.lock_grant(conn, token.grant_id, asked.authenticated)
    if grant is None or not refresh.is_genuine(token, grant.seed, server.keyring):
        return None
    return RefreshToken(grant, token.generation >= grant.generation)


async def _end(conn: AsyncConnection, token: Token) -> None:
    """A refresh token takes its family with it; an access token goes alone, a service token with its row."""
    if isinstance(token, RefreshToken):
        await store.revoke_grant(conn, token.grant.grant_id, "revoked by the app")
    elif token.claims.token_use == "service":
        await conn.execute(queries.SERVICE_TOKEN_OF_GRANT, (token.claims.grant_id,))
        await watermarks.revoke(conn, "grant", token.claims.grant_id)
    else:
        claims = token.claims
        await watermarks.revoke(conn, "token", claims.jti, claims.exp - claims.iat + 300, owner=claims.client_id)

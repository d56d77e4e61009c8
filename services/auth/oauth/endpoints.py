"""Token, revocation (RFC 7009) and introspection (RFC 7662) endpoints.

Each reads the facts, lets Authlib decide, and writes the results.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
from authlib.oauth2.rfc6749 import OAuth2Error
from starlette.requests import Request
from starlette.responses import Response

from services.auth.oauth import authorization, clients, devices, queries, tokens
from services.auth.oauth.forms import DESCRIPTIONS, UNDESCRIBED, InvalidClient, TemporarilyUnavailable, reason_of
from services.auth.oauth.models import DeviceAuthorization
from services.auth.oauth.server import Answer, AuthorizationServer, OAuthRequest, PresentedToken, check_grant_type
from services.auth.oauth.tokens import RefreshToken, jti_milliseconds, read_access_token
from services.auth.revocations import bell, watermarks
from services.auth.revocations import queries as revocation_queries
from services.auth.signin.returning import DEVICE
from shared.storage.database import UNAVAILABLE, AsyncConnection, aset_tenant, transaction
from shared.web import http
from shared.web.identity import caller as caller_of

TOKEN = "token"
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
Decide = Callable[[Request, AuthorizationServer, OAuthRequest], Awaitable[Answer]]


async def token(request: Request) -> Response:
    return await _serve(request, _decide_token, counted=TOKEN)


async def device_authorization(request: Request) -> Response:
    """RFC 8628 §3.1 and §3.2."""
    return await _serve(request, _begin_device, counted="device_authorization")


async def revoke(request: Request) -> Response:
    return await _serve(request, partial(_decide_on_token, "revocation"))


async def introspect(request: Request) -> Response:
    return await _serve(request, partial(_decide_on_token, "introspection"))


async def _serve(request: Request, decide: Decide, *, counted: str = "") -> Response:
    """OAuth errors, and an unavailable database, become answers of RFC 6749 §5.2. `counted` calls go into the app's counts and events."""
    try:
        form = await clients.read_form(request)
        presented = clients.read_credentials(request.headers, form)
        client = await clients.load_client(request, presented.client_id)
    except OAuth2Error as error:
        return _render(error())
    asked = OAuthRequest("POST", form, presented, client)
    server: AuthorizationServer = request.state.oauth.for_client(client, request.headers.get("host", ""))
    try:
        answer = await decide(request, server, asked)
    except OAuth2Error as error:
        answer = server.handle_error_response(asked, error)
    except UNAVAILABLE:
        answer = server.handle_error_response(asked, TemporarilyUnavailable())
    if counted:
        _note(request, asked, counted)
    if asked.claims is not None and asked.error is None:
        await request.state.keys.fresh()
        # On the event loop: signing takes 0.2 ms, less than handing the GIL to a thread and back.
        answer.body["access_token"] = request.state.keys.signer().sign(asked.claims)
    if asked.gives_back is not None:
        await bell.ring(request.state.redis)
    return _render(answer)


async def _decide_token(request: Request, server: AuthorizationServer, asked: OAuthRequest) -> Answer:
    await _authenticate(request, server, asked)
    grant_type = check_grant_type(asked, server)
    if grant_type == "client_credentials":
        return _respond(server, asked)
    async with _client_transaction(request, asked) as conn:
        if grant_type == "authorization_code" and "code" in asked.values:
            asked.code = await tokens.burn_code(conn, server.keyring, asked.authenticated, asked.values["code"])
        elif grant_type == devices.GRANT_TYPE and asked.authenticated.check_grant_type(grant_type):
            asked.device = await devices.poll(
                conn, server.keyring, asked.authenticated, asked.values.get("device_code", "")
            )
        elif "refresh_token" in asked.values and asked.authenticated.check_grant_type("refresh_token"):
            presented = tokens.read_refresh(asked.values["refresh_token"])
            if presented is not None:
                grace = timedelta(seconds=request.state.settings.refresh_grace_seconds)
                # Reuse revokes the family, and the revocation is committed.
                redeemed = await tokens.redeem_refresh(conn, server.keyring, asked.authenticated, presented, grace)
                grant, asked.next_generation, asked.refused_because = redeemed
                asked.refresh = RefreshToken(grant) if grant is not None else None
        answer = _respond(server, asked)
        if asked.error is None and asked.continues is not None:
            # The grant's next refresh token; the same one again if the client lost the answer.
            grant, generation = asked.continues, asked.next_generation
            assert grant is not None
            if generation > grant.generation:
                await tokens.advance(conn, grant, generation)
            answer.body["refresh_token"] = tokens.write_refresh(grant.grant_id, generation, grant.seed, server.keyring)
    if asked.error is not None and asked.error.error not in WAITS:
        # A second use of a code or refresh token may have revoked a family.
        await bell.ring(request.state.redis)
    return answer


def _respond(server: AuthorizationServer, asked: OAuthRequest) -> Answer:
    answer = server.create_token_response(asked)
    assert isinstance(answer, Answer)
    return answer


async def _begin_device(request: Request, server: AuthorizationServer, asked: OAuthRequest) -> Answer:
    await _authenticate(request, server, asked)
    wanted, audience = authorization.check_device(server, asked.authenticated, asked)
    settings, address = request.state.settings, caller_of(request).address
    async with _client_transaction(request, asked) as conn:
        codes = await devices.begin(conn, server.keyring, settings, asked.authenticated, wanted, audience, address)
    page = server.address + DEVICE
    body = DeviceAuthorization(
        device_code=codes.device_code,
        user_code=codes.user_code,
        verification_uri=page,
        verification_uri_complete=f"{page}?user_code={codes.user_code}",
        expires_in=devices.LIFETIME,
        interval=devices.WAIT,
    )
    return Answer(200, msgspec.to_builtins(body), [])


# A device that waits for its person is no fault of the app's.
WAITS = frozenset({"authorization_pending", "slow_down"})


def _note(request: Request, asked: OAuthRequest, kind: str) -> None:
    """Counts the call and the secret's last use. A failed call goes into the app's event list with its reason."""
    client, activity = asked.known_client, request.state.activity
    if client is None:
        return
    if asked.error is not None and asked.error.error in WAITS:
        return
    if asked.error is not None:
        reason = asked.refused_because or reason_of(asked.error)
        endpoint = f"/v1/oauth/{kind}"
        activity.refused(client.row.tenant_id, client.row.client_id, str(asked.error.error), reason, endpoint)
        return
    # Of a grant that was given: elsewhere it is any word of the caller, and a row of its own.
    grant_type = asked.values["grant_type"] if kind == TOKEN else ""
    activity.count(client.row.tenant_id, client.row.client_id, kind, grant_type)
    if asked.claims is not None:
        activity.scopes_used(client.row.tenant_id, client.row.client_id, asked.claims.scope.split())
    if asked.secret_id is not None:
        activity.secret_used(client.row.tenant_id, asked.secret_id)


async def _decide_on_token(endpoint: str, request: Request, server: AuthorizationServer, asked: OAuthRequest) -> Answer:
    await _authenticate(request, server, asked)
    async with _client_transaction(request, asked) as conn:
        asked.token = await _read_token(request, conn, server, asked, expired_too=endpoint == "revocation")
        answer = server.create_endpoint_response(endpoint, asked)
        assert isinstance(answer, Answer)
        if asked.gives_back is not None:
            if isinstance(asked.gives_back, RefreshToken):
                await tokens.revoke_grant(conn, asked.gives_back.grant.grant_id, "revoked by the app")
            elif asked.gives_back.claims.token_use == "service":
                await conn.execute(queries.SERVICE_TOKEN_OF_GRANT, (asked.gives_back.claims.grant_id,))
                await watermarks.revoke(conn, "grant", asked.gives_back.claims.grant_id)
            else:
                claims = asked.gives_back.claims
                await watermarks.revoke(
                    conn, "token", claims.jti, claims.exp - claims.iat + 300, owner=claims.client_id
                )
    return answer


async def _read_token(
    request: Request, conn: AsyncConnection, server: AuthorizationServer, asked: OAuthRequest, *, expired_too: bool
) -> PresentedToken | None:
    text = asked.values.get("token", "")
    if (refresh := tokens.read_refresh(text)) is not None:
        grant = await tokens.lock_grant(conn, refresh.grant_id, asked.authenticated)
        if grant is None or not tokens.is_genuine(refresh, grant.seed, server.keyring):
            return None
        return RefreshToken(grant, is_current=refresh.generation >= grant.generation)
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


async def _authenticate(request: Request, server: AuthorizationServer, asked: OAuthRequest) -> None:
    """Authenticates the client. The database stores the ids of assertions, because each is valid once (RFC 7523 §3)."""
    server.authenticate_client(asked, [asked.presented.method] if asked.presented is not None else [])
    if asked.assertion is None:
        return
    client = asked.authenticated.row
    async with _client_transaction(request, asked) as conn:
        parameters = (client.tenant_id, client.client_id, *asked.assertion)
        if not (await conn.execute(queries.USE_ASSERTION, parameters)).rowcount:
            raise InvalidClient("The client assertion was used before.")


@asynccontextmanager
async def _client_transaction(request: Request, asked: OAuthRequest) -> AsyncIterator[AsyncConnection]:
    """One transaction in the tenant of the authenticated client."""
    async with transaction(request) as conn:
        await aset_tenant(conn, asked.authenticated.row.tenant_id)
        yield conn


def _render(answer: tuple[int, Any, Any]) -> Response:
    """The answer as JSON that no cache stores (RFC 6749 §5.1)."""
    status, body, headers = answer
    if "error" in body:
        body = {"error_description": DESCRIPTIONS.get(body["error"], UNDESCRIBED)} | body
    kept = {name.lower(): value for name, value in headers if name.lower() not in ("content-type", *NO_STORE)}
    return Response(http.encode(body), status, {**NO_STORE, **kept}, "application/json")

"""The token endpoint: read what the decision needs, let Authlib decide, write what follows, sign, answer."""

from datetime import timedelta

from authlib.oauth2.rfc6749 import OAuth2Error
from starlette.requests import Request
from starlette.responses import Response

from services.auth.oauth import grants, refresh, store
from services.auth.oauth.answering import answer_or_unavailable, authenticate, client_transaction, render
from services.auth.oauth.errors import reason_of
from services.auth.oauth.models import PresentedRefresh
from services.auth.oauth.reading import read_request
from services.auth.oauth.server import Answer, AuthorizationServer, OAuthRequest
from services.auth.revocations import bell
from shared.database import AsyncConnection


async def token(request: Request) -> Response:
    try:
        asked = await read_request(request)
    except OAuth2Error as error:
        return render(error())
    server: AuthorizationServer = request.state.oauth.for_client(asked.known_client)
    answer = await answer_or_unavailable(server, asked, decide(request, server, asked))
    note(request, asked, answer)
    if asked.claims is not None and asked.error is None:
        await request.state.keys.fresh()
        # On the event loop: a fifth of a millisecond, where a thread would cost more in handing the GIL to and fro.
        answer.body["access_token"] = request.state.keys.signer().sign(asked.claims)
    return render(answer)


async def decide(request: Request, server: AuthorizationServer, asked: OAuthRequest) -> Answer:
    await authenticate(request, server, asked)
    grant_type = grants.check_grant_type(asked, server)
    if grant_type == "client_credentials":
        return respond(server, asked)
    async with client_transaction(request, asked) as conn:
        if grant_type == "authorization_code" and "code" in asked.values:
            asked.code = await store.burn_code(conn, server.keyring, asked.authenticated, asked.values["code"])
        elif "refresh_token" in asked.values:
            await redeem_refresh(request, conn, asked)
        answer = respond(server, asked)
        if asked.error is None and asked.continues is not None:
            answer.body["refresh_token"] = await next_refresh_token(conn, server, asked)
    if asked.error is not None:
        # A second use may have revoked a family.
        await bell.ring(request.state.redis)
    return answer


async def redeem_refresh(request: Request, conn: AsyncConnection, asked: OAuthRequest) -> None:
    """Puts the grant on the request if this use is a good one; reuse revokes it, and the error goes through the commit."""
    settings, server = request.state.settings, request.state.oauth
    token = refresh.read(asked.values["refresh_token"])
    if token is None or not asked.authenticated.check_grant_type("refresh_token"):
        return
    grace = timedelta(seconds=settings.refresh_grace_seconds)
    redemption = await store.redeem_refresh(conn, server.keyring, asked.authenticated, token, grace)
    grant, asked.next_generation, asked.refused_because = redemption
    asked.refresh = PresentedRefresh(grant) if grant is not None else None


async def next_refresh_token(conn: AsyncConnection, server: AuthorizationServer, asked: OAuthRequest) -> str:
    """The grant's next refresh token; the same one again for a client that lost the answer."""
    grant, generation = asked.continues, asked.next_generation
    assert grant is not None
    if generation > grant.generation:
        await store.advance(conn, grant, generation)
    return refresh.write(grant.grant_id, generation, grant.seed, server.keyring)


def respond(server: AuthorizationServer, asked: OAuthRequest) -> Answer:
    answer = server.create_token_response(asked)
    assert isinstance(answer, Answer)
    return answer


def note(request: Request, asked: OAuthRequest, answer: Answer) -> None:
    """Counts, last uses and, for a call that failed, the reason its integrator will look for."""
    client, activity = asked.known_client, request.state.activity
    if client is None:
        return
    if asked.error is not None:
        reason = asked.refused_because or reason_of(asked.error)
        activity.refused(client.row.tenant_id, client.row.client_id, str(asked.error.error), reason)
        return
    activity.count(client.row.tenant_id, client.row.client_id, "token", asked.values.get("grant_type", ""))
    if asked.secret_id is not None:
        activity.secret_used(client.row.tenant_id, asked.secret_id)

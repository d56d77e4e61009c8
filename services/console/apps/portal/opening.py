"""Opening a portal link: a page that asks, and a POST that starts a session. GET changes nothing, since scanners of mail send it."""

import logging

from starlette.requests import Request
from starlette.responses import Response

from services.console.apps.portal import links, queries
from services.console.pages import render, serve
from services.console.pages.limits import Limiter
from services.console.pages.visit import read_form
from services.console.session import cookies, store
from services.console.session.endpoints import give_back
from services.console.session.models import Profile, Tokens
from shared.storage.database import aset_tenant, transaction
from shared.web import problems
from shared.web.identity import caller as caller_of
from shared.web.identity import client_network

FIRST_PAGE = "/webhooks"
LONGEST = 200
log = logging.getLogger(__name__)


async def ask(request: Request) -> Response:
    text = request.query_params.get("link", "")
    return render.html(request, "portal/open.html", "apps", link=text if len(text) <= LONGEST else "")


async def open_link(request: Request) -> Response:
    limiter: Limiter = request.state.strangers
    if (wait := limiter.take(client_network(caller_of(request).address))) > 0:
        return serve.message(request, None, "too_many", 429, seconds=wait)
    if not cookies.is_own_origin(request):
        return serve.message(request, None, "foreign_form", 403)
    try:
        text = (await read_form(request))("link")
    except (problems.Problem, ValueError):
        return serve.message(request, None, "unreadable", 400)
    before = await store.current(request)
    keyring = request.state.keyring
    async with transaction(request) as conn:
        found = await links.find(conn, keyring, text) if len(text) <= LONGEST else None
        opened = 0
        if found is not None:
            await aset_tenant(conn, found[0].tenant_id)
            # None if it was revoked since it was found. Until the commit the row is locked: who revokes it now ends this session too.
            opened = (await conn.execute(queries.OPENED, (found[0].link_id,))).rowcount
        if found is None or not opened:
            log.warning("a portal link was refused")
            return render.html(request, "portal/closed.html", "apps", status=403)
        link, contents = found
        profile = Profile(
            user_id=link.link_id,
            email="",
            name=contents.app_name,
            tenant_id=link.tenant_id,
            tenant_name=contents.tenant_name,
            is_sandbox=contents.is_sandbox,
            scopes=frozenset(contents.scopes),
            portal_app=link.client_id,
        )
        tokens = Tokens(link.client_id, contents.token, "", link.expires_at.timestamp())
        # Sessions that this one displaces had the same token, which stays good.
        token, _ = await store.start(request, conn, tokens, profile)
        await conn.execute(queries.END_WITH_LINK, (link.expires_at, link.link_id))
    if before is not None and not before.profile.portal_app:
        await store.end(request, before)
        await give_back(request, [before.tokens])
    response = render.redirect(FIRST_PAGE)
    cookies.give(request, response, cookies.SESSION, token, max_age=None, strict=True)
    cookies.give(request, response, cookies.PORTAL, "1", max_age=None, strict=True)
    return response

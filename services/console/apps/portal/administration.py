"""An administrator's pages of an app's portal links: the list, a new one, and its end."""

from datetime import UTC
from typing import LiteralString

from starlette.requests import Request
from starlette.responses import Response

from services.console.apps import listing, once
from services.console.apps.credentials import seconds_of
from services.console.apps.models import App, Minted, ServiceTokens
from services.console.apps.once import Shown, Value
from services.console.apps.portal import links, queries
from services.console.apps.portal.links import Contents, Link, Named
from services.console.pages.visit import Fault, Visit
from services.console.session import store
from services.console.session.models import Session
from services.console.upstream.errors import Refused
from shared.primitives import ids
from shared.storage import database
from shared.storage.database import aset_tenant, transaction

DAY = 86_400
LIVES = (7 * DAY, DAY, 30 * DAY)
READ, WRITE = "webhooks:read", "webhooks:write"
PER_PAGE = 25
MOST_TOKENS = 100
MOST_ENDING = 200
"""Links that are looked at, the newest first."""


async def list_links(visit: Visit) -> Response:
    return await _list(visit, await listing.read(visit), [])


async def _list(visit: Visit, app: App, faults: list[Fault]) -> Response:
    after = visit.cursor()
    parameters = {"client_id": app.client_id, "after": after, "limit": PER_PAGE + 1}
    async with transaction(visit.request, store.as_caller(visit.request, visit.session)) as conn:
        await aset_tenant(conn, visit.session.tenant_id)
        found = await database.every(conn, Link, queries.OF_APP, parameters)
    shown = list(found[:PER_PAGE])
    # The app's service tokens that auth calls good, and whether these are all: a token ends with its maker or its app.
    live, is_whole = set[str](), True
    if any(link.is_good for link in shown):
        tokens = await visit.load(listing.path(visit, "/service-tokens"), ServiceTokens, limit=MOST_TOKENS)
        is_whole = tokens.failure is None and tokens.value.next_cursor is None
        if tokens.failure is None:
            live = {token.id for token in tokens.value.service_tokens}
    return visit.page(
        "portal/links.html",
        status=422 if faults else 200,
        app=app,
        links=shown,
        states={link.link_id: link.state_with(live, is_whole=is_whole) for link in shown},
        next_cursor=shown[-1].link_id if len(found) > PER_PAGE else "",
        query={"cursor": after},
        lives=LIVES,
        form=visit.form,
        may_read=READ in app.requested_scopes or WRITE in app.requested_scopes,
        may_write=WRITE in app.requested_scopes,
        faults=faults,
    )


async def ending_with_app(visit: Visit, client_id: str) -> list[str]:
    """For whom the links are that end with the app."""
    return await _ending(visit, queries.ENDING_WITH_APP, client_id)


async def ending_with_maker(visit: Visit, user_id: str) -> list[str]:
    """For whom the links are that end with the access of the person who made them."""
    return await _ending(visit, queries.ENDING_WITH_MAKER, user_id)


async def _ending(visit: Visit, query: LiteralString, whose: str) -> list[str]:
    async with transaction(visit.request, store.as_caller(visit.request, visit.session)) as conn:
        await aset_tenant(conn, visit.session.tenant_id)
        return [one.note for one in await database.every(conn, Named, query, (whose, MOST_ENDING))]


async def make(visit: Visit) -> Response:
    app, session, request = await listing.read(visit), visit.session, visit.request
    note, may_write = visit.form("note"), visit.form("may_write") == "1"
    if not note or len(note) > 120 or not note.isprintable():
        return await _list(visit, app, [Fault("note", visit.t("portal.needs_note"))])

    async def make_it() -> Shown:
        scope, lives = WRITE if may_write else READ, seconds_of(visit.form("lives"), LIVES)
        body = {"scopes": [scope], "expires_in": lives}
        token = (await visit.send("POST", listing.path(visit, "/service-token"), body)).read(Minted)
        link_id, secret = links.new_id(), links.new_secret()
        profile = session.profile
        contents = Contents(token.token, token.scopes, app.name, profile.tenant_name, profile.is_sandbox)
        row = {
            "link_id": link_id,
            "tenant_id": session.tenant_id,
            "client_id": app.client_id,
            "token_id": token.id,
            "secret_mac": links.mac(request.state.keyring, secret),
            "sealed": links.seal(request.state.keyring, link_id, secret, contents),
            "may_write": may_write,
            "note": note,
            "made_by": session.user_id,
            "expires_at": token.expires_at,
        }
        async with transaction(request, store.as_caller(request, session)) as conn:
            await aset_tenant(conn, session.tenant_id)
            await conn.execute(queries.MAKE, row)
        address = f"{request.state.settings.console_base_url}/portal?link={links.text_of(link_id, secret)}"
        ends = token.expires_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        return Shown(
            "link", [Value("link", address, is_secret=True), Value("ends", ends)], f"/apps/{app.client_id}/links"
        )

    try:
        return await once.only_once(visit, make_it)
    except Refused as refused:
        if refused.status not in (403, 409, 422):
            raise
        return await _list(visit, app, visit.faults(refused, expires_in="lives", scopes=""))


async def _load(request: Request, session: Session, client_id: str, link_id: str) -> Link | None:
    if not ids.is_id(link_id, links.PREFIX):
        return None
    async with transaction(request, store.as_caller(request, session)) as conn:
        await aset_tenant(conn, session.tenant_id)
        return await database.first(conn, Link, queries.ONE, (link_id, client_id))


async def ask_revocation(visit: Visit) -> Response:
    app = await listing.read(visit)
    link = await _load(visit.request, visit.session, app.client_id, visit.ids["link_id"])
    if link is None:
        return visit.redirect(f"/apps/{app.client_id}/links", done="no_link")
    return visit.page("portal/revoke.html", app=app, link=link)


async def revoke(visit: Visit) -> Response:
    """The link, its sessions and its token end. The token ends last: only the link holds it."""
    app, session, request = await listing.read(visit), visit.session, visit.request
    link = await _load(request, session, app.client_id, visit.ids["link_id"])
    if link is None:
        return visit.redirect(f"/apps/{app.client_id}/links", done="no_link")
    async with transaction(request, store.as_caller(request, session)) as conn:
        await aset_tenant(conn, session.tenant_id)
        await conn.execute(queries.REVOKE, (link.link_id,))
        await conn.execute(queries.END_SESSIONS, (link.link_id,))
    try:
        await visit.send("DELETE", listing.path(visit, "/service-tokens/{token_id}", token_id=link.token_id))
    except Refused as refused:
        if refused.status != 404:
            raise
    return visit.redirect(f"/apps/{app.client_id}/links", done="link_revoked")

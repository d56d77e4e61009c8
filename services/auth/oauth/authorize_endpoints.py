"""The authorization endpoint: signs the person in, asks for consent if needed, and sends the browser back with a code."""

from typing import Any

from authlib.oauth2.rfc6749 import AccessDeniedError, OAuth2Error, UnauthorizedClientError
from starlette.requests import Request
from starlette.responses import Response

from services.auth.apps import rules, scopes
from services.auth.oauth import authorization, common_clients, granting, queries, tokens
from services.auth.oauth.authorization import Checked, Query, Unredirectable
from services.auth.oauth.clients import Client, read_form
from services.auth.oauth.common_clients import StandIn
from services.auth.oauth.forms import reason_of
from services.auth.oauth.granting import Asked
from services.auth.oauth.server import AuthorizationServer
from services.auth.signin import cookies, pages, sessions
from services.auth.signin.models import Session
from services.auth.signin.returning import AUTHORIZE, to_sign_in
from shared.storage.database import AsyncConnection, transaction

CODE_SECONDS = 60


class Asking:
    """An authorization request whose app and redirect URI are valid."""

    def __init__(self, request: Request, text: str, client: Client, redirect_uri: str, state: str | None) -> None:
        self.request, self.text = request, text
        self.client, self.redirect_uri, self.state = client, redirect_uri, state
        self.server: AuthorizationServer = request.state.oauth.for_client(client, request.headers.get("host", ""))
        self.of_common = isinstance(client, StandIn)

    def by(self, client: Client) -> "Asking":
        """The same request, made by an organisation's own app in the place of a common one."""
        own = Asking(self.request, self.text, client, self.redirect_uri, self.state)
        own.of_common = True
        return own

    @property
    def again(self) -> str:
        """The path of this request, to return to after a sign-in."""
        return AUTHORIZE + self.text

    @property
    def only_looks(self) -> bool:
        """HEAD has no effect (RFC 9110 §9.2.1), and link checkers send it: it makes no grant, no code and no event."""
        return self.request.method == "HEAD"

    def asked(self, checked: Checked) -> Asked:
        return Asked(self.client, checked.scopes, checked.audience)

    def fail(self, error: OAuth2Error, status: int = 302) -> Response:
        """Redirects to the app with the error, and adds it to the app's event list."""
        row = self.client.row
        if not self.only_looks and row.tenant_id:
            refused = self.request.state.activity.refused
            refused(row.tenant_id, row.client_id, str(error.error), reason_of(error), "/v1/oauth/authorize")
        return _redirect(
            authorization.error_location(self.redirect_uri, error, self.state, self.server.address), status
        )

    def page(self, name: str, session: Session, **context: Any) -> Response:
        return pages.render(
            self.request,
            name,
            redirects_to=self.redirect_uri,
            app_name=self.client.row.name,
            session=session,
            query=self.text,
            continue_to=self.again,
            **context,
        )


def _redirect(location: str, status: int) -> Response:
    # Not Starlette's redirect, which would rewrite characters of the registered URI.
    return Response(status_code=status, headers={**pages.headers(), "location": location})


async def authorize(request: Request) -> Response:
    """RFC 6749 §4.1.1. Answers with a page, or a redirect to the app or to the sign-in page."""
    try:
        asking, query = await _begin(request, request.scope["query_string"].decode("latin-1"))
    except Unredirectable as refused:
        return pages.error(request, refused.word)
    try:
        checked = authorization.check(asking.server, asking.client, query)
    except OAuth2Error as error:
        return asking.fail(error)
    async with transaction(request) as conn:
        session = await sessions.current(request, conn)
        if session is None or checked.prompts & authorization.SIGN_IN_PROMPTS:
            return _send_to_sign_in(asking, checked)
        if isinstance(asking.client, StandIn):
            asking = asking.by(await common_clients.own_client(conn, asking.client, session.tenant_id))
            if not asking.client.is_live:
                return asking.fail(UnauthorizedClientError("The organisation does not use this app."))
            # The request as the organisation's own app makes it. It has more of nothing than the common app.
            client = asking.client
            narrowed = query.first._replace(values={**query.first.values, "client_id": client.row.client_id})
            again = authorization.check(asking.server, client, query._replace(first=narrowed))
            checked = again._replace(prompts=checked.prompts)
        if session.tenant_id != asking.client.row.tenant_id:
            if "none" in checked.prompts:
                return asking.fail(authorization.LoginRequired())
            return asking.page("other_tenant.html", session)
        beyond = await granting.beyond_roles(conn, session, checked.scopes)
        if beyond is None:
            return _send_to_sign_in(asking, checked)
        if asking.of_common:
            checked = checked._replace(scopes=common_clients.within_roles(checked.scopes, beyond))
            beyond = beyond if set(checked.scopes) <= {scopes.OFFLINE_ACCESS} else []
        if beyond:
            return asking.fail(authorization.BeyondRoles(beyond))
        if await _is_remembered(conn, asking, checked, session):
            if asking.only_looks:
                return _ask(asking, checked, session)
            return _redirect(await _grant(conn, asking, checked, session), 302)
    if "none" in checked.prompts:
        return asking.fail(authorization.ConsentRequired())
    return _ask(asking, checked, session)


async def _begin(request: Request, text: str) -> tuple[Asking, Query]:
    query = authorization.read_query(text)
    values = query.first.values
    client = await common_clients.load_asking(request, values.get("client_id", ""))
    redirect_uri = authorization.redirect_uri_of(client, query.first)
    assert client is not None
    return Asking(request, text, client, redirect_uri, values.get("state")), query


def _send_to_sign_in(asking: Asking, checked: Checked) -> Response:
    if "none" in checked.prompts:
        return asking.fail(authorization.LoginRequired())
    # The request returns without this prompt after the sign-in.
    again = authorization.after_sign_in(asking.text, checked.prompts)
    fresh = bool(checked.prompts & authorization.SIGN_IN_PROMPTS)
    return _redirect(to_sign_in(AUTHORIZE + again, fresh=fresh), 303)


async def _is_remembered(conn: AsyncConnection, asking: Asking, checked: Checked, session: Session) -> bool:
    if asking.of_common:
        # The platform's own app. The consent is stored, so that the person finds the access among their apps, and can end it.
        if not asking.only_looks:
            await granting.remember_common(conn, asking.asked(checked), session)
        return True
    if "consent" in checked.prompts:
        return False
    if not authorization.consent_may_be_remembered(asking.client, asking.redirect_uri):
        return False
    row = await (await conn.execute(queries.CONSENT, (session.user_id, asking.client.row.client_id))).fetchone()
    return row is not None and set(checked.scopes) <= set(row[0])


def _ask(asking: Asking, checked: Checked, session: Session) -> Response:
    asked = asking.asked(checked)
    return asking.page(
        "consent.html",
        session,
        scopes=granting.shown_scopes(asking.request, asked),
        returns_to=authorization.shown_host(asking.redirect_uri),
        mode=asking.client.row.deidentification,
        shown=granting.shown_mac(asking.request.state.keyring, asked, session),
    )


async def decide(request: Request) -> Response:
    """Handles the user's answer and checks everything anew. The form only holds the request, the MAC of the page, and the choice."""
    values = (await read_form(request)).values
    try:
        asking, query = await _begin(request, values.get("request", ""))
    except Unredirectable as refused:
        return pages.error(request, refused.word)
    if not cookies.is_own_form(request, values.get("csrf", "")):
        return _redirect(asking.again, 303)
    try:
        checked = authorization.check(asking.server, asking.client, query)
    except OAuth2Error as error:
        return asking.fail(error, 303)
    if values.get("decision") != "allow":
        return asking.fail(AccessDeniedError(), 303)
    async with transaction(request) as conn:
        session = await sessions.current(request, conn)
        if session is None or session.tenant_id != asking.client.row.tenant_id:
            return _redirect(asking.again, 303)
        beyond = await granting.beyond_roles(conn, session, checked.scopes)
        if beyond is None:
            return _redirect(asking.again, 303)
        if beyond:
            return asking.fail(authorization.BeyondRoles(beyond), 303)
        asked = asking.asked(checked)
        if not granting.was_shown(request.state.keyring, asked, session, values.get("shown", "")):
            return _ask(asking, checked, session)
        if await granting.is_full_of_consents(request, conn, asked, session):
            return pages.error(request, "consents_full", 409)
        await granting.remember(request, conn, asked, session)
        return _redirect(await _grant(conn, asking, checked, session), 303)


async def _grant(conn: AsyncConnection, asking: Asking, checked: Checked, session: Session) -> str:
    """Makes a grant and its code. Returns the address for the browser."""
    asking.server.create_authorization_response(checked.asked, grant_user=session.user_id, grant=checked.grant)
    code = checked.asked.new_code
    assert code is not None
    client, values = asking.client, checked.asked.values
    made = tokens.NewCode(
        asking.server.keyring.mac(code.encode(), tokens.CODE_PURPOSE),
        CODE_SECONDS,
        asking.redirect_uri,
        redirect_uri_named="redirect_uri" in values,
        code_challenge=values.get("code_challenge"),
    )
    # For governance's dry run. Not the requested URI, which may name any port of a loopback address.
    registered = rules.registered_as(asking.redirect_uri, client.row.redirect_uris) or asking.redirect_uri
    activity, app = asking.request.state.activity, (client.row.tenant_id, client.row.client_id)
    activity.count(*app, rules.AUTHORIZED_AT, registered)
    if "code_challenge" not in values:
        activity.count(*app, rules.AUTHORIZED_WITHOUT_PKCE)
    await granting.insert(asking.request, conn, asking.asked(checked), session, made)
    own = client.row.client_id if asking.of_common else None
    return authorization.code_location(asking.redirect_uri, code, asking.state, asking.server.address, own)

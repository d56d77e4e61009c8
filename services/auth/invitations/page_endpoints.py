"""The page that an invitation's link opens: name and password of a new person, once."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.auth import caps
from services.auth.invitations import links, queries
from services.auth.invitations.models import Invited
from services.auth.oauth.clients import read_form
from services.auth.people import rights, roles
from services.auth.saml.people import refuses_password
from services.auth.saml.queries import COUNT_USERS
from services.auth.signin import cookies, hashing, pages, passwords, sessions, throttle
from services.auth.signin.returning import first_sign_in
from shared.fairness.places import NoPlace
from shared.primitives import ids
from shared.storage import audit, database
from shared.storage.caps import is_full
from shared.storage.database import aset_tenant, transaction

LONGEST_NAME = 120


async def invitation_page(request: Request) -> Response:
    token = request.query_params.get("invitation", "")
    invited = await _find(request, token)
    return pages.error(request, "link_dead", 410) if invited is None else _ask(request, token, invited)


async def _find(request: Request, token: str) -> Invited | None:
    """One answer for links that are unknown, used, withdrawn or too old."""
    if len(token) != cookies.TOKEN_LENGTH or not token.isascii():
        return None
    async with transaction(request) as conn:
        macs = links.macs_of(request.state.keyring, token)
        return await database.first(conn, Invited, queries.FIND, (macs,))


def _ask(
    request: Request, token: str, invited: Invited, status: int = 200, alert: str = "", name: str = ""
) -> Response:
    return pages.render(
        request,
        "invitation.html",
        status,
        invitation=token,
        email=invited.email,
        organisation=invited.organisation,
        role=pages.words(request)[f"role_{invited.role}"],
        written_name=name,
        longest_name=LONGEST_NAME,
        shortest=passwords.MIN_LENGTH,
        alert=alert,
    )


def name_of(text: str) -> str:
    """The name as it is stored: printable, without spaces around it; "" if it is too long or nothing is left."""
    name = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return name if len(name) <= LONGEST_NAME else ""


async def accept_invitation(request: Request) -> Response:
    values = (await read_form(request)).values
    token, password, words = values.get("invitation", ""), values.get("password", ""), pages.words(request)
    invited = await _find(request, token)
    if invited is None:
        return pages.error(request, "link_dead", 410)
    name = name_of(values.get("name", ""))
    context = (invited.email, name, invited.organisation)
    problem = "" if name else "name_missing"
    problem = problem or passwords.problem_with(password, context, second_factor=False) or ""
    problem = problem or ("" if values.get("again") == password else "password_differs")
    if not cookies.is_own_form(request, values.get("csrf", "")):
        problem = "form_expired"
    if problem:
        return _ask(request, token, invited, 422, words[problem], name)
    # The hash has the rank of known devices, so copies of one link may ask for few of them.
    async with transaction(request) as conn:
        attempt = await throttle.take_in_session(conn, request.state.keyring, token)
    if attempt.wait:
        refused = _ask(request, token, invited, 429, words["too_many"].format(seconds=attempt.wait), name)
        refused.headers["retry-after"] = str(attempt.wait)
        return refused
    try:
        hashed = await hashing.hash_password(request, password)
    except NoPlace:
        async with transaction(request) as conn:
            await throttle.give_back(conn, attempt)
        raise
    return await _join(request, token, invited, name, hashed)


class _Refused(Exception):
    """The text of the page and its status; the transaction is rolled back."""

    def __init__(self, word: str, status: int) -> None:
        super().__init__(word)
        self.word, self.status = word, status


async def _join(request: Request, token: str, invited: Invited, name: str, hashed: str) -> Response:
    try:
        async with transaction(request) as conn:
            await aset_tenant(conn, invited.tenant_id)
            # Raises _Refused if the link was used meanwhile, the address has an account, or the organisation takes
            # nobody in.
            macs = links.macs_of(request.state.keyring, token)
            if not (await conn.execute(queries.ACCEPT, (invited.id, macs))).rowcount:
                raise _Refused("link_dead", 410)
            user_id = ids.new_id("usr")
            if await refuses_password(conn, user_id):
                raise _Refused("organisation_only_help", 403)
            cap = await caps.cap_of(conn, request.state.settings, invited.tenant_id, "users")
            if await is_full(conn, cap, invited.tenant_id, COUNT_USERS, (invited.tenant_id,)):
                raise _Refused("organisation_full", 409)
            made = rights.new(invited.tenant_id, user_id, [])
            row = msgspec.structs.asdict(made) | {"email": invited.email, "name": name}
            if not (await conn.execute(rights.INSERT, row)).rowcount:
                raise _Refused("address_known", 409)
            role: roles.Role = invited.role
            await conn.execute(queries.COMPLETE_USER, (role, roles.of(role), hashed, user_id))
            await conn.execute(queries.ACCEPTED_BY, (user_id, invited.id))
            actor = sessions.actor(request, invited.tenant_id, user_id)
            await audit.record(conn, actor, "invitation.accepted", invited.id)
            await audit.record(conn, actor, "user.created", user_id, {"role": role})
    except _Refused as refused:
        return pages.error(request, refused.word, refused.status)
    return await first_sign_in(request, invited.email, "invitation_accepted")

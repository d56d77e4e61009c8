"""Invitations by mail: the endpoints of an organisation's administrators."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.auth import caps
from services.auth.invitations import queries
from services.auth.invitations.links import DAYS
from services.auth.invitations.models import (
    HeldInvitation,
    Invitation,
    InvitationDraft,
    InvitationPage,
)
from services.auth.people import acting, roles
from services.auth.saml import policies
from shared.primitives import ids
from shared.process import mail
from shared.storage import audit, database, idempotency
from shared.storage.caps import Cap, require_room
from shared.storage.database import AsyncConnection, tenant_transaction
from shared.web import http, problems
from shared.web.identity import Caller
from shared.web.problems import FieldError

INVITATIONS = "/v1/platform/invitations"
MAILS_OF_ADDRESS = 3
"""Mails of one organisation to one address within a day."""
WAIT_SECONDS = 300
"""Between two mails of an invitation."""


async def create_invitation(request: Request, caller: Caller, draft: InvitationDraft) -> Response:
    """Answers the same whether or not the address has an account elsewhere; only its owner learns that, on the invitation's page."""
    if not mail.is_address(draft.email):
        raise problems.invalid("The request does not fit; see errors.", [FieldError("/email", "not an e-mail address")])
    acting.require_role_of_tenant(caller, draft.role)
    _require_mail(request)
    settings = request.state.settings
    async with tenant_transaction(request, caller) as conn:
        if (answer := await idempotency.stored(conn, request, caller)) is not None:
            return answer
        await acting.begin_change(conn)
        await acting.require_reach(conn, caller, roles.of(draft.role))
        await _require_new(conn, draft.email)
        await caps.require(conn, settings, caller.tenant_id, "invitations", queries.COUNT_PENDING)
        await _require_mails_left(request, conn, caller, draft.email)
        row: dict[str, Any] = {
            "id": ids.new_id("inv"),
            "tenant_id": caller.tenant_id,
            "email": draft.email,
            "role": draft.role,
            "invited_by": caller.person_id or caller.client_id,
            "days": DAYS,
        }
        await conn.execute(queries.INSERT, row)
        await _add_mail(conn, caller, row["id"], 1)
        await audit.record(conn, caller, "invitation.made", row["id"], {"role": draft.role})
        response = http.created(await _invitation(conn, row["id"]), f"{INVITATIONS}/{row['id']}")
        return await idempotency.keep(conn, request, caller, response)


def _require_mail(request: Request) -> None:
    if not request.state.settings.mail_from:
        raise problems.conflict(
            "This installation sends no mail; its operator sets MAIL_FROM and MAIL_SERVER.", reason="no-mail"
        )


async def _require_new(conn: AsyncConnection, email: str) -> None:
    """Raises a 409 Problem for a person of this organisation, a second invitation, and where passwords are refused."""
    if row := await (await conn.execute(queries.HAS_USER, (email,))).fetchone():
        raise problems.conflict("This person is in your organisation already.", id=row[0], reason="known")
    if row := await (await conn.execute(queries.PENDING, (email,))).fetchone():
        raise problems.conflict(
            "There is a pending invitation to this address; resend or withdraw it.", id=row[0], reason="invited"
        )
    policy = await policies.of_tenant(conn)
    if policy.enforced and policy.federation:
        raise problems.conflict(
            "Your organisation's own sign-in is enforced: people get access there.", reason="enforced"
        )


async def _require_mails_left(request: Request, conn: AsyncConnection, caller: Caller, email: str) -> None:
    settings, tenant_id = request.state.settings, caller.tenant_id
    await caps.require(conn, settings, tenant_id, "invitation_mails_a_day", queries.COUNT_OF_DAY)
    cap = Cap("mails to one address within a day", MAILS_OF_ADDRESS, instead="try again tomorrow")
    await require_room(conn, cap, tenant_id, queries.COUNT_OF_ADDRESS, (email,))


async def _add_mail(conn: AsyncConnection, caller: Caller, invitation_id: str, number: int) -> None:
    row = {"mail_id": ids.new_id("mail"), "tenant_id": caller.tenant_id, "id": invitation_id, "number": number}
    await conn.execute(queries.ADD_MAIL, row)


async def list_invitations(request: Request, caller: Caller, page: InvitationPage) -> Response:
    parameters = {
        "tenant_id": caller.tenant_id,
        "status": page.status,
        "after": http.page_after(request, page),
        "limit": page.limit + 1,
    }
    async with tenant_transaction(request, caller) as conn:
        found = await database.every(conn, Invitation, queries.INVITATIONS, parameters)
    return http.listed(request, "invitations", found, page, lambda row: row.id)


async def read_invitation(request: Request, caller: Caller, invitation_id: str) -> Invitation:
    async with tenant_transaction(request, caller) as conn:
        return await _invitation(conn, invitation_id)


async def _invitation(conn: AsyncConnection, invitation_id: str) -> Invitation:
    known = ids.is_id(invitation_id, "inv")
    found = await database.first(conn, Invitation, queries.INVITATION, (invitation_id,)) if known else None
    if found is None:
        raise problems.not_found()
    return found


async def _hold(conn: AsyncConnection, caller: Caller, invitation_id: str) -> HeldInvitation:
    """The invitation, locked. Raises Problem: 404, or 403 for a role beyond the caller's."""
    await acting.begin_change(conn)
    known = ids.is_id(invitation_id, "inv")
    held = await database.first(conn, HeldInvitation, queries.HOLD, (invitation_id,)) if known else None
    if held is None:
        raise problems.not_found()
    await acting.require_reach(conn, caller, roles.of(held.role))
    return held


async def resend_invitation(request: Request, caller: Caller, invitation_id: str) -> Response:
    """The link before is void at once; the new one is good for seven days."""
    _require_mail(request)
    async with tenant_transaction(request, caller) as conn:
        if (answer := await idempotency.stored(conn, request, caller)) is not None:
            return answer
        held = await _hold(conn, caller, invitation_id)
        if held.status not in ("pending", "expired"):
            raise problems.conflict(f"The invitation is {held.status}.", reason="over")
        if held.status == "expired":
            await _require_new(conn, held.email)
        if held.last_mail_seconds < WAIT_SECONDS:
            wait = int(WAIT_SECONDS - held.last_mail_seconds) + 1
            raise problems.too_many("A mail of this invitation was sent just now.", wait)
        await _require_mails_left(request, conn, caller, held.email)
        renewed = await (await conn.execute(queries.RENEW, {"id": held.id, "days": DAYS})).fetchone()
        assert renewed is not None
        await _add_mail(conn, caller, held.id, renewed[0])
        await audit.record(conn, caller, "invitation.resent", held.id)
        response = http.json(await _invitation(conn, held.id))
        return await idempotency.keep(conn, request, caller, response)


async def withdraw_invitation(request: Request, caller: Caller, invitation_id: str) -> Invitation:
    """Its link is void at once. A second call changes nothing."""
    async with tenant_transaction(request, caller) as conn:
        held = await _hold(conn, caller, invitation_id)
        if held.status == "accepted":
            raise problems.conflict("The invitation is accepted; take the person's access away instead.", reason="over")
        if held.status != "withdrawn":
            await conn.execute(queries.WITHDRAW, (held.id,))
            await audit.record(conn, caller, "invitation.withdrawn", held.id)
        return await _invitation(conn, held.id)

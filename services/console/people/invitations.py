"""Invitations: the list, a new one, resending and withdrawing."""

from starlette.responses import Response

from services.console.pages.refusals import is_address
from services.console.pages.visit import Fault, Visit
from services.console.people.models import Invitation, Invitations
from services.console.people.views import CHANGE, OPERATOR, ROLES, roles_of, why_fault
from services.console.upstream.errors import Refused, Unavailable

PATH = "/v1/platform/invitations"
STATUSES = ("pending", "accepted", "withdrawn", "expired")


async def list_invitations(visit: Visit) -> Response:
    query = {"status": visit.query("status", STATUSES), "cursor": visit.cursor()}
    found = await visit.load(
        PATH, Invitations, limit=50, status=query["status"] or None, cursor=query["cursor"] or None
    )
    return visit.page("people/invitations.html", invitations=found, query=query, may_change=visit.may(CHANGE))


async def invite_page(visit: Visit) -> Response:
    roles = await roles_of(visit)
    chosen = OPERATOR if OPERATOR in roles else "quality_officer"
    return visit.page("people/invite.html", email="", chosen=chosen, roles=roles)


async def invite(visit: Visit) -> Response:
    email, role = visit.form("email"), visit.form("role")
    faults = [] if is_address(email) else [Fault("email", visit.t("email_wrong"))]
    if role not in (*ROLES, OPERATOR):
        faults.append(Fault("role", visit.t("role_missing")))
    if not faults:
        try:
            await visit.send("POST", PATH, {"email": email, "role": role})
            return visit.redirect("/people/invitations", done="invited")
        except Refused as refused:
            if refused.status not in (403, 409, 422):
                raise
            if refused.status == 422:
                texts = {
                    "/role": Fault("role", visit.t("role_missing")),
                    "/email": Fault("email", visit.t("email_wrong")),
                }
                pointers = [error.get("pointer") for error in refused.errors]
                faults = [texts[pointer] for pointer in pointers if pointer in texts] or [texts["/email"]]
            else:
                faults = [why_fault(visit, refused, "role" if refused.status == 403 else "email")]
    roles = await roles_of(visit)
    return visit.page("people/invite.html", status=422, email=email, chosen=role, roles=roles, faults=faults)


async def _invitation(visit: Visit) -> Invitation:
    return await visit.get(visit.path_of(PATH + "/{id}", id=visit.ids["invitation_id"]), Invitation)


async def read_invitation(visit: Visit) -> Response:
    found = await _invitation(visit)
    return visit.page("people/invitation.html", title=found.email, one=found, may_change=visit.may(CHANGE))


async def resend(visit: Visit) -> Response:
    path = visit.path_of(PATH + "/{id}", id=visit.ids["invitation_id"])
    back = f"/people/invitations/{visit.ids['invitation_id']}"
    try:
        await visit.send("POST", path + "/resend")
    except (Refused, Unavailable) as failed:
        too_soon = isinstance(failed, Unavailable) and failed.reason == "limited"
        if not too_soon and not (isinstance(failed, Refused) and failed.status == 409):
            raise
        too_soon_text = Fault("", visit.t("resend_too_soon"))
        faults = [too_soon_text if isinstance(failed, Unavailable) else why_fault(visit, failed)]
        found = await _invitation(visit)
        return visit.page(
            "people/invitation.html", status=409, title=found.email, one=found, may_change=True, faults=faults
        )
    return visit.redirect(back, done="resent")


async def withdraw_page(visit: Visit) -> Response:
    found = await _invitation(visit)
    return visit.page(
        "people/confirm.html",
        title=visit.t("of.withdraw", email=found.email),
        consequences=[visit.t("ends_with.withdraw_link"), visit.t("ends_with.withdraw_again")],
        label=visit.t("go.withdraw"),
        back=f"/people/invitations/{found.id}",
    )


async def withdraw(visit: Visit) -> Response:
    path = visit.path_of(PATH + "/{id}/withdraw", id=visit.ids["invitation_id"])
    await visit.send("POST", path)
    return visit.redirect("/people/invitations", done="withdrawn")

"""Bodies, rows and answers of invitations."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from services.auth.people.roles import Role
from shared.web import http
from shared.web.http import Page

Email = Annotated[str, Meta(min_length=3, max_length=254)]
InvitationStatus = Literal["pending", "accepted", "withdrawn", "expired"]


class InvitationDraft(http.Body):
    email: Email
    role: Role


class InvitationPage(Page):
    status: InvitationStatus | None = None


class Invitation(msgspec.Struct, frozen=True):
    """An invitation by mail. `mail` is the state of its last mail; `user_id` is the person who accepted it."""

    id: str
    email: str
    role: Role
    status: InvitationStatus
    mail: Literal["waiting", "sent", "refused"]
    invited_by: str
    user_id: str | None
    created_at: datetime
    expires_at: datetime
    sent_at: datetime | None


class Invitations(msgspec.Struct):
    invitations: list[Invitation]
    next_cursor: str | None


class HeldInvitation(msgspec.Struct, frozen=True, kw_only=True):
    """A locked invitation. `last_mail_seconds` is the age of its last mail."""

    id: str
    email: str
    role: Role
    status: InvitationStatus
    number: int
    last_mail_seconds: float


class Invited(msgspec.Struct, frozen=True, kw_only=True):
    """The invitation that a link opens."""

    id: str
    tenant_id: str
    email: str
    role: Role
    organisation: str


class DueMail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that is due, with the facts of its text."""

    id: str
    invitation_id: str
    number: int
    email: str
    role: Role
    organisation: str
    is_sandbox: bool
    expires_at: datetime

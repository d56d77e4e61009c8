"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from .._model import Model


class AccessChanged(Model, kw_only=True):
    """The person after the change, and the access that ended; with `dry_run`, the access that would."""

    user: User
    """The person after the change"""
    ended: EndedAccess
    """How much access ended, by kind"""
    dry_run: bool
    """True: nothing was changed, and `ended` is what would end"""


class EndedAccess(Model, kw_only=True):
    """How many ended of each kind. `refresh_tokens` counts the grants that had one."""

    sessions: int
    """Sessions in browsers"""
    grants: int
    """Grants of apps in the person's name"""
    refresh_tokens: int
    """Grants among them with a refresh token"""
    service_tokens: int
    """Service tokens that the person had minted"""
    invitations: int
    """Pending invitations that the person had sent"""


class Invitation(Model, kw_only=True):
    """An invitation by mail. `mail` is the state of its last mail; `user_id` is the person who accepted it."""

    id: str
    """The invitation's id, such as `inv_01jdk…`"""
    email: str
    """The e-mail address"""
    role: str
    """The role. One of: administrator, auditor, integrator, operator, quality_officer"""
    status: str
    """A `pending` invitation's link works. One of: accepted, expired, pending, withdrawn"""
    mail: str
    """The last mail: `waiting` for the mail server, `sent`, or `refused` by it. One of: refused, sent, waiting"""
    invited_by: str
    """The person who invited, or the app"""
    user_id: str | None
    """The person who accepted it; null before"""
    created_at: datetime
    """When it was made"""
    expires_at: datetime
    """When the link ends"""
    sent_at: datetime | None
    """When the mail server took the last mail; null before, and some days later"""


class InvitationDraft(Model, kw_only=True):
    """Whom to invite, with which role"""

    email: str
    """One address, which the account will have"""
    role: Literal["administrator", "auditor", "integrator", "operator", "quality_officer"]
    """The role"""


class Invitations(Model, kw_only=True):
    """A page of invitations"""

    invitations: list[Invitation]
    """The invitations"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class RoleChange(Model, kw_only=True):
    """The new role"""

    role: Literal["administrator", "auditor", "integrator", "operator", "quality_officer"]
    """The role"""


class RoleShown(Model, kw_only=True):
    """A role that a person can have. `scopes` is null for the one without limits."""

    role: str
    """The role. One of: administrator, auditor, integrator, operator, quality_officer"""
    description: str
    """The access that it gives"""
    scopes: list[str] | None
    """The scopes that an app may get in the person's name; null without a limit"""


class Roles(Model, kw_only=True):
    """The roles that people can have"""

    roles: list[RoleShown]
    """The roles"""


class User(Model, kw_only=True):
    """A person of the organisation. `role` is null where the roles of its identity provider, `provider_roles`, decide."""

    user_id: str
    """The person's id"""
    email: str
    """The e-mail address"""
    name: str
    """The person's name"""
    status: str
    """A `disabled` person cannot sign in. One of: active, disabled"""
    role: str | None
    """The role; null where `provider_roles` decide"""
    provider_roles: list[str]
    """The roles of the identity provider, if those decide"""
    second_factor: bool
    """Whether signing in asks for a code of an authenticator app"""
    has_password: bool
    """Whether the person has a password here"""
    federated: bool
    """Whether the person signs in through the organisation's identity provider"""
    last_sign_in_at: datetime | None
    """The last sign-in; null if there was none"""
    created_at: datetime
    """When the account was made"""


class UserSession(Model, kw_only=True):
    """A person's session in one browser. `place` classes its address, which nobody is shown."""

    id: str
    """The id"""
    device: str
    """Browser and system, such as `Firefox, Windows`; empty if unknown"""
    place: str
    """The class of the address: a private network or the internet. One of: internet, private_network, unknown"""
    federated: bool
    """Whether the identity provider started it"""
    signed_in_at: datetime
    """When it began"""
    last_used_at: datetime
    """The last use, to five minutes"""


class UserSessions(Model, kw_only=True):
    """A page of sessions"""

    sessions: list[UserSession]
    """The sessions"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Users(Model, kw_only=True):
    """A page of people"""

    users: list[User]
    """The people"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""

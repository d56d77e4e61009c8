"""Bodies, rows and answers of people, their roles and their sessions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from services.auth.people.rights import Rights
from services.auth.people.roles import Role
from shared.web import http
from shared.web.http import Page

Status = Literal["active", "disabled"]
Search = Annotated[str, Meta(min_length=1, max_length=100)]


class UserPage(Page):
    """`search` finds a part of the name or of the e-mail address, in capitals or not."""

    search: Search | None = None
    role: Role | None = None
    status: Status | None = None
    second_factor: bool | None = None
    federated: bool | None = None


class RoleChange(http.Body):
    role: Role


class LeaveQuery(http.Body):
    dry_run: bool = False


class RoleShown(msgspec.Struct, frozen=True):
    """A role that a person can have. `scopes` is null for the one without limits."""

    role: Role
    description: str
    scopes: Sequence[str] | None


class Roles(msgspec.Struct):
    roles: list[RoleShown]


class User(msgspec.Struct, frozen=True):
    """A person of the organisation. `role` is null where the roles of its identity provider, `provider_roles`, decide."""

    user_id: str
    email: str
    name: str
    status: Status
    role: Role | None
    provider_roles: list[str]
    second_factor: bool
    has_password: bool
    federated: bool
    last_sign_in_at: datetime | None
    created_at: datetime


class Users(msgspec.Struct):
    users: list[User]
    next_cursor: str | None


class UserSession(msgspec.Struct, frozen=True):
    """A person's session in one browser. `place` classes its address, which nobody is shown."""

    id: str
    device: str
    place: Literal["private_network", "internet", "unknown"]
    federated: bool
    signed_in_at: datetime
    last_used_at: datetime


class UserSessions(msgspec.Struct):
    sessions: list[UserSession]
    next_cursor: str | None


class EndedAccess(msgspec.Struct, frozen=True, kw_only=True):
    """How many ended of each kind. `refresh_tokens` counts the grants that had one."""

    sessions: int = 0
    grants: int = 0
    refresh_tokens: int = 0
    service_tokens: int = 0
    invitations: int = 0


class AccessChanged(msgspec.Struct, frozen=True):
    """The person after the change, and the access that ended; with `dry_run`, the access that would."""

    user: User
    ended: EndedAccess
    dry_run: bool = False


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    session_id: str
    user_agent: str
    address: str
    federated: bool
    signed_in_at: datetime
    last_seen_at: datetime


class Held(Rights, frozen=True, kw_only=True):
    """A person whose row is locked, and the facts that decide about a change."""

    has_totp: bool
    role_mapped: bool

"""The session of a person at the console."""

from datetime import datetime
from typing import Literal

import msgspec

Language = Literal["en", "it"]
Theme = Literal["light", "dark"]
PORTAL_AREA = "webhooks"
"""The one area of a portal link."""


class Tokens(msgspec.Struct, frozen=True):
    """The person's tokens. The access token is renewed at `renew_at` (Unix seconds); `client_id` is their organisation's own app."""

    client_id: str
    access: str
    refresh: str
    renew_at: float


class Profile(msgspec.Struct, frozen=True):
    """The person as auth describes them (`GET /v1/platform/me`).

    With `portal_app`, a portal link in the place of a person (`portal/links.py`): `user_id` is the link's id, and only the pages of the
    webhooks of that app are open.
    """

    user_id: str
    email: str
    name: str
    tenant_id: str
    tenant_name: str
    is_sandbox: bool
    scopes: frozenset[str]
    portal_app: str = ""
    role: str = ""

    @property
    def lacks_second_factor(self) -> bool:
        """Whether the person is an operator of the platform who signed in without a second factor."""
        return self.role == "operator" and not self.has("platform:operate:read")

    @property
    def is_portal(self) -> bool:
        return bool(self.portal_app)

    def sees(self, area: str) -> bool:
        """Whether the area's pages are open to this kind of session."""
        return not self.is_portal or area == PORTAL_AREA

    def has(self, scope: str) -> bool:
        """Whether the token has the scope, "" being any token; `x:write` includes `x:read`."""
        if not scope or scope in self.scopes:
            return True
        return scope.endswith(":read") and scope.removesuffix("read") + "write" in self.scopes


class Sealed(msgspec.Struct, frozen=True):
    """The part of a session that is encrypted in the database."""

    tokens: Tokens
    profile: Profile


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `find_session`."""

    session_id: str
    tenant_id: str
    user_id: str
    sealed: bytes
    signed_in_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    language: Language | None
    theme: Theme | None
    paused: bool


class Session(msgspec.Struct, kw_only=True):
    """`token` is the random id in the cookie. `paused`: no page updates by itself."""

    session_id: str
    tenant_id: str
    user_id: str
    token: str
    tokens: Tokens
    profile: Profile
    signed_in_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    language: Language | None = None
    theme: Theme | None = None
    paused: bool = False

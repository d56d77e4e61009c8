"""The session of a person at the console."""

from datetime import datetime
from typing import Literal

import msgspec

Language = Literal["en", "it"]
Theme = Literal["light", "dark"]


class Tokens(msgspec.Struct, frozen=True):
    """The person's tokens. The access token is renewed at `renew_at` (Unix seconds); `client_id` is their organisation's own app."""

    client_id: str
    access: str
    refresh: str
    renew_at: float


class Profile(msgspec.Struct, frozen=True):
    """The person as auth describes them (`GET /v1/platform/me`)."""

    user_id: str
    email: str
    name: str
    tenant_id: str
    tenant_name: str
    is_sandbox: bool
    scopes: frozenset[str]

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
    """`token` is the random id in the cookie. `paused`: nothing on a page moves by itself."""

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

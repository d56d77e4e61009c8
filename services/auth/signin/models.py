"""Rows of users and sessions for the sign-in pages."""

from datetime import datetime

import msgspec


class User(msgspec.Struct, frozen=True, kw_only=True):
    user_id: str
    tenant_id: str
    email: str
    name: str
    password_hash: str | None
    totp_secret: bytes | None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """The session of a signed-in person in one browser."""

    session_id: str
    tenant_id: str
    user_id: str
    email: str
    name: str
    tenant_name: str
    signed_in_at: datetime
    second_factor: bool


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    session_id: str
    signed_in_at: datetime
    user_agent: str


class AllowedApp(msgspec.Struct, frozen=True, kw_only=True):
    client_id: str
    name: str
    given_at: datetime


class PasswordLink(msgspec.Struct, frozen=True, kw_only=True):
    tenant_id: str
    user_id: str
    email: str

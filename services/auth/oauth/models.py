"""Grants and codes as they stand in the database, and as Authlib asks about them."""

from datetime import datetime

import msgspec

from services.auth.oauth.client import Client


class GrantRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a user let an app do. `seed` goes into its refresh tokens, `generation` counts them."""

    grant_id: str
    tenant_id: str
    client_id: str
    user_id: str
    scopes: list[str]
    audience: list[str]
    offline: bool
    seed: bytes
    generation: int
    rotated_at: datetime | None
    created_at: datetime
    expires_at: datetime
    is_live: bool


class CodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A code just burned."""

    grant_id: str
    redirect_uri: str
    redirect_uri_named: bool
    code_challenge: str | None


class RedeemedCode:
    """A burned code with its grant (Authlib's AuthorizationCodeMixin)."""

    code_challenge_method = "S256"

    def __init__(self, code: CodeRow, grant: GrantRow) -> None:
        self.code = code
        self.grant = grant
        self.code_challenge = code.code_challenge

    def get_redirect_uri(self) -> str | None:
        """What the token request must repeat: nothing, if the authorization request did not name it."""
        return self.code.redirect_uri if self.code.redirect_uri_named else None

    def get_scope(self) -> str:
        return " ".join(self.grant.scopes)


class PresentedRefresh:
    """A genuine refresh token with its grant (Authlib's TokenMixin)."""

    def __init__(self, grant: GrantRow) -> None:
        self.grant = grant

    def check_client(self, client: Client) -> bool:
        return client.get_client_id() == self.grant.client_id

    def get_scope(self) -> str:
        return " ".join(self.grant.scopes)

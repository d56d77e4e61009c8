"""The credentials of a command: from the environment, or of the profile, renewed when they are old."""

from __future__ import annotations

import base64
import os
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET

from .. import models, problems
from .._client import ENVIRONMENTS, Knogin
from ..errors import APIError, ConnectionFailed
from .failures import SIGN_IN, Failure, credentials_are_given, not_signed_in
from .output import Output
from .store import SignIn, Store


class Claims(msgspec.Struct):
    """The members of an access token that commands show. They are read, not verified: the platform judges the token."""

    sub: str = ""
    client_id: str = ""
    tenant_id: str = ""
    scope: str = ""
    exp: int = 0
    environment: str = ""
    token_use: str = ""

    @property
    def scopes(self) -> list[str]:
        return self.scope.split()


class Session:
    """The platform, for one command. `client` is made when it is needed."""

    def __init__(self, profile: str, base_url: str | None, output: Output) -> None:
        self.store = Store(profile)
        self.output = output
        # Attempts after the first, of each call. A command that waits by itself sets 0 before its first call.
        self.max_retries = 2
        self._given_base_url = base_url or os.environ.get("KNOGIN_BASE_URL") or ""
        self._client: Knogin | None = None
        self._held: SignIn | None = None

    @property
    def base_url(self) -> str:
        if self._given_base_url:
            return self._given_base_url
        kept = None if credentials_are_given() else self.store.read()
        return kept.base_url if kept is not None else ENVIRONMENTS["production"]

    @property
    def client(self) -> Knogin:
        """The client of the SDK, with the environment's credentials or the profile's."""
        if self._client is None:
            if credentials_are_given():
                self._client = Knogin(base_url=self.base_url, max_retries=self.max_retries)
            else:
                self.token()
                self._client = Knogin(token=self.token, base_url=self.base_url, max_retries=self.max_retries)
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def token(self) -> str:
        """An access token that is not about to end. Raises Failure without a sign-in."""
        kept = self._held if self._held is not None and self._held.is_fresh else self.store.read()
        if kept is None or not kept.access_token:
            raise not_signed_in(self.store.profile)
        self._check_address(kept)
        if not kept.is_fresh:
            kept = self._renewed(kept.access_token, lasting=kept.lives)
        self._held = kept
        return kept.access_token

    def renew(self) -> bool:
        """Replaces a token that was refused. False if there is nothing to replace it with."""
        if credentials_are_given():
            return False
        kept = self._held or self.store.read()
        if kept is None or not kept.refresh_token:
            return False
        self._held = self._renewed(kept.access_token, lasting=False)
        return True

    def claims(self) -> Claims:
        """Of the present token."""
        if os.environ.get("KNOGIN_CLIENT_SECRET") and not os.environ.get("KNOGIN_TOKEN"):
            form = models.oauth.TokenForm(grant_type="client_credentials")
            return claims_of(self.client.oauth.create_token(form).access_token)
        return claims_of(os.environ.get("KNOGIN_TOKEN") or self.token())

    def _check_address(self, kept: SignIn) -> None:
        """A token goes only to the platform that issued it."""
        if self._given_base_url and self._given_base_url.rstrip("/") != kept.base_url.rstrip("/"):
            raise Failure(
                f"The profile {self.store.profile} is signed in at {kept.base_url}, not at {self._given_base_url}.",
                "Give another --profile for another address, and sign in there: knogin login --profile NAME",
                SIGN_IN,
            )

    def _renewed(self, refused: str, *, lasting: bool) -> SignIn:
        """The sign-in with a token other than `refused`; another process may have renewed it meanwhile.

        `lasting` says that the present token still serves if no new one can be had now.
        """
        with self.store.locked():
            kept = self.store.read()
            if kept is None:
                raise not_signed_in(self.store.profile)
            if kept.access_token != refused and kept.is_fresh:
                return kept
            if not kept.refresh_token:
                if lasting:
                    return kept
                raise Failure("The token has ended.", "Run: knogin login", SIGN_IN)
            try:
                fresh = refreshed(kept)
            except problems.OAuthInvalidClient:
                hint = "Ask an administrator whether it is disabled; then run: knogin login"
                raise Failure(f"The platform does not accept the app {kept.client_id}.", hint, SIGN_IN) from None
            except problems.OAuthInvalidGrant:
                self.store.delete()
                ended = "The sign-in has ended, or was revoked."
                raise Failure(ended, f"Run: knogin login --client-id {kept.client_id}", SIGN_IN) from None
            except (ConnectionFailed, APIError):
                if lasting:
                    return kept
                raise
            self.store.write(fresh)
            return fresh


def without_token(base_url: str, **options: Any) -> Knogin:
    """A client for the calls of OAuth, which no token goes with."""
    return Knogin(token=lambda: "", base_url=base_url, **options)


def refreshed(kept: SignIn) -> SignIn:
    """A new sign-in by the refresh token."""
    form = models.oauth.TokenForm(
        grant_type="refresh_token", refresh_token=kept.refresh_token, client_id=kept.client_id
    )
    # The platform answers a repeated refresh with the same tokens for 30 seconds, so a lost answer may be asked for again.
    with without_token(kept.base_url) as client:
        return signed_in(client.oauth.create_token(form), kept.base_url, kept.client_id, kept.refresh_token)


def signed_in(token: models.oauth.Token, base_url: str, client_id: str, refresh_token: str = "") -> SignIn:
    now = time.time()
    fresh = token.refresh_token
    return SignIn(
        base_url=base_url,
        client_id=client_id,
        access_token=token.access_token,
        refresh_token=fresh if fresh and fresh is not UNSET else refresh_token,
        scope=token.scope,
        obtained_at=now,
        expires_at=now + token.expires_in,
    )


def claims_of(token: str) -> Claims:
    """The claims of a JWT; empty for any other text."""
    try:
        payload = token.split(".")[1]
        return msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=Claims)
    except (IndexError, ValueError, msgspec.DecodeError):
        return Claims()


def ends_at(claims: Claims) -> datetime | None:
    return datetime.fromtimestamp(claims.exp, UTC) if claims.exp else None


def members(value: Any) -> Any:
    """A model as JSON would have it, for --json."""
    return msgspec.to_builtins(value)

"""`login`, `logout` and `whoami`."""

from __future__ import annotations

import argparse
import os
import sys
import time
import webbrowser
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import UNSET

from .. import models, problems
from .._client import Knogin
from ..errors import APIError, ConnectionFailed
from .failures import REFUSED, SIGN_IN, USAGE, Failure, credentials_are_given
from .output import Output, at
from .session import Session, claims_of, ends_at, signed_in, without_token
from .store import SignIn

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:device_code"
SLOWER_SECONDS = 5
LONGEST_WAIT = 60


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    login = commands.add_parser(
        "login",
        help="sign in, in a browser",
        epilog="""examples:
  knogin login --client-id app_01jdk…
  knogin login --profile local --base-url http://api.localhost:8080 --client-id app_01jdk…
  knogin login --client-id app_01jdk… --scope webhooks:read --scope offline_access
  knogin login --with-token < token.txt        a service token of an administrator, for a machine

An administrator registers the app once, as a public one for devices:
  {"name": "Command line", "token_endpoint_auth_method": "none",
   "grant_types": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
   "requested_scopes": ["webhooks:read", "webhooks:write", "offline_access"]}""",
    )
    login.add_argument("--client-id", metavar="APP", help="the app to sign in with (or KNOGIN_CLIENT_ID)")
    login.add_argument(
        "--scope", action="append", default=[], metavar="SCOPE", help="a scope; may repeat (default: all of the app)"
    )
    login.add_argument("--no-browser", action="store_true", help="only print the address")
    login.add_argument("--with-token", action="store_true", help="read a token from standard input")
    login.set_defaults(run=login_command)
    logout = commands.add_parser(
        "logout", help="end the sign-in, here and at the platform", epilog="examples:\n  knogin logout"
    )
    logout.add_argument("--local", action="store_true", help="forget the tokens without telling the platform")
    logout.set_defaults(run=logout_command)
    whoami = commands.add_parser(
        "whoami",
        help="show who is signed in, and whether the platform accepts it",
        epilog="examples:\n  knogin whoami\n  knogin whoami --json | jq -r .client_id",
    )
    whoami.set_defaults(run=whoami_command)


def login_command(arguments: argparse.Namespace, session: Session, output: Output) -> int:
    kept = session.store.read()
    base_url = session.base_url
    if arguments.with_token:
        return _keep_token(session, base_url, output)
    client_id = arguments.client_id or os.environ.get("KNOGIN_CLIENT_ID") or (kept.client_id if kept else "")
    if not client_id:
        raise Failure(
            "Which app?", "Give --client-id app_…; your administrator registers one (knogin login --help).", USAGE
        )
    # No repeated attempts: each poll is one, and the answer that holds the tokens comes only once.
    with without_token(base_url, max_retries=0) as client:
        begun = _begin(client, client_id, " ".join(arguments.scope))
        _show(begun, output, opens=not arguments.no_browser)
        with output.waiting("Waiting for your answer in the browser"):
            token = _wait(client, client_id, begun)
    fresh = signed_in(token, base_url, client_id)
    with session.store.locked():
        session.store.write(fresh)
    if not fresh.refresh_token:
        output.say("Without the scope offline_access you will be asked again when the token ends.", "warn")
    output.say(f"Signed in at {base_url} with {client_id}.", "good")
    if credentials_are_given():
        output.complain("KNOGIN_TOKEN or KNOGIN_CLIENT_SECRET is set, and comes before this sign-in.", "warn")
    if kept is not None and kept.refresh_token and kept.base_url == base_url:
        _end_quietly(kept)
    return _tell(session, fresh, output)


def _begin(client: Knogin, client_id: str, scope: str) -> models.oauth.DeviceAuthorization:
    form = models.oauth.DeviceForm(client_id=client_id, scope=scope or UNSET)
    try:
        return client.oauth.authorize_device(form)
    except problems.OAuthUnauthorizedClient:
        hint = f"Ask its administrator to register one with the grant type {GRANT_TYPE}: knogin login --help"
        raise Failure(f"{client_id} is not registered for devices.", hint) from None
    except problems.OAuthInvalidClient:
        hint = "Check --client-id and --base-url. The app must be a public one (token_endpoint_auth_method none)."
        raise Failure(f"The platform does not know {client_id}, or it needs a secret.", hint) from None
    except problems.OAuthInvalidScope:
        raise Failure(
            "The app is not approved for such a scope.", "Leave --scope out to get all that it has."
        ) from None


def _show(begun: models.oauth.DeviceAuthorization, output: Output, *, opens: bool) -> None:
    output.say(f"Open  {begun.verification_uri}")
    output.complain(f"Code  {output.styled(begun.user_code, 'strong', sys.stderr)}")
    output.say("Allow it only if the page shows this same code.", "quiet")
    is_web = begun.verification_uri_complete.startswith(("https://", "http://"))
    if opens and is_web and output.can_ask and _has_browser():
        webbrowser.open(begun.verification_uri_complete)


def _has_browser() -> bool:
    """Whether a window can open: not in a session over ssh, nor without a display."""
    if os.environ.get("SSH_CONNECTION"):
        return False
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _wait(client: Knogin, client_id: str, begun: models.oauth.DeviceAuthorization) -> models.oauth.Token:
    """Polls until the person has answered (RFC 8628 §3.5)."""
    form = models.oauth.TokenForm(grant_type=GRANT_TYPE, device_code=begun.device_code, client_id=client_id)
    wait, ends = float(begun.interval), time.monotonic() + begun.expires_in
    while time.monotonic() < ends:
        time.sleep(wait)
        try:
            return client.oauth.create_token(form)
        except problems.OAuthAuthorizationPending:
            continue
        except problems.OAuthSlowDown:
            wait = min(wait + SLOWER_SECONDS, LONGEST_WAIT)
        except ConnectionFailed:
            wait = min(wait * 2, LONGEST_WAIT)
        except problems.OAuthAccessDenied:
            raise Failure("It was not allowed in the browser.", "If that was a mistake, run it again.") from None
        except problems.OAuthExpiredToken:
            break
        except problems.OAuthInvalidGrant:
            raise Failure("The code is not valid any more.", "Run it again.") from None
        except APIError as error:
            if error.status < 500 and error.status != 429:
                raise
            wait = min(max(wait * 2, error.retry_after or 0), LONGEST_WAIT)
    raise Failure("The code has ended: nobody allowed it in time.", "Run it again.", SIGN_IN)


def _keep_token(session: Session, base_url: str, output: Output) -> int:
    if sys.stdin.isatty():
        output.say("Paste the token, then press Enter and Ctrl-D:")
    token = sys.stdin.read().strip()
    claims = claims_of(token)
    if not token.isascii() or any(character.isspace() for character in token) or not claims.client_id:
        raise Failure("That is no access token of the platform.", "Give the token alone on standard input.", USAGE)
    now = datetime.now(UTC)
    fresh = SignIn(
        base_url=base_url,
        client_id=claims.client_id,
        access_token=token,
        scope=claims.scope,
        obtained_at=now.timestamp(),
        expires_at=float(claims.exp or (now + timedelta(hours=1)).timestamp()),
    )
    with session.store.locked():
        session.store.write(fresh)
    output.say(f"The token is stored in {session.store.path}.", "good")
    return _tell(session, fresh, output)


def _end_quietly(kept: SignIn) -> None:
    """The former sign-in of the profile, which nothing holds any more."""
    try:
        _revoke(kept)
    except (APIError, ConnectionFailed):
        return


def _revoke(kept: SignIn) -> None:
    form = models.oauth.PresentedForm(token=kept.refresh_token or kept.access_token, client_id=kept.client_id)
    with without_token(kept.base_url) as client:
        client.oauth.revoke_token(form)


def logout_command(arguments: argparse.Namespace, session: Session, output: Output) -> int:
    if arguments.local:
        output.say("The tokens are deleted here." if session.store.delete() else "There was no sign-in.")
        return 0
    kept = session.store.read()
    if kept is None:
        output.say("There was no sign-in.")
        return 0
    try:
        _revoke(kept)
    except problems.OAuthInvalidClient:
        # A service token's app authenticates otherwise, and a deleted app has no tokens left.
        session.store.delete()
        output.say("The token is deleted here. An administrator can revoke it at the platform.", "warn")
        return 0
    except (APIError, ConnectionFailed):
        raise Failure(
            "The platform could not be told, so the tokens are still valid and still stored.",
            "Run it again, or: knogin logout --local",
            REFUSED,
        ) from None
    session.store.delete()
    output.say("Signed out: the tokens are revoked and deleted.", "good")
    return 0


def whoami_command(arguments: argparse.Namespace, session: Session, output: Output) -> int:
    claims = session.claims()
    accepted = is_accepted(session)
    shown = {
        "base_url": session.base_url,
        "client_id": claims.client_id,
        "subject": claims.sub,
        "tenant_id": claims.tenant_id,
        "environment": claims.environment,
        "scopes": claims.scopes,
        "expires_at": moment.isoformat() if (moment := ends_at(claims)) else None,
        "accepted": accepted,
    }
    if output.as_json:
        output.json(shown)
    else:
        output.fields(
            {
                "platform": session.base_url,
                "app": claims.client_id,
                "subject": claims.sub + (" (the app itself)" if claims.sub == claims.client_id else ""),
                "organisation": claims.tenant_id,
                "environment": claims.environment,
                "scopes": claims.scope or "-",
                "token ends": at(moment),
                "accepted": "yes" if accepted else "no",
            }
        )
    if not accepted:
        raise Failure("The platform refuses this token.", "Run: knogin login", SIGN_IN)
    return 0


def is_accepted(session: Session) -> bool:
    """Whether the platform accepts the token now. A token without the scope of this call is accepted too."""
    try:
        session.client.request("GET", "/v1/platform/scopes")
    except problems.Forbidden:
        return True
    except problems.Unauthorized:
        if not session.renew():
            return False
        try:
            session.client.request("GET", "/v1/platform/scopes")
        except problems.Forbidden:
            return True
        except problems.Unauthorized:
            return False
    return True


def _tell(session: Session, kept: SignIn, output: Output) -> int:
    if output.as_json:
        output.json({"base_url": kept.base_url, "client_id": kept.client_id, "scopes": kept.scope.split()})
    else:
        output.say("Try: knogin whoami, knogin deliveries list, knogin doctor", "quiet")
    return 0

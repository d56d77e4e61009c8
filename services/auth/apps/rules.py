"""Rules for registering and changing an app: names, grants, redirect URIs, scopes, events. Pure; refusals are field errors, all at once.

Redirect URIs follow RFC 6749 §3.1.2, RFC 8252 §7 and RFC 9700 §2.1.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from msgspec import UNSET

from services.auth.apps import credentials, scopes
from services.auth.apps.models import AppChange, AppDraft, AppRow, GovernanceChange, ServiceTokenDraft, Tenant
from services.auth.settings import Settings
from shared.messaging import event_types
from shared.storage.caps import Cap
from shared.web import problems
from shared.web import scopes as shared_scopes
from shared.web.problems import FieldError
from shared.web.scopes import Mode
from shared.web.strict_json import nearest

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
LIVE_SECRETS = Cap(
    "live secrets",
    5,
    "An app",
    "each lives until its stated end. Rotate again when the first has ended, at `next_rotation_at`, end one, or rotate with"
    ' `"force": true`, which ends the oldest now',
)
"""The present one among them."""


def check_draft(draft: AppDraft, tenant: Tenant, settings: Settings) -> list[FieldError]:
    errors = _repeated("/grant_types", draft.grant_types)
    if "authorization_code" in draft.grant_types:
        errors += _check_some_redirect(draft.redirect_uris, draft.grant_types)
    elif "refresh_token" in draft.grant_types and DEVICE_CODE not in draft.grant_types:
        errors.append(FieldError("/grant_types", "refresh_token goes with authorization_code or a device code"))
    if draft.token_endpoint_auth_method == "none" and "client_credentials" in draft.grant_types:
        errors.append(FieldError("/grant_types", "client_credentials needs a client that can authenticate"))
    return [
        *_check_name(draft.name),
        *errors,
        *_check_redirects(draft.redirect_uris, settings),
        *_check_scopes(draft.requested_scopes, tenant),
        *_check_jwks(draft.token_endpoint_auth_method, draft.jwks, settings),
        *_check_events(draft.approved_events),
        *_check_bundles(draft.graphql_bundles, tenant),
    ]


def check_change(change: AppChange, app: AppRow, tenant: Tenant, settings: Settings) -> list[FieldError]:
    errors: list[FieldError] = []
    if change.name is not UNSET:
        errors += _check_name(change.name)
    if change.jwks is not UNSET:
        errors += _check_jwks(app.token_endpoint_auth_method, change.jwks, settings)
    if change.redirect_uris is not UNSET:
        errors += _check_redirects(change.redirect_uris, settings) + _check_some_redirect(
            change.redirect_uris, app.grant_types
        )
    if change.requested_scopes is not UNSET:
        errors += _check_scopes(change.requested_scopes, tenant)
        errors += _check_live_scopes("/requested_scopes", change.requested_scopes, app.deidentification)
    return errors


def _check_events(patterns: list[str]) -> list[FieldError]:
    place, types = "/approved_events", event_types.catalogue()
    return [
        *_unknown(place, patterns, is_known_event, "approves no known event type", types),
        *_repeated(place, patterns),
    ]


def _check_bundles(names: list[str], tenant: Tenant) -> list[FieldError]:
    granted, place = set(tenant.graphql_bundles), "/graphql_bundles"
    unknown = _unknown(place, names, granted.__contains__, "is not granted to this organisation", granted)
    return [*unknown, *_repeated(place, names)]


def check_governance(change: GovernanceChange, app: AppRow, tenant: Tenant, settings: Settings) -> list[FieldError]:
    errors: list[FieldError] = []
    if change.enforce_pkce is False and app.token_endpoint_auth_method == "none":
        errors.append(FieldError("/enforce_pkce", "a public client always uses PKCE"))
    if change.redirect_uris is not UNSET:
        errors += _check_redirects(change.redirect_uris, settings) + _check_some_redirect(
            change.redirect_uris, app.grant_types
        )
    if change.approved_events is not UNSET:
        errors += _check_events(change.approved_events)
    if change.graphql_bundles is not UNSET:
        errors += _check_bundles(change.graphql_bundles, tenant)
    # An app with moved times gets no exact times elsewhere, because it could compute the true times from them.
    mode = app.deidentification if change.deidentification is UNSET else change.deidentification
    approved = app.approved_events if change.approved_events is UNSET else change.approved_events
    errors += _check_live_scopes("/deidentification", app.requested_scopes, mode)
    if mode != "exact" and (live := [pattern for pattern in approved if is_live_event(pattern)]):
        pointer = "/approved_events" if change.deidentification is UNSET else "/deidentification"
        errors.append(
            FieldError(pointer, f"{mode} does not go with events that tell of exact times: {', '.join(live)}")
        )
    return errors


def scopes_of_service_token(app: AppRow, draft: ServiceTokenDraft) -> list[str]:
    """Raises Problem: 409 for a disabled app, 403 not allowed by governance, 422 for scopes beyond the app's."""
    if app.status != "active":
        raise problems.conflict("This app is disabled.")
    if not app.allow_service_tokens:
        raise problems.forbidden("The governance of this app does not allow service tokens.")
    held = shared_scopes.permitted(app.deidentification, app.requested_scopes)
    approved = [scope for scope in held if scope != scopes.OFFLINE_ACCESS]
    wanted = approved if draft.scopes is UNSET else list(dict.fromkeys(draft.scopes))
    refuse(
        [
            FieldError(f"/scopes/{index}", "is not approved for this app")
            for index, scope in enumerate(wanted)
            if not scopes.allows(approved, scope)
        ]
    )
    return wanted


def _check_live_scopes(pointer: str, requested: Sequence[str], mode: Mode) -> list[FieldError]:
    live = shared_scopes.refused(mode, requested)
    return [FieldError(pointer, f"{mode} does not go with scopes that tell more: {', '.join(live)}")] if live else []


def _check_some_redirect(uris: Sequence[str], grant_types: Sequence[str]) -> list[FieldError]:
    if "authorization_code" in grant_types and not uris:
        return [FieldError("/redirect_uris", "authorization_code needs at least one")]
    return []


def _check_redirects(uris: Sequence[str], settings: Settings) -> list[FieldError]:
    if len(uris) > settings.most_redirect_uris:
        return [FieldError("/redirect_uris", f"an app has at most {settings.most_redirect_uris}")]
    found = [(index, problem_with_redirect(uri)) for index, uri in enumerate(uris)]
    errors = [FieldError(f"/redirect_uris/{index}", problem) for index, problem in found if problem]
    return errors + _repeated("/redirect_uris", uris)


def _check_scopes(requested: Sequence[str], tenant: Tenant) -> list[FieldError]:
    known = scopes.catalogue(tenant.granted_scopes)
    errors = _unknown(
        "/requested_scopes", requested, known.__contains__, "is not in this organisation's catalogue", known
    )
    return errors + _repeated("/requested_scopes", requested)


def _check_jwks(method: str, keys: dict[str, Any] | None, settings: Settings) -> list[FieldError]:
    if method != "private_key_jwt":
        return [FieldError("/jwks", "is only for private_key_jwt")] if keys is not None else []
    if keys is None:
        return [FieldError("/jwks", "private_key_jwt needs it")]
    problem = credentials.problem_with_jwks(keys, settings.most_jwks_keys)
    return [FieldError("/jwks", problem)] if problem else []


def _check_name(name: str) -> list[FieldError]:
    """People read the name before they consent, so it holds no invisible character and none that changes the writing direction."""
    if not name.isprintable() or not name.strip():
        return [FieldError("/name", "is empty or holds invisible characters")]
    return []


def _unknown(pointer: str, values: Sequence[str], known: Any, why: str, names: Iterable[str]) -> list[FieldError]:
    """The values that are not known, each with all `names` and the nearest one."""
    allowed = sorted(names)
    return [
        FieldError(f"{pointer}/{index}", why, "enum", allowed=allowed, did_you_mean=nearest(value, allowed))
        for index, value in enumerate(values)
        if not known(value)
    ]


def _repeated(pointer: str, values: Iterable[str]) -> list[FieldError]:
    listed = list(values)
    return [FieldError(pointer, "has a value twice")] if len(set(listed)) != len(listed) else []


# --- Redirect URIs ----------------------------------------------------------------------------------------------------

MAX_LENGTH = 2000
_URI = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+\-]*(\.[a-z0-9+\-]+)+")
_HOST = re.compile(r"([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?")
LOOPBACK_NAMES = {"localhost"}


def problem_with_redirect(uri: str) -> str | None:
    """Why `uri` may not be registered, or None if it may."""
    if len(uri) > MAX_LENGTH or not _URI.fullmatch(uri):
        return "is not a URI (RFC 3986) of at most 2000 characters"
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return "is not a URI (RFC 3986)"
    if "#" in uri:
        return "has a fragment"
    if parts.username is not None or parts.password is not None:
        return "has user information in it"
    if parts.scheme == "https":
        return None if _names_host(parts) else "names no host"
    if parts.scheme == "http":
        return (
            None if _names_host(parts) and is_loopback(parts) else "must be https; http is for loopback addresses alone"
        )
    if _PRIVATE_SCHEME.fullmatch(parts.scheme):
        return None if not parts.netloc else "has a private scheme and a host"
    return "has a scheme other than https, http on loopback, or a reverse-domain private one"


def _names_host(parts: SplitResult) -> bool:
    """Whether the host is a name or an address, without a character that has a meaning in a page's security policy, such as `*`."""
    if not _HOST.fullmatch(parts.netloc):
        return False
    if not parts.netloc.startswith("["):
        return True
    try:
        ipaddress.IPv6Address(parts.hostname or "")
    except ValueError:
        return False
    return True


def is_loopback(parts: SplitResult) -> bool:
    """127.0.0.0/8, ::1 or the name localhost."""
    host = parts.hostname or ""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_registered(requested: str, registered: Iterable[str]) -> bool:
    return registered_as(requested, registered) is not None


def registered_as(requested: str, registered: Iterable[str]) -> str | None:
    """The registered URI that equals the requested one. Only the port of an http loopback URI may differ (RFC 8252 §7.3)."""
    return next((uri for uri in registered if requested == uri or _same_but_port(requested, uri)), None)


def _same_but_port(requested: str, registered: str) -> bool:
    if problem_with_redirect(requested) is not None or not registered.startswith("http://"):
        return False
    theirs, ours = urlsplit(requested), urlsplit(registered)
    if theirs.scheme != "http" or not is_loopback(theirs):
        return False
    return _without_port(theirs) == _without_port(ours)


def _without_port(parts: SplitResult) -> tuple[str | None, str, str]:
    return parts.hostname, parts.path, parts.query


# --- Event types ------------------------------------------------------------------------------------------------------

# These events carry exact times. An app with moved times is not approved for them.
LIVE_EVENTS = tuple(kind.type for kind in event_types.catalogue().values() if not kind.with_moved_times)


def matches(pattern: str, event_type: str) -> bool:
    """`incident.*` matches every type that begins with `incident.`; any other pattern matches itself."""
    if pattern.endswith(".*"):
        return event_type.startswith(pattern[:-1])
    return pattern == event_type


def is_live_event(pattern: str) -> bool:
    """Whether a pattern approves an event with exact times of encounters, devices or incidents."""
    return any(matches(pattern, event_type) for event_type in LIVE_EVENTS)


def is_known_event(pattern: str) -> bool:
    """Whether a pattern approves at least one known event type."""
    return any(matches(pattern, event_type) for event_type in event_types.catalogue())


# --- The dry run of governance ----------------------------------------------------------------------------------------

# Kinds of daily_counts that a dry run reads.
SERVICE_TOKEN = "service_token"
AUTHORIZED_WITHOUT_PKCE = "authorized_without_pkce"
AUTHORIZED_AT = "authorized_at"


class Count(NamedTuple):
    kind: str
    detail: str
    number: int


def would_refuse(change: GovernanceChange, app: AppRow, counts: Iterable[Count]) -> dict[str, int]:
    """How many calls of the last seven days the change would have refused, by reason. Reasons that applied before are not counted."""
    found: dict[str, int] = {}
    uris = change.redirect_uris
    for kind, detail, number in counts:
        if kind == SERVICE_TOKEN and change.allow_service_tokens is False and app.allow_service_tokens:
            reason = "service_tokens_not_allowed"
        elif kind == AUTHORIZED_WITHOUT_PKCE and change.enforce_pkce is True and not app.enforce_pkce:
            reason = "pkce_required"
        elif kind == AUTHORIZED_AT and uris is not UNSET and not is_registered(detail, uris):
            reason = "redirect_uri_not_registered"
        else:
            continue
        found[reason] = found.get(reason, 0) + number
    return found


def refuse(errors: list[FieldError]) -> None:
    if errors:
        raise problems.invalid("The request does not fit; see errors.", errors)

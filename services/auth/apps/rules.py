"""What an app may be registered as and changed to. Pure: refusals are field errors, all found at once."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import UNSET

from services.auth.apps import events, jwks, redirects, scopes
from services.auth.apps.models import App, AppChange, AppDraft, GovernanceChange, Tenant
from services.auth.settings import Settings
from shared import deidentification
from shared.deidentification import Mode
from shared.problems import FieldError


def check_draft(draft: AppDraft, tenant: Tenant, settings: Settings) -> list[FieldError]:
    return [
        *_check_name(draft.name),
        *_check_grants(draft),
        *_check_redirects(draft.redirect_uris, settings),
        *_check_scopes(draft.requested_scopes, tenant),
        *_check_jwks(draft.token_endpoint_auth_method, draft.jwks, settings),
    ]


def check_change(change: AppChange, app: App, tenant: Tenant, settings: Settings) -> list[FieldError]:
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


def check_governance(change: GovernanceChange, app: App, tenant: Tenant, settings: Settings) -> list[FieldError]:
    errors: list[FieldError] = []
    if change.enforce_pkce is False and app.token_endpoint_auth_method == "none":
        errors.append(FieldError("/enforce_pkce", "a public client always uses PKCE"))
    if change.redirect_uris is not UNSET:
        errors += _check_redirects(change.redirect_uris, settings) + _check_some_redirect(
            change.redirect_uris, app.grant_types
        )
    if change.approved_events is not UNSET:
        errors += _unknown("/approved_events", change.approved_events, events.is_known, "approves no event there is")
        errors += _repeated("/approved_events", change.approved_events)
    if change.graphql_bundles is not UNSET:
        granted = set(tenant.graphql_bundles)
        errors += _unknown(
            "/graphql_bundles", change.graphql_bundles, granted.__contains__, "is not granted to this organisation"
        )
        errors += _repeated("/graphql_bundles", change.graphql_bundles)
    return errors + _check_moved_times(change, app)


def _check_moved_times(change: GovernanceChange, app: App) -> list[FieldError]:
    """Times moved in the record but exact elsewhere could be moved back: an app gets the one or the other."""
    mode = app.deidentification if change.deidentification is UNSET else change.deidentification
    approved = app.approved_events if change.approved_events is UNSET else change.approved_events
    errors = _check_live_scopes("/deidentification", app.requested_scopes, mode)
    if mode != "exact" and (live := [pattern for pattern in approved if events.is_live(pattern)]):
        pointer = "/approved_events" if change.deidentification is UNSET else "/deidentification"
        errors.append(
            FieldError(pointer, f"{mode} does not go with events that tell of exact times: {', '.join(live)}")
        )
    return errors


def _check_live_scopes(pointer: str, requested: Sequence[str], mode: Mode) -> list[FieldError]:
    live = deidentification.refused(mode, requested)
    return [FieldError(pointer, f"{mode} does not go with scopes that tell more: {', '.join(live)}")] if live else []


def _check_grants(draft: AppDraft) -> list[FieldError]:
    errors = _repeated("/grant_types", draft.grant_types)
    if "authorization_code" in draft.grant_types:
        errors += _check_some_redirect(draft.redirect_uris, draft.grant_types)
    elif "refresh_token" in draft.grant_types:
        errors.append(FieldError("/grant_types", "refresh_token goes with authorization_code"))
    if draft.token_endpoint_auth_method == "none" and "client_credentials" in draft.grant_types:
        errors.append(FieldError("/grant_types", "client_credentials needs a client that can authenticate"))
    return errors


def _check_some_redirect(uris: Sequence[str], grant_types: Sequence[str]) -> list[FieldError]:
    if "authorization_code" in grant_types and not uris:
        return [FieldError("/redirect_uris", "authorization_code needs at least one")]
    return []


def _check_redirects(uris: Sequence[str], settings: Settings) -> list[FieldError]:
    if len(uris) > settings.most_redirect_uris:
        return [FieldError("/redirect_uris", f"an app has at most {settings.most_redirect_uris}")]
    found = [(index, redirects.problem_with(uri)) for index, uri in enumerate(uris)]
    errors = [FieldError(f"/redirect_uris/{index}", problem) for index, problem in found if problem]
    return errors + _repeated("/redirect_uris", uris)


def _check_scopes(requested: Sequence[str], tenant: Tenant) -> list[FieldError]:
    known = scopes.catalogue(tenant.granted_scopes)
    errors = _unknown("/requested_scopes", requested, known.__contains__, "is not in this organisation's catalogue")
    return errors + _repeated("/requested_scopes", requested)


def _check_jwks(method: str, keys: dict[str, Any] | None, settings: Settings) -> list[FieldError]:
    if method != "private_key_jwt":
        return [FieldError("/jwks", "is for private_key_jwt alone")] if keys is not None else []
    if keys is None:
        return [FieldError("/jwks", "private_key_jwt needs it")]
    problem = jwks.problem_with(keys, settings.most_jwks_keys)
    return [FieldError("/jwks", problem)] if problem else []


def _check_name(name: str) -> list[FieldError]:
    """People read it where they decide: nothing in it may be invisible or turn the direction of writing."""
    if not name.isprintable() or not name.strip():
        return [FieldError("/name", "holds characters that cannot be seen, or nothing else")]
    return []


def _unknown(pointer: str, values: Sequence[str], known: Any, why: str) -> list[FieldError]:
    return [FieldError(f"{pointer}/{index}", why) for index, value in enumerate(values) if not known(value)]


def _repeated(pointer: str, values: Iterable[str]) -> list[FieldError]:
    listed = list(values)
    return [FieldError(pointer, "names something twice")] if len(set(listed)) != len(listed) else []

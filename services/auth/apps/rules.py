"""What an app may be registered as and changed to. Pure: refusals are field errors, all found at once."""

from collections.abc import Iterable, Sequence
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import UNSET

from services.auth.apps import events, redirects, scopes
from services.auth.apps.models import AppChange, AppDraft, GovernanceChange, Tenant
from shared.problems import FieldError

MAX_KEYS = 5
SAFE_KEY_TYPES = {"RSA", "EC", "OKP"}
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}


def check_draft(draft: AppDraft, tenant: Tenant) -> list[FieldError]:
    return [
        *_check_grants(draft),
        *_check_redirects(draft.redirect_uris),
        *_check_scopes(draft.requested_scopes, tenant),
        *_check_jwks(draft),
    ]


def check_change(change: AppChange, grant_types: Sequence[str], tenant: Tenant) -> list[FieldError]:
    errors: list[FieldError] = []
    if change.redirect_uris is not UNSET:
        errors += _check_redirects(change.redirect_uris) + _check_some_redirect(change.redirect_uris, grant_types)
    if change.requested_scopes is not UNSET:
        errors += _check_scopes(change.requested_scopes, tenant)
    return errors


def check_governance(
    change: GovernanceChange, grant_types: Sequence[str], public: bool, tenant: Tenant
) -> list[FieldError]:
    errors: list[FieldError] = []
    if change.enforce_pkce is False and public:
        errors.append(FieldError("/enforce_pkce", "a public client always uses PKCE"))
    if change.redirect_uris is not UNSET:
        errors += _check_redirects(change.redirect_uris) + _check_some_redirect(change.redirect_uris, grant_types)
    if change.approved_events is not UNSET:
        errors += _unknown("/approved_events", change.approved_events, events.is_known, "approves no event there is")
        errors += _repeated("/approved_events", change.approved_events)
    if change.graphql_bundles is not UNSET:
        granted = set(tenant.graphql_bundles)
        errors += _unknown(
            "/graphql_bundles", change.graphql_bundles, granted.__contains__, "is not granted to this organisation"
        )
        errors += _repeated("/graphql_bundles", change.graphql_bundles)
    return errors


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


def _check_redirects(uris: Sequence[str]) -> list[FieldError]:
    found = [(index, redirects.problem_with(uri)) for index, uri in enumerate(uris)]
    errors = [FieldError(f"/redirect_uris/{index}", problem) for index, problem in found if problem]
    return errors + _repeated("/redirect_uris", uris)


def _check_scopes(requested: Sequence[str], tenant: Tenant) -> list[FieldError]:
    known = scopes.catalogue(tenant.granted_scopes)
    errors = _unknown("/requested_scopes", requested, known.__contains__, "is not in this organisation's catalogue")
    return errors + _repeated("/requested_scopes", requested)


def _check_jwks(draft: AppDraft) -> list[FieldError]:
    if draft.token_endpoint_auth_method != "private_key_jwt":
        return [FieldError("/jwks", "is for private_key_jwt alone")] if draft.jwks is not None else []
    if draft.jwks is None:
        return [FieldError("/jwks", "private_key_jwt needs it")]
    problem = problem_with_jwks(draft.jwks)
    return [FieldError("/jwks", problem)] if problem else []


def problem_with_jwks(jwks: dict[str, Any]) -> str | None:
    """Why a JWK Set (RFC 7517 §5) cannot authenticate a client, or None."""
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not 0 < len(keys) <= MAX_KEYS or set(jwks) != {"keys"}:
        return f"is a JWK Set of 1 to {MAX_KEYS} keys"
    for key in keys:
        if not isinstance(key, dict) or key.get("kty") not in SAFE_KEY_TYPES:
            return "holds a key that is not RSA, EC or OKP"
        if PRIVATE_MEMBERS & set(key):
            return "holds a private key; send the public half alone"
    try:
        imported = KeySet.import_key_set(jwks)  # pyright: ignore[reportArgumentType]
    except (JoseError, ValueError, TypeError, KeyError):
        return "holds a key that cannot be read"
    sizes = [key.raw_value.key_size for key in imported.keys if key.key_type == "RSA"]  # pyright: ignore[reportAttributeAccessIssue]
    if any(not 2048 <= size <= 4096 for size in sizes):
        return "holds an RSA key that has not between 2048 and 4096 bits"
    kids = [key.get("kid") for key in keys]
    if len(keys) > 1 and (None in kids or len(set(map(str, kids))) != len(kids)):
        return "holds several keys without a kid each of their own"
    return None


def _unknown(pointer: str, values: Sequence[str], known: Any, why: str) -> list[FieldError]:
    return [FieldError(f"{pointer}/{index}", why) for index, value in enumerate(values) if not known(value)]


def _repeated(pointer: str, values: Iterable[str]) -> list[FieldError]:
    listed = list(values)
    return [FieldError(pointer, "names something twice")] if len(set(listed)) != len(listed) else []

"""How an app is shown. Pure."""

from collections.abc import Iterable
from typing import Any

from services.auth.apps.models import App, SecretRow


def app_view(app: App, secrets: Iterable[SecretRow] = ()) -> dict[str, Any]:
    return {
        "client_id": app.client_id,
        "name": app.name,
        "status": app.status,
        "tenant_id": app.tenant_id,
        "first_party": app.first_party,
        "grant_types": app.grant_types,
        "redirect_uris": app.redirect_uris,
        "requested_scopes": app.requested_scopes,
        "token_endpoint_auth_method": app.token_endpoint_auth_method,
        **({"jwks": app.jwks} if app.jwks is not None else {}),
        "governance": governance_view(app),
        "secrets": list(secrets),
        "created_at": app.created_at,
        "updated_at": app.updated_at,
    }


def governance_view(app: App) -> dict[str, Any]:
    return {
        "allow_service_tokens": app.allow_service_tokens,
        "enforce_pkce": app.enforce_pkce,
        "redirect_uris": app.redirect_uris,
        "approved_events": app.approved_events,
        "access_token_ttl": app.access_token_ttl,
        "graphql_bundles": app.graphql_bundles,
        "pseudonym_domain": app.pseudonym_domain,
        "deidentification": app.deidentification,
    }

"""What a tenant's admin allows an app, and what a change would have refused."""

from typing import Any

import pytest

from tests.auth.support import Auth, claims_of
from tests.support.waiting import wait_for


def governance(auth: Auth, app: dict[str, Any], change: dict[str, Any], query: str = "") -> Any:
    return auth.admin("PATCH", f"/v1/platform/apps/{app['client_id']}/governance{query}", json=change)


def test_only_named_flags_change_and_all_are_shown(auth: Auth) -> None:
    app = auth.register()
    answer = governance(auth, app, {"allow_service_tokens": True, "enforce_pkce": False})
    assert answer.status_code == 200
    assert answer.json()["client_id"] == app["client_id"]
    shown = answer.json()["governance"]
    assert shown == app["governance"] | {"allow_service_tokens": True, "enforce_pkce": False}
    assert governance(auth, app, {}).json()["governance"] == shown


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"approved_events": ["incident.*", "nothing.*"]}, "/approved_events/1"),
        ({"approved_events": ["*"]}, "/approved_events/0"),
        ({"graphql_bundles": ["unknown"]}, "/graphql_bundles/0"),
        ({"access_token_ttl": 5}, "/access_token_ttl"),
        ({"access_token_ttl": 10**9}, "/access_token_ttl"),
        ({"deidentification": "none"}, "/deidentification"),
        ({"pseudonym_domain": ""}, "/pseudonym_domain"),
        ({"allow_service_tokens": "yes"}, "/allow_service_tokens"),
        ({"redirect_uris": ["http://evil.example"]}, "/redirect_uris/0"),
        ({"admin": True}, "/admin"),
    ],
)
def test_what_governance_cannot_mean_is_refused_and_changes_nothing(
    auth: Auth, change: dict[str, Any], pointer: str
) -> None:
    app = auth.register()
    answer = governance(auth, app, change | {"enforce_pkce": False} if "admin" not in change else change)
    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    shown = auth.admin("GET", f"/v1/platform/apps/{app['client_id']}").json()
    assert shown["governance"] == app["governance"]


def test_a_public_client_cannot_be_freed_from_pkce(auth: Auth) -> None:
    app = auth.register(
        grant_types=["authorization_code"], redirect_uris=["https://a.example/cb"], token_endpoint_auth_method="none"
    )
    assert governance(auth, app, {"enforce_pkce": False}).status_code == 422


def test_a_bundle_of_the_tenant_can_be_granted(auth: Auth) -> None:
    app = auth.register()
    assert governance(auth, app, {"graphql_bundles": ["incident-desk"]}).status_code == 200


def test_the_access_token_lives_as_long_as_governance_says(auth: Auth) -> None:
    app = auth.register()
    governance(auth, app, {"access_token_ttl": 120})
    answer = auth.token(app).json()
    assert answer["expires_in"] == 120
    claims = claims_of(answer["access_token"])
    assert claims["exp"] - claims["iat"] == 120


def test_turning_service_tokens_off_ends_the_live_ones(auth: Auth) -> None:
    app = auth.register()
    path = f"/v1/platform/apps/{app['client_id']}"
    tokens = [auth.admin("POST", f"{path}/service-token").json()["token"] for _ in range(2)]
    changed = governance(auth, app, {"allow_service_tokens": False})
    assert changed.json()["revoked_service_tokens"] == 2
    assert changed.json()["revocation_effective_within_seconds"] == 1
    assert auth.admin("GET", f"{path}/service-tokens").json()["service_tokens"] == []
    revoked = {(mark["kind"], mark["id"]) for mark in auth.watermarks().json()["watermarks"]}
    assert {("grant", claims_of(token)["grant_id"]) for token in tokens} <= revoked
    refused = auth.admin("POST", f"{path}/service-token", json={"scopes": ["webhooks:write"]})
    assert refused.status_code == 403


def test_a_dry_run_says_what_would_have_been_refused_and_changes_nothing(auth: Auth) -> None:
    app = auth.register()
    path = f"/v1/platform/apps/{app['client_id']}"
    for _ in range(3):
        auth.admin("POST", f"{path}/service-token")

    def dry_run() -> Any:
        answer = governance(auth, app, {"allow_service_tokens": False}, "?dry_run=true").json()
        return answer if answer["would_refuse"] == 3 else None

    answer = wait_for(dry_run)
    assert answer == {"dry_run": True, "would_refuse": 3, "by_reason": {"service_tokens_not_allowed": 3}}
    assert len(auth.admin("GET", f"{path}/service-tokens").json()["service_tokens"]) == 3
    assert auth.admin("GET", path).json()["governance"]["allow_service_tokens"] is True


@pytest.mark.parametrize("mode", ["shifted", "safe_harbor"])
@pytest.mark.parametrize("event", ["epcr.*", "epcr.encounter.created", "device.*", "device.observations.recorded"])
def test_an_app_with_moved_times_hears_no_event_with_exact_ones(auth: Auth, mode: str, event: str) -> None:
    app = auth.register()
    path = f"/v1/platform/apps/{app['client_id']}/governance"
    assert auth.admin("PATCH", path, json={"deidentification": mode, "approved_events": [event]}).status_code == 422
    assert auth.admin("PATCH", path, json={"approved_events": [event]}).status_code == 200
    later = auth.admin("PATCH", path, json={"deidentification": mode})
    assert (later.status_code, later.json()["errors"][0]["pointer"]) == (422, "/deidentification")
    assert (
        auth.admin("PATCH", path, json={"deidentification": mode, "approved_events": ["incident.*"]}).status_code == 200
    )
    assert (
        auth.admin("PATCH", path, json={"approved_events": [event]}).json()["errors"][0]["pointer"]
        == "/approved_events"
    )

"""What a tenant's admin allows an app, and what a change would have refused."""

from typing import Any

import pytest

from services.auth.signin import texts
from tests.auth.support import Auth, Browser, claims_of, register_web_app
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


MOVED = pytest.mark.parametrize("mode", ["shifted", "safe_harbor"])
LIVE_EVENTS = ["epcr.*", "epcr.encounter.created", "device.*", "device.enrolled", "device.observations.recorded"]
LIVE_EVENTS += ["incident.*", "incident.created", "automation.fired"]
LIVE_SCOPES = ["argus:devices:read", "argus:devices:write", "argus:epcr:write", "argus:acqi:read"]
LIVE_SCOPES += ["argus:incidents:read", "argus:incidents:write"]


@MOVED
@pytest.mark.parametrize("event", LIVE_EVENTS)
def test_an_app_with_moved_times_hears_no_event_with_exact_ones(auth: Auth, mode: str, event: str) -> None:
    app = auth.register()
    path = f"/v1/platform/apps/{app['client_id']}/governance"
    assert auth.admin("PATCH", path, json={"deidentification": mode, "approved_events": [event]}).status_code == 422
    assert auth.admin("PATCH", path, json={"approved_events": [event]}).status_code == 200
    later = auth.admin("PATCH", path, json={"deidentification": mode})
    assert (later.status_code, later.json()["errors"][0]["pointer"]) == (422, "/deidentification")
    harmless = ["webhook.disabled", "app.*", "integration_request.decided"]
    assert auth.admin("PATCH", path, json={"deidentification": mode, "approved_events": harmless}).status_code == 200
    refused = auth.admin("PATCH", path, json={"approved_events": [event]}).json()["errors"][0]
    assert refused["pointer"] == "/approved_events"
    assert event in refused["detail"]


@MOVED
@pytest.mark.parametrize("scope", LIVE_SCOPES)
def test_an_app_with_moved_times_gets_no_scope_that_tells_exact_ones(auth: Auth, mode: str, scope: str) -> None:
    app = auth.register(scopes=["argus:epcr:read", scope])
    refused = governance(auth, app, {"deidentification": mode, "approved_events": []})
    assert refused.status_code == 422
    [error] = refused.json()["errors"]
    assert (error["pointer"], scope in error["detail"]) == ("/deidentification", True)
    path = f"/v1/platform/apps/{app['client_id']}"
    assert auth.admin("PATCH", path, json={"requested_scopes": ["argus:epcr:read"]}).status_code == 200
    assert governance(auth, app, {"deidentification": mode, "approved_events": []}).status_code == 200
    refused = auth.admin("PATCH", path, json={"requested_scopes": ["argus:epcr:read", scope]})
    assert refused.status_code == 422
    [error] = refused.json()["errors"]
    assert (error["pointer"], scope in error["detail"]) == ("/requested_scopes", True)


@MOVED
def test_a_token_says_its_apps_mode_and_ends_with_it(auth: Auth, mode: str) -> None:
    """Services read the mode in the token: there is no moment at which they have not heard of it."""
    app = auth.register(scopes=["argus:epcr:read"])
    path = f"/v1/platform/apps/{app['client_id']}"
    assert claims_of(auth.token(app).json()["access_token"])["deidentification"] == "exact"
    auth.admin("POST", f"{path}/service-token")
    changed = governance(auth, app, {"deidentification": mode, "approved_events": []})
    assert changed.json()["revoked_service_tokens"] == 1
    assert ("client", app["client_id"]) in {
        (mark["kind"], mark["id"]) for mark in auth.watermarks().json()["watermarks"]
    }
    assert claims_of(auth.token(app).json()["access_token"])["deidentification"] == mode
    assert claims_of(auth.admin("POST", f"{path}/service-token").json()["token"])["deidentification"] == mode


def test_what_an_older_version_let_through_stands_in_no_token(auth: Auth) -> None:
    app = auth.register(scopes=["argus:epcr:read", "argus:devices:read"])
    auth.sql("UPDATE apps SET deidentification = 'shifted' WHERE client_id = %s RETURNING 1", app["client_id"])
    assert auth.token(app).json()["scope"] == "argus:epcr:read"
    assert auth.token(app, scope="argus:devices:read").json()["error"] == "invalid_scope"
    refused = auth.admin(
        "POST", f"/v1/platform/apps/{app['client_id']}/service-token", json={"scopes": ["argus:devices:read"]}
    )
    assert refused.status_code == 422


def test_who_consents_reads_that_dates_are_moved(auth: Auth) -> None:
    app = register_web_app(auth, ["argus:epcr:read"])
    browser = Browser(auth)
    browser.sign_in()
    said = texts.TEXTS["en"]["consent_moved"]
    assert said not in browser.authorize(app, scope="argus:epcr:read").text
    governance(auth, app, {"deidentification": "shifted", "approved_events": []})
    assert said in browser.authorize(app, scope="argus:epcr:read").text

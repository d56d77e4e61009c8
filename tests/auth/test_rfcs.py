"""What the RFCs demand, a test for each demand and named for it."""

from typing import Any

import msgspec
import pytest

from services.auth.oauth.metadata import server_metadata
from services.auth.settings import Settings
from shared.process.settings import load
from tests.auth.support import (
    API,
    CALLBACK,
    ISSUER,
    VERIFIER,
    Auth,
    Browser,
    claims_of,
    header_of,
    redeem,
    register_web_app,
    returned,
)
from tests.support.alone import environment_of


def credentials(app: dict[str, Any]) -> dict[str, str]:
    return {"client_id": app["client_id"], "client_secret": app["client_secret"]}


@pytest.mark.parametrize("uri", [CALLBACK + "?x", CALLBACK.upper(), CALLBACK + "/", "http" + CALLBACK[5:]])
def test_rfc9700_redirect_uris_are_compared_character_by_character(auth: Auth, uri: str) -> None:
    assert Browser(auth).authorize(register_web_app(auth), redirect_uri=uri).status_code == 400


def test_rfc9700_and_8252_only_the_port_of_a_loopback_redirect_may_vary(auth: Auth) -> None:
    app = register_web_app(auth, token_endpoint_auth_method="none", redirect_uris=["http://127.0.0.1:1/cb"])
    code = Browser(auth).allow(app, redirect_uri="http://127.0.0.1:5555/cb")
    assert redeem(auth, app, code, redirect_uri="http://127.0.0.1:1/cb").json()["error"] == "invalid_grant"
    code = Browser(auth).allow(app, redirect_uri="http://127.0.0.1:5555/cb")
    assert redeem(auth, app, code, redirect_uri="http://127.0.0.1:5555/cb").status_code == 200


def test_rfc9700_public_clients_must_use_pkce_with_s256(auth: Auth) -> None:
    app = register_web_app(auth, token_endpoint_auth_method="none")
    without = {"code_challenge": None, "code_challenge_method": None}
    assert returned(Browser(auth).authorize(app, **without))["error"] == "invalid_request"
    code = Browser(auth).allow(app)
    assert redeem(auth, app, code, code_verifier=None).status_code == 400


def test_rfc9700_a_verifier_without_a_challenge_is_refused(auth: Auth) -> None:
    app = register_web_app(auth)
    auth.admin("PATCH", f"/v1/platform/apps/{app['client_id']}/governance", json={"enforce_pkce": False})
    code = Browser(auth).allow(app, code_challenge=None, code_challenge_method=None)
    assert redeem(auth, app, code, code_verifier=VERIFIER).json()["error"] == "invalid_request"


@pytest.mark.parametrize("response_type", ["token", "id_token", "code token", "none"])
def test_rfc9700_there_is_no_implicit_grant(auth: Auth, response_type: str) -> None:
    answer = returned(Browser(auth).authorize(register_web_app(auth), response_type=response_type))
    assert answer["error"] == "unsupported_response_type"


def test_rfc9700_there_is_no_password_grant(auth: Auth) -> None:
    answer = auth.token(auth.register(), grant_type="password", username="a", password="b")
    assert answer.json()["error"] == "unsupported_grant_type"


def test_rfc9700_a_code_is_good_once_and_reuse_revokes_what_it_gave(auth: Auth) -> None:
    app = register_web_app(auth)
    code = Browser(auth).allow(app)
    token = redeem(auth, app, code).json()["access_token"]
    assert redeem(auth, app, code).status_code == 400
    answer = auth.form("/v1/oauth/introspect", credentials(app) | {"token": token})
    assert answer.json() == {"active": False}


def test_rfc9700_tokens_are_restricted_to_an_audience(auth: Auth) -> None:
    app = register_web_app(auth)
    code = Browser(auth).allow(app, resource=API)
    assert claims_of(redeem(auth, app, code).json()["access_token"])["aud"] == [API]


def test_rfc9700_a_post_is_answered_with_303_so_that_credentials_are_not_sent_on(auth: Auth) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    assert browser.sign_in().status_code == 303
    assert browser.submit(browser.authorize(app), "/v1/oauth/authorize", decision="allow").status_code == 303


def test_rfc9700_a_public_clients_refresh_tokens_rotate_and_reuse_ends_the_family(auth: Auth) -> None:
    app = register_web_app(auth, token_endpoint_auth_method="none")
    first = redeem(auth, app, Browser(auth).allow(app, scope="webhooks:write offline_access")).json()["refresh_token"]
    second = auth.token(app, grant_type="refresh_token", refresh_token=first).json()["refresh_token"]
    third = auth.token(app, grant_type="refresh_token", refresh_token=second).json()["refresh_token"]
    assert len({first, second, third}) == 3
    for token in (first, third):
        assert auth.token(app, grant_type="refresh_token", refresh_token=token).json()["error"] == "invalid_grant"


def test_rfc9700_clients_may_authenticate_with_a_key_of_their_own(auth: Auth) -> None:
    """Asymmetric, as recommended: how it works is in test_private_key_jwt.py."""
    metadata = auth.call("GET", "/.well-known/oauth-authorization-server").json()
    for endpoint in ("token", "revocation", "introspection"):
        assert "private_key_jwt" in metadata[f"{endpoint}_endpoint_auth_methods_supported"]
    assert {"RS256", "ES256"} <= set(metadata["token_endpoint_auth_signing_alg_values_supported"])


def test_rfc9068_header_and_claims(auth: Auth) -> None:
    app = register_web_app(auth)
    for token in (
        auth.token(auth.register()).json()["access_token"],
        redeem(auth, app, Browser(auth).allow(app)).json()["access_token"],
    ):
        assert header_of(token)["typ"] == "at+jwt"
        assert {"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} <= set(claims_of(token))


def test_rfc9068_sub_is_the_client_for_client_credentials_and_the_user_otherwise(auth: Auth) -> None:
    machine, app = auth.register(), register_web_app(auth)
    assert claims_of(auth.token(machine).json()["access_token"])["sub"] == machine["client_id"]
    ((user_id,),) = auth.sql("SELECT user_id FROM users WHERE email = %s", auth.demo["email"])
    assert claims_of(redeem(auth, app, Browser(auth).allow(app)).json()["access_token"])["sub"] == user_id


def test_rfc8414_metadata_is_where_clients_look_and_names_what_there_is(auth: Auth) -> None:
    answer = auth.call("GET", "/.well-known/oauth-authorization-server")
    metadata = answer.json()
    assert metadata == msgspec.to_builtins(server_metadata(ISSUER, [ISSUER, API]))
    assert metadata["issuer"] == ISSUER
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["response_types_supported"] == ["code"]
    assert "password" not in metadata["grant_types_supported"]
    assert "platform:apps" not in metadata["scopes_supported"]
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "revocation_endpoint"):
        assert metadata[name].startswith(ISSUER)
        assert auth.call("OPTIONS", metadata[name].removeprefix(ISSUER)).status_code == 405


@pytest.mark.parametrize(
    "issuer", [f"{ISSUER}?x=1", f"{ISSUER}/", f"{ISSUER}#x", f"{ISSUER}/tenant", "auth.knogin.test", "https://"]
)
def test_rfc8414_an_issuer_is_an_origin_without_path_query_or_fragment(auth: Auth, issuer: str) -> None:
    """With a path its metadata would be looked for elsewhere (§3.1), and nobody would find it."""
    with pytest.raises(SystemExit, match="ISSUER"):
        load(Settings, environment_of(auth.settings, issuer=issuer))


def test_rfc9207_iss_stands_in_the_answer_and_the_metadata_says_so(auth: Auth) -> None:
    metadata = auth.call("GET", "/.well-known/oauth-authorization-server").json()
    assert metadata["authorization_response_iss_parameter_supported"] is True
    app, browser = register_web_app(auth), Browser(auth)
    assert returned(browser.authorize(app, prompt="none"))["iss"] == metadata["issuer"]
    browser.sign_in()
    for decision in ("allow", "deny"):
        answer = returned(
            browser.submit(browser.authorize(app, prompt="consent"), "/v1/oauth/authorize", decision=decision)
        )
        assert answer["iss"] == metadata["issuer"]


def test_rfc7009_an_unknown_or_foreign_token_is_200_and_changes_nothing(auth: Auth) -> None:
    app, other = auth.register(), auth.register()
    token = auth.token(app).json()["access_token"]
    for text in ("nonsense", "knr_x", token, token[:-3]):
        answer = auth.form("/v1/oauth/revoke", credentials(other) | {"token": text})
        assert answer.status_code == 200
    assert auth.form("/v1/oauth/introspect", credentials(app) | {"token": token}).json()["active"] is True


@pytest.mark.parametrize("hint", ["refresh_token", "id_token", "é", ""])
def test_rfc7009_a_hint_that_is_wrong_or_unknown_is_ignored(auth: Auth, hint: str) -> None:
    app = auth.register()
    token = auth.token(app).json()["access_token"]
    answer = auth.form("/v1/oauth/revoke", credentials(app) | {"token": token, "token_type_hint": hint})
    assert answer.status_code == 200
    assert auth.form("/v1/oauth/introspect", credentials(app) | {"token": token}).json() == {"active": False}


def test_rfc7009_a_refresh_token_takes_its_access_tokens_with_it(auth: Auth) -> None:
    app = register_web_app(auth)
    tokens = redeem(auth, app, Browser(auth).allow(app, scope="webhooks:write offline_access")).json()
    auth.form("/v1/oauth/revoke", credentials(app) | {"token": tokens["refresh_token"]})
    for token in (tokens["refresh_token"], tokens["access_token"]):
        assert auth.form("/v1/oauth/introspect", credentials(app) | {"token": token}).json() == {"active": False}
    again = auth.token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert again.json()["error"] == "invalid_grant"


def test_rfc7009_a_public_client_revokes_its_own(auth: Auth) -> None:
    app = register_web_app(auth, token_endpoint_auth_method="none")
    tokens = redeem(auth, app, Browser(auth).allow(app, scope="webhooks:write offline_access")).json()
    form = {"client_id": app["client_id"], "token": tokens["refresh_token"]}
    assert auth.form("/v1/oauth/revoke", form).status_code == 200
    again = auth.token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert again.json()["error"] == "invalid_grant"


def test_rfc7009_without_authentication_nothing_is_revoked(auth: Auth) -> None:
    app = auth.register()
    token = auth.token(app).json()["access_token"]
    assert auth.form("/v1/oauth/revoke", {"token": token}).status_code == 401
    assert auth.form("/v1/oauth/revoke", {"token": token, "client_id": app["client_id"]}).status_code == 401
    assert auth.form("/v1/oauth/revoke", credentials(app)).json()["error"] == "invalid_request"


def test_rfc7662_a_token_is_described_to_its_own_client(auth: Auth) -> None:
    app = register_web_app(auth)
    tokens = redeem(auth, app, Browser(auth).allow(app, scope="webhooks:write offline_access")).json()
    access = auth.form("/v1/oauth/introspect", credentials(app) | {"token": tokens["access_token"]}).json()
    assert access == {"active": True, "token_type": "Bearer"} | claims_of(tokens["access_token"])
    refreshing = auth.form("/v1/oauth/introspect", credentials(app) | {"token": tokens["refresh_token"]}).json()
    assert refreshing["active"] is True
    assert refreshing["client_id"] == app["client_id"]


def test_rfc7662_anything_doubtful_is_simply_not_active(auth: Auth) -> None:
    app, other = auth.register(), auth.register()
    token = auth.token(other).json()["access_token"]
    for text in (token, "nonsense", "a.b.c", "knr_x", "é", token + "x"):
        answer = auth.form("/v1/oauth/introspect", credentials(app) | {"token": text})
        assert (answer.status_code, answer.json()) == (200, {"active": False})


def test_rfc7662_a_public_client_cannot_ask(auth: Auth) -> None:
    app = register_web_app(auth, token_endpoint_auth_method="none")
    answer = auth.form("/v1/oauth/introspect", {"client_id": app["client_id"], "token": "x"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("length", [0, 42, 129])
def test_rfc7636_a_verifier_has_43_to_128_characters(auth: Auth, length: int) -> None:
    app = register_web_app(auth)
    code = Browser(auth).allow(app)
    assert redeem(auth, app, code, code_verifier="v" * length or None).json()["error"] == "invalid_request"


def test_rfc9728_each_host_describes_itself(auth: Auth) -> None:
    path = "/.well-known/oauth-protected-resource"
    api = auth.call("GET", path, headers={"host": "api.knogin.test"}).json()
    assert (api["resource"], api["authorization_servers"]) == (API, [ISSUER])
    assert auth.call("GET", path, headers={"host": "auth.knogin.test"}).json()["resource"] == ISSUER

"""What Authlib 1.9 does out of the box and must not reach a partner, by the numbers of our list."""

import subprocess
import sys
import threading
from typing import Any

import pytest

from shared.primitives.crypto import base64url_encode
from tests.auth.support import (
    CALLBACK,
    CHALLENGE,
    ISSUER,
    Auth,
    Browser,
    basic,
    claims_of,
    header_of,
    redeem,
    register_web_app,
    returned,
)
from tests.auth.test_private_key_jwt import EDWARDS, ask, assertion, public_jwk
from tests.auth.test_private_key_jwt import register as register_with_key

TOKEN = "/v1/oauth/token"
FORM = {"content-type": "application/x-www-form-urlencoded"}


def raw(auth: Auth, body: bytes | str, path: str = TOKEN, **headers: Any) -> Any:
    return auth.call("POST", path, content=body, headers=FORM | headers)


@pytest.mark.parametrize("uri", ['https://a.example/"', "https://é.example/", "https://a.example/\\", "\x01"])
def test_01_a_redirect_uri_with_forbidden_characters_is_a_page_not_a_500(auth: Auth, uri: str) -> None:
    assert Browser(auth).authorize(register_web_app(auth), redirect_uri=uri).status_code == 400


@pytest.mark.parametrize("response_type", ["é", '"', "\x7f", "code token"])
def test_02_an_odd_response_type_is_unsupported_not_a_500(auth: Auth, response_type: str) -> None:
    answer = returned(Browser(auth).authorize(register_web_app(auth), response_type=response_type))
    assert answer["error"] == "unsupported_response_type"


@pytest.mark.parametrize("credentials", ["/////w==", "not base64", "=", "Og==", "eA==", "eDo="])
def test_03_basic_credentials_that_cannot_be_read_are_invalid_client(auth: Auth, credentials: str) -> None:
    answer = raw(auth, "grant_type=client_credentials", authorization=f"Basic {credentials}")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_03_basic_credentials_are_form_decoded(auth: Auth) -> None:
    from starlette.datastructures import Headers

    from services.auth.oauth import clients, forms

    shown = clients.read_credentials(Headers(basic("app%5F1", "a+b%2Bc")), forms.Form({}, ()))
    assert (shown.client_id, shown.proof) == ("app_1", "a b+c")


def test_04_the_plain_http_hop_behind_the_gateway_works(auth: Auth) -> None:
    assert auth.http.base_url.scheme == "http"
    assert auth.token(auth.register()).status_code == 200


def test_05_iss_is_in_success_and_error_redirects_alike(auth: Auth) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    assert returned(browser.authorize(app, prompt="none"))["iss"] == ISSUER
    browser.allow(app)
    assert returned(browser.authorize(app))["iss"] == ISSUER


def test_06_pkce_is_forced_at_the_authorization_endpoint_for_confidential_and_public_apps(auth: Auth) -> None:
    without = {"code_challenge": None, "code_challenge_method": None}
    for method in ("client_secret_basic", "none"):
        app = register_web_app(auth, token_endpoint_auth_method=method)
        assert returned(Browser(auth).authorize(app, **without))["error"] == "invalid_request"


def test_07_plain_is_refused_also_where_the_method_is_left_out(auth: Auth) -> None:
    app = register_web_app(auth)
    for method in (None, "plain", "s256"):
        assert returned(Browser(auth).authorize(app, code_challenge_method=method))["error"] == "invalid_request"


@pytest.mark.parametrize("tail", ["\n", " ", "=", "\x00"])
def test_08_a_challenge_with_something_behind_it_is_refused(auth: Auth, tail: str) -> None:
    answer = Browser(auth).authorize(register_web_app(auth), code_challenge=CHALLENGE + tail)
    assert answer.status_code == 400 or returned(answer)["error"] == "invalid_request"


def test_09_every_token_names_the_one_active_key(auth: Auth) -> None:
    app = auth.register()
    headers = [header_of(auth.token(app).json()["access_token"]) for _ in range(20)]
    assert len({header["kid"] for header in headers}) == 1
    assert {header["typ"] for header in headers} == {"at+jwt"}


def test_10_tokens_live_an_hour_and_are_meant_for_our_hosts(auth: Auth) -> None:
    app = register_web_app(auth)
    machine = auth.token(auth.register()).json()
    person = redeem(auth, app, Browser(auth).allow(app)).json()
    for answer in (machine, person):
        claims = claims_of(answer["access_token"])
        assert answer["expires_in"] == claims["exp"] - claims["iat"] == 3600
        assert claims["aud"] == [auth.settings.issuer, auth.settings.api_base_url]


def test_11_a_scope_the_app_may_not_have_is_refused_not_dropped(auth: Auth) -> None:
    app = register_web_app(auth)
    answer = returned(Browser(auth).authorize(app, scope="webhooks:write argus:epcr:read"))
    assert answer["error"] == "invalid_scope"
    machine = auth.register()
    assert auth.token(machine, scope="webhooks:write argus:epcr:read").json()["error"] == "invalid_scope"


def test_12_parameters_in_the_query_count_for_nothing(auth: Auth) -> None:
    app = auth.register()
    query = f"grant_type=client_credentials&client_id={app['client_id']}&client_secret={app['client_secret']}"
    assert auth.call("POST", f"{TOKEN}?{query}", content=b"", headers=FORM).status_code == 401
    headers = basic(app["client_id"], app["client_secret"])
    answer = auth.call("POST", f"{TOKEN}?grant_type=client_credentials", content=b"", headers=FORM | headers)
    assert answer.json()["error"] == "invalid_request"


def test_12_a_parameter_given_twice_is_refused(auth: Auth) -> None:
    app = auth.register()
    form = f"grant_type=client_credentials&client_id={app['client_id']}&client_secret={app['client_secret']}"
    for extra in ("&scope=webhooks:write&scope=webhooks:write", "&grant_type=client_credentials", "&x=1&x="):
        assert raw(auth, form + extra).json()["error"] == "invalid_request"


def test_12_two_ways_to_authenticate_at_once_are_refused(auth: Auth) -> None:
    app = auth.register()
    headers = basic(app["client_id"], app["client_secret"])
    both = f"grant_type=client_credentials&client_id={app['client_id']}&client_secret={app['client_secret']}"
    assert raw(auth, both, **headers).json()["error"] == "invalid_request"


def test_12_two_different_clients_in_one_request_are_refused(auth: Auth) -> None:
    app, other = auth.register(), auth.register()
    headers = basic(app["client_id"], app["client_secret"])
    answer = raw(auth, f"grant_type=client_credentials&client_id={other['client_id']}", **headers)
    assert answer.json()["error"] == "invalid_request"
    same = raw(auth, f"grant_type=client_credentials&client_id={app['client_id']}", **headers)
    assert same.status_code == 200


def test_13_a_missing_grant_type_is_invalid_request_and_an_unknown_one_unsupported(auth: Auth) -> None:
    app = auth.register()
    assert auth.token(app, grant_type=None).json()["error"] == "invalid_request"
    for grant_type in ("password", "implicit", "é", "urn:x"):
        assert auth.token(app, grant_type=grant_type).json()["error"] == "unsupported_grant_type"


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
def test_13_another_content_type_is_invalid_request(auth: Auth, content_type: str) -> None:
    answer = auth.call("POST", TOKEN, content=b"{}", headers={"content-type": content_type})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_14_an_unknown_client_and_a_wrong_secret_are_told_apart_by_nothing(auth: Auth) -> None:
    app, disabled = auth.register(), auth.register()
    auth.admin("POST", f"/v1/platform/apps/{disabled['client_id']}/disable")
    unknown = {"client_id": "app_" + "0" * 26, "client_secret": app["client_secret"]}
    answers = [
        auth.token(app, client_secret="wrong"),
        auth.token(unknown),
        auth.token({"client_id": "nonsense", "client_secret": "x"}),
        auth.token(disabled),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert len({answer.headers["www-authenticate"] for answer in answers}) == 1


def test_15_the_challenge_has_a_realm_and_no_error(auth: Auth) -> None:
    answer = auth.token(auth.register(), client_secret="wrong")
    assert answer.headers["www-authenticate"] == 'Basic realm="knogin", charset="UTF-8"'


def test_16_an_unknown_token_type_hint_is_ignored(auth: Auth) -> None:
    app = auth.register()
    token = auth.token(app).json()["access_token"]
    form = {"client_id": app["client_id"], "client_secret": app["client_secret"], "token": token}
    for path, expected in (("/v1/oauth/introspect", {"active": True}), ("/v1/oauth/revoke", {})):
        answer = auth.form(path, form | {"token_type_hint": "saml"})
        assert answer.status_code == 200
        assert expected.items() <= answer.json().items()


def test_17_a_missing_response_type_is_invalid_request_and_duplicates_count_in_the_post_too(auth: Auth) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    assert returned(browser.authorize(app, response_type=None))["error"] == "invalid_request"
    browser.sign_in()
    page = browser.authorize(app)
    doubled = browser.submit(
        page,
        "/v1/oauth/authorize",
        decision="allow",
        request=f"response_type=code&client_id={app['client_id']}&redirect_uri={CALLBACK}&scope=a&scope=b",
    )
    assert returned(doubled)["error"] == "invalid_request"


def test_18_of_parallel_redemptions_one_wins_and_19_the_burn_outlives_the_error(auth: Auth) -> None:
    app = register_web_app(auth)
    code = Browser(auth).allow(app)
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(redeem(auth, app, code).status_code)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [400] * 7
    second = Browser(auth).allow(app)
    assert redeem(auth, app, second, code_verifier="w" * 43).status_code == 400
    ((used,),) = auth.sql("SELECT count(*) FROM codes WHERE client_id = %s AND used_at IS NULL", app["client_id"])
    assert used == 0


def test_20_a_jwt_without_our_typ_or_algorithm_is_not_active(auth: Auth) -> None:
    import jwt

    from services.auth.keys import signing
    from shared.primitives.crypto import Keyring

    app = auth.register()
    token = auth.token(app).json()["access_token"]
    claims, kid = claims_of(token), header_of(token)["kid"]
    ((sealed,),) = auth.sql("SELECT private_key FROM signing_keys WHERE kid = %s", kid)
    key = signing.unseal(kid, sealed, Keyring.from_text(auth.settings.encryption_keys))
    for headers, algorithm, by in (
        ({"kid": kid, "typ": "JWT"}, "RS256", key),
        ({"kid": kid, "typ": "at+jwt"}, "RS512", key),
        ({"kid": kid, "typ": "at+jwt"}, "HS256", "s" * 64),
        ({"kid": "other", "typ": "at+jwt"}, "RS256", key),
    ):
        forged = jwt.encode(claims, by, algorithm, headers)
        form = {"client_id": app["client_id"], "client_secret": app["client_secret"], "token": forged}
        assert auth.form("/v1/oauth/introspect", form).json() == {"active": False}
    good = jwt.encode(claims, key, "RS256", {"kid": kid, "typ": "at+jwt"})
    form = {"client_id": app["client_id"], "client_secret": app["client_secret"], "token": good}
    assert auth.form("/v1/oauth/introspect", form).json()["active"] is True


def test_20_a_jwt_can_be_revoked(auth: Auth) -> None:
    app = auth.register()
    token = auth.token(app).json()["access_token"]
    form = {"client_id": app["client_id"], "client_secret": app["client_secret"], "token": token}
    assert auth.form("/v1/oauth/revoke", form).status_code == 200
    assert auth.form("/v1/oauth/introspect", form).json() == {"active": False}
    marks = {(mark["kind"], mark["id"]) for mark in auth.watermarks().json()["watermarks"]}
    assert ("token", claims_of(token)["jti"]) in marks


def test_21_a_request_is_wrapped_once_however_often_authlib_asks() -> None:
    from services.auth.oauth.forms import Form
    from services.auth.oauth.server import AuthorizationServer, OAuthRequest
    from tests.auth.test_refresh import KEYRING

    server = AuthorizationServer(ISSUER, [ISSUER], KEYRING, frozenset())
    request = OAuthRequest("POST", Form({}, ()))
    assert server.create_oauth2_request(server.create_oauth2_request(request)) is request


def test_22_edwards_curves_are_taken_and_a_sub_that_is_no_text_is_not(auth: Auth) -> None:
    app = register_with_key(auth, public_jwk(EDWARDS))
    assert ask(auth, assertion(app, EDWARDS, "EdDSA")).status_code == 200
    encoded = base64url_encode(b'{"alg":"EdDSA"}') + "." + base64url_encode(b'{"sub":42}') + ".AAAA"
    assert ask(auth, encoded).json()["error"] == "invalid_client"


def test_nothing_deprecated_in_authlib_is_used() -> None:
    code = (
        "import warnings; from authlib.deprecate import AuthlibDeprecationWarning;"
        "warnings.simplefilter('error', AuthlibDeprecationWarning);"
        "import services.auth.app; from services.auth.oauth.server import build_server"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0

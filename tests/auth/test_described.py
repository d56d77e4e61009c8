"""OAuth refusals always say why, in words of ours, and the metadata of a resource is that of the host that was asked."""

import pytest

from tests.auth.support import API, ISSUER, Auth

NAME = "Aoife"
WRONG = [
    ({"grant_type": "refresh_token", "refresh_token": "knr_x"}, "invalid_grant"),
    ({"grant_type": "refresh_token", "refresh_token": NAME}, "invalid_grant"),
    ({"grant_type": "refresh_token"}, "invalid_request"),
    ({"grant_type": "authorization_code", "code": NAME, "redirect_uri": "https://app.example/cb"}, "invalid_grant"),
    ({"grant_type": "authorization_code"}, "invalid_request"),
    ({"grant_type": NAME}, "unsupported_grant_type"),
    ({"grant_type": "password", "username": NAME, "password": NAME}, "unsupported_grant_type"),
    ({"scope": NAME}, "invalid_scope"),
    ({"grant_type": None}, "invalid_request"),
    ({"client_secret": NAME}, "invalid_client"),
    ({"resource": f"https://{NAME}.example"}, "invalid_target"),
]
GRANTS = ["client_credentials", "authorization_code", "refresh_token"]


@pytest.mark.parametrize(("fields", "error"), WRONG)
def test_every_refusal_of_the_token_endpoint_says_why(auth: Auth, fields: dict[str, str], error: str) -> None:
    app = auth.register(grant_types=GRANTS, redirect_uris=["https://app.example/cb"])
    answer = auth.token(app, **fields)
    body = answer.json()
    assert body["error"] == error
    assert len(body["error_description"]) > 10
    assert NAME not in answer.text


def test_an_app_that_is_not_registered_for_a_grant_is_told_so(auth: Auth) -> None:
    body = auth.token(auth.register(), grant_type="refresh_token", refresh_token="knr_x").json()
    assert (body["error"], len(body["error_description"]) > 10) == ("unauthorized_client", True)


@pytest.mark.parametrize("endpoint", ["revoke", "introspect"])
def test_every_refusal_of_the_other_endpoints_says_why(auth: Auth, endpoint: str) -> None:
    app = auth.register()
    known = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    for form in ({}, known, known | {"client_secret": NAME, "token": "x"}, {"client_id": NAME, "token": "x"}):
        answer = auth.form(f"/v1/oauth/{endpoint}", form)
        assert answer.status_code >= 400
        assert len(answer.json()["error_description"]) > 10
        assert NAME not in answer.text


def test_a_form_of_escapes_alone_is_refused_unread(auth: Auth) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = auth.call("POST", "/v1/oauth/token", content=b"a=" + b"%41" * 5000, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "4096 escapes" in answer.json()["error_description"]


@pytest.mark.parametrize(
    ("host", "resource"),
    [
        ("api.knogin.test", API),
        ("API.Knogin.test", API),
        ("api.knogin.test.", API),
        ("api.knogin.test:443", API),
        ("Api.Knogin.Test.:443", API),
        ("auth.knogin.test", ISSUER),
        ("auth.knogin.test:443", ISSUER),
        ("elsewhere.example", ISSUER),
        ("[::1", ISSUER),
    ],
)
def test_the_metadata_names_the_resource_however_its_host_is_spelt(auth: Auth, host: str, resource: str) -> None:
    answer = auth.call("GET", "/.well-known/oauth-protected-resource", headers={"host": host})
    assert answer.json()["resource"] == resource

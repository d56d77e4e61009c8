"""Clients partners use, unchanged, against the running stack: they discover the server and complete the flows."""

import html
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session as RequestsSession

from tests.auth.test_browser import CALLBACK, register
from tests.support.plain import PLAIN
from tests.support.stack import Stack

VERIFIER = "v" * 48


@pytest.fixture(autouse=True)
def _over_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries do not speak OAuth over plain http without their own switch."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture
def issuer(stack: Stack) -> str:
    """The address that every program resolves; no library is helped to resolve the names under it."""
    return f"http://localhost:{stack.port}"


@pytest.fixture
def metadata(issuer: str) -> dict[str, Any]:
    """What a client discovers from the issuer alone."""
    with httpx2.Client(trust_env=False, verify=PLAIN) as client:
        found = client.get(f"{issuer}/.well-known/oauth-authorization-server").json()
    assert found["issuer"] == issuer, "RFC 8414 §3.3"
    return found


@pytest.fixture
def person(stack: Stack, issuer: str) -> Iterator[httpx2.Client]:
    """A signed-in browser, as far as cookies and forms go."""
    with httpx2.Client(base_url=issuer, trust_env=False, timeout=30, verify=PLAIN) as client:
        page = client.get("/v1/auth/sign-in").text
        form = hidden(page) | {"email": stack.tenant.email, "password": stack.tenant.password}
        assert client.post("/v1/auth/sign-in", data=form).status_code == 303
        yield client


def hidden(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([a-z]+)" value="([^"]*)">', page)
    return {name: html.unescape(value) for name, value in found}


def allow(person: httpx2.Client, url: str) -> str:
    """Where the browser is sent with the code."""
    page = person.get(url)
    assert page.status_code == 200, page.text
    answer = person.post("/v1/oauth/authorize", data=hidden(page.text.partition("account")[0]) | {"decision": "allow"})
    assert answer.status_code == 303
    location = answer.headers["location"]
    base = f"{person.base_url.scheme}://{person.base_url.netloc.decode()}"
    assert parse_qs(urlsplit(location).query)["iss"] == [base], "RFC 9207"
    return location


def test_the_metadata_is_what_authlib_takes_for_rfc_8414(metadata: dict[str, Any]) -> None:
    # It insists on https, which the local stack has not; everything else must hold.
    secure = {
        name: value.replace("http://", "https://") if isinstance(value, str) else value
        for name, value in metadata.items()
    }
    AuthorizationServerMetadata(secure).validate()


def test_authlibs_session_completes_the_code_flow_and_refreshes(
    stack: Stack, metadata: dict[str, Any], person: httpx2.Client
) -> None:
    app = register(stack)
    client = AuthlibSession(
        app["client_id"],
        app["client_secret"],
        scope="webhooks:write offline_access",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
        token_endpoint=metadata["token_endpoint"],
    )
    url, state = client.create_authorization_url(metadata["authorization_endpoint"], code_verifier=VERIFIER)
    answer = allow(person, url)
    token = client.fetch_token(
        metadata["token_endpoint"], authorization_response=answer, state=state, code_verifier=VERIFIER
    )
    assert token["scope"] == "webhooks:write offline_access"
    refreshed = client.refresh_token(metadata["token_endpoint"], token["refresh_token"])
    assert refreshed["access_token"] != token["access_token"]
    assert client.introspect_token(metadata["introspection_endpoint"], token["access_token"]).json()["active"] is True
    assert client.revoke_token(metadata["revocation_endpoint"], refreshed["refresh_token"]).status_code == 200
    assert client.introspect_token(metadata["introspection_endpoint"], token["access_token"]).json() == {
        "active": False
    }


def test_authlibs_session_gets_a_machine_token_and_calls_the_api(stack: Stack, metadata: dict[str, Any]) -> None:
    app = stack.register_app(["webhooks:read"])
    client: Any = AuthlibSession(app.client_id, app.client_secret, scope="webhooks:read")
    client.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
    answer = client.get(f"{metadata['issuer']}/v1/platform/scopes")
    assert answer.status_code == 200


def test_requests_oauthlib_completes_the_code_flow_with_pkce_and_refreshes(
    stack: Stack, metadata: dict[str, Any], person: httpx2.Client
) -> None:
    app = register(stack)
    client = RequestsSession(
        app["client_id"], redirect_uri=CALLBACK, scope=["webhooks:write", "offline_access"], pkce="S256"
    )
    url, _ = client.authorization_url(metadata["authorization_endpoint"])
    answer = allow(person, url)
    token = client.fetch_token(
        metadata["token_endpoint"], authorization_response=answer, client_secret=app["client_secret"]
    )
    assert token["token_type"] == "Bearer"
    refreshed = client.refresh_token(
        metadata["token_endpoint"], auth=(app["client_id"], app["client_secret"]), refresh_token=token["refresh_token"]
    )
    assert refreshed["refresh_token"] != token["refresh_token"]


def test_requests_oauthlib_gets_a_machine_token(stack: Stack, metadata: dict[str, Any]) -> None:
    app = stack.register_app(["webhooks:read"])
    client = RequestsSession(client=BackendApplicationClient(client_id=app.client_id, scope=["webhooks:read"]))
    token = client.fetch_token(metadata["token_endpoint"], client_id=app.client_id, client_secret=app.client_secret)
    assert token["scope"] == ["webhooks:read"]

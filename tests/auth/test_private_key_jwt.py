"""private_key_jwt (RFC 7523): a client that signs instead of sending a secret."""

import time
import uuid
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from shared.primitives.crypto import base64url_encode
from tests.auth.support import ISSUER, Auth
from tests.support.keys import rsa_key
from tests.support.waiting import wait_for

KEY, OTHER = rsa_key(0), rsa_key(1)
WEAK = rsa_key(0, bits=1024)  # it must be refused
EDWARDS = ed25519.Ed25519PrivateKey.generate()
CURVE = ec.generate_private_key(ec.SECP256R1())
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def public_jwk(key: Any, kid: str = "k1") -> dict[str, Any]:
    kinds = {rsa.RSAPrivateKey: RSAAlgorithm, ec.EllipticCurvePrivateKey: ECAlgorithm}
    algorithm = next((found for kind, found in kinds.items() if isinstance(key, kind)), OKPAlgorithm)
    return algorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid}


def register(auth: Auth, *keys: dict[str, Any]) -> dict[str, Any]:
    jwks = {"keys": list(keys) or [public_jwk(KEY)]}
    return auth.register(token_endpoint_auth_method="private_key_jwt", jwks=jwks)


def assertion(app: dict[str, Any], key: Any = KEY, algorithm: str = "RS256", kid: str = "k1", **claims: Any) -> str:
    now = int(time.time())
    full = {
        "iss": app["client_id"],
        "sub": app["client_id"],
        "aud": f"{ISSUER}/v1/oauth/token",
        "exp": now + 60,
        "iat": now,
        "jti": str(uuid.uuid4()),
    } | claims
    kept = {name: value for name, value in full.items() if value is not None}
    return jwt.encode(kept, key, algorithm, {"kid": kid})


def ask(auth: Auth, text: str, **fields: Any) -> Any:
    form = {"grant_type": "client_credentials", "client_assertion_type": TYPE, "client_assertion": text} | fields
    return auth.form("/v1/oauth/token", form)


def test_a_signed_assertion_gets_a_token(auth: Auth) -> None:
    app = register(auth)
    assert ask(auth, assertion(app)).status_code == 200
    assert ask(auth, assertion(app, aud=ISSUER), client_id=app["client_id"]).status_code == 200


def test_elliptic_curves_and_several_keys_work(auth: Auth) -> None:
    app = register(auth, public_jwk(KEY), public_jwk(CURVE, "k2"))
    assert ask(auth, assertion(app, CURVE, "ES256", "k2")).status_code == 200
    assert ask(auth, assertion(app)).status_code == 200


def test_edwards_curves_work_since_algorithms_are_listed(auth: Auth) -> None:
    app = register(auth, public_jwk(EDWARDS))
    assert ask(auth, assertion(app, EDWARDS, "EdDSA")).status_code == 200


def test_an_assertion_is_good_once(auth: Auth) -> None:
    app = register(auth)
    text = assertion(app)
    assert ask(auth, text).status_code == 200
    assert ask(auth, text).json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://evil.example"},
        {"aud": None},
        {"exp": int(time.time()) - 120},
        {"exp": None},
        {"exp": int(time.time()) + 180_000},
        {"exp": "tomorrow"},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": True},
        {"jti": None},
        {"jti": ""},
        {"iss": "someone"},
        {"iss": None},
        {"nbf": int(time.time()) + 90_000},
    ],
)
def test_an_assertion_that_does_not_hold_is_invalid_client(auth: Auth, claims: dict[str, Any]) -> None:
    app = register(auth)
    answer = ask(auth, assertion(app, **claims))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_another_key_or_algorithm_is_invalid_client(auth: Auth) -> None:
    app = register(auth)
    for text in (
        assertion(app, OTHER),
        assertion(app, "s" * 64, "HS256"),
        assertion(app, CURVE, "ES256"),
        jwt.encode({"sub": app["client_id"]}, "", "none"),
        "a.b.c",
        "",
        "é",
    ):
        answer = ask(auth, text)
        assert answer.status_code in (400, 401)
        assert answer.json()["error"] in ("invalid_client", "invalid_request")


def test_an_app_with_a_secret_cannot_use_an_assertion_nor_the_other_way_round(auth: Auth) -> None:
    app, secret = register(auth), auth.register()
    assert ask(auth, assertion(secret)).status_code == 401
    assert auth.token(app, client_secret="x").status_code == 401


def test_an_assertion_and_a_secret_at_once_are_refused(auth: Auth) -> None:
    app = register(auth)
    assert ask(auth, assertion(app), client_secret="x", client_id=app["client_id"]).json()["error"] == "invalid_request"


def test_a_key_signs_with_the_algorithm_it_is_registered_for(auth: Auth) -> None:
    app = register(auth, public_jwk(KEY) | {"alg": "PS256"}, public_jwk(EDWARDS, "k2") | {"alg": "EdDSA"})
    assert ask(auth, assertion(app, algorithm="PS256")).status_code == 200
    assert ask(auth, assertion(app, EDWARDS, "EdDSA", "k2")).status_code == 200
    refused = ask(auth, assertion(app, algorithm="RS256"))
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


def test_the_integrator_reads_which_algorithm_was_wrong(auth: Auth) -> None:
    app = register(auth, public_jwk(KEY) | {"alg": "PS256"})
    for wrong in (assertion(app, "s" * 64, "HS256"), assertion(app, algorithm="RS256")):
        assert ask(auth, wrong).status_code == 401

    def reasons() -> set[str]:
        events = auth.admin("GET", f"/v1/platform/apps/{app['client_id']}/events").json()["events"]
        return {event["reason"] for event in events} if len(events) == 2 else set()

    signed = "The client assertion is signed with an algorithm that"
    assert wait_for(reasons) == {f"{signed} is not taken.", f"{signed} its key is not for."}


def test_keys_are_replaced_and_the_old_ones_are_good_no_more(auth: Auth) -> None:
    app = register(auth)
    path = f"/v1/platform/apps/{app['client_id']}"
    assert auth.admin("PATCH", path, json={"jwks": {"keys": [public_jwk(OTHER)]}}).status_code == 200
    assert ask(auth, assertion(app)).status_code == 401
    assert ask(auth, assertion(app, OTHER)).status_code == 200
    secret = auth.register()
    refused = auth.admin(
        "PATCH", f"/v1/platform/apps/{secret['client_id']}", json={"jwks": {"keys": [public_jwk(KEY)]}}
    )
    assert refused.status_code == 422


@pytest.mark.parametrize(
    "jwks",
    [
        {"keys": []},
        {"keys": [{"kty": "oct", "k": "AAAA"}]},
        {"keys": [{"kty": "RSA", "n": "x", "e": "AQAB"}]},
        {"keys": [RSAAlgorithm.to_jwk(KEY, as_dict=True)]},
        {"keys": [RSAAlgorithm.to_jwk(WEAK.public_key(), as_dict=True)]},
        {"keys": [public_jwk(KEY, "same"), public_jwk(OTHER, "same")]},
        {"keys": "all of them"},
        {"keys": [None]},
        {"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]},
        {"keys": [{"kty": ["RSA"]}]},
        {"keys": [public_jwk(KEY) | {"use": "enc"}]},
        {"keys": [public_jwk(KEY) | {"e": "_" * 340}]},
        {"keys": [public_jwk(KEY) | {"kid": 7}]},
        {"keys": [{"kty": "OKP", "crv": "X25519", "x": base64url_encode(b"x" * 32)}]},
        {"keys": [public_jwk(ec.generate_private_key(ec.SECP521R1()))]},
        {"keys": [public_jwk(CURVE) | {"alg": "RS256"}]},
        {"keys": [public_jwk(KEY) | {"alg": "RS512"}]},
        {"keys": [public_jwk(KEY) | {"alg": ["RS256"]}]},
        {"keys": [public_jwk(CURVE) | {"crv": ["P-256"]}]},
        {"keys": [public_jwk(CURVE, f"k{number}") for number in range(6)]},
    ],
)
def test_keys_that_cannot_authenticate_anyone_are_not_registered(auth: Auth, jwks: Any) -> None:
    draft = {"name": "x", "grant_types": ["client_credentials"], "token_endpoint_auth_method": "private_key_jwt"}
    answer = auth.admin("POST", "/v1/platform/apps", json=draft | {"jwks": jwks})
    assert answer.status_code == 422, answer.text
    assert "/jwks" in [error["pointer"] for error in answer.json()["errors"]]

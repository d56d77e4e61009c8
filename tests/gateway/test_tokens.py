"""Which tokens are accepted, and the answers to the others."""

import base64
import json
import threading
import time
import uuid
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.keys import FORCED_EVERY
from tests.gateway.conftest import IDENTITIES, Running, World
from tests.gateway.issuer import FIRST, KEYS, SECOND, Issuer
from tests.gateway.raw import Reply
from tests.support.keys import rsa_key
from tests.support.waiting import PATIENCE, wait_for

STRANGER = rsa_key(2)


def ask(gateway: Running, authorization: str | None, *, host: str = "api.test", path: str = "/api/v1/devices") -> Reply:
    with gateway.door() as door:
        fields: dict[str, Any] = {} if authorization is None else {"Authorization": authorization}
        return door.request("GET", path, host=host, **fields)


def unsigned(issuer: Issuer) -> str:
    payload = issuer.token().split(".")[1]
    none = (
        base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "at+jwt", "kid": FIRST}).encode())
        .rstrip(b"=")
        .decode()
    )
    return f"{none}.{payload}."


def hmac_with_the_public_key(issuer: Issuer) -> str:
    pem = KEYS[FIRST].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return jwt.api_jws.PyJWS().encode(
        b"{}", base64.b64encode(pem), algorithm="HS256", headers={"typ": "at+jwt", "kid": FIRST}
    )


def forged_payload(issuer: Issuer) -> str:
    header, payload, signature = issuer.token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged = base64.urlsafe_b64encode(json.dumps(claims | {"tenant_id": "org_2"}).encode()).rstrip(b"=").decode()
    return f"{header}.{forged}.{signature}"


def now() -> int:
    return int(time.time())


BAD: dict[str, Any] = {
    "not a JWT": lambda issuer: "abc",
    "two parts": lambda issuer: issuer.token().rpartition(".")[0],
    "three dots": lambda issuer: issuer.token() + ".x",
    "no signature": lambda issuer: issuer.token().rpartition(".")[0] + ".",
    "alg none": unsigned,
    "HMAC with the public key": hmac_with_the_public_key,
    "another payload": forged_payload,
    "a stranger's key under our kid": lambda issuer: issuer.token(key=STRANGER),
    "an elliptic curve": lambda issuer: issuer.token(key=generate_ec(SECP256R1()), algorithm="ES256"),
    "RS512": lambda issuer: issuer.token(algorithm="RS512"),
    "an ID token": lambda issuer: issuer.token(header={"typ": "JWT"}),
    "no typ": lambda issuer: issuer.token(header={"typ": None}),
    "an unknown kid": lambda issuer: issuer.token(header={"kid": "2020-01-signing-key"}),
    "no kid": lambda issuer: issuer.token(header={"kid": None}),
    "a kid that is a path": lambda issuer: issuer.token(header={"kid": "../../dev/null"}),
    "its own key in the header": lambda issuer: issuer.token(
        key=STRANGER, header={"kid": "own", "jwk": {"kty": "RSA"}, "jku": "http://evil.test/jwks"}
    ),
    "critical extensions": lambda issuer: issuer.token(header={"crit": ["exp"]}),
    "another issuer": lambda issuer: issuer.token(iss="http://evil.test"),
    "no issuer": lambda issuer: issuer.token(iss=None),
    "no audience": lambda issuer: issuer.token(aud=None),
    "another audience": lambda issuer: issuer.token(aud=["http://evil.test"]),
    "the other host's audience": lambda issuer: issuer.token(aud="http://auth.test"),
    "expired": lambda issuer: issuer.token(iat=now() - 7200, exp=now() - 60),
    "no expiry": lambda issuer: issuer.token(exp=None),
    "issued tomorrow": lambda issuer: issuer.token(iat=now() + 86_400, exp=now() + 90_000),
    "not yet": lambda issuer: issuer.token(nbf=now() + 600),
    "no time of issue": lambda issuer: issuer.token(iat=None),
    "living for years": lambda issuer: issuer.token(exp=now() + 400 * 86_400),
    "expiry past all numbers": lambda issuer: issuer.token(exp=10**400),
    "expiry that is text": lambda issuer: issuer.token(exp="soon"),
    "no subject": lambda issuer: issuer.token(sub=None),
    "no client": lambda issuer: issuer.token(client_id=None),
    "a client that is a list": lambda issuer: issuer.token(client_id=["app_1"]),
    "no tenant": lambda issuer: issuer.token(tenant_id=None),
    "no jti": lambda issuer: issuer.token(jti=None),
    "a jti without time": lambda issuer: issuer.token(jti=str(uuid.uuid4())),
    "a jti that is a word": lambda issuer: issuer.token(jti="seven"),
    "a use nobody knows": lambda issuer: issuer.token(token_use="refresh"),
    "an environment nobody knows": lambda issuer: issuer.token(environment="moon"),
    "too long": lambda issuer: issuer.token(scope="x" * 9000),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_token_is_refused_with_the_challenge_of_rfc_6750(
    case: str, gateway: Running, shared_world: World
) -> None:
    before = len(shared_world.service.seen)
    token = BAD[case](shared_world.issuer)
    reply = ask(gateway, f"Bearer {token}")
    assert reply.status == 401
    challenge = reply.get("www-authenticate") or ""
    assert challenge.startswith(
        'Bearer realm="knogin", resource_metadata="http://api.test/.well-known/oauth-protected-resource"'
    )
    assert 'error="invalid_token"' in challenge
    assert token not in challenge + reply.body.decode()
    assert len(shared_world.service.seen) == before


def test_a_genuine_token_from_a_clock_ahead_is_to_be_tried_again(gateway: Running, shared_world: World) -> None:
    """The token becomes valid when the clocks agree. With a 401 the client would discard it, and the next one too."""
    reply = ask(gateway, f"Bearer {shared_world.issuer.token(iat=now() + 600)}")
    assert reply.status == 503
    assert reply.get("retry-after")
    assert ask(gateway, f"Bearer {shared_world.issuer.token(key=STRANGER, iat=now() + 600)}").status == 401


@pytest.mark.parametrize("authorization", [None, "Basic YTpi", "Bearer", "Bearer ", "Token abc", ""])
def test_no_token_is_a_challenge_without_an_error(authorization: str | None, gateway: Running) -> None:
    reply = ask(gateway, authorization)
    assert reply.status == 401
    assert "error=" not in (reply.get("www-authenticate") or "error=")
    assert reply.json()["detail"] == "A bearer token is required."


def test_two_authorization_fields_are_refused_even_where_nobody_checks_them(
    gateway: Running, shared_world: World
) -> None:
    with gateway.door() as door:
        door.send(b"POST /v1/oauth/token HTTP/1.1\r\nHost: auth.test\r\nContent-Length: 0\r\n")
        door.send(b"Authorization: Basic a\r\nAuthorization: Basic b\r\n\r\n")
        reply = door.reply()
    assert reply.status == 400
    assert 'error="invalid_request"' in (reply.get("www-authenticate") or "")


def test_a_client_that_authenticates_itself_reaches_auth_with_its_credentials_and_anonymously(
    gateway: Running, shared_world: World
) -> None:
    reply = ask(gateway, "Basic YTpi", host="auth.test", path="/v1/oauth/metadata")
    seen = shared_world.issuer.origin.last("/v1/oauth/metadata")
    assert (reply.status, seen.get("authorization")) == (200, "Basic YTpi")
    caller = IDENTITIES.verify(seen.get("x-knogin-identity") or "")
    assert caller is not None
    assert (caller.token_use, caller.tenant_id, caller.address) == ("anonymous", "", "127.0.0.1")


@pytest.mark.parametrize("mode", ["shifted", "safe_harbor"])
def test_services_are_given_the_mode_that_the_token_says(mode: str, gateway: Running, shared_world: World) -> None:
    ask(gateway, f"Bearer {shared_world.issuer.token(deidentification=mode)}")
    caller = IDENTITIES.verify(shared_world.service.last("/api/v1/devices").get("x-knogin-identity") or "")
    assert caller is not None
    assert caller.deidentification == mode


def test_a_mode_that_is_unknown_opens_nothing(gateway: Running, shared_world: World) -> None:
    assert ask(gateway, f"Bearer {shared_world.issuer.token(deidentification='none')}").status == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_good_token_passes_whatever_the_case_of_the_scheme(
    scheme: str, gateway: Running, shared_world: World
) -> None:
    assert ask(gateway, f"{scheme} {shared_world.issuer.token()}").status == 200


def test_a_token_narrowed_to_one_host_opens_that_host_alone(gateway: Running, shared_world: World) -> None:
    token = f"Bearer {shared_world.issuer.token(aud='http://api.test')}"
    assert ask(gateway, token).status == 200
    assert ask(gateway, token, host="auth.test", path="/v1/webhooks").status == 401
    assert ask(gateway, token).status == 200


def test_a_new_key_is_learned_from_the_first_token_it_signed(world: World) -> None:
    gateway = world.start()
    fetches = world.issuer.jwks_fetches
    world.issuer.published = [FIRST, SECOND]
    assert ask(gateway, f"Bearer {world.issuer.token(SECOND)}").status == 200
    assert world.issuer.jwks_fetches == fetches + 1


def test_a_flood_of_unknown_keys_asks_the_issuer_once_in_ten_seconds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert FORCED_EVERY == 10
    monkeypatch.setattr("gateway.keys.FORCED_EVERY", 3600)
    gateway = world.start()
    fetches = world.issuer.jwks_fetches
    with gateway.door() as door:
        for number in range(100):
            token = world.issuer.token(header={"kid": f"random-{number}"}, key=STRANGER)
            assert door.request("GET", "/api/v1/devices", token=token).status == 401
    assert world.issuer.jwks_fetches == fetches + 1


def test_tokens_go_on_while_the_issuer_cannot_be_reached(world: World) -> None:
    gateway = world.start()
    world.issuer.down = True
    assert ask(gateway, f"Bearer {world.issuer.token()}").status == 200
    assert ask(gateway, f"Bearer {world.issuer.token(header={'kid': 'unknown'})}").status == 401
    assert ask(gateway, f"Bearer {world.issuer.token()}").status == 200


def test_a_withdrawn_key_opens_nothing_from_the_next_refresh_on_not_even_with_a_remembered_token(world: World) -> None:
    world.issuer.published = [FIRST, SECOND]
    gateway = world.start()
    token = f"Bearer {world.issuer.token()}"
    assert ask(gateway, token).status == 200
    world.issuer.published = [SECOND]
    ask(gateway, f"Bearer {world.issuer.token(header={'kid': 'makes-it-look'})}")
    assert ask(gateway, token).status == 401


def test_without_any_keys_nobody_is_let_in_and_nobody_is_called_a_liar(world: World) -> None:
    world.issuer.down = True
    running = Running(world.settings()).start()
    try:
        reply = ask(running, f"Bearer {world.issuer.token()}")
        assert (reply.status, reply.get("retry-after")) == (503, "5")
    finally:
        running.stop()


@pytest.mark.parametrize(
    ("kind", "claim"), [("client", "client_id"), ("grant", "grant_id"), ("tenant", "tenant_id"), ("token", "jti")]
)
def test_a_watermark_ends_the_tokens_made_before_it_and_no_others(kind: str, claim: str, world: World) -> None:
    gateway = world.start()
    token = world.issuer.token()
    named = jwt.decode(token, options={"verify_signature": False})[claim]
    other = world.issuer.token(client_id="app_2", tenant_id="org_2")
    assert ask(gateway, f"Bearer {token}").status == 200
    world.issuer.revoke(kind, named)
    wait_for(lambda: ask(gateway, f"Bearer {token}").status == 401)
    assert ask(gateway, f"Bearer {other}").status == 200
    if kind != "token":
        later = world.issuer.token(**{claim: named})
        assert ask(gateway, f"Bearer {later}").status == 200


def test_a_distrusted_key_opens_nothing_as_soon_as_the_revocations_say_so(world: World) -> None:
    """Even if a replica of auth still publishes the key, and while the key set is fresh."""
    world.issuer.published = [FIRST, SECOND]
    gateway = world.start()
    token, other = world.issuer.token(), world.issuer.token(SECOND)
    assert ask(gateway, f"Bearer {token}").status == ask(gateway, f"Bearer {other}").status == 200
    asked, fetches = len(world.issuer.asked), world.issuer.jwks_fetches
    world.issuer.revoke("key", FIRST)
    wait_for(lambda: ask(gateway, f"Bearer {token}").status == 401)
    # The answer to the request that already waited was enough.
    assert (len(world.issuer.asked) <= asked + 1, world.issuer.jwks_fetches) == (True, fetches)
    assert ask(gateway, f"Bearer {world.issuer.token()}").status == 401
    assert ask(gateway, f"Bearer {other}").status == 200


def test_a_key_that_not_every_replica_of_auth_has_yet_costs_nobody_a_401(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One replica signs with it already, another still publishes the old set."""
    monkeypatch.setattr("gateway.keys.ANNOUNCED_WITHIN", PATIENCE)
    monkeypatch.setattr("gateway.keys.LEARN_SECONDS", PATIENCE)
    gateway = world.start()
    world.issuer.announced = [FIRST, SECOND]
    fetches = world.issuer.jwks_fetches
    replies: list[Reply] = []
    asking = threading.Thread(target=lambda: replies.append(ask(gateway, f"Bearer {world.issuer.token(SECOND)}")))
    asking.start()
    wait_for(lambda: world.issuer.jwks_fetches > fetches)
    world.issuer.revoke("client", "app_9", client="app_9")  # with which the gateway learns what is announced
    wait_for(lambda: world.issuer.jwks_fetches > fetches + 1)
    assert replies == []
    world.issuer.published = [FIRST, SECOND]
    asking.join(PATIENCE)
    assert [reply.status for reply in replies] == [200]


def test_a_key_that_auth_no_longer_publishes_is_dropped_with_the_next_word_of_it(world: World) -> None:
    world.issuer.published = [FIRST, SECOND]
    gateway = world.start()
    token = f"Bearer {world.issuer.token()}"
    assert ask(gateway, token).status == 200
    world.issuer.published = [SECOND]
    world.issuer.revoke("client", "app_9", client="app_9")
    wait_for(lambda: ask(gateway, token).status == 401)


def test_a_gateway_cut_off_from_auth_goes_on_and_then_stops(world: World) -> None:
    gateway = world.start(revocation_max_staleness=1.5)
    token = f"Bearer {world.issuer.token()}"
    world.issuer.down = True
    assert ask(gateway, token).status == 200
    reply = wait_for(lambda: reply if (reply := ask(gateway, token)).status != 200 else None)
    assert (reply.status, reply.json()["title"]) == (503, "Service unavailable")
    world.issuer.down = False
    wait_for(lambda: ask(gateway, token).status == 200)


def test_the_last_use_of_service_tokens_is_reported_and_of_others_not(world: World) -> None:
    gateway = world.start()
    service, access = world.issuer.token(token_use="service"), world.issuer.token()
    for token in (service, access, service):
        assert ask(gateway, f"Bearer {token}").status == 200
    gateway.stop()
    jti = jwt.decode(service, options={"verify_signature": False})["jti"]
    assert [(use["jti"], use["client_id"], use["tenant_id"]) for use in world.issuer.uses] == [(jti, "app_1", "org_1")]

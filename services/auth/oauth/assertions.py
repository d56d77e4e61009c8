"""private_key_jwt (RFC 7523): a client signs a statement about itself instead of sending a secret. Pure."""

import hashlib
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

import jwt
from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion

from services.auth.apps import jwks
from services.auth.oauth.client import Client
from services.auth.oauth.errors import InvalidClient

METHOD = "private_key_jwt"
ALGORITHMS = list(dict.fromkeys(algorithm for taken in jwks.ALGORITHMS.values() for algorithm in taken))
LONGEST = 3600
LEEWAY = 60


class Assertion(NamedTuple):
    """One that holds; its id must not have been seen before, which only the database knows."""

    id_digest: bytes
    expires_at: datetime


class _Verifier(JWTBearerClientAssertion):
    """Authlib's checks of iss, sub, aud and exp; the id is left to the endpoint, which can reach the database."""

    def __init__(self, audiences: list[str]) -> None:
        super().__init__(None, validate_jti=False, leeway=LEEWAY)  # pyright: ignore[reportArgumentType]
        self._audiences = audiences

    def get_audiences(self) -> list[str]:
        return self._audiences


def verify(assertion: str, client: Client, audiences: list[str]) -> Assertion:
    """Raises InvalidClient with a reason the app's integrator can use."""
    try:
        claims = _signed_claims(assertion, (client.row.jwks or {}).get("keys", []))
        verifier: Any = _Verifier(audiences)
        verifier.verify_claims(claims)
    except (jwt.PyJWTError, InvalidClientError, StopIteration, ValueError, TypeError, RecursionError):
        raise InvalidClient("The client assertion's signature or its iss, sub, aud, exp or nbf is wrong.") from None
    if claims.get("sub") != client.get_client_id():
        raise InvalidClient("The client assertion is about another client.")
    return _identified(claims)


def _signed_claims(assertion: str, keys: list[dict[str, Any]]) -> dict[str, Any]:
    """The claims, if the key the header names has signed them. Of a single key the header need not say which."""
    header = jwt.get_unverified_header(assertion)
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise InvalidClient("The client assertion is signed with an algorithm that is not taken.")
    jwk = next(key for key in keys if key.get("kid") == kid or (kid is None and len(keys) == 1))
    if algorithm not in jwks.algorithms_of(jwk):
        raise InvalidClient("The client assertion is signed with an algorithm that its key is not for.")
    options: Any = {"verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False}
    return jwt.decode(assertion, jwt.PyJWK(jwk, algorithm).key, algorithms=[algorithm], options=options)


def _identified(claims: dict[str, Any]) -> Assertion:
    jti, expires = claims.get("jti"), claims.get("exp")
    if not isinstance(jti, str) or not 0 < len(jti) <= 256:
        raise InvalidClient("The client assertion has no jti.")
    # Written so that NaN does not pass.
    if not isinstance(expires, int | float) or not 0 < expires <= time.time() + LONGEST + LEEWAY:
        raise InvalidClient("The client assertion lives longer than an hour.")
    digest = hashlib.sha256(jti.encode("utf-8", "surrogatepass")).digest()
    return Assertion(digest, datetime.fromtimestamp(expires + LEEWAY, UTC))

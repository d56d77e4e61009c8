"""private_key_jwt (RFC 7523): a client signs a statement about itself instead of sending a secret. Pure."""

import hashlib
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.auth.oauth.client import Client
from services.auth.oauth.errors import InvalidClient

METHOD = "private_key_jwt"
ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"]
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
    if client.row.jwks is None:
        raise InvalidClient("The app has no keys to check an assertion with.")
    try:
        keys = KeySet.import_key_set(client.row.jwks)  # pyright: ignore[reportArgumentType]
        token = jwt.decode(assertion, keys, algorithms=ALGORITHMS)
        verifier: Any = _Verifier(audiences)
        verifier.verify_claims(token.claims)
    except (JoseError, InvalidClientError, ValueError, TypeError, KeyError):
        raise InvalidClient("The client assertion's signature or its iss, sub, aud or exp is wrong.") from None
    if token.claims.get("sub") != client.get_client_id():
        raise InvalidClient("The client assertion is about another client.")
    return _identified(token.claims)


def _identified(claims: dict[str, Any]) -> Assertion:
    jti, expires = claims.get("jti"), claims.get("exp")
    if not isinstance(jti, str) or not 0 < len(jti) <= 256:
        raise InvalidClient("The client assertion has no jti.")
    if not isinstance(expires, int | float) or expires > time.time() + LONGEST + LEEWAY:
        raise InvalidClient("The client assertion lives longer than an hour.")
    digest = hashlib.sha256(jti.encode("utf-8", "surrogatepass")).digest()
    return Assertion(digest, datetime.fromtimestamp(expires + LEEWAY, UTC))

"""The console's own key as an OAuth client: assertions for private_key_jwt (RFC 7523). Pure."""

import time

import msgspec

from shared.primitives.crypto import base64url_encode, private_keys
from shared.primitives.ids import uuid7

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME = 60


class ClientKeys:
    """From `2:<base64url of a 32-byte seed>,1:<…>`. The first key signs; auth knows the public halves of all (`public_jwks`)."""

    def __init__(self, text: str) -> None:
        self._kid, self._key = next(iter(private_keys(text).items()))

    def assertion(self, client_id: str, audience: str) -> str:
        """A JWT, good once for `LIFETIME` seconds."""
        issued = int(time.time())
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "jti": str(uuid7()),
            "iat": issued,
            "exp": issued + LIFETIME,
        }
        signed = ".".join(
            base64url_encode(msgspec.json.encode(part))
            for part in ({"alg": "EdDSA", "kid": self._kid, "typ": "JWT"}, claims)
        )
        return f"{signed}.{base64url_encode(self._key.sign(signed.encode()))}"

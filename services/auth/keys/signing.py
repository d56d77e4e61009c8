"""RS256 keys and signatures (RFC 7515, RFC 7517, RFC 7518 §3.3)."""

from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from shared.primitives.crypto import Keyring, base64url_encode
from shared.web import identity

ACCESS_TOKEN_TYPE = "at+jwt"
_PADDING, _HASH = PKCS1v15(), SHA256()
_encode = msgspec.json.Encoder().encode


class Signer:
    """Signs access tokens and passes with one key. Their headers never change, so they are encoded once."""

    def __init__(self, kid: str, key: RSAPrivateKey) -> None:
        self.kid = kid
        self.key = key
        self.public_jwk = public_jwk(kid, key.public_key())
        self._headers = {
            kind: base64url_encode(_encode({"alg": "RS256", "typ": kind, "kid": kid}))
            for kind in (ACCESS_TOKEN_TYPE, identity.PASS_TYPE)
        }

    def sign(self, claims: Any, kind: str = ACCESS_TOKEN_TYPE) -> str:
        """A compact JWS over `claims` (a Struct or dict)."""
        signed = f"{self._headers[kind]}.{base64url_encode(_encode(claims))}"
        return f"{signed}.{base64url_encode(self.key.sign(signed.encode(), _PADDING, _HASH))}"


def generate(bits: int) -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=bits)


def public_jwk(kid: str, key: RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {
        "kty": "RSA",
        "kid": kid,
        "use": "sig",
        "alg": "RS256",
        "n": base64url_encode(_unsigned(numbers.n)),
        "e": base64url_encode(_unsigned(numbers.e)),
    }


def seal(kid: str, key: RSAPrivateKey, keyring: Keyring) -> bytes:
    """The private key for storage: PKCS#8, encrypted for this kid."""
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return keyring.encrypt(plain, _context(kid))


def unseal(kid: str, sealed: bytes, keyring: Keyring) -> RSAPrivateKey:
    key = load_der_private_key(keyring.decrypt(sealed, _context(kid)), None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("a signing key is an RSA key")
    return key


def _context(kid: str) -> bytes:
    return f"signing_keys/{kid}".encode()


def _unsigned(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")

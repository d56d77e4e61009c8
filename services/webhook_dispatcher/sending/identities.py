"""Client certificates towards receivers (mutual TLS, RFC 8446 §4.4.2). The owner of a webhook gives certificate and key."""

import asyncio
import contextlib
import os
import ssl
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

LONGEST = 16_384
MOST_CERTIFICATES = 5
MOST_CONTEXTS = 32
SHORTEST_RSA, LONGEST_RSA = 2048, 4096


class UnusableIdentity(ValueError):
    """The certificate or its key cannot be used. `field` is the one at fault; the message says why and quotes nothing."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class Identity(msgspec.Struct, frozen=True):
    """A certificate with those that lead to its authority, and the private key of the first, in PEM (RFC 7468)."""

    certificate: str
    private_key: str


class Described(msgspec.Struct, frozen=True):
    """The SHA-256 of the certificate in hexadecimal digits, and its end."""

    fingerprint: str
    expires_at: datetime


def describe(identity: Identity) -> Described:
    """Raises UnusableIdentity for anything that no TLS handshake could use now."""
    try:
        certificates = x509.load_pem_x509_certificates(identity.certificate.encode())
    except ValueError:
        raise UnusableIdentity("certificate", "not certificates in PEM") from None
    if len(certificates) > MOST_CERTIFICATES:
        raise UnusableIdentity("certificate", f"at most {MOST_CERTIFICATES} certificates")
    try:
        # Whether the factors are primes is not tried: that takes hours for chosen ones, and no handshake needs it.
        key = serialization.load_pem_private_key(
            identity.private_key.encode(), password=None, unsafe_skip_rsa_key_validation=True
        )
    except TypeError:
        raise UnusableIdentity("private_key", "the key is encrypted; give it as it is, over TLS") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableIdentity("private_key", "not a private key in PEM") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise UnusableIdentity("private_key", "an RSA, EC or Ed25519 key")
    if isinstance(key, rsa.RSAPrivateKey) and not _is_usual(key):
        raise UnusableIdentity("private_key", f"an RSA key has {SHORTEST_RSA} to {LONGEST_RSA} bits")
    first = certificates[0]
    try:
        matches = first.public_key() == key.public_key()
    except (ValueError, UnsupportedAlgorithm):
        matches = False
    if not matches:
        raise UnusableIdentity("private_key", "not the key of the first certificate")
    if first.not_valid_after_utc <= datetime.now(UTC):
        raise UnusableIdentity("certificate", "the certificate has expired")
    try:
        load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), identity)
    except ssl.SSLError:
        raise UnusableIdentity("certificate", "no TLS handshake can use this certificate") from None
    return Described(first.fingerprint(hashes.SHA256()).hex(), first.not_valid_after_utc)


def _is_usual(key: rsa.RSAPrivateKey) -> bool:
    """Whether each signature with the key costs little. A number of the key may be longer than its modulus, which no check has refused."""
    if not SHORTEST_RSA <= key.key_size <= LONGEST_RSA:
        return False
    numbers = key.private_numbers()
    others = (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp, numbers.public_numbers.e)
    return numbers.p * numbers.q == numbers.public_numbers.n and all(one < numbers.public_numbers.n for one in others)


def load(context: ssl.SSLContext, identity: Identity) -> None:
    """Adds the identity to the context. OpenSSL reads it from a file, which is in memory here: no disk holds the key."""
    with _in_memory(f"{identity.private_key}\n{identity.certificate}\n") as path:
        context.load_cert_chain(path)


class Contexts:
    """TLS contexts with a client certificate, by its encrypted bytes. Each holds all public authorities, hence few are kept."""

    def __init__(self, make: Callable[[], ssl.SSLContext]) -> None:
        self._make = make
        self._kept: OrderedDict[bytes, ssl.SSLContext] = OrderedDict()

    async def of(self, sealed: bytes, opened: Callable[[], Identity]) -> ssl.SSLContext:
        """Raises UnreadableCiphertext, or ssl.SSLError where the certificate cannot be used."""
        context = self._kept.get(sealed)
        if context is None:
            identity = opened()

            def made() -> ssl.SSLContext:
                context = self._make()
                load(context, identity)
                return context

            context = self._kept[sealed] = await asyncio.to_thread(made)
            while len(self._kept) > MOST_CONTEXTS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(sealed)
        return context


@contextlib.contextmanager
def _in_memory(text: str) -> Iterator[str]:
    number = os.memfd_create("identity", os.MFD_CLOEXEC)
    try:
        os.write(number, text.encode())
        yield f"/proc/self/fd/{number}"
    finally:
        os.close(number)

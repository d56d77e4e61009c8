"""Certificates: those an identity provider signs with, pinned, and the one we sign with. Pure."""

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509 import Certificate
from cryptography.x509.oid import NameOID

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
CURVES = ("secp256r1", "secp384r1", "secp521r1")
OWN_YEARS = 10
_PEM = re.compile(r"\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*")


class Unusable(ValueError):
    """The text says why a certificate cannot be pinned."""


def read(text: str) -> Certificate:
    """A certificate in PEM, or in base64 as metadata has it. Raises Unusable."""
    found = _PEM.fullmatch(text)
    try:
        certificate = x509.load_der_x509_certificate(
            base64.b64decode("".join((found[1] if found else text).split()), validate=True)
        )
        key = certificate.public_key()
    except (ValueError, binascii.Error, TypeError) as error:
        raise Unusable("not an X.509 certificate in PEM") from error
    except Exception as error:  # an unsupported kind of key has an exception of its own in each version of the library
        raise Unusable("a certificate of an unknown kind of key") from error
    if isinstance(key, rsa.RSAPublicKey) and not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        raise Unusable(f"an RSA key needs {MIN_RSA_BITS} to {MAX_RSA_BITS} bits")
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in CURVES:
        raise Unusable(f"an elliptic curve other than {', '.join(CURVES)}")
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise Unusable("neither an RSA key nor one on an elliptic curve")
    return certificate


def check_validity(certificate: Certificate, now: datetime) -> None:
    """Raises Unusable for one that has ended: nothing it signs would be believed."""
    if certificate.not_valid_after_utc <= now:
        raise Unusable(f"it ended on {certificate.not_valid_after_utc:%Y-%m-%d}")


def pem(certificate: Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def one_line(certificate: Certificate) -> str:
    """Base64 without line breaks, for metadata."""
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def new_own(name: str, now: datetime) -> tuple[bytes, str]:
    """A new private key (PEM, to be encrypted) and its self-signed certificate (PEM), which goes into our metadata."""
    key = new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - timedelta(minutes=5))
        .not_valid_after(now.astimezone(UTC) + timedelta(days=365 * OWN_YEARS))
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), pem(certificate)


def private_key(text: bytes) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(text, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key

"""An authority that signs certificates for a test, and a front that ends TLS before a server that knows none."""

import datetime
import ipaddress
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.local.children import start_of_program
from deploy.local.table import ROOT

MAY_SIGN = x509.KeyUsage(False, False, False, False, False, True, True, False, False)


class Authority:
    """`file` is its own certificate, which clients trust."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(f"authority {secrets.token_hex(4)}")
        own = self._certificate(self._name, self._key, 1).add_extension(x509.BasicConstraints(True, 0), critical=True)
        own = own.add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
        own = own.add_extension(MAY_SIGN, critical=True)
        self.file = folder / "ca.pem"
        self.file.write_bytes(self._signed(own))

    def issue(self, *names: str, days: int = 1) -> Path:
        """A file with a server's key and certificate for these names and addresses, good for so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = self._certificate(_name(names[0]), key, days).add_extension(alternatives, critical=False)
        certificate = certificate.add_extension(issuer, critical=False)
        file = self._folder / f"{secrets.token_hex(4)}.pem"
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        private = key.private_bytes(encoding, form, serialization.NoEncryption())
        file.write_bytes(self._signed(certificate) + private)
        return file

    def _certificate(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=20))
            .not_valid_after(now + datetime.timedelta(days=days))
        )

    def _signed(self, certificate: x509.CertificateBuilder) -> bytes:
        return certificate.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Front:
    """A process before a server of this machine: `tls_front`. `certificate` is a file with key and certificate."""

    def __init__(self, port: int, certificate: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.tls_front", str(port), str(certificate)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            preexec_fn=start_of_program(os.getpid(), signal.SIGKILL),
        )
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()

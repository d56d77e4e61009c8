"""Two identity providers that others wrote, running beside the tests: nanoidp, and one on pysaml2."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.auth.federation import metadata_of
from tests.auth.identity_provider import new_signer
from tests.support.plain import PLAIN
from tests.support.waiting import wait_for

ROOT = Path(__file__).parents[2]
ENVIRONMENT = Path(os.environ.get("KNOGIN_IDP_VENV", ROOT / ".venv" / "idp"))
PASSWORD = "a password of the directory"


class Provider(NamedTuple):
    """`metadata` is what an administrator pastes; `start` begins it once our own metadata is there."""

    metadata: str
    email: str
    start: Callable[[str, str], contextlib.AbstractContextManager[None]]


def needed(*programs: str) -> None:
    if not (ENVIRONMENT / "bin" / "nanoidp").exists():
        pytest.skip("no identity providers here: `make .venv/idp/.installed` installs them")
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"no {program} here: `apt-get install {program}` runs this test")


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@contextmanager
def running(command: list[str], url: str, folder: Path) -> Iterator[None]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            wait_for(lambda: _answers(url) or process.poll() is not None, what="the identity provider to start")
            assert process.poll() is None, (folder / "log").read_text()
            yield
        finally:
            process.terminate()
            process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, trust_env=False, verify=PLAIN).status_code < 500
    except httpx2.HTTPError:
        return False


def nanoidp(folder: Path, domain: str) -> Provider:
    """Its metadata comes out of it; it checks our requests with our certificate, and has no single logout."""
    needed()
    port, email = free_port(), f"anna@{domain}"
    base, program = f"http://127.0.0.1:{port}", str(ENVIRONMENT / "bin" / "nanoidp")
    settings: dict[str, Any] = {
        "config_version": 1,
        "server": {"host": "127.0.0.1", "port": port},
        "oauth": {"issuer": base, "audience": "unused", "clients": []},
        "saml": {
            "export_groups": True,
            "want_authn_requests_signed": True,
            "sp_certificates": [str(folder / "sp.pem")],
            "strict_binding": True,
        },
    }
    users = {"anna": {"password": PASSWORD, "email": email, "groups": ["desk"], "attributes": {"displayName": "Anna"}}}
    # Its files are YAML, of which JSON is a part.
    (folder / "settings.yaml").write_text(json.dumps(settings))
    (folder / "users.yaml").write_text(json.dumps({"config_version": 1, "users": users}))
    command = [program, "--config", str(folder)]
    with running(command, f"{base}/saml/metadata", folder):
        metadata = httpx2.get(f"{base}/saml/metadata", trust_env=False, verify=PLAIN).text

    def start(own_metadata: str, own_certificate: str) -> contextlib.AbstractContextManager[None]:
        (folder / "sp.pem").write_text(own_certificate)
        return running(command, f"{base}/saml/metadata", folder)

    return Provider(metadata, email, start)


def pysaml2(folder: Path, domain: str) -> Provider:
    """It reads our metadata, checks our requests, signs response and assertion with xmlsec1, and has single logout."""
    needed("xmlsec1")
    port, email, signer = free_port(), f"anna@{domain}", new_signer()
    key = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(key)
    (folder / "certificate.pem").write_text(signer.pem)
    base = f"http://127.0.0.1:{port}"
    settings = {
        "port": port,
        "key": str(folder / "key.pem"),
        "certificate": str(folder / "certificate.pem"),
        "metadata": str(folder / "sp.xml"),
        "email": email,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    program = [str(ENVIRONMENT / "bin" / "python"), str(Path(__file__).parent / "pysaml2_provider.py")]

    def start(own_metadata: str, own_certificate: str) -> contextlib.AbstractContextManager[None]:
        (folder / "sp.xml").write_text(own_metadata)
        return running([*program, str(folder / "settings.json")], base, folder)

    return Provider(metadata_of(f"{base}/metadata", signer), email, start)

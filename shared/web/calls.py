"""Signs and verifies calls that a service makes in its own name. A signature covers one request and is valid for 30 seconds."""

import hashlib
import time

from shared.primitives.signatures import PublicKeys, Signer

HEADER = "x-knogin-service"
SCOPE = "internal:service"
"""The scope of a service that calls in its own name."""
LIFETIME = 30
PURPOSE = "call"


def sign(signer: Signer, service: str, method: str, target: str, body: bytes = b"", now: float | None = None) -> str:
    """The header's value: `<service>.<unix seconds>.<signature>` over method, target with query, and body."""
    seconds = str(int(time.time() if now is None else now))
    return f"{service}.{seconds}.{signer.sign(PURPOSE, *_parts(service, seconds, method, target, body))}"


def verify(keys: PublicKeys, header: str, method: str, target: str, body: bytes = b"") -> str | None:
    """The service that signed this call within the last 30 seconds, else None."""
    service, _, rest = header.partition(".")
    seconds, _, signature = rest.partition(".")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 12):
        return None
    if abs(time.time() - int(seconds)) > LIFETIME:
        return None
    return (
        service if keys.verify(service, signature, PURPOSE, *_parts(service, seconds, method, target, body)) else None
    )


def _parts(service: str, seconds: str, method: str, target: str, body: bytes) -> tuple[str | bytes, ...]:
    return service, seconds, method, target, hashlib.sha256(body).digest()

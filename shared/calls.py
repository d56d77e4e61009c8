"""Calls that a service makes in its own name: signed with its key, good for half a minute, for that request alone."""

import hashlib
import time

from shared.signatures import PublicKeys, Signer

HEADER = "x-knogin-service"
SCOPE = "internal:service"
"""What a service that called in its own name may do, where identity is asked for by scope."""
LIFETIME = 30
PURPOSE = "call"


def sign(signer: Signer, service: str, method: str, target: str, body: bytes = b"", now: float | None = None) -> str:
    """The header's value: `<service>.<unix seconds>.<signature>` over method, target with query, and body."""
    seconds = str(int(time.time() if now is None else now))
    return f"{service}.{seconds}.{signer.sign(PURPOSE, *_parts(service, seconds, method, target, body))}"


def verify(keys: PublicKeys, header: str, method: str, target: str, body: bytes = b"") -> str | None:
    """The service that made this call within the last half minute; None for anything else."""
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

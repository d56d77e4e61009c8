"""Who is calling, as the gateway states it: a compact Ed25519-signed header that only the gateway can make."""

import time
from typing import Any, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from shared import deidentification, logs, problems
from shared.deidentification import Mode
from shared.encoding import base64url_decode, base64url_encode

HEADER = "x-knogin-identity"
LIFETIME = 60
SKEW = 5
CACHED = 10_000


class Caller(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The client behind a request. An anonymous one has only an address."""

    tenant_id: str = ""
    client_id: str = ""
    subject: str | None = None
    scopes: frozenset[str] = frozenset()
    address: str = ""
    token_use: Literal["access", "service", "anonymous"] = "anonymous"  # noqa: S105 - a kind of token, not one
    grant_id: str | None = None
    token_id: str | None = None
    environment: Literal["production", "sandbox"] = "production"
    deidentification: Mode = "exact"

    @property
    def rehearses(self) -> bool:
        """Whether the tenant is a sandbox, all of whose data is a test (`HTEST`)."""
        return self.environment == "sandbox"

    def has(self, scope: str) -> bool:
        """Whether the token carries `scope`, and the app's mode of de-identification allows it; `x:write` includes `x:read`."""
        if self.deidentification != "exact" and scope not in deidentification.SCOPES:
            return False
        return scope in self.scopes or (scope.endswith(":read") and scope.removesuffix("read") + "write" in self.scopes)


class _Statement(msgspec.Struct, frozen=True):
    caller: Caller
    exp: float


class SigningKey:
    """The gateway's Ed25519 key, from `<kid>:<base64url of the 32-byte seed>`. Raises ValueError for anything else."""

    def __init__(self, text: str) -> None:
        self.kid, _, seed = text.partition(":")
        self.key = Ed25519PrivateKey.from_private_bytes(base64url_decode(seed))

    def public_text(self) -> str:
        return f"{self.kid}:{base64url_encode(self.key.public_key().public_bytes_raw())}"


def mint(caller: Caller, key: SigningKey, now: float | None = None) -> str:
    """`<kid>.<statement>.<signature>`, good for 60 seconds."""
    statement = _Statement(caller, (time.time() if now is None else now) + LIFETIME)
    signed = f"{key.kid}.{base64url_encode(msgspec.json.encode(statement))}"
    return f"{signed}.{base64url_encode(key.key.sign(signed.encode()))}"


class Verifier:
    """Checks identity headers against the gateway's public keys; a header seen before costs one dictionary look-up."""

    def __init__(self, public_keys: str) -> None:
        self._keys = dict(_public_key(part) for part in public_keys.split(","))
        self._seen: dict[str, _Statement] = {}
        self._decode = msgspec.json.Decoder(_Statement).decode

    def verify(self, header: str) -> Caller | None:
        """The caller, or None when the header is forged, malformed or past its time."""
        statement = self._seen.get(header)
        if statement is None:
            statement = self._check(header)
            if statement is None:
                return None
            self._remember(header, statement)
        return statement.caller if statement.exp > time.time() - SKEW else None

    def _check(self, header: str) -> _Statement | None:
        kid, _, rest = header.partition(".")
        payload, _, signature = rest.partition(".")
        key = self._keys.get(kid)
        if key is None:
            return None
        try:
            key.verify(base64url_decode(signature), f"{kid}.{payload}".encode())
            return self._decode(base64url_decode(payload))
        except (InvalidSignature, ValueError, msgspec.DecodeError):
            return None

    def _remember(self, header: str, statement: _Statement) -> None:
        if (
            len(self._seen) >= CACHED
        ):  # emptied at once, since sifting it would cost as much with every header that comes
            self._seen.clear()
        self._seen[header] = statement


def _public_key(text: str) -> tuple[str, Ed25519PublicKey]:
    kid, _, encoded = text.strip().partition(":")
    try:
        return kid, Ed25519PublicKey.from_public_bytes(base64url_decode(encoded))
    except ValueError:
        raise ValueError("IDENTITY_PUBLIC_KEYS is <kid>:<base64url of 32 bytes>, separated by commas") from None


class IdentityMiddleware:
    """Lets in only what came through the gateway; probes answer without."""

    def __init__(
        self, app: ASGIApp, public_keys: str, exempt: frozenset[str] = frozenset({"/livez", "/readyz"})
    ) -> None:
        self.app = app
        self.verifier = Verifier(public_keys)
        self.exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self.exempt:
            await self.app(scope, receive, send)
            return
        who = self._who(scope)
        if who is None:
            await problems.unauthorized("This service is reached through the gateway.").response()(scope, receive, send)
            return
        scope["caller"] = who
        token = logs.tenant.set(who.tenant_id or None)
        try:
            await self.app(scope, receive, send)
        finally:
            logs.tenant.reset(token)

    def _who(self, scope: Scope) -> Caller | None:
        headers = [value for name, value in scope["headers"] if name == b"x-knogin-identity"]
        return self.verifier.verify(headers[0].decode("latin-1")) if len(headers) == 1 else None


def caller(request: Request) -> Caller:
    """Whoever is calling, anonymous callers included."""
    who: Any = request.scope["caller"]
    return who


def require(request: Request, scope: str) -> Caller:
    """The caller, who must hold `scope`. Raises Problem: 401 without a token, 403 `insufficient_scope` without the scope."""
    who = caller(request)
    if not who.client_id:
        raise problems.unauthorized()
    if not who.has(scope):
        raise problems.insufficient_scope(scope, who.deidentification)
    return who

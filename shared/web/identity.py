"""The caller of a request: the identity header, the calls that a service makes in its own name, and the pass of a browser.

The identity header is the gateway's statement of the caller, in a compact form signed with Ed25519 that only the gateway can make.
It names the one service that it is for. A service that follows the feed of revocations refuses it as soon as its token is revoked;
otherwise it is valid for `LIFETIME`.

A call in a service's own name is signed by that service. The signature covers one request and is valid for 30 seconds.

The pass is a cookie that auth gives at a sign-in. It shows in which lines and by which rates a browser is served during a flood. It is a
JWT that auth's token keys sign, with a type and an audience of its own. It admits nobody and names nobody: the account and its
organisation appear as MACs under keys of auth.
"""

import hashlib
import ipaddress
import time
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.primitives import ids
from shared.primitives.crypto import PublicKeys, Signer, base64url_decode, base64url_encode, identity_keys
from shared.process import telemetry
from shared.web import problems
from shared.web.scopes import WITH_MOVED_TIMES, Mode

IPV4_PREFIXES = (24, 32)
IPV6_PREFIXES = (48, 64)
"""Prefix lengths of the block that one network is assigned, and of one subscriber."""


class Networks(NamedTuple):
    """The block and the subscriber's network within it, as text. Text that is no IP address is both."""

    block: str
    subscriber: str


@lru_cache(maxsize=4096)
def networks_of(address: str) -> Networks:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return Networks(address, address)
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    block, subscriber = (
        ipaddress.ip_network((parsed, length), strict=False)
        for length in (IPV4_PREFIXES if parsed.version == 4 else IPV6_PREFIXES)
    )
    return Networks(str(block), str(subscriber) if subscriber.prefixlen < parsed.max_prefixlen else str(parsed))


def client_network(address: str) -> str:
    """The network that counts as one client: an IPv4 address, or the /64 that belongs to one IPv6 subscriber."""
    return networks_of(address).subscriber


SERVICE_HEADER = "x-knogin-service"
SERVICE_SCOPE = "internal:service"
"""The scope of a service that calls in its own name."""
CALL_LIFETIME = 30
CALL_PURPOSE = "call"


def sign_call(
    signer: Signer, service: str, method: str, target: str, body: bytes = b"", now: float | None = None
) -> str:
    """The header's value: `<service>.<unix seconds>.<signature>` over method, target with query, and body."""
    seconds = str(int(time.time() if now is None else now))
    return f"{service}.{seconds}.{signer.sign(CALL_PURPOSE, *_call_parts(service, seconds, method, target, body))}"


def verify_call(keys: PublicKeys, header: str, method: str, target: str, body: bytes = b"") -> str | None:
    """The service that signed this call within the last 30 seconds, else None."""
    service, _, rest = header.partition(".")
    seconds, _, signature = rest.partition(".")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 12):
        return None
    if abs(time.time() - int(seconds)) > CALL_LIFETIME:
        return None
    return (
        service
        if keys.verify(service, signature, CALL_PURPOSE, *_call_parts(service, seconds, method, target, body))
        else None
    )


def _call_parts(service: str, seconds: str, method: str, target: str, body: bytes) -> tuple[str | bytes, ...]:
    return service, seconds, method, target, hashlib.sha256(body).digest()


HEADER = "x-knogin-identity"
LIFETIME = 30
SKEW = 5
CLOCKS_APART = 15 * 60
"""Seconds. The gateway renews its headers, so one that expired less than this ago means that its clock or the service's is wrong."""
CACHED = 10_000


class Caller(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The client, person and tenant that a request acts for. An anonymous caller has only an address.

    `second_factor`: the token comes from a sign-in of the person with one (RFC 8176 `mfa`).
    """

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
    second_factor: bool = False

    @property
    def is_sandbox(self) -> bool:
        """Whether the tenant is a sandbox. All its data is marked as test data (`HTEST`)."""
        return self.environment == "sandbox"

    @property
    def person_id(self) -> str | None:
        """The id of the person in whose name the caller acts; None for an app that acts for itself, which is its own subject."""
        return self.subject if self.subject is not None and ids.is_id(self.subject, "usr") else None

    def has(self, scope: str) -> bool:
        """Whether the token has `scope` and the app's de-identification mode allows it; `x:write` includes `x:read`."""
        if self.deidentification != "exact" and scope not in WITH_MOVED_TIMES:
            return False
        return scope in self.scopes or (scope.endswith(":read") and scope.removesuffix("read") + "write" in self.scopes)


class Party(NamedTuple):
    """The groups of a caller between which waiting lines and memory are fair, the widest first."""

    tenant: str
    block: str
    client: str


def party_of(caller: Caller | None) -> Party:
    """All callers without a token share the turns of one tenant, as they share its places at the gateway; there their networks are fair."""
    if caller is None:
        return Party("", "", "")
    if caller.client_id:
        return Party(caller.tenant_id, caller.client_id, caller.client_id)
    return Party(caller.tenant_id, *networks_of(caller.address))


class Statement(msgspec.Struct, frozen=True, omit_defaults=True):
    """The header's content: the caller, for the service `aud`, until `exp` (Unix seconds).

    `made_ms` is the time when the caller's token was made (the milliseconds of its `jti`), `kid` the key that signed the token;
    revocations are compared with them. Both are empty for callers without a token.
    """

    caller: Caller
    exp: float
    aud: str = ""
    made_ms: int = 0
    kid: str = ""


class Revoked(Protocol):
    """The known revocations; `version` changes with each addition."""

    @property
    def version(self) -> int: ...

    def covers(
        self, *, tenant: str, client: str, grant: str | None, token: str | None, made_ms: int, kid: str
    ) -> bool: ...


class SigningKey:
    """The gateway's Ed25519 key, from `<kid>:<base64url of the 32-byte seed>`. Raises ValueError for anything else."""

    def __init__(self, text: str) -> None:
        self.kid, _, seed = text.partition(":")
        self.key = Ed25519PrivateKey.from_private_bytes(base64url_decode(seed))

    def public_text(self) -> str:
        return f"{self.kid}:{base64url_encode(self.key.public_key().public_bytes_raw())}"


def mint(
    caller: Caller, key: SigningKey, audience: str, now: float | None = None, *, made_ms: int = 0, kid: str = ""
) -> str:
    """`<kid>.<statement>.<signature>` for the service `audience`, valid for `LIFETIME` seconds from `now`."""
    exp = (time.time() if now is None else now) + LIFETIME
    return sign(Statement(caller, exp, audience, made_ms, kid), key)


def sign(statement: Statement, key: SigningKey) -> str:
    signed = f"{key.kid}.{base64url_encode(msgspec.json.encode(statement))}"
    return f"{signed}.{base64url_encode(key.key.sign(signed.encode()))}"


class Untimely(Exception):
    """A genuine statement expired less than `CLOCKS_APART` ago, so a clock is wrong."""


class _Seen:
    """A statement with a valid signature, and the version of the revocations that it was compared with."""

    __slots__ = ("statement", "version")

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self.version = -1


class Verifier:
    """Checks identity headers for one service; a header that was checked before costs one dictionary look-up."""

    def __init__(self, public_keys: str, audience: str, revoked: Revoked | None = None) -> None:
        self._keys = identity_keys(public_keys)
        self._audience = audience
        self._revoked = revoked
        self._seen: dict[str, _Seen] = {}
        self._decode = msgspec.json.Decoder(Statement).decode

    def verify(self, header: str) -> Caller | None:
        """The caller, or None when the header is forged, for another service, revoked or expired."""
        statement = self.read(header)
        return None if statement is None else statement.caller

    def read(self, header: str) -> Statement | None:
        """The whole statement, or None as in `verify`."""
        try:
            return self.read_timely(header)
        except Untimely:
            return None

    def read_timely(self, header: str) -> Statement | None:
        """As `read`, but raises Untimely when a wrong clock is the reason."""
        seen = self._seen.get(header)
        if seen is None:
            statement = self._check(header)
            if statement is None or statement.aud != self._audience:
                return None
            seen = _Seen(statement)
            # Emptied completely: a search for old entries would cost as much again with every new header.
            if len(self._seen) >= CACHED:
                self._seen.clear()
            self._seen[header] = seen
        late = time.time() - SKEW - seen.statement.exp
        if late >= 0:
            if late <= CLOCKS_APART:
                raise Untimely
            return None
        return None if self._is_revoked(seen) else seen.statement

    def is_revoked(self, header: str) -> bool:
        """Whether the token of a header that was accepted is revoked by now. The header itself may have expired since."""
        seen = self._seen.get(header)
        if seen is None:
            statement = self._check(header)
            if statement is None:
                return True
            seen = _Seen(statement)
        return self._is_revoked(seen)

    def _is_revoked(self, seen: _Seen) -> bool:
        revoked, statement = self._revoked, seen.statement
        if revoked is None or seen.version == revoked.version or not statement.made_ms:
            return False
        who = statement.caller
        covered = revoked.covers(
            tenant=who.tenant_id,
            client=who.client_id,
            grant=who.grant_id,
            token=who.token_id,
            made_ms=statement.made_ms,
            kid=statement.kid,
        )
        if not covered:
            seen.version = revoked.version
        return covered

    def _check(self, header: str) -> Statement | None:
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


class IdentityMiddleware:
    """Lets in only requests with an identity header of the gateway for this service; probes need none.

    With `service_keys` services may also call paths under `/internal/` in their own name with signed requests (`shared.web.identity`).
    """

    def __init__(
        self,
        app: ASGIApp,
        public_keys: str,
        service: str,
        revoked: Revoked | None = None,
        *,
        service_keys: str = "",
        exempt: frozenset[str] = frozenset({"/livez", "/readyz"}),
    ) -> None:
        self.app = app
        self.verifier = Verifier(public_keys, service, revoked)
        self.service_keys = PublicKeys(service_keys) if service_keys else None
        self.exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self.exempt:
            await self.app(scope, receive, send)
            return
        try:
            who = self._who(scope)
        except Untimely:
            from shared.process import metrics  # commands read identities too, and need no metrics

            metrics.identities_untimely.inc()
            await problems.unavailable("Clocks do not agree; try again.").response()(scope, receive, send)
            return
        if who is None:
            refusal = problems.unauthorized("This service is reached through the gateway.")
            if self._is_revoked(scope["headers"]):
                refusal = problems.ended_token()
            await refusal.response()(scope, receive, send)
            return
        scope["caller"] = who
        # Not of `scope`: one that refers to itself would live on with its body until the next garbage collection.
        scope["is_revoked"] = partial(self._is_revoked, scope["headers"])
        token = telemetry.tenant.set(who.tenant_id or None)
        try:
            await self.app(scope, receive, send)
        finally:
            telemetry.tenant.reset(token)

    def _is_revoked(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        sent = [value for name, value in headers if name == b"x-knogin-identity"]
        return any(self.verifier.is_revoked(header.decode("latin-1")) for header in sent)

    def _who(self, scope: Scope) -> Caller | None:
        headers = [value for name, value in scope["headers"] if name == b"x-knogin-identity"]
        if not headers and self.service_keys is not None and scope["path"].startswith("/internal/"):
            # A service that calls in its own name. Only GET is accepted, because this signature covers no body.
            signed = [value for name, value in scope["headers"] if name == SERVICE_HEADER.encode()]
            if len(signed) != 1 or scope["method"] != "GET":
                return None
            target = scope["path"] + ("?" + scope["query_string"].decode("latin-1") if scope["query_string"] else "")
            service = verify_call(self.service_keys, signed[0].decode("latin-1"), "GET", target)
            if service is None:
                return None
            return Caller(client_id=service, scopes=frozenset({SERVICE_SCOPE}), token_use="service")  # noqa: S106 a kind
        statement = self.verifier.read_timely(headers[0].decode("latin-1")) if len(headers) == 1 else None
        return None if statement is None else statement.caller


def caller(request: Request) -> Caller:
    """The request's caller, who may be anonymous."""
    who: Any = request.scope["caller"]
    return who


def require_admitted(request: Request) -> None:
    """For a call that waits before it answers. Raises a 401 Problem once its token is revoked, also after it was let in."""
    if request.scope["is_revoked"]():
        raise problems.ended_token()


def require(request: Request, scope: str) -> Caller:
    """The caller, who must have `scope`; "" requires only a token.

    Raises Problem: 401 without a token, 403 `insufficient_scope` without the scope.
    """
    who = caller(request)
    if not who.client_id:
        raise problems.unauthorized()
    if scope and not who.has(scope):
        raise problems.insufficient_scope(scope, who.deidentification)
    return who


PASS_TYPE = "pass+jwt"  # noqa: S105 - a media type
PASS_AUDIENCE = "sign-in"  # noqa: S105 - an audience
PASS_LIFETIME = 30 * 86_400
"""Seconds. A key that signs no more is published for as long."""
PASS_LONGEST = 2048


class Pass(msgspec.Struct, frozen=True):
    """The claims. `sub` is the account, `org` its organisation; every pass of an account has the same.

    `holder` is the account's id, encrypted for auth, which looks up whether the account still exists. It is empty in older passes.
    """

    iss: str
    exp: int
    sub: str
    org: str
    aud: str = PASS_AUDIENCE
    holder: str = ""


class _PassHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alg: Literal["RS256"]
    typ: Literal["pass+jwt"]
    kid: str


_pass_header = msgspec.json.Decoder(_PassHeader).decode
_pass_claims = msgspec.json.Decoder(Pass).decode
_PADDING, _HASH = PKCS1v15(), SHA256()


def read_pass(text: str, issuer: str, key_of: Callable[[str], RSAPublicKey | None]) -> tuple[str, Pass] | None:
    """The id of the key and the claims of a genuine pass that has not expired, else None. `key_of` finds a trusted key.

    Not by PyJWT, which takes five times as long to refuse a forged one.
    """
    if not 0 < len(text) <= PASS_LONGEST:
        return None
    signed, _, signature = text.rpartition(".")
    header, _, payload = signed.partition(".")
    try:
        kid = _pass_header(base64url_decode(header)).kid
        key = key_of(kid)
        if key is None:
            return None
        key.verify(base64url_decode(signature), signed.encode(), _PADDING, _HASH)
        claims = _pass_claims(base64url_decode(payload))
    except (InvalidSignature, ValueError, msgspec.DecodeError, RecursionError):
        return None
    is_ours = claims.iss == issuer and claims.aud == PASS_AUDIENCE and claims.exp > time.time()
    return (kid, claims) if is_ours else None

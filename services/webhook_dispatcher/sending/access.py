"""Proofs of our identity towards receivers: client certificates (mutual TLS, RFC 8446 §4.4.2) and access tokens.

The owner of a webhook gives a certificate and its key, or client credentials (RFC 6749 §4.4) with the URL of the tokens. That URL is as
untrusted as a receiver: the same addresses are refused, no redirect is followed, the answer is bounded. A token is kept for its webhook
until shortly before it ends. Deliveries that need the same token wait for one request, and after a failure none is made for a moment.
"""

import asyncio
import base64
import os
import re
import ssl
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from services.webhook_dispatcher.sending.connection import Outcome

MOST_CERTIFICATES = 5
SHORTEST_RSA, LONGEST_RSA = 2048, 4096
# Tokens kept by one process. The one that was used longest ago goes first.
MOST_KEPT = 4096
LONGEST_TOKEN = 4096
USUAL_SECONDS, LONGEST_SECONDS, MARGIN_SECONDS = 300.0, 3600.0, 30.0
AGAIN_SECONDS = 5.0
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750 §2.1
Send = Callable[[str, dict[str, str], bytes], Awaitable[Outcome]]


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
    number = os.memfd_create("identity", os.MFD_CLOEXEC)
    try:
        os.write(number, f"{identity.private_key}\n{identity.certificate}\n".encode())
        context.load_cert_chain(f"/proc/self/fd/{number}")
    finally:
        os.close(number)


class NoToken(Exception):
    """No token came. The message is for the webhook's owner, and quotes no answer."""

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(f"oauth_error: {reason}")
        self.timed_out = timed_out


class Grant(msgspec.Struct, frozen=True):
    """The credentials for a token, and its scopes."""

    token_url: str
    client_id: str
    client_secret: str
    scope: str = ""


class _Answer(msgspec.Struct):
    access_token: str
    token_type: str
    expires_in: float | None = None


class Tokens:
    """`send` posts to a token URL. Keys name a webhook and its grant, so that another grant has another token."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._kept: OrderedDict[Any, tuple[str, float]] = OrderedDict()
        self._failed: OrderedDict[Any, tuple[NoToken, float]] = OrderedDict()
        self._asking: dict[Any, asyncio.Task[str]] = {}

    async def get(self, key: Any, grant: Grant) -> str:
        """Raises NoToken. A caller that is cancelled ends the request of no other."""
        token, until = self._kept.get(key, ("", 0.0))
        if time.monotonic() < until:
            self._kept.move_to_end(key)
            return token
        error, until = self._failed.get(key, (None, 0.0))
        if error is not None and time.monotonic() < until:
            raise error
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._ask(key, grant))
            task.add_done_callback(lambda done: self._ended(key, done))
        return await asyncio.shield(task)

    def forget(self, key: Any, token: str) -> None:
        """The receiver refused this token: the next delivery asks for another."""
        if self._kept.get(key, ("",))[0] == token:
            del self._kept[key]

    async def _ask(self, key: Any, grant: Grant) -> str:
        # HTTP Basic (RFC 6749 §2.3.1).
        pair = f"{quote(grant.client_id, safe='')}:{quote(grant.client_secret, safe='')}"
        headers = {
            "authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }
        form = {"grant_type": "client_credentials"} | ({"scope": grant.scope} if grant.scope else {})
        outcome = await self._send(grant.token_url, headers, urlencode(form).encode())
        try:
            answer = read_answer(outcome)
        except NoToken as error:
            _keep(self._failed, key, (error, time.monotonic() + AGAIN_SECONDS))
            raise
        self._failed.pop(key, None)
        lives = min(USUAL_SECONDS if answer.expires_in is None else answer.expires_in, LONGEST_SECONDS)
        _keep(self._kept, key, (answer.access_token, time.monotonic() + lives - min(MARGIN_SECONDS, lives / 2)))
        return answer.access_token

    def _ended(self, key: Any, task: asyncio.Task[str]) -> None:
        self._asking.pop(key, None)
        if not task.cancelled():
            task.exception()  # each waiter has got it; it is no error of its own


def read_answer(outcome: Outcome) -> _Answer:
    """Raises NoToken."""
    if outcome.status is None or (outcome.error is not None and outcome.status < 300):
        reason = (outcome.error or "no answer").partition(":")[0]
        raise NoToken(f"the token URL gave no answer ({reason})", timed_out=outcome.timed_out)
    if outcome.status != 200:
        raise NoToken(f"the token URL answered {outcome.status}")
    try:
        answer = msgspec.json.decode(outcome.body or "", type=_Answer)
    except (msgspec.DecodeError, RecursionError):
        raise NoToken("the token URL's answer is no token (RFC 6749 §5.1)") from None
    fits = len(answer.access_token) <= LONGEST_TOKEN and _TOKEN.fullmatch(answer.access_token)
    if not fits or answer.token_type.lower() != "bearer" or (answer.expires_in or 0) < 0 or outcome.truncated:
        raise NoToken("the token URL's answer is no bearer token")
    return answer


def _keep(kept: OrderedDict[Any, Any], key: Any, value: Any) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > MOST_KEPT:
        kept.popitem(last=False)

"""The issuer's public keys: fetched before they expire, kept while the issuer cannot be reached.

Unknown key ids cause at most one fetch every `FORCED_EVERY` seconds."""

import asyncio
import logging
import random
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from gateway.connection import UpstreamError
from gateway.fetch import Document
from gateway.metrics import jwks_age, jwks_fetches
from shared.primitives.crypto import base64url_decode

MAX_AGE = 300.0
EARLY = 0.8
STALE_LIMIT = 24 * 3600.0
FORCED_EVERY = 10.0
ANNOUNCED_WITHIN = 0.5
LEARN_SECONDS = 6.0
LEARN_AGAIN = 1.0
UNKNOWN_SECONDS = 30.0
UNKNOWN_KIDS = 1024
RETRY_SECONDS = 0.2
RETRY_LIMIT = 30.0
MINIMUM_BITS = 2048
log = logging.getLogger(__name__)


class Keys:
    """RSA keys by `kid`. `fetch` gets the JWKS document; `changed` is called after a key was removed or replaced."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Document]],
        changed: Callable[[], None],
        distrusted: Callable[[str], bool] = lambda kid: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._changed = changed
        self._distrusted = distrusted
        self._clock = clock
        self._keys: dict[str, RSAPublicKey] = {}
        self._set: bytes = b""
        self._unknown: dict[str, float] = {}
        self._announced: frozenset[str] = frozenset()
        self._announcement = asyncio.Event()
        self._learning: asyncio.Task[None] | None = None
        self._learned_at = float("-inf")
        self._fetching: asyncio.Task[bool] | None = None
        self._forced_at = float("-inf")
        self._good_at = float("-inf")
        self._max_age = MAX_AGE
        self.learned = asyncio.Event()
        jwks_age.set_function(lambda: self._clock() - self._good_at)

    @property
    def ready(self) -> bool:
        """Whether there are keys, fetched less than `STALE_LIMIT` seconds ago."""
        return bool(self._keys) and self._clock() - self._good_at < STALE_LIMIT

    async def find(self, kid: str) -> RSAPublicKey | None:
        """The key named `kid`, unless it is distrusted.

        An unknown key causes a refresh, at most one every 10 seconds for all unknown keys together. For a key that auth
        has announced it waits, because a replica of auth may not have the key yet.
        """
        if self._distrusted(kid) or (not self.ready and not await self._forced()):
            return None
        if (
            kid not in self._keys
            and kid not in self._announced
            and self._unknown.get(kid, 0) <= self._clock()
            and await self._forced()
        ):
            await self._await_announcement(kid)
            if kid not in self._keys:
                if len(self._unknown) >= UNKNOWN_KIDS:
                    self._unknown.pop(next(iter(self._unknown)))
                self._unknown[kid] = self._clock() + UNKNOWN_SECONDS
        if kid not in self._keys and kid in self._announced:
            self._start_learning()
            if self._learning is not None:
                await asyncio.shield(self._learning)
        return self._keys.get(kid)

    def held(self, kid: str) -> RSAPublicKey | None:
        """The key named `kid` if it is known now and trusted. Fetches nothing."""
        if not self.ready or self._distrusted(kid):
            return None
        return self._keys.get(kid)

    def announce(self, kids: Iterable[str]) -> None:
        """Auth announces, with the revocations, which keys it publishes: missing keys are fetched at once, others are dropped."""
        self._announced = frozenset(kids)
        announcement, self._announcement = self._announcement, asyncio.Event()
        announcement.set()
        if self._announced and self._announced != self._keys.keys():
            self._start_learning()

    async def run(self) -> None:
        """Refreshes the keys before they expire, for ever; waits longer after each failure."""
        failures = 0
        while True:
            if await self.refresh():
                failures = 0
                pause = self._max_age * EARLY * _jitter()
            else:
                pause = min(RETRY_LIMIT, RETRY_SECONDS * 2**failures) * _jitter()
                failures = min(failures + 1, 10)
            await asyncio.sleep(pause)

    async def refresh(self) -> bool:
        """Fetches the keys once for all callers that wait. False when the fetch failed; the present keys stay."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._refresh())
            self._fetching.add_done_callback(self._fetched)
        return await asyncio.shield(self._fetching)

    def _fetched(self, task: "asyncio.Task[bool]") -> None:
        self._fetching = None

    async def _refresh(self) -> bool:
        try:
            document = await self._fetch()
            if document.status != 200:
                raise ValueError("status")
            keys = parse(document.body)
        except (UpstreamError, OSError, ValueError) as error:
            jwks_fetches.labels("failed").inc()
            log.warning("jwks not refreshed: %s", type(error).__name__)
            return False
        jwks_fetches.labels("fetched").inc()
        self._good_at = self._clock()
        self._max_age = max_age(document.headers)
        if document.body != self._set:
            removed_or_replaced = any(
                kid not in keys or keys[kid].public_numbers() != key.public_numbers() for kid, key in self._keys.items()
            )
            self._keys, self._set = keys, document.body
            self._unknown.clear()
            if removed_or_replaced:
                self._changed()
        self.learned.set()
        return True

    async def _forced(self) -> bool:
        if self._fetching is None:
            now = self._clock()
            if now - self._forced_at < FORCED_EVERY:
                return False
            self._forced_at = now
        return await self.refresh()

    async def _await_announcement(self, kid: str) -> None:
        """Waits for the announcement of a key that a refresh did not bring: it may come a moment after the first token."""
        if kid in self._keys or not self._announced:  # no answer with announced keys has come yet
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(ANNOUNCED_WITHIN):
                while kid not in self._announced:
                    await self._announcement.wait()

    def _start_learning(self) -> None:
        if self._learning is None and self._clock() - self._learned_at >= LEARN_AGAIN:
            self._learning = asyncio.create_task(self._until_announced())

    async def _until_announced(self) -> None:
        """Fetches until the keys are the announced ones; replicas of auth have a new key within seconds."""
        pause = RETRY_SECONDS
        try:
            async with asyncio.timeout(LEARN_SECONDS):
                while self._keys.keys() != self._announced:
                    await self.refresh()
                    if self._keys.keys() != self._announced:
                        await asyncio.sleep(pause)
                        pause *= 1.5
        except TimeoutError:
            log.warning("the keys that auth announces are not those that it publishes")
        finally:
            self._learning = None
            self._learned_at = self._clock()


def parse(document: bytes) -> dict[str, RSAPublicKey]:
    """The RS256 signing keys of a JWK set (RFC 7517). Raises ValueError when it has none: an empty set would refuse every token."""
    try:
        members = msgspec.json.decode(document, type=dict[str, Any]).get("keys")
    except msgspec.DecodeError as error:
        raise ValueError("not a JWK set") from error
    keys: dict[str, RSAPublicKey] = {}
    for jwk in members or ():
        if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or not 0 < len(jwk["kid"]) <= 128:
            continue
        if jwk.get("kty") == "RSA" and jwk.get("alg", "RS256") == "RS256" and jwk.get("use", "sig") == "sig":
            modulus, exponent = (int.from_bytes(base64url_decode(str(jwk.get(name, ""))), "big") for name in ("n", "e"))
            if modulus.bit_length() < MINIMUM_BITS:
                raise ValueError("key too short")
            keys[jwk["kid"]] = RSAPublicNumbers(exponent, modulus).public_key()
    if not keys:
        raise ValueError("no usable key")
    return keys


def max_age(headers: Mapping[bytes, bytes]) -> float:
    """Seconds for which the document is fresh: `max-age`, but at least 10 and at most 300."""
    match = re.search(rb"(?:^|[,\s])max-age=(\d{1,9})", headers.get(b"cache-control", b""))
    return min(MAX_AGE, max(10.0, float(match[1]))) if match else MAX_AGE


def _jitter() -> float:
    return random.uniform(0.9, 1.1)  # noqa: S311 spreads load, protects nothing

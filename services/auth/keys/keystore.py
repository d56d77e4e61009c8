"""The signing keys of a web process: decrypted once, read again every few seconds, chosen by the clock."""

import asyncio
import hashlib
import logging
import time
from datetime import UTC, datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from psycopg import OperationalError
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from services.auth.keys import queries, rotation, signing
from services.auth.keys.models import PLATFORM, SigningKeyRow
from services.auth.keys.signing import Signer
from shared.primitives.crypto import Keyring, UnreadableCiphertext
from shared.storage import audit, database
from shared.storage.database import AsyncConnection, aset_tenant
from shared.web import problems
from shared.web.identity import Caller

REFRESH_SECONDS = 5
# Seconds since the last read after which keys are read again, before signing and publishing. It is shorter than the wait of an emergency
# key. So once one replica signs with the new key, no replica signs with the old one or publishes without the new one.
FRESH_SECONDS = 0.4
log = logging.getLogger(__name__)


class KeyStore:
    """`signer()` gives the key that signs now, `jwks()` the published keys."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection], keyring: Keyring) -> None:
        self._pool = pool
        self._keyring = keyring
        self._rows: list[SigningKeyRow] = []
        self._signers: dict[str, Signer] = {}
        self._unopened: set[str] = set()
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def fresh(self) -> None:
        """Reads the keys unless they are fresh. One of several waiting callers reads for all."""
        if self._is_fresh():
            return
        async with self._reading:
            if not self._is_fresh():
                await self.refresh()

    async def fresh_if_possible(self) -> None:
        """As `fresh`, for publishing. While the database is away the keys stay as they were."""
        try:
            await self.fresh()
        except (OperationalError, PoolTimeout) as error:
            log.warning("signing keys not refreshed: %s", type(error).__name__)

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._read_at < FRESH_SECONDS

    async def refresh(self) -> None:
        """Keys that no key of ENCRYPTION_KEYS opens are left out: auth did not make them. Raises UnreadableCiphertext if none opens."""
        began = time.monotonic()
        async with self._pool.connection() as conn:
            rows = await database.every(conn, SigningKeyRow, queries.KEYS)
        for row in rows:
            if row.kid not in self._signers:
                try:
                    self._signers[row.kid] = Signer(row.kid, signing.unseal(row.kid, row.private_key, self._keyring))
                except (UnreadableCiphertext, TypeError, ValueError):
                    if row.kid not in self._unopened:
                        log.error("the signing key %s cannot be opened", row.kid)
                    self._unopened.add(row.kid)
        opened = [row for row in rows if row.kid in self._signers]
        if rows and not opened:
            raise UnreadableCiphertext
        self._rows = opened
        self._read_at = began

    async def ensure_first_key(self, bits: int) -> None:
        """Makes the first key of a new installation. Only one of several starting processes makes it."""
        await self.refresh()
        if self._rows:
            return
        async with self._pool.connection() as conn:
            await conn.execute(queries.LOCK_ROTATION)
            cursor = await conn.execute(queries.KEYS)
            if not await cursor.fetchall():
                now = datetime.now(UTC)
                kid = rotation.next_kid(now, [])
                key = await asyncio.to_thread(signing.generate, bits)
                jwk = msgspec.json.encode(signing.public_jwk(kid, key.public_key())).decode()
                await conn.execute(queries.INSERT_KEY, (kid, signing.seal(kid, key, self._keyring), jwk, now, now))
                await aset_tenant(conn, PLATFORM)
                await audit.record(conn, Caller(tenant_id=PLATFORM, client_id="auth"), "keys.first_made", kid)
        await self.refresh()

    async def keep_fresh(self) -> None:
        """Runs for the life of the process. While the database is away the keys stay as they were."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.refresh()
            except Exception as error:  # the next round tries again after any error
                log.warning("signing keys not refreshed: %s", type(error).__name__)

    def signer(self) -> Signer:
        key = rotation.active(self._rows, datetime.now(UTC))
        if key is None:
            raise problems.unavailable("No signing key is active yet.")
        return self._signers[key.kid]

    def public_key(self, kid: str) -> RSAPublicKey | None:
        """The key `kid` if it is published now."""
        if all(key.kid != kid for key in rotation.published(self._rows, datetime.now(UTC))):
            return None
        return self._signers[kid].key.public_key()

    def jwks(self) -> tuple[bytes, str]:
        """The JWK Set (RFC 7517 §5) and its ETag."""
        body = msgspec.json.encode({"keys": self.public_jwks()})
        return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'

    def public_jwks(self) -> list[dict[str, str]]:
        """The public halves of the private keys. The copies in the table could be a writer's own."""
        return [self._signers[key.kid].public_jwk for key in rotation.published(self._rows, datetime.now(UTC))]

"""The signing keys a web process holds: decrypted once, read again every few seconds, chosen by the clock."""

import asyncio
import hashlib
import logging
import time
from datetime import UTC, datetime

import msgspec
from psycopg import OperationalError
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from services.auth.keys import queries, rotation, signing
from services.auth.keys.models import PLATFORM, SigningKeyRow
from services.auth.keys.signing import Signer
from shared import audit, problems
from shared.crypto import Keyring
from shared.database import AsyncConnection, aset_tenant
from shared.identity import Caller

REFRESH_SECONDS = 5
# Not older than this is what a token is signed with, and what is published: less than an emergency's wait, so that no replica signs
# with the old key once the new one signs elsewhere, nor answers whoever saw the new one without it.
FRESH_SECONDS = 0.4
log = logging.getLogger(__name__)


class KeyStore:
    """`signer()` for the key that signs now, `jwks()` for what is published now."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection], keyring: Keyring) -> None:
        self._pool = pool
        self._keyring = keyring
        self._rows: list[SigningKeyRow] = []
        self._signers: dict[str, Signer] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def fresh(self) -> None:
        """Reads the keys unless that was a moment ago; one of those that wait reads for all."""
        if self._is_fresh():
            return
        async with self._reading:
            if not self._is_fresh():
                await self.refresh()

    async def fresh_if_possible(self) -> None:
        """The same for what is published, which a database that is away leaves as it was."""
        try:
            await self.fresh()
        except (OperationalError, PoolTimeout) as error:
            log.warning("signing keys not refreshed: %s", type(error).__name__)

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._read_at < FRESH_SECONDS

    async def refresh(self) -> None:
        began = time.monotonic()
        async with self._pool.connection() as conn, conn.cursor(row_factory=class_row(SigningKeyRow)) as cursor:
            await cursor.execute(queries.KEYS)
            self._rows = await cursor.fetchall()
        for row in self._rows:
            if row.kid not in self._signers:
                self._signers[row.kid] = Signer(row.kid, signing.unseal(row.kid, row.private_key, self._keyring))
        self._read_at = began

    async def ensure_first_key(self, bits: int) -> None:
        """Makes the first key of a new installation, once however many processes start."""
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
        """Runs for the life of the process. A database that is away leaves the keys as they were."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.refresh()
            except Exception as error:  # whatever it was, the next round tries again
                log.warning("signing keys not refreshed: %s", type(error).__name__)

    def signer(self) -> Signer:
        key = rotation.active(self._rows, datetime.now(UTC))
        if key is None:
            raise problems.unavailable("No signing key is active yet.")
        return self._signers[key.kid]

    def jwks(self) -> tuple[bytes, str]:
        """The JWK Set (RFC 7517 §5) and its ETag."""
        keys = rotation.published(self._rows, datetime.now(UTC))
        body = msgspec.json.encode({"keys": [key.public_jwk for key in keys]})
        return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'

    def public_jwks(self) -> list[dict[str, str]]:
        return [key.public_jwk for key in rotation.published(self._rows, datetime.now(UTC))]

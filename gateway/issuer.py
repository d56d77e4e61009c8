"""The gateway's own calls to auth: signing keys, revocations, and reports of token use and of refused calls."""

import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from opentelemetry import trace

from gateway.fetch import Document, Fetcher
from gateway.identities import Identities
from gateway.metrics import clock_offset
from gateway.settings import Settings
from shared.process import telemetry
from shared.web import revocations
from shared.web.revocations import Answer

JWKS_LIMIT = 64 * 1024
LIMIT_BYTES = 32 << 20
"""Limit of one answer with revocations: a page has about 1 MB."""
REVOCATIONS_SECONDS = 10.0
"""Seconds that an answer may take beyond the time that auth was asked to wait."""


class Issuer:
    """Raises UpstreamError or TimeoutError when auth gives no complete answer."""

    def __init__(self, settings: Settings, identities: Identities) -> None:
        self._identities = identities
        self._auth = Fetcher(settings.gateway_upstream_auth, LIMIT_BYTES)
        where = urlsplit(settings.gateway_jwks_url)
        origin = f"{where.scheme}://{where.netloc}"
        self._own = origin == settings.gateway_upstream_auth.rstrip("/")
        self._keys = Fetcher(origin, JWKS_LIMIT)
        self._keys_path = where.path or "/"

    async def jwks(self) -> Document:
        return await self._keys.get(
            self._keys_path, {"accept": "application/json"} | (self._identity() if self._own else {})
        )

    async def revocations(self, after: int, wait: float) -> Answer:
        """The changes after number `after`. Auth answers when there are some, at the latest after `wait` seconds.

        Raises ValueError when the answer has another status or form.
        """
        path = f"/internal/revocations?after={after}&wait={wait:g}"
        document = await self._auth.get(path, self._identity(), wait + REVOCATIONS_SECONDS)
        # The `Date` of auth's answer is exact to one second.
        with suppress(ValueError):
            date = parsedate_to_datetime(document.headers.get(b"date", b"").decode("latin-1"))
            clock_offset.set(round(time.time() - date.timestamp()))
        if document.status != 200:
            raise ValueError(f"auth answered {document.status}")
        return revocations.decode_answer(document.body)

    async def report(self, body: bytes) -> Document:
        return await self._auth.post("/internal/token-usage", self._identity(), body)

    async def report_refused(self, body: bytes) -> Document:
        return await self._auth.post("/internal/refused-calls", self._identity(), body)

    def close(self) -> None:
        self._auth.close()
        self._keys.close()

    def _identity(self) -> dict[str, str]:
        """The gateway's own identity and a trace that is not sampled, because polling would fill the traces."""
        silent = trace.get_current_span(telemetry.new_root()).get_span_context()
        return {
            "x-knogin-identity": self._identities.internal(),
            "traceparent": telemetry.format_traceparent(silent),
        }

"""What the gateway asks of auth, and tells it, on its own behalf."""

from urllib.parse import urlsplit

from opentelemetry import trace

from gateway.fetch import Document, Fetcher
from gateway.identities import Identities
from gateway.revocations import LIMIT_BYTES
from gateway.settings import Settings
from shared import tracing

JWKS_LIMIT = 64 * 1024
# Auth makes a list of `LIMIT_BYTES` in two seconds; one that cannot be fetched in time is as bad as one too long.
REVOCATIONS_SECONDS = 10.0


class Issuer:
    """Raises UpstreamError or TimeoutError when auth gives no whole answer."""

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

    async def revocations(self, etag: str) -> Document:
        known = {"if-none-match": etag} if etag else {}
        return await self._auth.get("/internal/revocations", self._identity() | known, REVOCATIONS_SECONDS)

    async def report(self, body: bytes) -> Document:
        return await self._auth.post("/internal/token-usage", self._identity(), body)

    def close(self) -> None:
        self._auth.close()
        self._keys.close()

    def _identity(self) -> dict[str, str]:
        """The gateway's own, in a trace that is not sampled: its polling would drown every other."""
        silent = trace.get_current_span(tracing.new_root()).get_span_context()
        return {
            "x-knogin-identity": self._identities.internal(),
            "traceparent": tracing.format_traceparent(silent),
        }

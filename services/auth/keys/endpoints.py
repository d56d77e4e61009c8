"""The JWKS, with the same bytes at the well-known path and at the versioned path."""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.keys import rotation
from services.auth.keys.keystore import KeyStore

MAX_AGE = int(rotation.JWKS_MAX_AGE.total_seconds())
CACHE_CONTROL = f"public, max-age={MAX_AGE}, stale-while-revalidate=60, stale-if-error=86400"


async def jwks(request: Request) -> Response:
    keys: KeyStore = request.state.keys
    await keys.fresh_if_possible()
    body, etag = keys.jwks()
    headers = {"cache-control": CACHE_CONTROL, "etag": etag}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, "application/json")

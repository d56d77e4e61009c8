"""Raw bytes over HTTP."""

import base64

from starlette.requests import Request
from starlette.responses import Response

from shared import problems

MEDIA = "application/octet-stream"


def octets(content: bytes, sha256: str) -> Response:
    return Response(content, headers=octets_headers(sha256), media_type=MEDIA)


def octets_headers(sha256: str) -> dict[str, str]:
    """Of a package's bytes: never shown by a browser, and with their digest (RFC 9530) to check them by. `sha256` is hex."""
    return {
        "cache-control": "no-store",
        "content-disposition": "attachment",
        "x-content-type-options": "nosniff",
        "repr-digest": f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:",
    }


def require_octets(request: Request) -> None:
    """Raises a 415 Problem for a body of any other type."""
    types = request.headers.getlist("content-type")
    if types != [MEDIA] or request.headers.get("content-encoding", "identity") != "identity":
        detail = f"Send {MEDIA}, without a content encoding."
        raise problems.Problem(415, "Unsupported media type", detail, headers={"accept": MEDIA})

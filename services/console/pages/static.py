"""The console's own files: style, script, mark. Their addresses change with their content."""

import mimetypes

from starlette.requests import Request
from starlette.responses import Response

from services.console.pages.render import ASSETS, HEADERS, STATIC

FILES = {name: (STATIC / name).read_bytes() for name in ASSETS}
KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


async def asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in FILES:
        return Response("not found", 404, HEADERS, "text/plain")
    kind = KINDS.get(name[name.rfind(".") :]) or mimetypes.guess_type(name)[0]
    headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
    }
    return Response(FILES[name], 200, headers, kind)


async def robots(request: Request) -> Response:
    return Response("User-agent: *\nDisallow: /\n", 200, {"cache-control": "public, max-age=3600"}, "text/plain")

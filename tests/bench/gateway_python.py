"""Plain Python proxies that the gateway is compared with: each verifies a token once and passes a GET on."""

import asyncio
import os
from pathlib import Path
from typing import Any

import httpx2
import jwt
from pyreqwest.client import ClientBuilder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.upstream import Upstream

ORIGIN = os.environ.get("BENCH_ORIGIN", "")
KEY = Path(os.environ["BENCH_KEY"]).read_bytes() if "BENCH_KEY" in os.environ else b""
DROPPED = {"host", "authorization", "connection"}
verified: dict[str, dict[str, Any]] = {}
client = httpx2.AsyncClient(base_url=ORIGIN, limits=httpx2.Limits(max_connections=100), trust_env=False)


def claims(authorization: str) -> dict[str, Any]:
    token = authorization.removeprefix("Bearer ")
    if token not in verified:
        verified[token] = jwt.decode(
            token, KEY, algorithms=["RS256"], audience="http://api.test", issuer="http://auth.test"
        )
    return verified[token]


async def through_httpx2(request: Request) -> Response:
    who = claims(request.headers["authorization"])
    headers = {name: value for name, value in request.headers.items() if name not in DROPPED}
    sent = client.build_request("GET", request.url.path, headers=headers | {"x-knogin-identity": who["tenant_id"]})
    answer = await client.send(sent)
    return Response(answer.content, answer.status_code, dict(answer.headers))


starlette_httpx2 = Starlette(routes=[Route("/{path:path}", through_httpx2)])

_fast: Any = None


async def asgi_pyreqwest(scope: Any, receive: Any, send: Any) -> None:
    global _fast
    if scope["type"] != "http":
        return
    if _fast is None:
        _fast = ClientBuilder().http1_lower_case_headers().follow_redirects(False).build()
    fields = {name.decode(): value.decode() for name, value in scope["headers"]}
    who = claims(fields["authorization"])
    kept = [(name, value) for name, value in fields.items() if name not in DROPPED]
    kept.append(("x-knogin-identity", who["tenant_id"]))
    answer = await _fast.get(ORIGIN + scope["path"]).headers(kept).build().send()
    body = bytes(await answer.bytes())
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


_own: Any = None


async def asgi_own(scope: Any, receive: Any, send: Any) -> None:
    """The same with the gateway's own HTTP client."""
    global _own
    if scope["type"] != "http":
        return
    if _own is None:
        _own = Upstream("service", ORIGIN, connect_timeout=2, patience=30, concurrency=256)
    fields = {name.decode(): value.decode() for name, value in scope["headers"]}
    who = claims(fields["authorization"])
    kept = [(name, value) for name, value in fields.items() if name not in DROPPED]
    kept.append(("x-knogin-identity", who["tenant_id"]))
    lines = "".join(f"{name}: {value}\r\n" for name, value in kept)
    connection = await _own.acquire()
    connection.start(f"GET {scope['path']} HTTP/1.1\r\nhost: service\r\n{lines}\r\n".encode(), bodiless=False)
    await connection.answer()
    body = await connection.chunk() or b""
    headers, status = connection.headers, connection.status
    _own.release(connection, asyncio.get_running_loop().time())
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

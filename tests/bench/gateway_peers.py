"""The programs that the gateway is compared with. They do the same job: check an RS256 token, state the caller, pass a GET on."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HAPROXY = """
global
    nbthread 1
    maxconn 4000
defaults
    mode http
    timeout client 80s
    timeout server 80s
    timeout connect 2s
frontend gateway
    bind 127.0.0.1:{port}
    http-request deny deny_status 421 unless {{ hdr(host) api.test }}
    http-request set-var(txn.token) http_auth_bearer
    http-request set-var(txn.alg) var(txn.token),jwt_header_query('$.alg')
    http-request set-var(txn.issuer) var(txn.token),jwt_payload_query('$.iss')
    http-request set-var(txn.until) var(txn.token),jwt_payload_query('$.exp','int')
    http-request set-var(txn.now) date()
    http-request deny deny_status 401 unless {{ var(txn.alg) -m str RS256 }}
    http-request deny deny_status 401 unless {{ var(txn.issuer) -m str http://auth.test }}
    http-request deny deny_status 401 if {{ var(txn.until),sub(txn.now) -m int lt 0 }}
    http-request deny deny_status 401 unless {{ var(txn.token),jwt_verify(txn.alg,"{key}") 1 }}
    http-request del-header authorization
    http-request set-header x-knogin-identity %[var(txn.token),jwt_payload_query('$.tenant_id')]
    default_backend service
backend service
    http-reuse always
    server service 127.0.0.1:{origin}
"""
ORIGIN = """
global
    nbthread 1
    maxconn 4000
defaults
    mode http
    timeout client 80s
    timeout server 80s
    timeout connect 2s
frontend service
    bind 127.0.0.1:{port}
    http-request return status 200 content-type application/json string '{{"deliveries":[]}}'
"""
FASTIFY = """
const fs = require("fs")
const [port, origin, key] = process.argv.slice(2)
const fastify = require("fastify")()
fastify.register(require("@fastify/jwt"), {
  secret: { public: fs.readFileSync(key) },
  verify: { algorithms: ["RS256"], allowedIss: "http://auth.test", cache: 1000 },
})
fastify.register(require("@fastify/http-proxy"), {
  upstream: "http://127.0.0.1:" + origin,
  preHandler: async (request) => { await request.jwtVerify() },
  replyOptions: {
    rewriteRequestHeaders: (request, headers) => {
      const { authorization, ...kept } = headers
      return { ...kept, "x-knogin-identity": request.user.tenant_id }
    },
  },
})
fastify.listen({ port: Number(port), host: "127.0.0.1" })
"""
PACKAGES = ["fastify@5", "@fastify/http-proxy@11", "@fastify/jwt@10"]


def origin(folder: Path, port: int) -> list[str]:
    return _haproxy(folder / "origin.cfg", ORIGIN.format(port=port))


def haproxy(folder: Path, port: int, origin: int, key: Path) -> list[str]:
    return _haproxy(folder / "haproxy.cfg", HAPROXY.format(port=port, origin=origin, key=key))


def fastify(folder: Path, port: int, origin: int, key: Path) -> list[str] | None:
    """None if there is no Node, or npm cannot fetch the packages."""
    if not (shutil.which("node") and shutil.which("npm")):
        return None
    script = folder / "fastify.js"
    script.write_text(FASTIFY)
    installed = subprocess.run(
        ["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(folder), *PACKAGES], check=False
    )
    return ["node", str(script), str(port), str(origin), str(key)] if installed.returncode == 0 else None


def python(kind: str) -> Callable[[Path, int, int, Path], list[str]]:
    """`httpx2` behind Starlette, or another client behind plain ASGI, under uvicorn."""

    def command(folder: Path, port: int, origin: int, key: Path) -> list[str]:
        os.environ |= {"BENCH_ORIGIN": f"http://127.0.0.1:{origin}", "BENCH_KEY": str(key)}
        application = f"tests.bench.gateway_python:{kind}"
        return [
            sys.executable,
            "-m",
            "uvicorn",
            application,
            "--port",
            str(port),
            "--no-access-log",
            "--log-level",
            "error",
        ]

    return command


def _haproxy(file: Path, text: str) -> list[str]:
    file.write_text(text)
    return ["haproxy", "-db", "-f", str(file)]

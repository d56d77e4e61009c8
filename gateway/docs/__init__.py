"""The docs host: files built ahead, read once at start, served from memory."""

import hashlib
import mimetypes
from pathlib import Path
from typing import NamedTuple

from gateway.headers import Headers
from gateway.problems import Answer, Refusal, not_found

ROOT = "/api/docs"
FILES = Path(__file__).parent / "static"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY: Headers = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
]


class File(NamedTuple):
    body: bytes
    headers: Headers
    etag: bytes


class Docs:
    """`/api/docs` is `index.html`, or `openapi.json` for whoever asks for JSON; `/api/docs/<path>` is that file."""

    def __init__(self, root: Path = FILES) -> None:
        paths = [path for path in root.rglob("*") if path.is_file()] if root.is_dir() else []
        self._files = {f"{ROOT}/{path.relative_to(root).as_posix()}": _read(path) for path in paths}

    def answer(self, method: str, path: str, fields: Headers) -> Answer:
        """Raises Refusal: 404, or 405 for anything but reading."""
        asked = dict(fields)
        if path.rstrip("/") == ROOT:
            json = b"application/json" in asked.get(b"accept", b"") and b"text/html" not in asked.get(b"accept", b"")
            path = f"{ROOT}/openapi.json" if json else f"{ROOT}/index.html"
        file = self._files.get(path)
        if file is None:
            raise not_found()
        if method not in ("GET", "HEAD"):
            raise Refusal(
                405, "Method not allowed", "The documentation is only read.", headers=[(b"allow", b"GET, HEAD")]
            )
        if file.etag in asked.get(b"if-none-match", b""):
            return Answer(304, [(b"etag", file.etag), *SECURITY], b"")
        return Answer(200, file.headers, file.body)


def _read(path: Path) -> File:
    body = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind.startswith("text/") or kind.endswith("javascript"):
        kind += "; charset=utf-8"
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'.encode()
    headers: Headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"etag", etag),
        (b"cache-control", b"public, max-age=300"),
        (b"vary", b"accept"),
        *SECURITY,
    ]
    return File(body, headers, etag)

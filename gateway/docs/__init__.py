"""The docs host: serves files that were built earlier and read into memory at start."""

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs

from gateway.headers import Headers
from gateway.problems import Answer, Refusal, not_found

ROOT = "/api/docs"
DEFINITIONS = "fhir"
FILES = Path(__file__).parent / "static"
LANGUAGES = ("en", "it")
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
SECURITY: Headers = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
CACHE: Headers = [(b"cache-control", b"public, max-age=300"), (b"vary", b"accept, accept-encoding, accept-language")]
RANGE = re.compile(r"\s*([a-zA-Z]{2})(?:-[a-zA-Z0-9-]+)?\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?")


class File(NamedTuple):
    kind: bytes
    body: bytes
    packed: bytes
    etag: bytes


class Docs:
    """`/api/docs` is the page in the client's language, or `openapi.json` if it accepts JSON but not HTML. The files are below it.

    `/fhir/<type>/<id>` are the FHIR definitions of our own, at their canonical URLs.

    `origins` are the base URLs of this platform's hosts: the files show them in place of production's."""

    def __init__(self, origins: Mapping[str, str] = {}, root: Path = FILES) -> None:
        paths = [path for path in root.rglob("*") if path.is_file()] if root.is_dir() else []
        shown = tuple(
            (f"https://{host}.knogin.com".encode(), url.rstrip("/").encode()) for host, url in origins.items()
        )
        self._files: dict[str, File] = {}
        for path in paths:
            name = path.relative_to(root)
            defined = name.parts[0] == DEFINITIONS
            served = f"/{name.with_suffix('').as_posix()}" if defined else f"{ROOT}/{name.as_posix()}"
            self._files[served] = _read(path, shown)

    def answer(self, method: str, path: str, query: bytes, fields: Headers) -> Answer:
        """Raises Refusal: 404, or 405 for methods other than GET and HEAD."""
        asked = {name: value.decode("latin-1") for name, value in fields}
        if path.rstrip("/") == ROOT:
            name = "openapi.json" if wants_json(asked) else f"index.{language(query, asked)}.html"
            path = f"{ROOT}/{name}"
        file = self._files.get(path)
        if file is None:
            raise not_found()
        if method not in ("GET", "HEAD"):
            raise Refusal(
                405, "Method not allowed", "The documentation is only read.", headers=[(b"allow", b"GET, HEAD")]
            )
        return respond(file, asked)


def respond(file: File, asked: dict[bytes, str]) -> Answer:
    packs = bool(re.search(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", asked.get(b"accept-encoding", "")))
    etag = b'"%s%s"' % (file.etag, b"-gzip" if packs else b"")
    headers: Headers = [(b"etag", etag), *CACHE, *SECURITY]
    known = asked.get(b"if-none-match", "")
    if known.strip() == "*" or etag.decode() in known:
        return Answer(304, headers, b"")
    body = file.packed if packs else file.body
    headers += [(b"content-type", file.kind), (b"content-length", str(len(body)).encode())]
    return Answer(200, [*headers, (b"content-encoding", b"gzip")] if packs else headers, body)


def wants_json(asked: dict[bytes, str]) -> bool:
    accept = asked.get(b"accept", "")
    return "application/json" in accept and "text/html" not in accept


def language(query: bytes, asked: dict[bytes, str]) -> str:
    """The language of `?lang=`, else the best match of `Accept-Language`, else English."""
    named = parse_qs(query.decode("latin-1")).get("lang", [""])[-1]
    if named in LANGUAGES:
        return named
    best, weight = LANGUAGES[0], 0.0
    for part in asked.get(b"accept-language", "")[:400].split(","):
        found = RANGE.fullmatch(part)
        if found and found[1].lower() in LANGUAGES and float(found[2] or 1) > weight:
            best, weight = found[1].lower(), float(found[2] or 1)
    return best


@cache
def _read(path: Path, shown: tuple[tuple[bytes, bytes], ...]) -> File:
    body = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if path.parent.parent.name == DEFINITIONS:
        # With their canonical URLs, which are names and the same everywhere.
        kind, shown = "application/fhir+json", ()
    for published, own in shown if path.suffix in (".json", ".html") else ():
        body = body.replace(published, own)
    if kind.startswith("text/") or kind.endswith("javascript"):
        kind += "; charset=utf-8"
    return File(kind.encode(), body, gzip.compress(body, mtime=0), hashlib.sha256(body).hexdigest()[:32].encode())

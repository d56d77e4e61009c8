"""The docs host: serves files that were built earlier and read into memory at start.

Beside them is the page that greets browsers at the roots of the other hosts."""

import base64
import gzip
import hashlib
import io
import mimetypes
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs

import msgspec

from gateway.headers import Headers
from gateway.problems import Answer, Refusal, not_found
from gateway.settings import Settings

ROOT = "/api/docs"
PACKAGES = f"{ROOT}/packages/"
DEFINITIONS, GREETINGS = "fhir", "greetings"
# https://llmstxt.org: at the root and beside the pages.
OF_MODELS = "llms.txt"
FILES = Path(__file__).parent / "static"
LANGUAGES = ("en", "it")
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
SECURITY: Headers = [
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
CACHE: Headers = [(b"cache-control", b"public, max-age=300"), (b"vary", b"accept, accept-encoding, accept-language")]
# Bytes of a file that is packed at the start: later it would take milliseconds, in which the loop answers nobody.
LONG = 64 * 1024
# Kinds that not every machine knows.
KINDS = {
    ".md": "text/markdown",
    ".atom": "application/atom+xml",
    ".js": "text/javascript",
    ".whl": "application/zip",
    ".tgz": "application/gzip",
    ".zip": "application/zip",
}
PACKED = (b"application/zip", b"application/gzip")
# pip and npm find `localhost` on every machine, names below it on some.
ON_THIS_MACHINE = re.compile(r"//[\w.-]+\.localhost(?=:|$)")
FIGURE = re.compile(rb"%(\w+:(?:amount|seconds|mib|times))%")
STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)
RANGE = re.compile(r"\s*([a-zA-Z]{2})(?:-[a-zA-Z0-9-]+)?\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?")


def numbers(rates: Mapping[str, str], organisation_times: int) -> dict[str, str]:
    """The numbers of the page of limits by their names there. A rate that is off has "–"."""
    found = {"organisation:times": str(organisation_times)}
    for name, rate in rates.items():
        amount, _, seconds = rate.partition("/")
        found |= {f"{name}:amount": amount if seconds else "–", f"{name}:seconds": seconds or "–"}
        found[f"{name}:mib"] = str(int(amount) >> 20) if seconds else "–"
    return found


def _defaults() -> dict[str, str]:
    known = {one.name: one.default for one in msgspec.structs.fields(Settings)}
    rates = {name.removeprefix("rate_limit_"): rate for name, rate in known.items() if name.startswith("rate_limit_")}
    return numbers(rates | {"refused_bytes": known["refused_bytes_limit"]}, known["organisation_times"])


DEFAULTS = _defaults()


@dataclass(frozen=True)
class File:
    """A file with its answer's headers. One of the many short ones is packed for the first client that asks for it packed."""

    kind: bytes
    body: bytes
    etag: bytes

    @cached_property
    def packed(self) -> bytes:
        return gzip.compress(self.body, mtime=0)


class Greeting(NamedTuple):
    """A page that needs no other file: its policy allows its own style by the hash of it."""

    file: File
    policy: bytes


class Docs:
    """`/api/docs` is the first page in the client's language, or `openapi.json` if it accepts JSON but not HTML.

    A page is `/api/docs/<language>/<page>`, and as Markdown the same with `.md`; without the language it leads to the page in the
    client's language. `/fhir/<type>/<id>` are the FHIR definitions of our own, at their canonical URLs.

    `origins` are the base URLs of this platform's hosts, `docs` among them: the files show them in place of production's.
    `figures` are the numbers of its own settings, by their names in the files."""

    def __init__(
        self, origins: Mapping[str, str] = {}, root: Path = FILES, figures: Mapping[str, str] = DEFAULTS
    ) -> None:
        paths = [path for path in root.rglob("*") if path.is_file()] if root.is_dir() else []
        shown = tuple(
            (f"https://{host}.knogin.com".encode(), url.rstrip("/").encode())
            for host, url in origins.items()
            if host != "docs"
        )
        docs = origins.get("docs")
        if docs:
            installed = ON_THIS_MACHINE.sub("//localhost", docs)
            shown = (*shown, (f"https://knogin.com{PACKAGES}".encode(), f"{installed}{PACKAGES}".encode()))
        documentation = ((f"https://knogin.com{ROOT}".encode(), f"{docs}{ROOT}".encode()),) if docs else ()
        filled = tuple(figures.items())
        calls = origins.get("api", "https://api.knogin.com")
        self._elsewhere = f"There is no such page. This host has the documentation, at {ROOT}; calls go to {calls}."
        self._files: dict[str, File] = {}
        self._greetings: dict[tuple[str, str], Greeting] = {}
        for path in paths:
            name = path.relative_to(root)
            if name.parts[0] == GREETINGS:
                site, language = name.name.split(".")[:2]
                file = _read(path, (*shown, *documentation), filled)
                style = STYLE.search(file.body)
                digest = base64.b64encode(hashlib.sha256(style[1] if style else b"").digest()).decode()
                self._greetings[site, language] = Greeting(
                    file, POLICY.replace("style-src 'self'", f"style-src 'sha256-{digest}'").encode()
                )
            else:
                names = (*shown, *documentation) if name.suffix == ".atom" else shown
                self._files[_address(name)] = _read(path, names, filled)
        if for_models := self._files.get(f"{ROOT}/{OF_MODELS}"):
            self._files[f"/{OF_MODELS}"] = for_models
        for language in LANGUAGES:
            if first := self._files.get(f"{ROOT}/{language}"):
                self._files[f"{ROOT}/index.{language}.html"] = first  # its address before there were other pages

    def answer(self, method: str, path: str, query: bytes, fields: Headers) -> Answer:
        """Raises Refusal: 404, or 405 for methods other than GET and HEAD."""
        asked = {name: value.decode("latin-1") for name, value in fields}
        file = self._find(path, query, asked)
        if isinstance(file, str):
            moved: Headers = [(b"location", file.encode()), (b"content-length", b"0"), *CACHE]
            return Answer(302, moved, b"")
        if file is None:
            raise not_found(self._elsewhere)
        if method not in ("GET", "HEAD"):
            raise Refusal(
                405, "Method not allowed", "The documentation is only read.", headers=[(b"allow", b"GET, HEAD")]
            )
        return respond(file, asked)

    def greet(self, site: str, method: str, query: bytes, fields: Headers) -> Answer | None:
        """The page at the root of the host `site`, for a browser; None for a program."""
        asked = {name: value.decode("latin-1") for name, value in fields}
        greeting = self._greetings.get((site, language(query, asked)))
        if greeting is None or method not in ("GET", "HEAD") or not wants_html(asked):
            return None
        return respond(greeting.file, asked, greeting.policy)

    def _find(self, path: str, query: bytes, asked: dict[bytes, str]) -> File | str | None:
        """The file of an address, or the address in the client's language."""
        path = path.rstrip("/")
        if path == ROOT or (not path and wants_html(asked)):
            return self._files.get(f"{ROOT}/{'openapi.json' if wants_json(asked) else language(query, asked)}")
        if path in self._files:
            return self._files[path]
        chosen = f"{ROOT}/{language(query, asked)}{path.removeprefix(ROOT)}"
        return chosen if path.startswith(ROOT + "/") and chosen in self._files else None


def _address(name: Path) -> str:
    """The path of a file: pages have no suffix, and `index` is its folder."""
    plain = name.with_suffix("").as_posix()
    if name.parts[0] == DEFINITIONS:
        return f"/{plain}"
    if name.suffix == ".html":
        return f"{ROOT}/{plain.removesuffix('/index')}"
    return f"{ROOT}/{name.as_posix()}"


def respond(file: File, asked: dict[bytes, str], policy: bytes = POLICY.encode()) -> Answer:
    packs = file.kind not in PACKED and bool(
        re.search(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", asked.get(b"accept-encoding", ""))
    )
    etag = b'"%s%s"' % (file.etag, b"-gzip" if packs else b"")
    headers: Headers = [(b"etag", etag), *CACHE, (b"content-security-policy", policy), *SECURITY]
    known = asked.get(b"if-none-match", "")
    if known.strip() == "*" or etag.decode() in known:
        return Answer(304, headers, b"")
    body = file.packed if packs else file.body
    headers += [(b"content-type", file.kind), (b"content-length", str(len(body)).encode())]
    return Answer(200, [*headers, (b"content-encoding", b"gzip")] if packs else headers, body)


def wants_json(asked: dict[bytes, str]) -> bool:
    accept = asked.get(b"accept", "")
    return "application/json" in accept and "text/html" not in accept


def wants_html(asked: dict[bytes, str]) -> bool:
    return "text/html" in asked.get(b"accept", "")


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


def _named(text: bytes, shown: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """With the base URLs of this platform in place of production's."""
    for published, own in shown:
        text = text.replace(published, own)
    return text


@cache
def _read(path: Path, shown: tuple[tuple[bytes, bytes], ...], filled: tuple[tuple[str, str], ...]) -> File:
    body = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if path.parent.parent.name == DEFINITIONS:
        # With their canonical URLs, which are names and the same everywhere.
        kind, shown = "application/fhir+json", ()
    if path.suffix in (".json", ".html", ".md", ".atom"):
        body = _named(body, shown)
    elif path.suffix == ".zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(body)) as published, zipfile.ZipFile(packed, "w") as own:
            for each in published.infolist():
                own.writestr(each, _named(published.read(each), shown))
        body = packed.getvalue()
    if path.suffix in (".html", ".md"):
        body = FIGURE.sub(lambda found: dict(filled)[found[1].decode()].encode(), body)
    kind = KINDS.get(path.suffix, kind)
    if kind.startswith("text/") or kind.endswith("javascript"):
        kind += "; charset=utf-8"
    file = File(kind.encode(), body, hashlib.sha256(body).hexdigest()[:32].encode())
    if len(body) > LONG and file.kind not in PACKED:
        _ = file.packed
    return file

"""Addresses within the console, and those of others as pages show them. Pure."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit, urlunsplit

LONGEST = 2000
OF_SIGNING_IN = ("/sign-in", "/sign-out", "/signed-out", "/static", "/preferences", "/portal")


def is_own_page(path: str) -> bool:
    """Whether a browser that is sent to `path` stays on the console's pages: one slash, no other host, no backslash, no control."""
    if not path.startswith("/") or path.startswith("//") or "\\" in path or len(path) > LONGEST:
        return False
    if not (path.isascii() and path.isprintable()):
        return False
    parts = urlsplit(path)
    return not parts.scheme and not parts.netloc and not parts.path.startswith(OF_SIGNING_IN)


def without_notice(path: str) -> str:
    """The address without the name of a notice (`done`), which belongs to one answer."""
    target, _, query = path.partition("?")
    kept = "&".join(part for part in query.split("&") if part and unquote_plus(part.partition("=")[0]) != "done")
    return f"{target}?{kept}" if kept else target


def with_query(path: str, query: Mapping[str, object]) -> str:
    """Without empty parameters, so that an address holds only the chosen ones."""
    kept = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(kept)}" if kept else path


def without_values(url: str) -> str:
    """The URL with its query's values and any password taken out, since they may be secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "https://"
    query = urlencode([(name, "REDACTED") for name, _ in parse_qsl(parts.query, keep_blank_values=True)])
    if parts.query and not query:
        query = "REDACTED"
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query, fragment=""))

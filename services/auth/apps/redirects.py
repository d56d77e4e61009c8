"""Redirect URIs: which may be registered, and which a request may name (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1). Pure."""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

MAX_LENGTH = 2000
_URI = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+\-]*(\.[a-z0-9+\-]+)+")
_HOST = re.compile(r"([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?")
LOOPBACK_NAMES = {"localhost"}


def problem_with(uri: str) -> str | None:
    """Why `uri` may not be registered, or None if it may."""
    if len(uri) > MAX_LENGTH or not _URI.fullmatch(uri):
        return "is not a URI (RFC 3986) of at most 2000 characters"
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return "is not a URI (RFC 3986)"
    if "#" in uri:
        return "has a fragment"
    if parts.username is not None or parts.password is not None:
        return "has user information in it"
    return _problem_with_scheme(parts)


def _problem_with_scheme(parts: SplitResult) -> str | None:
    if parts.scheme == "https":
        return None if _names_host(parts) else "names no host"
    if parts.scheme == "http":
        return (
            None if _names_host(parts) and is_loopback(parts) else "must be https; http is for loopback addresses alone"
        )
    if _PRIVATE_SCHEME.fullmatch(parts.scheme):
        return None if not parts.netloc else "has a private scheme and a host"
    return "has a scheme other than https, http on loopback, or a reverse-domain private one"


def _names_host(parts: SplitResult) -> bool:
    """A name or an address, and no wildcard or anything else that pages' security policies would read as their own."""
    if not _HOST.fullmatch(parts.netloc):
        return False
    if not parts.netloc.startswith("["):
        return True
    try:
        ipaddress.IPv6Address(parts.hostname or "")
    except ValueError:
        return False
    return True


def is_loopback(parts: SplitResult) -> bool:
    """127.0.0.0/8, ::1 or the name localhost."""
    host = parts.hostname or ""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_registered(requested: str, registered: Iterable[str]) -> bool:
    """Exact comparison; of an http loopback URI the port alone may differ (RFC 8252 §7.3)."""
    return any(requested == uri or _same_but_port(requested, uri) for uri in registered)


def _same_but_port(requested: str, registered: str) -> bool:
    if problem_with(requested) is not None or not registered.startswith("http://"):
        return False
    theirs, ours = urlsplit(requested), urlsplit(registered)
    if theirs.scheme != "http" or not is_loopback(theirs):
        return False
    return _without_port(theirs) == _without_port(ours)


def _without_port(parts: SplitResult) -> tuple[str | None, str, str]:
    return parts.hostname, parts.path, parts.query

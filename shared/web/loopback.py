"""A platform on one machine has hosts under `localhost`. Many programs cannot resolve those names (RFC 6761 §6.3 lets them), so
such a platform also answers at the addresses that every program knows."""

import re
from urllib.parse import urlsplit

NAMES = ("localhost", "127.0.0.1", "[::1]")
_PORT = re.compile(r":\d*\Z")


def is_loopback_name(name: str) -> bool:
    """RFC 6761 §6.3: these names never leave the machine; no resolver is asked."""
    return name == "localhost" or name.endswith(".localhost")


def is_on_this_machine(base_url: str) -> bool:
    return is_loopback_name(urlsplit(base_url).hostname or "")


def address(base_url: str, host: str) -> str:
    """The base URL under which a request with the field `Host: <host>` came, if that is one of NAMES of a platform on this machine;
    else `base_url`."""
    plain = is_on_this_machine(base_url) and _PORT.sub("", host).lower() in NAMES
    return f"{urlsplit(base_url).scheme}://{host.lower()}" if plain else base_url


def at_localhost(base_url: str) -> str:
    """`base_url`; of a platform on this machine the same at `localhost`."""
    parts = urlsplit(base_url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://localhost{port}" if is_on_this_machine(base_url) else base_url

"""Parses `REDIS_URL`: the address of one Redis server, or of the Sentinels that know the primary.

`redis://` and `sentinel://` are plain; `rediss://` and `sentinels://` use TLS, to Sentinels and servers alike. User and password before
the `@` are for the server; those for a Sentinel are parameters. With `ca_file`, only certificates of that authority are valid.
"""

import re
import ssl
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from shared.process.settings import Malformed

PORTS = {"redis": 6379, "rediss": 6379, "sentinel": 26379, "sentinels": 26379}
TLS = frozenset({"rediss", "sentinels"})
HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::(?P<port>\d*))?")
MASTER = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Address:
    """`hosts` is one server, or the Sentinels if `master`, the master's name, is set."""

    scheme: str
    hosts: tuple[tuple[str, int], ...]
    number: int = 0
    master: str = ""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_user: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    ca_file: str | None = None

    @property
    def has_tls(self) -> bool:
        return self.scheme in TLS

    def __str__(self) -> str:
        """The address without users and passwords."""
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        return f"{self.scheme}://{hosts}/{self.master}{'/' if self.master else ''}{self.number}"

    def tls(self) -> ssl.SSLContext | None:
        """Checks certificate and host name. Raises OSError for an unreadable `ca_file`, SSLError for one without a certificate."""
        return ssl.create_default_context(cafile=self.ca_file) if self.has_tls else None


def check(text: str) -> None:
    """Raises Malformed for an address that `parse` refuses, or if `ca_file` cannot be used on this machine."""
    address = parse(text)
    try:
        address.tls()
    except ssl.SSLError:
        raise Malformed("its ca_file holds no certificate") from None
    except OSError:
        raise Malformed("its ca_file cannot be read") from None


def parse(text: str) -> Address:
    """Raises Malformed, whose text names the wrong part but does not quote it."""
    scheme, _, rest = text.partition("://")
    if scheme not in PORTS:
        raise Malformed("it begins with none of redis://, rediss://, sentinel:// and sentinels://")
    place, path, query = _parts(rest)
    login, _, hosts = place.rpartition("@")
    user, _, password = login.partition(":")
    is_sentinel = scheme.startswith("sentinel")
    master, number = _names(path, is_sentinel)
    allowed = (["ca_file"] if scheme in TLS else []) + (["sentinel_user", "sentinel_password"] if is_sentinel else [])
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise Malformed("its parameters are not name=value, separated by &") from None
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        raise Malformed("it has a parameter twice")
    if not parameters.keys() <= set(allowed):
        raise Malformed(f"of parameters it may have {', '.join(allowed) or 'none'}")
    if not all(parameters.values()):
        raise Malformed("it has a parameter without a value")
    address = Address(
        scheme=scheme,
        hosts=_hosts(hosts, scheme),
        number=number,
        master=master,
        user=unquote(user) or None,
        password=unquote(password) or None,
        **parameters,
    )
    if address.sentinel_user and not address.sentinel_password:
        raise Malformed("it has a sentinel_user without a sentinel_password")
    return address


def _parts(rest: str) -> tuple[str, str, str]:
    """Splits into the hosts (with the login before them), the path and the query."""
    place = re.split("[/?#]", rest, maxsplit=1)[0]
    if "@" in rest[len(place) :] or "#" in rest:
        raise Malformed("user and password are to be percent-encoded: / as %2F, ? as %3F, # as %23, @ as %40")
    path, _, query = rest[len(place) :].partition("?")
    return place, path, query


def _hosts(text: str, scheme: str) -> tuple[tuple[str, int], ...]:
    each = text.split(",") if scheme.startswith("sentinel") else [text]
    return tuple(_host(part.strip(), number, PORTS[scheme]) for number, part in enumerate(each, 1))


def _host(text: str, number: int, port: int) -> tuple[str, int]:
    match = HOST.fullmatch(text)
    if match is None:
        raise Malformed(f"host {number} is not a name or an address, with [ ] around IPv6, and perhaps a port")
    if match["port"] is not None:
        port = int(match["port"] or 0)
    if not 0 < port < 65_536:
        raise Malformed(f"the port of host {number} is not from 1 to 65535")
    return match["name"].strip("[]"), port


def _names(path: str, is_sentinel: bool) -> tuple[str, int]:
    """The master's name, empty without Sentinels, and the number of the database."""
    names = path.strip("/").split("/") if path.strip("/") else []
    master = ""
    if is_sentinel:
        if not names or not MASTER.fullmatch(names[0]):
            raise Malformed("no name of a master, of letters, digits and . _ -, follows the Sentinels")
        master = names.pop(0)
    if not names:
        return master, 0
    if len(names) > 1 or not re.fullmatch(r"\d{1,4}", names[0]):
        raise Malformed("its path does not end with the number of a database")
    return master, int(names[0])

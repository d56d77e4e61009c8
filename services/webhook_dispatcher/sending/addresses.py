"""Allowed targets of webhooks, and the addresses of their names.

A webhook goes to public addresses over https, and never into a network of ours or of our cloud.
"""

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Protocol
from urllib.parse import quote, urlsplit

import dns.asyncresolver
import dns.exception
import dns.resolver
from dns.rdatatype import RdataType

from shared.web.loopback import is_loopback_name

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
PORTS = frozenset({443, 8443})
DEFAULT_PORTS = {"https": 443, "http": 80}
LONGEST_URL = 2048
# `ipaddress.is_global` is not enough: it is true of multicast, NAT64, 6to4 and of a cloud's own addresses.
FORBIDDEN_V4 = [
    (IPv4Network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "cloud metadata"),
        ("169.254.0.0/16", "link-local and cloud metadata"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "AS112"),
        ("192.52.193.0/24", "AMT relay"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "AS112"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved and broadcast"),
    )
]
# Of IPv6 only global unicast is let through, without these.
GLOBAL_UNICAST = IPv6Network("2000::/3")
FORBIDDEN_V6 = [
    (IPv6Network(network), reason)
    for network, reason in (
        ("2001::/23", "protocol assignments, Teredo and ORCHID"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "AS112"),
        ("3fff::/20", "documentation"),
    )
]
# These carry an IPv4 address in their last 32 bits, which is checked instead.
EMBEDDING = [IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96")]
# The interface identifier of ISATAP (RFC 5214 §6.1), before an IPv4 address that a router may tunnel to. Two of its bits vary.
ISATAP, ISATAP_BITS = 0x0000_5EFE, 0xFCFF_FFFF
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.ASCII)
_URL = re.compile(r"[!-\[\]-~]+")
# Characters of a path (RFC 3986 §3.3); all others are percent-encoded.
_AS_IT_IS = "/%:@!$&'()*+,;=~"
LOOK_UP_SECONDS = 5.0


class RefusedTarget(ValueError):
    """No request may go to this URL or address. The message gives the owner the reason."""


class UnknownName(Exception):
    """The name has no known address. `timed_out`: the name servers did not answer."""

    def __init__(self, name: str, *, timed_out: bool = False) -> None:
        super().__init__(name)
        self.timed_out = timed_out


@dataclass(frozen=True)
class Target:
    """A checked URL. `literal` is the address when the host is one; a name is resolved, and checked again, at each delivery."""

    url: str
    scheme: str
    host: str
    port: int
    literal: Address | None
    resource: str = "/"

    @property
    def authority(self) -> str:
        """The `host` header (RFC 9110 §7.2): with its port unless that is the scheme's."""
        return self.host if self.port == DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def name(self) -> str:
        """The name that the certificate must have."""
        return self.host.strip("[]")


class Policy:
    """The rules for targets. Inside the `allowed` networks (none in production) http and any port are allowed too.

    `ours` are networks with public addresses to which no webhook goes, such as the cluster's own.
    """

    def __init__(self, allowed: Sequence[Network] = (), ours: Sequence[Network] = ()) -> None:
        self.allowed = tuple(allowed)
        self.ours = tuple(ours)
        # Deliveries repeat the same addresses.
        self.check_peer = lru_cache(4096)(lambda target, address: self.check_addresses(target, [ip_address(address)]))

    @classmethod
    def from_text(cls, allowed: str, ours: str = "") -> "Policy":
        """Reads `127.0.0.0/8,::1/128`. Raises ValueError for anything that is not networks."""
        return cls(networks("WEBHOOK_ALLOWED_NETWORKS", allowed), networks("WEBHOOK_FORBIDDEN_NETWORKS", ours))

    def check_url(self, url: str) -> Target:
        """The target a URL names. Raises RefusedTarget; a name is not looked up."""
        target = parse(url)
        if target.literal is not None:
            self.check_addresses(target, [target.literal])
        elif not self.allowed:
            _require_public_form(target)
        return target

    def check_addresses(self, target: Target, addresses: Iterable[Address]) -> None:
        """Raises RefusedTarget if any address is forbidden: one public answer does not excuse a private one beside it."""
        for address in addresses:
            real = embedded(address) or address
            if any(real in network for network in self.allowed):
                continue
            reason = forbidden(address) or ("ours" if any(real in network for network in self.ours) else None)
            if reason is not None:
                raise RefusedTarget(f"the address is not public ({reason})")
            _require_public_form(target)


def networks(setting: str, text: str) -> list[Network]:
    try:
        return [ip_network(part.strip()) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise ValueError(f"{setting} is networks such as 10.0.0.0/8: {error}") from None


@lru_cache(4096)  # deliveries repeat the same URLs
def parse(url: str) -> Target:
    """Takes a URL apart strictly, so that nobody after us can read another host in it. Raises RefusedTarget."""
    if len(url) > LONGEST_URL or not _URL.fullmatch(url):
        raise RefusedTarget(f"a URL is at most {LONGEST_URL} printable ASCII characters, without spaces or backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise RefusedTarget("this is not a URL") from None
    if parts.scheme not in ("http", "https") or "://" not in url[:8].lower():
        raise RefusedTarget("a webhook's URL begins with https://")
    if "@" in parts.netloc:
        raise RefusedTarget("a URL holds no user name or password")
    if "#" in url:
        raise RefusedTarget("a URL holds no fragment")
    if parts.netloc.endswith(":") or port == 0:
        raise RefusedTarget("the port is missing or zero")
    netloc = parts.netloc.lower()
    host = netloc.rpartition("]")[0] + "]" if netloc.startswith("[") else netloc.partition(":")[0]
    resource = quote(parts.path or "/", safe=_AS_IT_IS) + (
        "?" + quote(parts.query, safe=_AS_IT_IS + "?") if parts.query else ""
    )
    return Target(url, parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], _literal(host), resource)


def forbidden(address: Address) -> str | None:
    """Why an address must not be reached, or None for a public one."""
    inner = embedded(address)
    if inner is not None:
        return forbidden(inner)
    if isinstance(address, IPv4Address):
        return next((reason for network, reason in FORBIDDEN_V4 if address in network), None)
    if address.scope_id is not None or address not in GLOBAL_UNICAST:
        return "not global unicast"
    if (int(address) >> 32) & ISATAP_BITS == ISATAP:
        return "ISATAP"
    return next((reason for network, reason in FORBIDDEN_V6 if address in network), None)


def embedded(address: Address) -> IPv4Address | None:
    """The IPv4 address inside an IPv4-mapped or NAT64 one."""
    if (
        isinstance(address, IPv6Address)
        and address.scope_id is None
        and any(address in network for network in EMBEDDING)
    ):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _literal(host: str) -> Address | None:
    """The address a host spells, or None for a name. Every spelling but the canonical one is refused (`0x7f.1`, `2130706433`)."""
    if host.startswith("["):
        try:
            address = IPv6Address(host[1:-1])
        except ValueError:
            raise RefusedTarget("this is not an IPv6 address") from None
        if address.scope_id is not None:
            raise RefusedTarget("an address holds no zone")
        return address
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise RefusedTarget("the host is not a name; write an international one in its ASCII form (xn--…)")
    if not _NUMBER.fullmatch(host.rpartition(".")[2]):
        return None
    try:
        return ip_address(host)
    except ValueError:
        raise RefusedTarget("an IPv4 address is written as four decimal numbers") from None


def _require_public_form(target: Target) -> None:
    if target.scheme != "https":
        raise RefusedTarget("a webhook's URL begins with https://")
    if target.port not in PORTS:
        raise RefusedTarget("a webhook's port is 443 or 8443")
    if target.literal is None and "." not in target.host:
        raise RefusedTarget("the host is not a public name")


class Resolver(Protocol):
    async def addresses(self, name: str) -> list[Address]:
        """Every address of a name, IPv4 first. Raises UnknownName."""
        ...


def create_resolver(setting: str) -> Resolver:
    """`setting` is `<address>:<port>` of a DNS server, or empty for the name servers of the system."""
    if not setting:
        try:
            return DnsResolver(dns.asyncresolver.Resolver())
        except dns.resolver.NoResolverConfiguration:  # a machine without name servers knows no names
            return DnsResolver(dns.asyncresolver.Resolver(configure=False))
    server, _, port = setting.rpartition(":")
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = [server.strip("[]")]
    resolver.port = int(port)
    return DnsResolver(resolver)


class DnsResolver:
    """Asks for A and AAAA, without search domains, hosts file or cache.

    It uses no threads, so that silent name servers delay no other name. Simultaneous calls for one name share one question.
    """

    def __init__(self, resolver: dns.asyncresolver.Resolver) -> None:
        self._resolver = resolver
        self._resolver.lifetime = LOOK_UP_SECONDS
        self._asking: dict[str, asyncio.Task[list[Address]]] = {}

    async def addresses(self, name: str) -> list[Address]:
        if is_loopback_name(name):
            return [ip_address("127.0.0.1")]
        asking = self._asking.get(name)
        if asking is None:
            asking = self._asking[name] = asyncio.create_task(self._look_up(name))
            asking.add_done_callback(lambda _: self._asking.pop(name))
        # Shielded: a cancelled caller does not cancel the question of the others.
        return await asyncio.shield(asking)

    async def _look_up(self, name: str) -> list[Address]:
        found = await asyncio.gather(self._ask(name, RdataType.A), self._ask(name, RdataType.AAAA))
        addresses = [ip_address(text) for answers in found for text in answers]
        if not addresses:
            raise UnknownName(name)
        return addresses

    async def _ask(self, name: str, kind: RdataType) -> list[str]:
        try:
            answer = await self._resolver.resolve(name + ".", kind, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise UnknownName(name, timed_out=isinstance(error, dns.exception.Timeout)) from error
        return [record.to_text() for record in answer]

"""Names to addresses, asked once per connection: of the system's name servers, or of the one that WEBHOOK_RESOLVER names."""

import asyncio
from ipaddress import ip_address
from typing import Protocol

import dns.asyncresolver
import dns.exception
import dns.resolver
from dns.rdatatype import RdataType

from services.webhook_dispatcher.addresses import Address

SECONDS = 5.0


class UnknownName(Exception):
    """The name has no address, or nobody could say; `timed_out` when the name servers kept silent."""

    def __init__(self, name: str, *, timed_out: bool = False) -> None:
        super().__init__(name)
        self.timed_out = timed_out


class Resolver(Protocol):
    async def addresses(self, name: str) -> list[Address]:
        """Every address of a name, IPv4 first. Raises UnknownName."""
        ...


def create(setting: str) -> Resolver:
    """`setting` is `<address>:<port>` of a DNS server, or empty for those of the system."""
    return DnsResolver(_asking(setting) if setting else _asking_system())


class DnsResolver:
    """Asks for A and AAAA, without search domains, hosts file or cache.

    No threads: names whose servers are silent keep nobody else's from being looked up. However many ask for a name at the same time,
    it is looked up once.
    """

    def __init__(self, resolver: dns.asyncresolver.Resolver) -> None:
        self._resolver = resolver
        self._resolver.lifetime = SECONDS
        self._asking: dict[str, asyncio.Task[list[Address]]] = {}

    async def addresses(self, name: str) -> list[Address]:
        if is_loopback_name(name):
            return [ip_address("127.0.0.1")]
        asking = self._asking.get(name)
        if asking is None:
            asking = self._asking[name] = asyncio.create_task(self._look_up(name))
            asking.add_done_callback(lambda _: self._asking.pop(name))
        # Shielded: one who gives up does not end the question for the others.
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


def is_loopback_name(name: str) -> bool:
    """RFC 6761 §6.3: these never leave the machine, whatever a resolver knows of them."""
    return name == "localhost" or name.endswith(".localhost")


def _asking(setting: str) -> dns.asyncresolver.Resolver:
    server, _, port = setting.rpartition(":")
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = [server.strip("[]")]
    resolver.port = int(port)
    return resolver


def _asking_system() -> dns.asyncresolver.Resolver:
    try:
        return dns.asyncresolver.Resolver()
    except dns.resolver.NoResolverConfiguration:  # a machine without name servers knows no names
        return dns.asyncresolver.Resolver(configure=False)

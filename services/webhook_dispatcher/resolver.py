"""Names to addresses, asked once per connection: from the system, or from the DNS server that WEBHOOK_RESOLVER names."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Protocol

import dns.asyncresolver
import dns.exception
import dns.resolver
from dns.rdatatype import RdataType

from services.webhook_dispatcher.addresses import Address

SECONDS = 5.0


class UnknownName(Exception):
    """The name has no address, or nobody could say."""


class Resolver(Protocol):
    async def addresses(self, name: str) -> list[Address]:
        """Every address of a name, IPv4 first. Raises UnknownName."""
        ...


def create(setting: str) -> Resolver:
    """`setting` is `<address>:<port>` of a DNS server, or empty for the system's resolver."""
    host, _, port = setting.rpartition(":")
    return DnsResolver(host.strip("[]"), int(port)) if setting else SystemResolver()


class SystemResolver:
    """getaddrinfo in threads of its own: names that hang must not use up the ones others need."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(32, thread_name_prefix="resolve")

    async def addresses(self, name: str) -> list[Address]:
        if is_loopback_name(name):
            return [ip_address("127.0.0.1")]
        try:
            async with asyncio.timeout(SECONDS):
                answers = await asyncio.get_running_loop().run_in_executor(self._threads, _look_up, name)
        except (OSError, UnicodeError, TimeoutError) as error:
            raise UnknownName(name) from error
        return _ordered(answers)


class DnsResolver:
    """Asks one DNS server for A and AAAA, without search domains, hosts file or cache."""

    def __init__(self, server: str, port: int) -> None:
        self._resolver = dns.asyncresolver.Resolver(configure=False)
        self._resolver.nameservers = [server]
        self._resolver.port = port
        self._resolver.lifetime = SECONDS

    async def addresses(self, name: str) -> list[Address]:
        if is_loopback_name(name):
            return [ip_address("127.0.0.1")]
        found = await asyncio.gather(self._ask(name, RdataType.A), self._ask(name, RdataType.AAAA))
        return _ordered([text for answers in found for text in answers])

    async def _ask(self, name: str, kind: RdataType) -> list[str]:
        try:
            answer = await self._resolver.resolve(name + ".", kind, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise UnknownName(name) from error
        return [record.to_text() for record in answer]


def is_loopback_name(name: str) -> bool:
    """RFC 6761 §6.3: these never leave the machine, whatever a resolver knows of them."""
    return name == "localhost" or name.endswith(".localhost")


def _look_up(name: str) -> list[str]:
    return [str(answer[4][0]) for answer in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]


def _ordered(answers: list[str]) -> list[Address]:
    addresses = sorted({ip_address(answer) for answer in answers}, key=lambda address: address.version)
    if not addresses:
        raise UnknownName
    return addresses

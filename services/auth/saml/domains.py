"""E-mail domains: how they are written, and proof that an organisation owns one, by a TXT record only its owner can publish."""

import re
from typing import Protocol

import dns.asyncresolver
import dns.exception
import dns.resolver
from dns.rdatatype import RdataType
from dns.rdtypes.txtbase import TXTBase

SECONDS = 5.0
CHALLENGE_LABEL = "_knogin-challenge"
VALUE_PREFIX = "knogin-domain-verification="
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Unanswered(Exception):
    """No DNS server could say: it is not known whether the record is there."""


class Resolver(Protocol):
    async def texts(self, name: str) -> list[str]:
        """Every TXT record of a name. Raises Unanswered."""
        ...


def create(setting: str) -> "DnsResolver":
    """`setting` is `<address>:<port>` of a DNS server, or empty for those the system names."""
    return DnsResolver(setting)


class DnsResolver:
    """Asks without search domains or cache: a record just published must be seen."""

    def __init__(self, setting: str) -> None:
        self._setting = setting

    async def texts(self, name: str) -> list[str]:
        try:
            answer = await self._resolver().resolve(name + ".", RdataType.TXT, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise Unanswered(name) from error
        records = [record for record in answer if isinstance(record, TXTBase)]
        return [b"".join(record.strings).decode("utf-8", "replace") for record in records]

    def _resolver(self) -> dns.asyncresolver.Resolver:
        host, _, port = self._setting.rpartition(":")
        resolver = dns.asyncresolver.Resolver(configure=not host)
        if host:
            resolver.nameservers, resolver.port = [host.strip("[]")], int(port)
        resolver.lifetime = SECONDS
        return resolver


def normalised(domain: str) -> str | None:
    """The domain in small letters, or None for what is no name of at least two labels in ASCII."""
    name = domain.strip().lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        return None
    return name if not labels[-1].isdigit() else None


def of_email(email: str) -> str | None:
    """The domain of an e-mail address, as it would be claimed; None for what is no address."""
    local, at, domain = email.strip().rpartition("@")
    if not (local and at and domain):
        return None
    try:
        return normalised(domain if domain.isascii() else domain.encode("idna").decode())
    except UnicodeError:
        return None


async def is_proven(resolver: Resolver, domain: str, token: str) -> bool:
    """Whether the record that only this claim's owner knows is published. Raises Unanswered."""
    return VALUE_PREFIX + token in await resolver.texts(f"{CHALLENGE_LABEL}.{domain}")

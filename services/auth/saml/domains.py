"""E-mail domains: how they are written, and proof that an organisation owns one, by a TXT record only its owner can publish."""

import re
import unicodedata
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
    address = email.strip()
    return None if objection_to(address) else to_ascii(address.rpartition("@")[2])


def objection_to(email: str) -> str | None:
    """Why this is no e-mail address of one domain and one reading, or None.

    An identity provider vouches for a domain. Characters that other software reads as another `@` or dot, or drops, would let it
    vouch for a name that looks like somebody else's.
    """
    if email.count("@") != 1 or email.startswith("@") or email.endswith("@"):
        return "has not one @ between a name and a domain"
    if not email.isprintable() or any(character.isspace() for character in email):
        return "holds a space or a character that cannot be seen"
    local, _, domain = email.partition("@")
    if unicodedata.normalize("NFKC", local) != local or "@" in unicodedata.normalize("NFKC", domain):
        return "holds characters that are another spelling of others"
    if to_ascii(domain) is None:
        return "has a domain that is not written as it is registered; xn--… always is"
    return None


def to_ascii(domain: str) -> str | None:
    """A domain's ASCII form, of small and capital letters alike; None for any other spelling that merely maps to one."""
    labels = [_label_to_ascii(label) for label in domain.split(".")]
    return None if None in labels else normalised(".".join(label for label in labels if label is not None))


def _label_to_ascii(written: str) -> str | None:
    """None for a dot that is none (U+3002, U+FF0E, U+FF61), full-width letters, `ß` and all else that IDNA maps away."""
    label = written.lower()
    if label.isascii() != written.isascii():  # the Kelvin sign is a small k
        return None
    try:
        encoded = label.encode("idna").decode() if not label.isascii() else label
        decoded = encoded.encode().decode("idna") if encoded.startswith("xn--") else encoded
        again = decoded.encode("idna").decode() if encoded.startswith("xn--") else encoded
    except UnicodeError:
        return None
    is_same = again == encoded and (label.isascii() or decoded == unicodedata.normalize("NFC", label))
    return encoded if is_same else None


async def is_proven(resolver: Resolver, domain: str, token: str) -> bool:
    """Whether the record that only this claim's owner knows is published. Raises Unanswered."""
    return VALUE_PREFIX + token in await resolver.texts(f"{CHALLENGE_LABEL}.{domain}")

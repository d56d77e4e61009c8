"""E-mail domains: how they are written, and proof that an organisation owns one, by a TXT record only its owner can publish."""

import asyncio
import re
import unicodedata
from datetime import timedelta
from typing import Any, Protocol

import dns.asyncresolver
import dns.exception
import dns.resolver
import msgspec
from dns.rdatatype import RdataType
from dns.rdtypes.txtbase import TXTBase
from psycopg.rows import class_row

from services.auth.activity import ADD_EVENT
from services.auth.saml import metrics
from services.auth.saml.models import DnsRecord, Domain, DomainRow
from services.auth.saml.queries import (
    COUNT_MISSING_DOMAINS,
    DOMAIN_MISSING,
    DOMAIN_SEEN,
    DOMAIN_UNANSWERED,
    TAKE_DUE_DOMAINS,
    UNPROVE_DOMAIN,
)
from services.auth.tenants.operations import SCHEDULE, record
from shared import ids, tracing
from shared.database import Connection

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


def shown(row: DomainRow) -> Domain:
    return Domain(
        domain=row.domain,
        status="proven" if row.verified_at is not None else "claimed",
        dns_record=DnsRecord("TXT", f"{CHALLENGE_LABEL}.{row.domain}", VALUE_PREFIX + row.token),
        claimed_at=row.claimed_at,
        proven_at=row.verified_at,
    )


async def is_proven(resolver: Resolver, domain: str, token: str) -> bool:
    """Whether the record that only this claim's owner knows is published. Raises Unanswered."""
    return VALUE_PREFIX + token in await resolver.texts(f"{CHALLENGE_LABEL}.{domain}")


AGAIN = timedelta(days=1)
# A server that does not answer says nothing of the record, and is asked again sooner.
AGAIN_UNANSWERED = timedelta(hours=1)
PATIENCE = timedelta(days=7)
PORTION = 20


class Proven(msgspec.Struct, frozen=True, kw_only=True):
    """A domain whose turn it is. `is_missing` since the last look at least, `is_over` for longer than we wait."""

    tenant_id: str
    domain: str
    connection_id: str
    token: str
    is_missing: bool
    is_over: bool | None


def look_again(conn: Connection, resolver: Resolver) -> None:
    """One portion. The names are asked for all at once, so that slow servers hold the transaction for seconds at most."""
    with conn.cursor(row_factory=class_row(Proven)) as cursor:
        due = cursor.execute(TAKE_DUE_DOMAINS, (PATIENCE, AGAIN, PORTION)).fetchall()
    for one, is_there in zip(due, asyncio.run(_ask(resolver, due)), strict=True):
        _settle(conn, one, is_there)
    counted = conn.execute(COUNT_MISSING_DOMAINS).fetchone()
    metrics.domains_missing.set(counted[0] if counted is not None else 0)


async def _ask(resolver: Resolver, due: list[Proven]) -> list[bool | None]:
    return await asyncio.gather(*(_is_there(resolver, one) for one in due))


async def _is_there(resolver: Resolver, one: Proven) -> bool | None:
    """None where nobody answers."""
    try:
        return await is_proven(resolver, one.domain, one.token)
    except Unanswered:
        return None


def _settle(conn: Connection, one: Proven, is_there: bool | None) -> None:
    key = (one.tenant_id, one.domain)
    if is_there is None:
        conn.execute(DOMAIN_UNANSWERED, (AGAIN, AGAIN_UNANSWERED, *key))
    elif is_there:
        conn.execute(DOMAIN_SEEN, key)
    elif one.is_over:
        conn.execute(UNPROVE_DOMAIN, key)
        _tell(
            conn,
            one,
            "domain_unproven",
            "its DNS record has been gone for a week; publish it and prove the domain anew",
        )
    else:
        conn.execute(DOMAIN_MISSING, key)
        if not one.is_missing:
            _tell(conn, one, "domain_record_missing", "its DNS record is gone; in a week the domain is proven no more")


def _tell(conn: Connection, one: Proven, kind: str, why: str) -> None:
    """In the connection's events, where its administrator looks, and in the trail."""
    detail: dict[str, Any] = {"domain": one.domain}
    record(conn, one.tenant_id, f"saml.{kind}", one.connection_id, detail, by=SCHEDULE)
    event = (ids.new_id("aev"), one.tenant_id, one.connection_id)
    now = conn.execute("SELECT clock_timestamp()").fetchone()
    assert now is not None
    conn.execute(ADD_EVENT, (*event, now[0], kind, f"{one.domain}: {why}", tracing.trace_id()))

"""E-mail domains: their spelling, the proof of ownership by a TXT record, and its daily check.

A proven domain without its record for a week is proven no longer, because it may belong to another organisation by then.
"""

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
from services.auth.saml import metrics, queries
from services.auth.saml.models import DnsRecord, Domain, DomainRow
from services.auth.tenants.operations import SCHEDULE, record
from shared.primitives import ids
from shared.process import telemetry
from shared.storage.database import Connection

SECONDS = 5.0
CHALLENGE_LABEL = "_knogin-challenge"
VALUE_PREFIX = "knogin-domain-verification="
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Unanswered(Exception):
    """No DNS server answers, so the record may or may not be there."""


class Resolver(Protocol):
    async def texts(self, name: str) -> list[str]:
        """Every TXT record of a name. Raises Unanswered."""
        ...


def create(setting: str) -> "DnsResolver":
    """`setting` is `<address>:<port>` of a DNS server, or empty for the system's servers."""
    return DnsResolver(setting)


class DnsResolver:
    """Asks without search domains and without a cache, so that it finds a record just published."""

    def __init__(self, setting: str) -> None:
        self._setting = setting

    async def texts(self, name: str) -> list[str]:
        host, _, port = self._setting.rpartition(":")
        resolver = dns.asyncresolver.Resolver(configure=not host)
        if host:
            resolver.nameservers, resolver.port = [host.strip("[]")], int(port)
        resolver.lifetime = SECONDS
        try:
            answer = await resolver.resolve(name + ".", RdataType.TXT, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise Unanswered(name) from error
        records = [record for record in answer if isinstance(record, TXTBase)]
        return [b"".join(record.strings).decode("utf-8", "replace") for record in records]


def normalised(domain: str) -> str | None:
    """The domain in lower case, or None unless it is a name of at least two labels in ASCII."""
    name = domain.strip().lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        return None
    return name if not labels[-1].isdigit() else None


def of_email(email: str) -> str | None:
    """The domain of an e-mail address, as claims spell it; None for other text."""
    address = email.strip()
    return None if objection_to(address) else to_ascii(address.rpartition("@")[2])


def objection_to(email: str) -> str | None:
    """Why this is not an unambiguous e-mail address, or None.

    An identity provider vouches for a domain. Other software reads some characters as `@` or dot, or drops them. With these the provider
    could vouch for an address that looks like one of another domain.
    """
    if email.count("@") != 1 or email.startswith("@") or email.endswith("@"):
        return "needs exactly one @ between a name and a domain"
    if not email.isprintable() or any(character.isspace() for character in email):
        return "holds a space or an invisible character"
    local, _, domain = email.partition("@")
    if unicodedata.normalize("NFKC", local) != local or "@" in unicodedata.normalize("NFKC", domain):
        return "holds characters that are another spelling of others"
    if to_ascii(domain) is None:
        return "has a domain that is not written as it is registered; xn--… always is"
    return None


def to_ascii(domain: str) -> str | None:
    """A domain's ASCII form, in lower case; None for spellings that IDNA only maps to a domain.

    Such are other dots (U+3002, U+FF0E, U+FF61), full-width letters, and `ß`.
    """
    labels = []
    for written in domain.split("."):
        label = written.lower()
        if label.isascii() != written.isascii():  # the Kelvin sign lowers to k
            return None
        try:
            encoded = label.encode("idna").decode() if not label.isascii() else label
            decoded = encoded.encode().decode("idna") if encoded.startswith("xn--") else encoded
            again = decoded.encode("idna").decode() if encoded.startswith("xn--") else encoded
        except UnicodeError:
            return None
        if again != encoded or not (label.isascii() or decoded == unicodedata.normalize("NFC", label)):
            return None
        labels.append(encoded)
    return normalised(".".join(labels))


def shown(row: DomainRow) -> Domain:
    return Domain(
        domain=row.domain,
        status="proven" if row.verified_at is not None else "claimed",
        dns_record=DnsRecord("TXT", f"{CHALLENGE_LABEL}.{row.domain}", VALUE_PREFIX + row.token),
        claimed_at=row.claimed_at,
        proven_at=row.verified_at,
    )


async def is_proven(resolver: Resolver, domain: str, token: str) -> bool:
    """Whether the claim's record is published. Raises Unanswered."""
    return VALUE_PREFIX + token in await resolver.texts(f"{CHALLENGE_LABEL}.{domain}")


# --- The daily check of proven domains --------------------------------------------------------------------------------

AGAIN = timedelta(days=1)
# Without an answer the next check is sooner.
AGAIN_UNANSWERED = timedelta(hours=1)
PATIENCE = timedelta(days=7)
PORTION = 20


class Proven(msgspec.Struct, frozen=True, kw_only=True):
    """A domain that is due. `is_missing` if the last check missed the record, `is_over` if it is missing for longer than PATIENCE."""

    tenant_id: str
    domain: str
    connection_id: str
    token: str
    is_missing: bool
    is_over: bool | None


def look_again(conn: Connection, resolver: Resolver) -> None:
    """Checks one portion. All names are asked at once, so that slow servers hold the transaction only for seconds."""
    with conn.cursor(row_factory=class_row(Proven)) as cursor:
        due = cursor.execute(queries.TAKE_DUE_DOMAINS, (PATIENCE, AGAIN, PORTION)).fetchall()
    for one, is_there in zip(due, asyncio.run(_are_there(resolver, due)), strict=True):
        key = (one.tenant_id, one.domain)
        if is_there is None:
            conn.execute(queries.DOMAIN_UNANSWERED, (AGAIN, AGAIN_UNANSWERED, *key))
        elif is_there:
            conn.execute(queries.DOMAIN_SEEN, key)
        elif one.is_over:
            conn.execute(queries.UNPROVE_DOMAIN, key)
            _record_event(
                conn,
                one,
                "domain_unproven",
                "its DNS record has been gone for a week; publish it and prove the domain anew",
            )
        else:
            conn.execute(queries.DOMAIN_MISSING, key)
            if not one.is_missing:
                _record_event(
                    conn, one, "domain_record_missing", "its DNS record is gone; in a week the domain is proven no more"
                )
    counted = conn.execute(queries.COUNT_MISSING_DOMAINS).fetchone()
    metrics.domains_missing.set(counted[0] if counted is not None else 0)


async def _are_there(resolver: Resolver, due: list[Proven]) -> list[bool | None]:
    """Whether each record is there; None if no server answers."""

    async def is_there(one: Proven) -> bool | None:
        try:
            return await is_proven(resolver, one.domain, one.token)
        except Unanswered:
            return None

    return await asyncio.gather(*map(is_there, due))


def _record_event(conn: Connection, one: Proven, kind: str, why: str) -> None:
    """Writes into the connection's events, which its administrator reads, and into the audit trail."""
    detail: dict[str, Any] = {"domain": one.domain}
    record(conn, one.tenant_id, f"saml.{kind}", one.connection_id, detail, by=SCHEDULE)
    event = (ids.new_id("aev"), one.tenant_id, one.connection_id)
    now = conn.execute("SELECT clock_timestamp()").fetchone()
    assert now is not None
    conn.execute(ADD_EVENT, (*event, now[0], kind, f"{one.domain}: {why}", telemetry.trace_id(), ""))

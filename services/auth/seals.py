"""Seals of rows: MACs over the values by which somebody is believed, so that a writer of the tables without our keys moves, changes, copies
and makes up no row that counts.

A seal has the time at which it was made, and a row that a process writes has one of the last hour that no row ever had. So no older copy
of a row comes back: the database refuses its seal, and nobody else makes a new one (migration 0128).

A row without a seal is from before seals: the database lets no process write one, and the relay seals it (migrations 0125 to 0128). A value
that the owner of the database changes by hand loses its seal, and gets a new one in the same way.
"""

import logging
import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

import msgspec
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from shared.primitives.crypto import Keyring
from shared.storage.database import Connection

PURPOSE = "row of "
TIME = 6
RANDOM = 4
MAC = 32
LENGTH: LiteralString = "43"
SECONDS = 2.0
WINDOW = 5_000
"""Rows that one statement of the relay looks at, at most."""
PORTION = 100
log = logging.getLogger(__name__)


class Sealed(NamedTuple):
    """A table whose rows have seals over `values`. The first one names the row, and is no secret. `key` is the primary key."""

    table: LiteralString
    key: tuple[LiteralString, ...]
    values: tuple[LiteralString, ...]
    only: LiteralString = ""
    """The rows that need a seal, where others need none."""
    column: LiteralString = "seal"
    of: LiteralString = ""
    """The name of these values, where others of the row have a seal of their own."""
    alive: LiteralString = "true"
    """The rows that somebody reads. The others keep the seal that they have."""

    def seal(self, keyring: Keyring, row: Mapping[str, Any]) -> bytes:
        """A new seal (43 bytes): the version of the key, the time in milliseconds, random bytes, and the MAC of them and the values."""
        made_at = once()
        made = keyring.seal(made_at + self._data(row), self._purpose)
        return made[:1] + made_at + made[1:]

    def holds(self, keyring: Keyring, row: Mapping[str, Any], seal: bytes | None) -> bool:
        """Whether the row is as one of our processes wrote it. Counts and logs one that is not."""
        # Seals of before have no time. The database lets no process write one, and the relay makes them anew.
        made_at, made = (b"", seal) if seal is None or len(seal) <= 1 + MAC else (seal[1:-MAC], seal[:1] + seal[-MAC:])
        if made is None or keyring.is_sealed(made_at + self._data(row), self._purpose, made):
            return True
        from services.auth import metrics  # commands also import this module and need no metrics

        metrics.forged_rows.labels(self.table).inc()
        name, value = self.values[0], row[self.values[0]]
        log.error("the row of %s with %s %s is not as we wrote it (%s)", self.table, name, value, self.column)
        return False

    @property
    def _purpose(self) -> str:
        return PURPOSE + (self.of or self.table)

    def _data(self, row: Mapping[str, Any]) -> bytes:
        return msgspec.json.encode([_plain(row[name]) for name in self.values], order="sorted")


def refused() -> bytes:
    """The seal of a row that stays refused: no key has the version 0."""
    return b"\0" + once() + bytes(MAC)


def once() -> bytes:
    """The time in milliseconds and random bytes: no two seals have the same."""
    return (time.time_ns() // 1_000_000).to_bytes(TIME, "big") + secrets.token_bytes(RANDOM)


_AS_IT_IS = frozenset({str, bytes, bool, type(None)})


def _plain(value: Any) -> Any:
    """The same for a value that is written and for the one that the database gives back, which spells times and numbers in its way."""
    if type(value) in _AS_IT_IS:
        return value
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, Jsonb):
        return _plain(value.obj)
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, datetime):
        return [int(value.timestamp()), value.microsecond]
    return float(value)


SESSIONS = Sealed(
    "sessions", ("session_id",), ("session_id", "tenant_id", "user_id", "token_mac", "signed_in_at", "second_factor")
)
PASSWORD_LINKS = Sealed("password_links", ("token_mac",), ("user_id", "tenant_id", "token_mac"))
GRANTS = Sealed(
    "grants",
    ("grant_id",),
    ("grant_id", "tenant_id", "client_id", "user_id", "scopes", "audience", "offline", "seed", "second_factor"),
)
CODES = Sealed(
    "codes",
    ("code_mac",),
    ("grant_id", "tenant_id", "client_id", "code_mac", "redirect_uri", "redirect_uri_named", "code_challenge"),
)
DEVICE_CODES = Sealed(
    "device_codes",
    ("device_id",),
    ("device_id", "tenant_id", "client_id", "device_mac", "user_mac", "scopes", "audience", "address", "network"),
)
CONSENTS = Sealed("consents", ("user_id", "client_id"), ("user_id", "tenant_id", "client_id", "scopes"))
APPS = Sealed(
    "apps",
    ("client_id",),
    (
        "client_id",
        "tenant_id",
        "name",
        "status",
        "first_party",
        "grant_types",
        "redirect_uris",
        "requested_scopes",
        "token_endpoint_auth_method",
        "jwks",
        "allow_service_tokens",
        "enforce_pkce",
        "access_token_ttl",
        "deidentification",
        "common_app",
    ),
    alive="status <> 'deleted'",
)
# The token of an invitation's link is made of its id and number (invitations/links.py).
INVITATIONS = Sealed("invitations", ("id",), ("id", "tenant_id", "email", "role", "invited_by"))
CONNECTIONS = Sealed(
    "saml_connections",
    ("connection_id",),
    (
        "connection_id",
        "tenant_id",
        "status",
        "entity_id",
        "sso_url",
        "slo_url",
        "name_id_format",
        "allow_idp_initiated",
        "attribute_mapping",
        "role_mapping",
        "default_role",
    ),
)
CERTIFICATES = Sealed("saml_certificates", ("connection_id", "fingerprint"), ("connection_id", "tenant_id", "pem"))
# A domain has a seal once it is proven.
DOMAINS = Sealed(
    "saml_domains", ("tenant_id", "domain"), ("domain", "tenant_id", "connection_id"), "verified_at IS NOT NULL"
)
# The text of a claim's DNS record is the organisation's alone.
CLAIMS = Sealed(
    "saml_domains",
    ("tenant_id", "domain"),
    ("domain", "tenant_id", "token"),
    column="claim_seal",
    of="claims of domains",
)
IDENTITIES = Sealed(
    "saml_identities", ("connection_id", "name_id"), ("user_id", "tenant_id", "connection_id", "name_id")
)
REQUESTS = Sealed(
    "saml_requests",
    ("request_id",),
    ("request_id", "tenant_id", "connection_id", "kind", "browser_mac", "relay_state", "continue_to", "fresh"),
)
TICKETS = Sealed(
    "saml_tickets",
    ("ticket_mac",),
    (
        "user_id",
        "tenant_id",
        "connection_id",
        "ticket_mac",
        "browser_mac",
        "continue_to",
        "name_id",
        "name_id_format",
        "session_index",
        "session_ends_at",
    ),
)
OF_SAML = (CONNECTIONS, CERTIFICATES, DOMAINS, CLAIMS, IDENTITIES, REQUESTS, TICKETS)
FACTORS = Sealed(
    "users", ("user_id",), ("user_id", "tenant_id", "totp_secret"), "totp_secret IS NOT NULL", "factor_seal"
)
"""Whether a person has an authenticator, and which one. Somebody who never had one has no seal."""
# A version that no role of a process takes back is among the values, so that no older copy of these rows is believed.
RIGHTS = Sealed(
    "users",
    ("user_id",),
    ("user_id", "tenant_id", "status", "role", "roles", "scope_limit", "rights_version"),
    column="rights_seal",
    of="rights of users",
)
POLICIES = Sealed("saml_policies", ("tenant_id",), ("tenant_id", "enforced", "break_glass_user_id", "version"))
DEVICES = Sealed("known_devices", ("user_id", "device_mac"), ("user_id", "tenant_id", "device_mac"))
# The MAC of a secret names its app, and that of a recovery code its person. Their seals keep copies of ended ones away.
SECRETS = Sealed("app_secrets", ("id",), ("id", "tenant_id", "client_id", "mac"))
RECOVERY_CODES = Sealed("recovery_codes", ("user_id", "code_mac"), ("user_id", "tenant_id", "code_mac"))
# Wrong codes in a row, of a person in unknown devices and of a known device.
WRONG_CODES = Sealed(
    "users",
    ("user_id",),
    ("user_id", "tenant_id", "wrong_codes"),
    only="wrong_codes > 0",
    column="codes_seal",
    of="wrong codes of users",
)
WRONG_CODES_OF_DEVICE = Sealed(
    "known_devices",
    ("user_id", "device_mac"),
    ("user_id", "tenant_id", "device_mac", "wrong_codes"),
    only="wrong_codes > 0",
    column="codes_seal",
    of="wrong codes of known devices",
)
# Its values reach the apps of all organisations, under their seals.
COMMON_APPS = Sealed(
    "common_apps", ("name",), ("name", "title", "redirect_uris", "jwks", "scopes", "graphql_bundles", "version")
)
# Counts live for hours, and the relay seals none of before.
COUNTS = Sealed("sign_in_counts", ("key",), ("key", "level", "at", "version"))
ALL = (
    SESSIONS,
    PASSWORD_LINKS,
    FACTORS,
    RIGHTS,
    GRANTS,
    CODES,
    DEVICE_CODES,
    CONSENTS,
    APPS,
    COMMON_APPS,
    INVITATIONS,
    *OF_SAML,
    POLICIES,
    DEVICES,
    SECRETS,
    RECOVERY_CODES,
    WRONG_CODES,
    WRONG_CODES_OF_DEVICE,
)


def factor_row(keyring: Keyring, tenant_id: str, user_id: str, secret: bytes | None) -> dict[str, Any]:
    """A person's encrypted authenticator, or none, with its seal."""
    row = {"user_id": user_id, "tenant_id": tenant_id, "totp_secret": secret}
    return row | {"factor_seal": FACTORS.seal(keyring, row)}


def no_wrong_codes(keyring: Keyring, tenant_id: str, user_id: str) -> dict[str, Any]:
    """A person's count of wrong codes when it is empty, with its seal."""
    row = {"user_id": user_id, "tenant_id": tenant_id, "wrong_codes": 0}
    return row | {"codes_seal": WRONG_CODES.seal(keyring, row)}


# --- The relay --------------------------------------------------------------------------------------------------------


# Where a pass ended in a table, with the key of its last row, or was cut off at a time-out. The next pass goes on there.
_places: dict[tuple[LiteralString, LiteralString], list[Any]] = {}
# The rows that a pass looks at together, where WINDOW are too many for the time-out.
_windows: dict[tuple[LiteralString, LiteralString], int] = {}


def seal_stored(keyring: Keyring, conn: Connection) -> int:
    """Seals rows of before, and seals those of an older key anew. Each portion commits by itself. Returns how many it sealed.

    Each table has its time, so that none waits for another one; a table that takes longer is gone through in several passes. A row that
    was forged is marked and not looked at again, if others under its key are good; else the key may be missing or wrong here, and the
    row is left.
    """
    sealed = 0
    for kept in ALL:
        try:
            sealed += _seal_table(keyring, conn, kept)
        except psycopg.errors.QueryCanceled:
            conn.rollback()
            place = (kept.table, kept.column)
            _windows[place] = max(1, _windows.get(place, WINDOW) // 2)
            log.warning("seals of %s wait: the database took too long", kept.table)
    return sealed


def _seal_table(keyring: Keyring, conn: Connection, kept: Sealed) -> int:
    sealed, good_keys, until = 0, set[bytes](), time.monotonic() + SECONDS
    versions = [bytes([one]) for one in keyring.versions]
    place = (kept.table, kept.column)
    after = _places.get(place)
    while True:
        beyond = [] if after is None else after
        end = conn.execute(_end_of_window(kept, first=after is None), [*beyond, _windows.get(place, WINDOW)]).fetchone()
        window = [*beyond, *(end or ())]
        with conn.cursor(row_factory=dict_row) as cursor:
            due = _due(kept, first=after is None, last=end is None)
            rows = cursor.execute(due, [bytes([keyring.version]), versions, *window, PORTION]).fetchall()
        forged: list[tuple[bytes, list[Any]]] = []
        for row in rows:
            after = [row[name] for name in kept.key]
            of_key = (row[kept.column] or b"")[:1]
            if kept.holds(keyring, row, row[kept.column]):
                good_keys.add(of_key)
                conn.execute(_seal(kept), [kept.seal(keyring, row), *after])
                sealed += 1
            else:
                forged.append((of_key, after))
        for of_key, key in forged:
            if of_key in good_keys:
                conn.execute(_seal(kept), [refused(), *key])
        conn.commit()
        if len(rows) < PORTION:
            if end is None:
                _places.pop(place, None)
                if (larger := 2 * _windows.pop(place, WINDOW)) < WINDOW:
                    _windows[place] = larger
                return sealed
            after = list(end)
        assert after is not None
        _places[place] = after
        if time.monotonic() >= until:
            return sealed


def _beyond(kept: Sealed, sign: LiteralString) -> LiteralString:
    places: list[LiteralString] = ["%s"] * len(kept.key)
    return f"({', '.join(kept.key)}) {sign} ({', '.join(places)})"


def _end_of_window(kept: Sealed, *, first: bool) -> LiteralString:
    """No row where the table ends within the window."""
    key, later = ", ".join(kept.key), "" if first else f"WHERE {_beyond(kept, '>')}"
    return f"SELECT {key} FROM {kept.table} {later} ORDER BY {key} OFFSET %s LIMIT 1"  # noqa: S608 - constants of this module


def _due(kept: Sealed, *, first: bool, last: bool) -> LiteralString:
    columns, key = ", ".join(dict.fromkeys((*kept.key, *kept.values))), ", ".join(kept.key)
    only = "" if not kept.only else f"AND {kept.only}"
    later = "" if first else f"AND {_beyond(kept, '>')}"
    until = "" if last else f"AND {_beyond(kept, '<=')}"
    return f"""
        SELECT {columns}, {kept.column} FROM {kept.table}
        WHERE (({kept.column} IS NULL {only}) OR (
                (substring({kept.column} FROM 1 FOR 1) <> %s OR octet_length({kept.column}) < {LENGTH})
                AND substring({kept.column} FROM 1 FOR 1) = ANY (%s)))
            AND seals_come_once() AND {kept.alive} {later} {until}
        ORDER BY {key} LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
    """  # noqa: S608 - constants of this module


def _seal(kept: Sealed) -> LiteralString:
    where = " = %s AND ".join(kept.key)
    return f"UPDATE {kept.table} SET {kept.column} = %s WHERE {where} = %s"  # noqa: S608 - constants of this module

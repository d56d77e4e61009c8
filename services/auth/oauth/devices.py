"""Devices without a browser (RFC 8628): their two codes, the rows that wait for a person, and the polls.

A device code is as long as any token. A user code is typed by a person: 8 letters without vowels, which no reader takes for digits or for
each other (§6.1), about 34 bits. Only MACs of both are stored. Guesses are counted for the person who types them (§5.1).
"""

import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from services.auth.apps import rules
from services.auth.oauth import queries, tokens
from services.auth.oauth.clients import Client
from services.auth.oauth.tokens import NewCode, RedeemedCode
from services.auth.settings import Settings
from services.auth.signin import metrics
from shared.primitives import ids
from shared.primitives.crypto import Keyring, base64url_encode
from shared.storage import database
from shared.storage.database import AsyncConnection
from shared.web.identity import networks_of

GRANT_TYPE = rules.DEVICE_CODE
LIFETIME = 600
"""Seconds until a device's codes expire."""
WAIT = 5
"""Seconds between two polls, until a device polls too soon; then 5 more each time, and at most `LONGEST_WAIT`."""
LONGEST_WAIT = 60
# The shortest time in which the device may fetch its tokens after the person's answer.
FETCH_SECONDS = 2 * LONGEST_WAIT
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8
DEVICE_PURPOSE = "device code"
USER_PURPOSE = "user code"
_DEVICE_CODE = re.compile(r"[A-Za-z0-9_-]{43}")
_USER_CODE = re.compile(f"[{LETTERS}]{{{LENGTH}}}")
_BETWEEN = re.compile(r"[\s\-‐-―_.]+")
# Longer text is no user code, however it is written.
_LONGEST_TYPED = 64


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A device that waits for a person. `address` and `network` are those it asked from."""

    device_id: str
    client_id: str
    scopes: list[str]
    audience: list[str]
    address: str
    network: str
    made_at: datetime
    expires_at: datetime


class PolledRow(msgspec.Struct, frozen=True, kw_only=True):
    device_id: str
    client_id: str
    state: str
    is_over: bool
    is_early: bool


class Polled:
    """A device at the token endpoint (Authlib's DeviceCredentialMixin). `redeemed` is set if a person has allowed it, once."""

    def __init__(self, client_id: str, row: PolledRow | None, redeemed: RedeemedCode | None) -> None:
        self.client_id = client_id
        self.row = row
        self.redeemed = redeemed

    def get_client_id(self) -> str:
        return self.client_id

    def get_scope(self) -> str:
        return self.redeemed.get_scope() if self.redeemed is not None else ""

    def get_user_code(self) -> str:
        return ""

    def is_expired(self) -> bool:
        return self.redeemed is None and self.row is not None and self.row.is_over and self.row.state == "pending"


class Codes(NamedTuple):
    device_code: str
    user_code: str


def new_letters() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))


def written(letters: str) -> str:
    """A user code as people see it: with a hyphen in the middle."""
    return f"{letters[: LENGTH // 2]}-{letters[LENGTH // 2 :]}"


def read_user_code(typed: str) -> str | None:
    """The eight letters, from any way of typing them; None for other text."""
    if len(typed) > _LONGEST_TYPED:
        return None
    letters = _BETWEEN.sub("", typed).upper()
    return letters if _USER_CODE.fullmatch(letters) else None


async def begin(
    conn: AsyncConnection,
    keyring: Keyring,
    settings: Settings,
    client: Client,
    scopes: Sequence[str],
    audience: Sequence[str],
    address: str,
) -> Codes:
    """Stores a device that waits. Beyond the limits of the app and its tenant, others are forgotten."""
    networks = networks_of(address)
    device_code, client_id = base64url_encode(secrets.token_bytes(32)), client.get_client_id()
    row = {
        "device_id": ids.new_id("dvc"),
        "tenant_id": client.row.tenant_id,
        "client_id": client_id,
        "device_mac": keyring.mac(device_code.encode(), DEVICE_PURPOSE),
        "scopes": list(scopes),
        "audience": list(audience),
        "address": address,
        "network": networks.subscriber,
        "block": networks.block,
        "wait": WAIT,
        "lives": LIFETIME,
    }
    while True:
        letters = new_letters()
        mac = keyring.mac(letters.encode(), USER_PURPOSE)
        if (await conn.execute(queries.INSERT_DEVICE, row | {"user_mac": mac})).rowcount:
            break
    of_app, of_tenant = await (await conn.execute(queries.COUNT_DEVICES, (client_id,))).fetchone() or (0, 0)
    if of_app > settings.most_device_codes:
        of_this_app = {"client_id": client_id, "most": settings.most_device_codes}
        forgotten = await conn.execute(queries.FORGET_DEVICES_OF_APP, of_this_app)
        metrics.devices_displaced.labels("app").inc(forgotten.rowcount)
    if of_tenant > settings.most_device_codes_of_tenant:
        most = {"most": settings.most_device_codes_of_tenant}
        forgotten = await conn.execute(queries.FORGET_DEVICES_OF_TENANT, most)
        metrics.devices_displaced.labels("tenant").inc(forgotten.rowcount)
    return Codes(device_code, written(letters))


async def poll(conn: AsyncConnection, keyring: Keyring, client: Client, device_code: str) -> Polled | None:
    """The state of the client's device; None for an unknown code. Allowed, it is redeemed once; a second use ends the grant."""
    if not _DEVICE_CODE.fullmatch(device_code):
        return None
    macs, client_id = keyring.macs(device_code.encode(), DEVICE_PURPOSE), client.get_client_id()
    parameters = {"macs": macs, "client_id": client_id, "wait": WAIT, "longest": LONGEST_WAIT}
    row = await database.first(conn, PolledRow, queries.POLL_DEVICE, parameters)
    if row is not None and row.state != "approved":
        return Polled(client_id, row, None)
    redeemed = await tokens.burn_code(conn, keyring, client, device_code, DEVICE_PURPOSE)
    if row is not None:
        await conn.execute(queries.FORGET_DEVICE, (row.device_id,))
    return Polled(client_id, row, redeemed) if redeemed is not None else None


async def find(conn: AsyncConnection, keyring: Keyring, letters: str) -> Waiting | None:
    """The device of the tenant that shows this user code and waits."""
    macs = keyring.macs(letters.encode(), USER_PURPOSE)
    return await database.first(conn, Waiting, queries.FIND_DEVICE, (macs,))


async def hold(conn: AsyncConnection, device_id: str) -> Waiting | None:
    """The device, if it still waits; of two answers the second one finds none."""
    return await database.first(conn, Waiting, queries.HOLD_DEVICE, (device_id,))


async def deny(conn: AsyncConnection, device_id: str) -> None:
    await conn.execute(queries.DECIDE_DEVICE, ("denied", device_id))


async def approve(conn: AsyncConnection, device_id: str) -> NewCode:
    """The code of the grant that must follow: the device redeems it with its device code."""
    row = await (await conn.execute(queries.DECIDE_DEVICE, ("approved", device_id))).fetchone()
    assert row is not None
    mac, left = row
    return NewCode(mac, max(left, FETCH_SECONDS))

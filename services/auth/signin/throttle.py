"""Guessing gets slower: by account and by address, whether or not the account exists."""

import ipaddress
from typing import NamedTuple

from services.auth.signin import queries
from shared.crypto import Keyring
from shared.database import AsyncConnection


class Limit(NamedTuple):
    """After `free` failures each further one doubles the wait, up to `longest` seconds."""

    free: int
    longest: int


# An account's wait stays short, so that a stranger cannot lock its owner out for long.
ACCOUNT = Limit(5, 60)
ADDRESS = Limit(20, 900)


class Attempt(NamedTuple):
    """A try at signing in, counted as a failure until it has succeeded. `wait` is positive where it may not be made yet."""

    account: bytes
    address: bytes
    wait: int


async def take(conn: AsyncConnection, keyring: Keyring, email: str, address: str) -> Attempt:
    # In the database's small letters, by which it finds the account: any other's would count one account under several keys.
    row = await (await conn.execute(queries.SMALL_LETTERS, (email.strip(),))).fetchone()
    assert row is not None
    account_key = keyring.mac(row[0].encode(), "sign-in account")
    address_key = keyring.mac(network_of(address).encode(), "sign-in address")
    wait = await _take(conn, address_key, ADDRESS) or await _take(conn, account_key, ACCOUNT)
    return Attempt(account_key, address_key, wait)


async def succeed(conn: AsyncConnection, attempt: Attempt) -> None:
    # The address before the account, as they are taken: in another order two sign-ins at once would wait for each other.
    await conn.execute(queries.GIVE_BACK_ATTEMPT, (attempt.address,))
    await conn.execute(queries.FORGET_FAILURES, (attempt.account,))


async def _take(conn: AsyncConnection, key: bytes, limit: Limit) -> int:
    """0 when the attempt may be made, else the seconds to wait."""
    parameters = {"key": key, "free": limit.free, "longest": limit.longest}
    if await (await conn.execute(queries.TAKE_ATTEMPT, parameters)).fetchone() is not None:
        return 0
    row = await (await conn.execute(queries.WAIT, (key,))).fetchone()
    return max(1, int(row[0])) if row is not None else 1


def network_of(address: str) -> str:
    """The address, or of an IPv6 one the /64 that a single household has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)

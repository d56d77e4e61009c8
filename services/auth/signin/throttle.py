"""Limits guesses, whether or not the account exists. Strangers cannot lock a person out of a known device.

Each count is a leaky bucket: an attempt adds one, time empties it, and a full bucket refuses. Attempts are counted before the
password is checked, so that parallel attempts cannot pass, and are given back when they succeed.
"""

import math
from typing import NamedTuple

from services.auth.signin import queries
from services.auth.signin.sessions import Standing
from shared.primitives.crypto import Keyring
from shared.storage.database import AsyncConnection
from shared.web.identity import client_network


class Limit(NamedTuple):
    """`capacity` attempts at once, and one more every `seconds`."""

    capacity: int
    seconds: float


# In unknown devices: for one account, and for one account from one address, which alone cannot fill the former.
ACCOUNT = Limit(20, 300)
PAIR = Limit(6, 60)
# For one address, over all accounts.
ADDRESS = Limit(20, 30)
# In a known device or after a correct password, and in a session. Strangers cannot fill them.
OWN = Limit(6, 60)
SESSION = Limit(6, 300)
# Codes of devices that a person types (RFC 8628 §5.1).
USER_CODE = Limit(10, 60)
# For the user who must sign in when the organisation's own sign-in fails. They refuse nothing: over them, passwords are judged slowly.
BREAK_GLASS_ACCOUNT = Limit(300, 20)
BREAK_GLASS_PAIR = Limit(60, 30)
# An account with at most one recent failure may sign in from an address over its limit.
QUIET = 1.5


class Attempt(NamedTuple):
    """An attempt to sign in, counted as a failure until it succeeds. `wait` is positive if it must wait, in seconds.

    `counted` holds its buckets, in the order of their locks; success empties the bucket `own`.
    `wrong_wait` is positive if a limit is used up that a right password passes: after a wrong one the answer asks to wait that long.
    `slow` asks for a slow check of the password.
    """

    counted: tuple[bytes, ...] = ()
    own: bytes = b""
    wait: int = 0
    wrong_wait: int = 0
    slow: bool = False


async def take(
    conn: AsyncConnection, keyring: Keyring, email: str, address: str, standing: Standing, *, lenient: bool = False
) -> Attempt:
    """Counts an attempt at a password. `lenient` for break-glass users and, to hide them, for all users of their organisations."""
    # In the database's lower case, by which it finds the account, so that one account has one key.
    row = await (await conn.execute(queries.SMALL_LETTERS, (email.strip(),))).fetchone()
    assert row is not None
    account = row[0].encode()
    if standing.device is not None:
        return await _take_own(conn, keyring.mac(account + b" " + standing.device, "sign-in device"), OWN)
    network = client_network(address).encode()
    of_account = account_key(keyring, row[0])
    of_pair = keyring.mac(account + b" " + network, "sign-in pair")
    if lenient:
        account_wait, counted = await _add(conn, of_account, BREAK_GLASS_ACCOUNT)
        pair_wait, counted_too = await _add(conn, of_pair, BREAK_GLASS_PAIR)
        wait = max(account_wait, pair_wait)
        return Attempt(counted + counted_too, of_pair, wrong_wait=wait, slow=wait > 0)
    wait, before = await _take(conn, of_account, ACCOUNT)
    if wait:
        return Attempt(wait=wait)
    wait, _ = await _take(conn, of_pair, PAIR)
    if wait:
        await _give_back(conn, of_account)
        return Attempt(wait=wait)
    of_address = keyring.mac(network, "sign-in address")
    address_wait, counted = await _add(conn, of_address, ADDRESS)
    attempt = Attempt((of_account, of_pair, *counted), of_pair, wrong_wait=address_wait)
    if address_wait and before >= QUIET:
        await give_back(conn, attempt)
        return Attempt(wait=address_wait)
    return attempt


async def take_code(conn: AsyncConnection, keyring: Keyring, user_id: str, address: str, standing: Standing) -> Attempt:
    """Counts an attempt at a second factor, after a correct password."""
    where = standing.device if standing.device is not None else client_network(address).encode()
    return await _take_own(conn, keyring.mac(user_id.encode() + b" " + where, "sign-in code"), OWN)


async def take_in_session(conn: AsyncConnection, keyring: Keyring, session: str) -> Attempt:
    """Counts an attempt at the password or second factor in a session (its id), or at a new password by a link (its token)."""
    return await _take_own(conn, keyring.mac(session.encode(), "sign-in session"), SESSION)


async def take_user_code(conn: AsyncConnection, keyring: Keyring, user_id: str) -> Attempt:
    """Counts a code of a device that a signed-in person types. Nobody else fills that bucket."""
    return await _take_own(conn, keyring.mac(user_id.encode(), "user code of a device"), USER_CODE)


async def succeed(conn: AsyncConnection, attempt: Attempt) -> None:
    """Deletes the attempt and the person's earlier failures here."""
    await give_back(conn, attempt)
    await conn.execute(queries.FORGET_COUNT, (attempt.own,))


async def give_back(conn: AsyncConnection, attempt: Attempt) -> None:
    """Uncounts the attempt."""
    # In the order in which they were taken, so that two sign-ins cannot deadlock.
    for key in attempt.counted:
        await _give_back(conn, key)


async def _take_own(conn: AsyncConnection, key: bytes, limit: Limit) -> Attempt:
    wait, _ = await _take(conn, key, limit)
    return Attempt(wait=wait) if wait else Attempt((key,), key)


async def _take(conn: AsyncConnection, key: bytes, limit: Limit) -> tuple[int, float]:
    """Seconds to wait, 0 if the attempt was counted; and the level of the bucket before it."""
    parameters = {"key": key, "capacity": limit.capacity, "seconds": limit.seconds}
    row = await (await conn.execute(queries.TAKE_ATTEMPT, parameters)).fetchone()
    if row is not None:
        return 0, row[0] - 1
    row = await (await conn.execute(queries.LEVEL, parameters)).fetchone()
    level = row[0] if row is not None else limit.capacity
    return max(1, math.ceil((level + 1 - limit.capacity) * limit.seconds)), level


async def _add(conn: AsyncConnection, key: bytes, limit: Limit) -> tuple[int, tuple[bytes, ...]]:
    """Refuses nothing. Seconds until the bucket has room, 0 if it had room; and the key if the attempt was counted.

    The level stays at most one above full, so that a flood has no effect after its end. Attempts beyond that are not counted, and
    nothing is given back for them.
    """
    uncounted, before = await _take(conn, key, limit._replace(capacity=limit.capacity + 1))
    return max(0, math.ceil((before + 1 - limit.capacity) * limit.seconds)), () if uncounted else (key,)


async def _give_back(conn: AsyncConnection, key: bytes) -> None:
    await conn.execute(queries.GIVE_BACK_ATTEMPT, (key,))


def account_key(keyring: Keyring, email: str) -> bytes:
    """The account's bucket; `email` in the database's lower case."""
    return keyring.mac(email.encode(), "sign-in account")

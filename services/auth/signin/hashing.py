"""Passwords off the event loop, two at a time: argon2 takes 64 MiB and a core each, and a queue is better than a crowd."""

import anyio

from services.auth.signin import passwords

_two = anyio.CapacityLimiter(2)


async def verify(stored: str | None, password: str) -> bool:
    cut = password[: passwords.MAX_LENGTH + 1]
    return await anyio.to_thread.run_sync(passwords.verify, stored, cut, limiter=_two)


async def hash_password(password: str) -> str:
    return await anyio.to_thread.run_sync(passwords.hash_password, password, limiter=_two)

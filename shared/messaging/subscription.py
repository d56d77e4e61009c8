"""Follows a Redis channel for as long as a process lives."""

import asyncio
import logging
from collections.abc import Callable

from shared.process import redis_clients

RETRY_SECONDS = 1.0
QUIET_SECONDS = 5.0
log = logging.getLogger(__name__)


async def follow(redis_url: str, channel: str, notify: Callable[[], object]) -> None:
    """Calls `notify` for each message, and subscribes again when the connection is lost. Never returns."""
    while True:
        try:
            redis = redis_clients.async_client(redis_url)
            async with redis, redis.pubsub() as subscription:
                await subscription.subscribe(channel)
                while True:
                    # Not `listen`: when the peer is gone, it takes the closed connection for one without messages and loops for ever.
                    message = await subscription.get_message(ignore_subscribe_messages=True, timeout=QUIET_SECONDS)
                    if message is None:
                        await subscription.ping()
                    elif message["type"] == "message":
                        notify()
        except Exception as error:  # asyncio may raise any error for a write to a lost connection
            log.debug("subscribing again: %s", type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)

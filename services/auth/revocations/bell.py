"""Telling the gateways that something was revoked, once that is committed."""

from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.exceptions import RedisError

CHANNEL = "auth:revocations"


async def ring(redis: Redis) -> None:
    """Tells the gateways to look now. They look twice a second anyway, so that a Redis that is away costs half a second."""
    try:
        await redis.publish(CHANNEL, b"")
    except (RedisError, OSError):
        return


def ring_sync(redis: BlockingRedis) -> None:
    """The same in a task."""
    try:
        redis.publish(CHANNEL, b"")
    except (RedisError, OSError):
        return

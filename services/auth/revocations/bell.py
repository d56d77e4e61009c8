"""Wakes the gateways after a revocation is committed. Apart from watermarks, which commands import and which need no Redis."""

from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.process.redis_clients import REVOCATIONS


async def ring(redis: Redis) -> None:
    """Wakes the gateways. They look three times a second anyway, so without Redis a revocation is only a moment later."""
    try:
        await redis.publish(REVOCATIONS, b"")
    except (RedisError, OSError):
        return


def ring_sync(redis: BlockingRedis) -> None:
    """As `ring`, in a task."""
    try:
        redis.publish(REVOCATIONS, b"")
    except (RedisError, OSError):
        return

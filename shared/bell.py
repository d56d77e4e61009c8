"""The outbox bell of a web process."""

import asyncio
import logging
from types import TracebackType
from typing import Self

from redis import RedisError

from shared import redis_clients
from shared.broker import bell_key

log = logging.getLogger(__name__)


class Bell:
    """Wakes this service's relay after a commit. Rings that come while one is under way become a single further one."""

    def __init__(self, redis_url: str, service: str) -> None:
        self._redis = redis_clients.async_client(redis_url, connect=1, answer=1)
        self._key = bell_key(service)
        self._task: asyncio.Task[None] | None = None
        self._again = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            await self._task
        await self._redis.aclose()

    def ring(self) -> None:
        self._again = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._ring())

    async def _ring(self) -> None:
        while self._again:
            self._again = False
            try:
                async with self._redis.pipeline(transaction=False) as pipeline:
                    pipeline.lpush(self._key, "1")
                    pipeline.ltrim(self._key, 0, 0)
                    await pipeline.execute()
            except (RedisError, OSError) as error:
                # The relay polls as well: a bell not heard costs a second, never a message.
                log.debug("bell not rung: %s", type(error).__name__)

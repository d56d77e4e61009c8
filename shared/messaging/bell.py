"""The outbox bell of a web process."""

import asyncio
import logging
from types import TracebackType
from typing import Self

from redis import RedisError

from shared.messaging.broker import bell_key
from shared.process import redis_clients

log = logging.getLogger(__name__)


class Bell:
    """Wakes the process that waits for this bell, such as the service's relay, after a commit.

    Equal texts that come while Redis is being called are sent once more together. Redis keeps the last `most` texts.
    """

    def __init__(self, redis_url: str, service: str, most: int = 1) -> None:
        self._redis = redis_clients.async_client(redis_url, connect=1, answer=1)
        self._key = bell_key(service)
        self._most = most
        self._task: asyncio.Task[None] | None = None
        self._texts: dict[str, None] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            await self._task
        await self._redis.aclose()

    def ring(self, text: str = "1") -> None:
        self._texts[text] = None
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._ring())

    async def _ring(self) -> None:
        while self._texts:
            texts, self._texts = list(self._texts)[-self._most :], {}
            try:
                async with self._redis.pipeline(transaction=False) as pipeline:
                    pipeline.lpush(self._key, *texts)
                    pipeline.ltrim(self._key, 0, self._most - 1)
                    await pipeline.execute()
            except (RedisError, OSError) as error:
                # The relay also polls: a lost bell costs a second, never a message.
                log.debug("bell not rung: %s", type(error).__name__)

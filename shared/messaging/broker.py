"""Celery over Redis, set so that nothing in Redis is missed when it is gone: the outbox holds every message until it is acknowledged.

Kombu and Celery trust the messages that they read: a text that is not JSON ends the worker, and headers name callbacks, waiting times and
Celery's own tasks. In this transport a call in Redis has only its task's name and its arguments, which are texts and numbers. The reader
makes the rest of the Celery message itself. Anything that is not such a call is dropped and counted.

A bell wakes the process that waits for it. A process whose password Redis has refused for a minute ends; after its restart it reads a
changed password from the settings.
"""

import asyncio
import logging
import os
import signal
import threading
import time
from queue import Empty
from types import TracebackType
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import uuid4

import msgspec
from celery import Celery
from celery.app.amqp import AMQP
from kombu.entity import Exchange
from kombu.transport import redis
from kombu.transport.virtual import QoS
from redis import ConnectionPool, Redis, RedisError
from redis.exceptions import AuthenticationError

from shared.messaging.authenticity import Refusal, count_refusal
from shared.process import redis_clients
from shared.process.settings import parse_redis_url

CONSUME = "consume"
ACKNOWLEDGE = "acknowledge"
# A batch is about half a MiB, or one message larger than that; a request's body is at most 1 MiB.
MAX_CALL_BYTES = 8 * 1024 * 1024
# After so many items in a row that are no calls, so many more are dropped unread.
JUNK_IN_A_ROW = 100
JUNK_DROPPED = 100_000


class Call(msgspec.Struct, frozen=True):
    """A call as it is stored in Redis."""

    task: str
    args: list[str | Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]]


class Channel(redis.Channel):
    """Reads and writes calls in that form. It writes nothing for tasks in progress, so that workers can empty a full Redis."""

    QoS = QoS
    body_encoding = None
    redis_url = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._refused: dict[str, int] = {}  # of each queue, how many in a row
        super().__init__(*args, **kwargs)

    from_transport_options = (*redis.Channel.from_transport_options, "redis_url")

    def _get_pool(self, asynchronous: bool = False) -> ConnectionPool:
        """Uses the project's own connections: kombu's cannot trust a given authority, or use TLS to Sentinels."""
        channel = self

        class Polled(redis_clients.Primary):
            """Removes itself from the poller when it disconnects, as in kombu's `_connparams`."""

            def disconnect(self, *args: Any, **options: Any) -> None:
                super().disconnect(*args, **options)
                if channel._registered:
                    channel._on_connection_disconnect(self)

        times: Any = self.socket_connect_timeout, self.socket_timeout
        return redis_clients.pool(
            self.redis_url,
            *times,
            connection_class=Polled if asynchronous else redis_clients.Primary,
            max_connections=self.max_connections,
            health_check_interval=self.health_check_interval,
        )

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        args, kwargs, _embedded = msgspec.json.decode(message["body"])
        headers = message["headers"]
        if kwargs or headers.get("eta") or headers.get("expires"):
            raise ValueError("a call has positional arguments alone, and is due at once")
        with self.conn_or_acquire() as client:
            client.lpush(queue, msgspec.json.encode(Call(headers["task"], args)))

    def _brpop_read(self, **options: Any) -> Literal[True]:
        """As kombu's own method, which would end the worker for an item that is not a kombu message."""
        try:
            try:
                answer = self.client.parse_response(self.client.connection, "BRPOP", **options)
            except self.connection_errors:
                self.client.connection.disconnect()
                raise
            if not answer:
                raise Empty
            queue, item = answer[0].decode(), answer[1]
            self._queue_cycle.rotate(queue)
            try:
                message = message_of(queue, item)
            except Refusal as refusal:
                count_refusal(refusal)
                # Empties a queue that somebody filled by the hundred thousand, since one by one that takes hours.
                # A genuine call among them is sent again by its producer's outbox.
                self._refused[queue] = self._refused.get(queue, 0) + 1
                if self._refused[queue] % JUNK_IN_A_ROW == 0:
                    with self.conn_or_acquire() as client:
                        length: Any = client.llen(queue)
                        client.ltrim(queue, 0, -1 - JUNK_DROPPED)
                    count_refusal(refusal, min(length, JUNK_DROPPED))
            else:
                self._refused.pop(queue, None)
                self.connection._deliver(message, queue)
            return True
        finally:
            self._in_poll = None


class Transport(redis.Transport):
    Channel = Channel
    can_parse_url = True

    def as_uri(self, uri: str, include_password: bool = False, mask: str = "**") -> str:
        """Returns it unchanged: Celery's broker URL has no password here, and kombu cannot parse several Sentinels."""
        return uri


def message_of(queue: str, item: bytes) -> dict[str, Any]:
    """The Celery message of a call that was read from a queue. Raises Refusal for a call that is not allowed in that queue."""
    service, _, rest = queue.partition(".")
    way, _, partner = rest.partition(".")
    sender = partner if way in ("from", "acks") else service
    if len(item) > MAX_CALL_BYTES:
        raise Refusal("malformed", sender)
    try:
        call = msgspec.json.decode(item, type=Call)
    except (msgspec.DecodeError, RecursionError):
        raise Refusal("malformed", sender) from None
    expected = {"from": CONSUME, "acks": ACKNOWLEDGE}.get(way)
    if call.task != expected and (expected or call.task.startswith("celery.")):
        raise Refusal("malformed", sender)
    id = str(uuid4())
    return {
        "body": msgspec.json.encode([call.args, {}, {}]).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": call.task, "id": id, "root_id": id, "argsrepr": "…", "kwargsrepr": "{}"},
        "properties": {
            "correlation_id": id,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "delivery_tag": id,
        },
    }


__all__ = ["ACKNOWLEDGE", "CONSUME", "bell_key", "connect", "hand_over", "ring"]
log = logging.getLogger(__name__)


class Direct(AMQP):
    """Queues are Redis keys and no more: nobody has to write down anywhere, and be let to, what is bound to what."""

    default_exchange: ClassVar = Exchange("")  # type: ignore[assignment]
    autoexchange: ClassVar = staticmethod(lambda name: None)


def connect(service: str, redis_url: str) -> Celery:
    """A Celery app over `shared.messaging.broker`. A call that cannot be handed over fails within about two seconds."""
    app = Celery(service, broker=str(parse_redis_url(redis_url)), amqp=Direct, set_as_current=False)
    app.conf.update(
        broker_transport="shared.messaging.broker:Transport",
        task_default_queue=f"{service}.own",
        task_ignore_result=True,
        # Acknowledged on receipt: what dies with its worker is sent again by the outbox, not after Redis' visibility time-out.
        task_acks_late=False,
        # Concerns late acknowledgement, so nothing here; unset, Celery warns on every lost connection.
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=2,
        broker_transport_options={
            "redis_url": redis_url,
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            # One list per queue: nothing here has a priority, and each step would be a further key to look at.
            "priority_steps": [0],
        },
        task_publish_retry=False,
        task_serializer="json",
        accept_content=["json"],
    )
    return app


def hand_over(celery: Celery, queue: str, task: str, *args: str | int) -> None:
    """Puts a call into a queue, which may be another service's."""
    celery.send_task(task, args=args, queue=queue, declare=[])


def bell_key(service: str) -> str:
    return f"{service}.bell"


def ring(redis: Redis, service: str) -> None:
    """Wakes the service's relay, which also looks by itself: a lost call costs two seconds."""
    try:
        pipeline = redis.pipeline(transaction=False)
        pipeline.lpush(bell_key(service), "1")
        pipeline.ltrim(bell_key(service), 0, 0)
        pipeline.execute()
    except Exception as error:
        log.debug("bell not rung: %s", type(error).__name__)


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
                # The relay also polls: a lost bell costs two seconds, never a message.
                log.debug("bell not rung: %s", type(error).__name__)


LOCKOUT_SECONDS = 60.0
LOCKOUT_LOOK_SECONDS = 5.0
# While Redis takes the password, so many times as long: a look is a new connection.
LOCKOUT_REST = 3
# Time for work in progress to finish; a worker that waits for its broker may not react to the signal.
LOCKOUT_END_SECONDS = 30.0


class Lockout:
    """Measures for how long Redis has refused the password."""

    def __init__(self, patience: float = LOCKOUT_SECONDS) -> None:
        self.patience = patience
        self._since: float | None = None

    @property
    def is_refused(self) -> bool:
        return self._since is not None

    def is_final(self, error: BaseException | None) -> bool:
        """Whether Redis has refused the password for `patience` seconds. `error` is its last answer, None if it served."""
        if not isinstance(error, AuthenticationError):
            # While Redis is away, nothing is known about the password.
            self._since = None if error is None else self._since
            return False
        if self._since is None:
            self._since = time.monotonic()
        return time.monotonic() - self._since >= self.patience


def end_when_locked_out(redis: Redis, patience: float = LOCKOUT_SECONDS, look: float = LOCKOUT_LOOK_SECONDS) -> None:
    """Pings Redis every few seconds in its own thread, and ends this process with SIGTERM when it is locked out.

    Each ping uses a new connection, because Redis checks the password only when a connection begins.
    """

    def ask() -> None:
        lockout = Lockout(patience)
        while not lockout.is_final(_ping(redis)):
            time.sleep(look if lockout.is_refused else LOCKOUT_REST * look)
        log.critical(
            "Redis refuses this process' password: it ends, to be started with the one its settings have by now"
        )
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(LOCKOUT_END_SECONDS)
        os._exit(1)

    threading.Thread(target=ask, name="lockout", daemon=True).start()


def _ping(redis: Redis) -> Exception | None:
    try:
        redis.ping()
    except (RedisError, OSError) as error:
        return error
    finally:
        redis.connection_pool.disconnect()
    return None

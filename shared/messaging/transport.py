"""Kombu's Redis transport, made safe for queues into which another service writes.

Kombu and Celery trust the messages that they read: a text that is not JSON ends the worker, and headers name callbacks, waiting times and
Celery's own tasks. Here a call in Redis has only its task's name and its arguments, which are texts and numbers. The reader makes the
rest of the Celery message itself. Anything that is not such a call is dropped and counted.
"""

from queue import Empty
from typing import Annotated, Any, Literal
from uuid import uuid4

import msgspec
from kombu.transport import redis
from kombu.transport.virtual import QoS
from redis import ConnectionPool

from shared.messaging.refusals import Refusal, count
from shared.process import redis_clients

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
        times: Any = self.socket_connect_timeout, self.socket_timeout
        return redis_clients.pool(
            self.redis_url,
            *times,
            connection_class=self._polled() if asynchronous else redis_clients.Primary,
            max_connections=self.max_connections,
            health_check_interval=self.health_check_interval,
        )

    def _polled(self) -> type[redis_clients.Primary]:
        """A connection class that removes itself from the poller when it disconnects, as in kombu's `_connparams`."""
        channel = self

        class Polled(redis_clients.Primary):
            def disconnect(self, *args: Any, **options: Any) -> None:
                super().disconnect(*args, **options)
                if channel._registered:
                    channel._on_connection_disconnect(self)

        return Polled

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
                count(refusal)
                # Empties a queue that somebody filled by the hundred thousand, since one by one that takes hours.
                # A genuine call among them is sent again by its producer's outbox.
                self._refused[queue] = self._refused.get(queue, 0) + 1
                if self._refused[queue] % JUNK_IN_A_ROW == 0:
                    with self.conn_or_acquire() as client:
                        length: Any = client.llen(queue)
                        client.ltrim(queue, 0, -1 - JUNK_DROPPED)
                    count(refusal, min(length, JUNK_DROPPED))
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

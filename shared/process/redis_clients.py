"""Every Redis client of the system is made here, from `REDIS_URL` (`settings.RedisAddress`).

A connection must be to a primary. With Sentinels, each new connection asks a Sentinel for the primary's address. A connection to a server
that is a replica, or that refuses writes because of its state, is closed, so that the next attempt asks again.
"""

import asyncio
import itertools
import logging
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import redis.asyncio as asynchronous
from redis import Connection, ConnectionPool, Redis, RedisError, ResponseError
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError
from redis.exceptions import ConnectionError as Unreachable
from redis.retry import Retry

from shared.process import peers
from shared.process.settings import RedisAddress, parse_redis_url

REVOCATIONS = "auth:revocations"
"""The channel on which auth wakes its web processes and the gateways after a revocation."""
WHERE_IS = "SENTINEL GET-MASTER-ADDR-BY-NAME"
SENTINEL_SECONDS = 1.0
# Seconds that the other side may take to confirm the end of a TLS connection.
CLOSE_SECONDS = 0.5
REPLICA = (b"slave", "slave")
A_REPLICA = "the server is a replica"
# A replica; a replica without its primary; a primary without its required replicas; a primary that became a replica during a blocked
# call; a primary that cannot save: https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
NOT_WRITABLE = frozenset({"READONLY", "MASTERDOWN", "NOREPLICAS", "UNBLOCKED", "MISCONF"})


class NotPrimary(Unreachable):
    """The server is a replica, or refuses writes at present."""


class PrimaryUnknown(Unreachable):
    """No Sentinel answers, or none knows the primary."""


class MasterNameUnknown(PrimaryUnknown):
    """Sentinels answer, but none watches a master with the name in `REDIS_URL`."""


def client(url: str, connect: float = 2, answer: float = 5, retries: int = 1) -> Redis:
    """A client that fails fast, because every use has a fallback. Times are in seconds, for each attempt."""
    return Redis.from_pool(pool(url, connect, answer, retry=Retry(NoBackoff(), retries)))


def async_client(url: str, connect: float = 1, answer: float = 5) -> asynchronous.Redis:
    """The same for an event loop, without retries."""
    retry = AsyncRetry(NoBackoff(), 0)
    options = _options(parse_redis_url(url), connect, answer)
    return asynchronous.Redis.from_pool(
        asynchronous.ConnectionPool(connection_class=AsyncPrimary, retry=retry, **options)
    )


def pool(url: str, connect: float, answer: float, **options: Any) -> ConnectionPool:
    """`options` are redis-py's options of a connection; `connection_class` must be a subclass of Primary."""
    chosen: dict[str, Any] = {"connection_class": Primary, **_options(parse_redis_url(url), connect, answer), **options}
    return ConnectionPool(**chosen)


class Sentinels:
    """Asks the Sentinels in turn and begins with another one each time, so that one that is outdated or gone only delays a client."""

    def __init__(self, address: RedisAddress, tls: ssl.SSLContext | None, seconds: float) -> None:
        self._address = address
        self._tls = tls
        self._seconds = seconds
        self._turns = itertools.count()

    def find(self) -> tuple[str, int]:
        """Host and port of the primary. Raises PrimaryUnknown, or AuthenticationError if all Sentinels that answer refuse the login."""
        errors: list[Exception | None] = []
        for host, port in self._in_turn():
            options = self._options(Socket, Retry(NoBackoff(), 0), host, port)
            try:
                with Redis.from_pool(ConnectionPool(**options)) as one:
                    found = one.execute_command(WHERE_IS, self._address.master)
            except (RedisError, OSError) as error:
                errors.append(error)
            else:
                if found:
                    return found[0], int(found[1])
                errors.append(None)
        raise self._unknown(errors) from errors[-1]

    async def find_soon(self) -> tuple[str, int]:
        """As `find`, for an event loop."""
        errors: list[Exception | None] = []
        for host, port in self._in_turn():
            options = self._options(AsyncSocket, AsyncRetry(NoBackoff(), 0), host, port)
            try:
                async with asynchronous.Redis.from_pool(asynchronous.ConnectionPool(**options)) as one:
                    found = await one.execute_command(WHERE_IS, self._address.master)
            except (RedisError, OSError) as error:
                errors.append(error)
            else:
                if found:
                    return found[0], int(found[1])
                errors.append(None)
        raise self._unknown(errors) from errors[-1]

    def _in_turn(self) -> Iterator[tuple[str, int]]:
        hosts = self._address.hosts
        first = next(self._turns) % len(hosts)
        yield from (*hosts[first:], *hosts[:first])

    def _options(self, connection: type[Any], retry: object, host: str, port: int) -> dict[str, Any]:
        return {
            "connection_class": connection,
            "retry": retry,
            "host": host,
            "port": port,
            "username": self._address.sentinel_user,
            "password": self._address.sentinel_password,
            "tls": self._tls,
            "decode_responses": True,
            "socket_connect_timeout": self._seconds,
            "socket_timeout": self._seconds,
        }

    @staticmethod
    def _unknown(errors: list[Exception | None]) -> Unreachable:
        """`errors` holds None for a Sentinel that knows no master of this name."""
        if None in errors:
            return MasterNameUnknown("no Sentinel watches a master of this name")
        if any(isinstance(error, AuthenticationError | NoPermissionError) for error in errors):
            return AuthenticationError("Sentinel refuses the login or the question where the primary is")
        return PrimaryUnknown("no Sentinel answers")


class Socket(Connection):
    """A connection with TLS if `tls` is given. It trusts only that context's authorities; redis-py's own class adds the system's."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, **options: Any) -> None:
        self._tls = tls
        super().__init__(**options)

    def _connect(self) -> Any:
        sock = super()._connect()
        return self._tls.wrap_socket(sock, server_hostname=self.host) if self._tls else sock


class AsyncSocket(asynchronous.Connection):
    """As Socket, for an event loop."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, **options: Any) -> None:
        self._tls = tls
        super().__init__(**options)

    def _connection_arguments(self) -> dict[str, Any]:
        if self._tls is None:
            return {**super()._connection_arguments()}
        encrypted = {"ssl": self._tls, "server_hostname": self.host, "ssl_shutdown_timeout": CLOSE_SECONDS}
        return {**super()._connection_arguments(), **encrypted}


class Primary(Socket):
    """A connection to the current primary."""

    def __init__(self, *, sentinels: Sentinels | None = None, **options: Any) -> None:
        self._sentinels = sentinels
        super().__init__(**options)

    def _connect(self) -> Any:
        if self._sentinels is not None:
            self.host, self.port = self._sentinels.find()
        return super()._connect()

    def on_connect_check_health(self, check_health: bool = True) -> None:
        super().on_connect_check_health(check_health)
        self.send_command("ROLE", check_health=False)
        if self.read_response()[0] in REPLICA:
            self.disconnect()
            raise NotPrimary(A_REPLICA)

    def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return super().read_response(*args, **options)
        except ResponseError as error:
            if not _is_not_writable(error):
                raise
            self.disconnect()
            raise NotPrimary(str(error)) from None


class AsyncPrimary(AsyncSocket):
    """As Primary, for an event loop."""

    def __init__(self, *, sentinels: Sentinels | None = None, **options: Any) -> None:
        self._sentinels = sentinels
        super().__init__(**options)

    async def _connect(self) -> None:
        if self._sentinels is not None:
            self.host, self.port = await self._sentinels.find_soon()
        await super()._connect()

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        await super().on_connect_check_health(check_health)
        await self.send_command("ROLE", check_health=False)
        if (await self.read_response())[0] in REPLICA:
            await self.disconnect()
            raise NotPrimary(A_REPLICA)

    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*args, **options)
        except ResponseError as error:
            if not _is_not_writable(error):
                raise
            await self.disconnect()
            raise NotPrimary(str(error)) from None


def _options(address: RedisAddress, connect: float, answer: float) -> dict[str, Any]:
    tls = address.tls()
    host, port = address.hosts[0]
    place = {"host": host, "port": port}
    if address.master:
        place = {"sentinels": Sentinels(address, tls, min(connect, SENTINEL_SECONDS))}
    return {
        "username": address.user,
        "password": address.password,
        "db": address.number,
        "tls": tls,
        "socket_connect_timeout": connect,
        "socket_timeout": answer,
        # Version 3 begins with HELLO, which also gives a connection a name of any length. No Redis of ours has that command.
        "protocol": 2,
        "driver_info": None,
        **peers.REDIS,
        **place,
    }


def _is_not_writable(error: RedisError) -> bool:
    return (error.status_code or str(error).partition(" ")[0]) in NOT_WRITABLE


FOLLOW_RETRY_SECONDS = 1.0
FOLLOW_QUIET_SECONDS = 5.0
log = logging.getLogger(__name__)


async def follow(redis_url: str, channel: str, notify: Callable[[], object]) -> None:
    """Calls `notify` for each message, and subscribes again when the connection is lost. Never returns."""
    while True:
        try:
            redis = async_client(redis_url)
            async with redis, redis.pubsub() as subscription:
                await subscription.subscribe(channel)
                while True:
                    # Not `listen`: when the peer is gone, it takes the closed connection for one without messages and loops for ever.
                    message = await subscription.get_message(
                        ignore_subscribe_messages=True, timeout=FOLLOW_QUIET_SECONDS
                    )
                    if message is None:
                        await subscription.ping()
                    elif message["type"] == "message":
                        notify()
        except Exception as error:  # asyncio may raise any error for a write to a lost connection
            log.debug("subscribing again: %s", type(error).__name__)
            await asyncio.sleep(FOLLOW_RETRY_SECONDS)

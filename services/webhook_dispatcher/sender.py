"""The process that sends. Any number of them share the work; none needs to know of the others."""

import asyncio
import logging
import resource
import signal
import threading
import time

import psycopg
import uvloop
from redis import RedisError

from services.webhook_dispatcher import ladder, resolver
from services.webhook_dispatcher.addresses import Policy
from services.webhook_dispatcher.client import Client
from services.webhook_dispatcher.delivery import Vault
from services.webhook_dispatcher.pump import Pump
from services.webhook_dispatcher.queues import MOST_RINGS, SENDER
from services.webhook_dispatcher.settings import Settings
from shared import broker, ids, logs, peers, redis_clients, tracing
from shared.crypto import Keyring
from shared.database import WRITABLE, AsyncConnection
from shared.settings import required

RECONNECT_SECONDS = 20.0
PAUSE = 0.3
# Beside the sockets of requests: database, Redis, name servers, logs, and connections kept for the next request.
FURTHER_FILES = 1000
log = logging.getLogger(__name__)


class Sender:
    """One pump, a connection to the database and a bell. `working` is set while it sends, and not while the database is away."""

    def __init__(self, settings: Settings, working: threading.Event | None = None) -> None:
        self.settings = settings
        self.dsn = required(settings.worker_database_url, "WORKER_DATABASE_URL")
        self.working = working or threading.Event()
        self.stopping = threading.Event()

    async def run(self) -> None:
        """Sends until `stop`, then finishes what is in flight and records it."""
        self.loop = asyncio.get_running_loop()
        async with self._client() as client:
            pump = self.pump = self._pump(client)
            listening = asyncio.create_task(self._listen(pump))
            try:
                await self._send(pump)
            finally:
                listening.cancel()
            self.working.clear()
            await self._finish(pump)

    def stop(self) -> None:
        """May be called from any thread, or by a signal."""
        self.stopping.set()
        self.loop.call_soon_threadsafe(self.pump.wake)

    async def _send(self, pump: Pump) -> None:
        while not self.stopping.is_set():
            try:
                async with await self._connect() as conn:
                    self.working.set()
                    await pump.run(conn)
            except (psycopg.Error, OSError) as error:
                self.working.clear()
                log.warning("sender waits: %s; what it holds is recorded later", logs.describe(error))
                await asyncio.sleep(PAUSE)

    async def _finish(self, pump: Pump) -> None:
        """Waits for requests in flight and records them. One that cannot be recorded in time is sent again after its lease."""
        patience = time.monotonic() + RECONNECT_SECONDS
        while pump.is_busy and time.monotonic() < patience:
            try:
                async with await self._connect() as conn:
                    await pump.drain(conn)
            except (psycopg.Error, OSError):
                await asyncio.sleep(PAUSE)

    async def _listen(self, pump: Pump) -> None:
        """Each bell wakes one sender that has room; without Redis the pump's own polls find what is due."""
        key = broker.bell_key(SENDER)
        async with redis_clients.async_client(self.settings.redis_url) as redis:
            while True:
                try:
                    if not pump.slots.free:
                        await asyncio.sleep(PAUSE)
                    elif rung := await redis.brpop([key], timeout=1):
                        pump.wake(named_in(rung[1]))
                        # A bell that somebody filled becomes as short as a ring leaves it.
                        await redis.ltrim(key, 0, MOST_RINGS - 1)
                except (RedisError, OSError):
                    await asyncio.sleep(1)

    async def _connect(self) -> AsyncConnection:
        return await AsyncConnection.connect(
            self.dsn, autocommit=True, prepare_threshold=0, target_session_attrs=WRITABLE, **peers.POSTGRES
        )

    def _pump(self, client: Client) -> Pump:
        vault = Vault(Keyring.from_text(self.settings.encryption_keys))
        schedule = ladder.parse_schedule(self.settings.webhook_retry_schedule)
        return Pump(client, vault, schedule, self.settings.webhook_sender_slots, self.stopping.is_set)

    def _client(self) -> Client:
        policy = Policy.from_text(self.settings.webhook_allowed_networks)
        return Client(policy, resolver.create(self.settings.webhook_resolver), self.settings.webhook_ca_file)


def named_in(ring: bytes | str) -> list[str]:
    """The subscriptions that a ring names."""
    text = ring if isinstance(ring, str) else ring.decode(errors="replace")
    return [name for name in text.split() if ids.is_id(name, "wh")]


def run(settings: Settings, working: threading.Event) -> None:
    """The sender process. SIGTERM and SIGINT end it once what is in flight is over, at most 15 s later."""
    _allow_files(settings.webhook_sender_slots + FURTHER_FILES)
    sender = Sender(settings, working)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, sender.stop)
        await sender.run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    tracing.shutdown()


def _allow_files(number: int) -> None:
    """Raises the soft limit of open files to that, as far as the hard limit goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

"""The web application: medical devices and their observations."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette

from services.device_ingest import metrics, observations
from services.device_ingest.devices import ActiveDevices
from services.device_ingest.group_commit import GroupCommit
from services.device_ingest.observations import Outcome, Submission
from services.device_ingest.routes import PART
from services.device_ingest.settings import Settings
from shared import application
from shared.messaging.broker import Bell
from shared.primitives.crypto import Keyring
from shared.storage import database
from shared.storage.database import AsyncConnection
from shared.storage.partitions import Daily
from shared.web.revocations import Feed

# Connections beside those of the group commits.
OTHER_CONNECTIONS = 8
routes = application.all_routes(__file__, [PART])


class State(application.State):
    settings: Settings
    group: GroupCommit[Submission, Outcome]
    active_devices: ActiveDevices
    partitions: Daily


def create_app(settings: Settings) -> Starlette:
    feed = Feed(settings, "device_ingest")
    return application.create(routes, feed, partial(lifespan, settings, feed))


@asynccontextmanager
async def lifespan(settings: Settings, feed: Feed, app: Starlette) -> AsyncIterator[State]:
    keyring = Keyring.from_text(settings.encryption_keys)
    writers = settings.group_writers
    async with (
        database.open_pool(settings.database_url, max_size=writers + OTHER_CONNECTIONS, for_itself=writers) as pool,
        Bell(settings.redis_url, "device_ingest") as bell,
        feed,
    ):
        write = partial(_write_group, settings.most_observations, pool, bell)
        group = GroupCommit(
            write, rows=settings.group_rows, writers=writers, party=lambda submission: submission.tenant_id
        )
        yield State(
            settings=settings,
            pool=pool,
            bell=bell,
            keyring=keyring,
            group=group,
            active_devices=ActiveDevices(),
            partitions=Daily("observations"),
        )
        await group.close()


async def _write_group(
    most: int, pool: AsyncConnectionPool[AsyncConnection], bell: Bell, submissions: Sequence[Submission]
) -> list[Outcome]:
    """One transaction for requests of any tenants. `observations.write` sets each tenant before its statements."""
    metrics.group_rows.observe(len(submissions))
    with metrics.group_seconds.time():
        async with pool.connection() as conn:
            conn.has_messages = False
            await database.require_right_clock(conn)
            outcomes = await observations.write(conn, most, submissions)
            has_messages = conn.has_messages
    if has_messages:
        bell.ring()
    return outcomes

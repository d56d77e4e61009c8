"""A small service of the tests' own, on epcr's database: one producer and one consumer with real tables, queue and processes."""

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg
from celery.contrib.testing.worker import start_worker
from celery.exceptions import SecurityWarning

from deploy.local.databases import Database
from shared.database import Connection
from shared.messages import EncounterLink
from shared.relay import Relay
from shared.worker import Received, create_worker


class Settings(msgspec.Struct, kw_only=True):
    worker_database_url: str | None
    redis_url: str
    outbox_resend_seconds: float = 0.2


def link(encounter_id: str = "enc_1") -> EncounterLink:
    return EncounterLink(encounter_id=encounter_id, link="linked", observation_ids=["obs_1"])


@contextmanager
def running(relay: Relay) -> Iterator[None]:
    thread = threading.Thread(target=relay.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        relay.stopping.set()
        thread.join(10)


@contextmanager
def consuming(
    service: str, database: Database, redis_url: str, handle: Callable[[Connection, Sequence[Received[Any]]], object]
) -> Iterator[Any]:
    """A Celery worker in this process's thread, serving `service`'s queue."""
    celery: Any = create_worker(
        service, Settings(worker_database_url=database.worker, redis_url=redis_url), {EncounterLink: handle}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # tests may run as root
        with start_worker(celery, pool="threads", concurrency=2, queues=[service], perform_ping_check=False):
            yield celery


def scalar(dsn: str, statement: Any, *parameters: object) -> Any:
    with psycopg.connect(dsn) as conn:
        row = conn.execute(statement, parameters).fetchone()
    return None if row is None else row[0]

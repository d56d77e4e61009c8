"""`python -m tests.shared.program <service>`: a worker as a separate process, which a test stops or kills.

It sets a key in Redis when its effect is done. With `HELD` it commits the effect only after the key `go` exists.
A message with the encounter `KILLER` kills it before it commits.
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from redis import Redis

from shared.messaging import broker, dead_letters
from shared.messaging.messages import EncounterLink, Received, queues_of
from shared.messaging.worker import create_worker, work
from shared.process import redis_clients, telemetry
from shared.storage.database import Connection
from tests.shared.support import Settings, effect
from tests.support.signing import signing_key
from tests.support.waiting import wait_for


def main() -> None:
    service = sys.argv[1]
    settings = Settings(
        worker_database_url=os.environ["WORKER_DATABASE_URL"],
        redis_url=os.environ["REDIS_URL"],
        service_signing_key=signing_key(service),
    )
    redis = Redis.from_url(settings.redis_url)

    def announced_effect(conn: Connection, received: Sequence[Received[Any]]) -> None:
        effect(conn, received)
        if any(each.body.encounter_id == os.environ.get("KILLER") for each in received):
            os.kill(os.getpid(), signal.SIGKILL)
        redis.incr("begun")
        if os.environ.get("HELD"):
            wait_for(lambda: redis.exists("go"), what="the word to go on")

    telemetry.configure_logs("program")
    dead_letters.DEAD_SECONDS = float(os.environ.get("DEAD_SECONDS", dead_letters.DEAD_SECONDS))
    if patience := os.environ.get("LOCKOUT_SECONDS"):
        broker.end_when_locked_out(redis_clients.client(settings.redis_url), float(patience), look=0.2)
    work(create_worker(service, settings, {EncounterLink: announced_effect}), ",".join(queues_of(service)), 2)


if __name__ == "__main__":
    main()

"""`python -m tests.shared.program <queue>`: a worker in a process of its own, to be told to stop or killed.

Its effect takes `EFFECT_SECONDS`, and is announced by a key in Redis before it is committed.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any

from redis import Redis

from shared import logs
from shared.database import Connection
from shared.messages import EncounterLink
from shared.worker import Received, create_worker, work
from tests.shared.support import Settings, effect


def main() -> None:
    settings = Settings(worker_database_url=os.environ["WORKER_DATABASE_URL"], redis_url=os.environ["REDIS_URL"])
    redis = Redis.from_url(settings.redis_url)

    def slow_effect(conn: Connection, received: Sequence[Received[Any]]) -> None:
        effect(conn, received)
        redis.incr("begun")
        conn.execute("SELECT pg_sleep(%s)", (float(os.environ["EFFECT_SECONDS"]),))

    logs.configure("program")
    work(create_worker(sys.argv[1], settings, {EncounterLink: slow_effect}), sys.argv[1], 2)


if __name__ == "__main__":
    main()

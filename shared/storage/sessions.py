"""Ends sessions of the web processes' role that keep workers, senders and relays waiting.

The rules are in the database (`end_sessions_in_the_way`, shared migration 0122): no session of that role can change or lock them.
"""

import logging
import time
from typing import LiteralString

from shared.process import metrics
from shared.storage.database import Connection

END: LiteralString = "SELECT ended, lately, is_open, is_able FROM end_sessions_in_the_way()"
LANE = "sessions"
EVERY_SECONDS = 2.0
# After a session was ended: the next one is looked for so soon.
SOON_SECONDS = 0.1
log = logging.getLogger(__name__)


def end_those_in_the_way(conn: Connection) -> None:
    """One look, or while sessions had to be ended within the last minute, looks until the next run is due."""
    until = time.monotonic() + EVERY_SECONDS - SOON_SECONDS
    while _look(conn) and time.monotonic() < until:
        time.sleep(SOON_SECONDS)


def _look(conn: Connection) -> bool:
    """Whether any session had to be ended within the last minute."""
    ended, lately, is_open, is_able = conn.execute(END).fetchone() or ([], 0, True, False)
    conn.commit()
    for one in ended:
        metrics.sessions_ended.inc()
        log.error("a session of the web processes' role was ended: process %s", one)
    metrics.web_role_closed.set(not is_open)
    metrics.sessions_cannot_be_ended.set(not is_able)
    return bool(lately)

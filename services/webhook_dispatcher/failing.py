"""Background work on one webhook that fails: it is put off, counted and reported, and all other work goes on."""

import logging
from collections.abc import Callable
from typing import Any, LiteralString

from services.webhook_dispatcher import metrics
from shared.process import telemetry
from shared.storage.database import Connection, is_outage

Statement = tuple[LiteralString, dict[str, Any]]
log = logging.getLogger(__name__)


def attempt(conn: Connection, work: str, of: str, do: Callable[[], int], put_off: Statement | None = None) -> int:
    """The result of `do`, whose changes are undone where it raises; then `put_off` is executed, and the result is 0.

    `work` labels the metric, `of` is the id in the log. Raises only where the database is away.
    """
    try:
        with conn.transaction():
            return do()
    except Exception as error:
        if is_outage(error):
            raise
        metrics.work_failed.labels(work).inc()
        log.error("%s of %s failed and is put off: %s", work, of, telemetry.describe(error))
    if put_off is not None:
        attempt(conn, work, of, lambda: conn.execute(*put_off).rowcount)
    return 0

"""Work on many rows in one transaction, that one row cannot stop: after an error each row is done alone."""

import logging
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

import psycopg

from shared.process import metrics, telemetry
from shared.storage.database import Connection, is_contention, is_outage

log = logging.getLogger(__name__)
Item = TypeVar("Item")
# How often a row alone may meet the time-out of a statement, in a row, before it is set aside.
MOST_TIMEOUTS = 3
# How many rows of a pass may meet a lock or the time-out. All rows do where a table is locked or a disk is stalled.
MOST_HELD = 2
MOST_COUNTED = 1000
_timeouts: Counter[tuple[str, Hashable]] = Counter()


def apart(
    conn: Connection,
    name: str,
    items: Mapping[Any, Item],
    work: Callable[[Sequence[Item]], object],
    aside: Callable[[Item], object],
) -> None:
    """Does `work` for all items at once; after an error that is no outage for each alone, and `aside` for each that fails by itself.

    A row that no statement or no code can take would otherwise end every later pass, and stop all that wait behind it. A lock is not the
    row's fault, and a time-out seldom: such a row waits for the next pass. `items` are by their key, `name` labels the metric.
    """
    try:
        with conn.transaction():
            work([*items.values()])
        for key in items.keys() & {of for of_work, of in _timeouts if of_work == name}:
            del _timeouts[name, key]
        return
    except Exception as error:  # any error of one item must not stop the others
        if is_outage(error):
            raise
    held = 0
    for key, item in items.items():
        try:
            with conn.transaction():
                work([item])
            _timeouts.pop((name, key), None)
        except Exception as error:
            if is_outage(error):
                raise
            if is_contention(error) or _may_be_the_disks(error, (name, key)):
                log.warning("%s: a row is left for the next pass: %s", name, telemetry.describe(error))
                held += 1
                if held == MOST_HELD:
                    return
                continue
            log.error("%s: a row is set aside: %s", name, telemetry.describe(error))
            conn.after_commit(metrics.rows_set_aside.labels(name).inc)
            aside(item)


def _may_be_the_disks(error: Exception, row: tuple[str, Hashable]) -> bool:
    """Whether the row met the time-out, and not for the last time that it may."""
    if not isinstance(error, psycopg.errors.QueryCanceled):
        return False
    if len(_timeouts) >= MOST_COUNTED:  # of rows that were deleted since
        _timeouts.clear()
    _timeouts[row] += 1
    if _timeouts[row] < MOST_TIMEOUTS:
        return True
    del _timeouts[row]
    return False

"""Which errors mean that a database is away, or cannot be written to, which says nothing about what was asked of it."""

import psycopg
from psycopg_pool import PoolTimeout

from shared.clock import ClockApart

# SQLSTATE classes: connection exception, insufficient resources, operator intervention, system error.
OUTAGES = frozenset({"08", "53", "57", "58"})
# A request that meets one of these is answered "try again". A server that can no longer be written to has become a standby.
UNAVAILABLE = (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction, PoolTimeout, ClockApart)


def is_outage(error: BaseException) -> bool:
    """Whether a task that met this error is left for later, whatever it was about.

    A statement that ran out of time says something about the task: left for later, it would hold up whatever is beside it for ever.
    """
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return True
    if not isinstance(error, psycopg.OperationalError) or isinstance(error, psycopg.errors.QueryCanceled):
        return False
    return error.sqlstate is None or error.sqlstate[:2] in OUTAGES

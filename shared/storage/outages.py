"""Errors that mean that a database is away or refuses writes, so that the request itself is not at fault."""

import psycopg
from psycopg_pool import PoolTimeout

from shared.process.clock import ClockApart

# SQLSTATE classes: connection exception, insufficient resources, operator intervention, system error.
OUTAGES = frozenset({"08", "53", "57", "58"})
# A request that meets one of these gets "try again". A server that suddenly refuses writes has become a standby.
UNAVAILABLE = (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction, PoolTimeout, ClockApart)


def is_outage(error: BaseException) -> bool:
    """Whether a task that met this error is simply tried again later.

    A statement time-out is not an outage: the task itself is too slow, and trying it for ever would block the tasks beside it.
    """
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return True
    if not isinstance(error, psycopg.OperationalError) or isinstance(error, psycopg.errors.QueryCanceled):
        return False
    return error.sqlstate is None or error.sqlstate[:2] in OUTAGES

"""The relay of each service ends a session of its web processes' role that keeps its workers waiting."""

import psycopg
import pytest

from deploy.local.table import SERVICES
from tests.support.stack import Stack

pytestmark = pytest.mark.full

UNDO = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0"
LOCK = b"SELECT pg_advisory_lock(7999001)"


@pytest.mark.parametrize("service", [service.name for service in SERVICES])
def test_the_relay_of_every_service_ends_a_session_in_its_way(stack: Stack, service: str) -> None:
    with stack.database(service) as attacker, stack.database(service, "worker") as worker:
        attacker.autocommit = True
        attacker.execute(UNDO)
        attacker.execute(LOCK)
        worker.execute("SET lock_timeout = '60s'; SET statement_timeout = '60s'")
        worker.execute(LOCK)
        with pytest.raises(psycopg.OperationalError):
            attacker.execute("SELECT 1")

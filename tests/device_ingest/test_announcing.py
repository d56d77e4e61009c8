"""Announcements in turns: many of one tenant delay no other, a kill loses and doubles none, and their age is exported."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from services.device_ingest import announcing, metrics
from services.device_ingest.announcing import SHARE, TENANTS, Announcing
from shared.primitives import ids
from tests.device_ingest.conftest import Inside

MANY = 200_000
# Announcements of one encounter each.
WAIT = """
    INSERT INTO announcements (tenant_id, device_id, encounter_id, observations, first_observed_at, last_observed_at)
    SELECT %s, 'dev_1', 'enc_' || n, 2, now(), now() FROM generate_series(1, %s) AS n
"""
EVENTS = """
    SELECT count(*), count(DISTINCT body->'data'->>'encounter_id'), coalesce(sum((body->'data'->>'count')::integer), 0)
    FROM outbox WHERE tenant_id = %s
"""


@pytest.fixture(autouse=True)
def nothing_waits(inside: Inside) -> Iterator[None]:
    inside.owner.execute("TRUNCATE announcements, outbox")
    yield
    inside.owner.execute("TRUNCATE announcements, outbox")


def wait(inside: Inside, number: int) -> str:
    """A new tenant with so many announcements."""
    tenant_id = ids.new_id("org")
    inside.owner.execute(WAIT, (tenant_id, number))
    inside.owner.execute("ANALYZE announcements")
    return tenant_id


def events(inside: Inside, tenant_id: str) -> tuple[Any, ...]:
    """The number of events, of encounters, and of observations in all of them."""
    [row] = inside.rows(EVENTS, tenant_id)
    return row


def run(inside: Inside, announce: Callable[[Any], None]) -> None:
    with inside.task() as conn:
        announce(conn)


def announce_and_die(inside: Inside) -> Callable[[Any], None]:
    """A pass whose session ends before its commit."""

    def announce(conn: Any) -> None:
        Announcing()(conn)
        with psycopg.connect(inside.database.admin) as admin:
            admin.execute("SELECT pg_terminate_backend(%s, 5000)", (conn.info.backend_pid,))

    return announce


def test_a_tenant_with_200_000_that_wait_delays_anothers_only_one_by_no_pass(inside: Inside) -> None:
    many = wait(inside, MANY)
    one = wait(inside, 1)
    announce = Announcing()
    run(inside, announce)
    assert events(inside, one) == (1, 1, 2)
    assert events(inside, many)[0] <= TENANTS * SHARE
    left = "DELETE FROM announcements WHERE ctid = ANY(ARRAY(SELECT ctid FROM announcements OFFSET 7000))"
    inside.owner.execute(left)
    done, _, _ = events(inside, many)
    while inside.rows("SELECT FROM announcements LIMIT 1"):
        run(inside, announce)
    assert events(inside, many) == (done + 7000, done + 7000, 2 * (done + 7000))


def test_more_tenants_than_a_portion_holds_all_have_their_turn(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcing, "TENANTS", 2)
    monkeypatch.setattr(announcing, "SHARE", 3)
    monkeypatch.setattr(announcing, "SECONDS", 0)  # a portion for each pass
    tenants = sorted(wait(inside, number) for number in (50, 1, 50, 1, 50))
    announce = Announcing()
    for _ in range(3):
        run(inside, announce)
    assert all(events(inside, tenant_id)[0] >= 1 for tenant_id in tenants)


def test_room_that_tenants_leave_goes_to_those_with_more() -> None:
    assert announcing.shares({"a": 1, "b": SHARE}) == {"a": 1, "b": TENANTS * SHARE - 1}
    assert announcing.shares(dict.fromkeys(map(str, range(TENANTS)), SHARE))["1"] == SHARE
    assert announcing.shares({}) == {}


def test_a_device_and_encounter_have_one_event_in_a_pass(inside: Inside) -> None:
    tenant_id = wait(inside, 4000)
    inside.owner.execute("UPDATE announcements SET encounter_id = NULL")
    run(inside, Announcing())
    assert events(inside, tenant_id) == (1, 0, 8000)


def test_a_pass_that_is_killed_is_done_again_and_announces_nothing_twice(inside: Inside) -> None:
    tenant_id = wait(inside, 3000)
    with pytest.raises(psycopg.OperationalError):
        run(inside, announce_and_die(inside))
    assert events(inside, tenant_id)[0] == 0
    run(inside, Announcing())
    assert events(inside, tenant_id) == (3000, 3000, 6000)


def test_a_tenant_whose_events_cannot_be_stored_stops_no_other(inside: Inside) -> None:
    bad, good = wait(inside, 1), wait(inside, 1)
    # Longer than a message may be.
    inside.owner.execute("UPDATE announcements SET device_id = repeat('x', 5000000) WHERE tenant_id = %s", (bad,))
    run(inside, Announcing())
    assert (events(inside, bad)[0], events(inside, good)[0]) == (0, 1)
    assert inside.rows("SELECT tenant_id FROM announcements") == [(bad,)]


def test_the_age_of_the_oldest_is_exported_whether_or_not_announcing_works(inside: Inside) -> None:
    wait(inside, 1)
    wait(inside, 1)
    inside.owner.execute("UPDATE announcements SET written_at = now() - interval '90 seconds' WHERE ctid = '(0,1)'")
    with inside.task() as conn:
        announcing.measure(conn)
    assert 90 <= metrics.announcements_behind._value.get() < 3600
    run(inside, Announcing())
    with inside.task() as conn:
        announcing.measure(conn)
    assert metrics.announcements_behind._value.get() == 0

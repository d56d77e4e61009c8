"""How many deliveries a receiver gets at a time, and how each result changes that."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.webhook_dispatcher.sending import ladder
from services.webhook_dispatcher.sending.client import Due, Outcome
from services.webhook_dispatcher.sending.lanes import MOST_CONCURRENCY, Lane

OK = Outcome(status=200)
TIMED_OUT = Outcome(error="timeout", timed_out=True)


def lane(limit: int = 16) -> Lane:
    return Lane(tenant_id="org_1", limit=limit, stored_limit=limit)


def test_a_time_out_halves_and_a_success_adds_one() -> None:
    one = lane(16)
    one.count(TIMED_OUT, 5)
    assert one.limit == 8
    one.count(OK, None)
    assert one.limit == 9


def test_429_and_its_kin_halve_and_slow_while_another_failure_does_neither() -> None:
    for status in (429, 502, 503, 504):
        one = lane(16)
        one.count(Outcome(status=status, error="x"), 5)
        assert (one.limit, one.slow) == (8, 5)
    one = lane(16)
    one.count(Outcome(status=500, error="x"), 5)
    assert (one.limit, one.slow, one.failed) == (16, None, True)


def test_the_longest_retry_after_of_a_batch_counts_and_without_one_a_minute_at_most() -> None:
    one = lane()
    one.count(Outcome(status=503, error="x", retry_after=300), 400)
    one.count(Outcome(status=503, error="x"), 7200)
    assert one.slow == 300
    other = lane()
    other.count(Outcome(status=503, error="x"), 7200)
    assert other.slow == 60


def test_what_any_failing_receiver_asked_for_is_told_once() -> None:
    one = lane()
    one.count(Outcome(status=500, error="x", retry_after=300), 400)
    one.count(Outcome(status=400, error="x", retry_after=20), None)
    report = one.take_report()
    assert (report.retry_after, report.slow) == (300, None)
    one.count(Outcome(status=500, error="x"), 5)
    assert one.take_report().retry_after is None


@given(st.lists(st.sampled_from([OK, TIMED_OUT, Outcome(status=500, error="x"), Outcome(status=429, error="x")])))
def test_there_is_always_room_for_one_and_never_for_more_than_the_most(outcomes: list[Outcome]) -> None:
    one = lane()
    for outcome in outcomes:
        one.count(outcome, 1)
        assert 1 <= one.limit <= MOST_CONCURRENCY


def test_a_receiver_in_good_health_costs_an_update_only_when_its_limit_has_doubled() -> None:
    one = lane(4)
    told = []
    for _ in range(200):
        one.count(OK, None)
        if one.must_record:
            told.append(one.take_report().change)
    assert told == [4, 8, 16, 32]


def test_a_failing_receivers_first_success_is_recorded() -> None:
    one = Lane(tenant_id="org_1", limit=1, stored_limit=1, failing=True)
    assert not one.must_record
    one.count(OK, None)
    assert one.must_record


def test_a_report_that_could_not_be_recorded_is_taken_back_whole() -> None:
    one = lane()
    one.count(Outcome(status=503, error="x", retry_after=9), 10)
    report = one.take_report()
    assert not one.must_record
    one.count(OK, None)
    one.give_back(report)
    again = one.take_report()
    assert (again.succeeded, again.failed, again.slow) == (True, True, 9)


def test_a_full_limit_regained_is_told_once() -> None:
    one = Lane(tenant_id="org_1", limit=MOST_CONCURRENCY - 1, stored_limit=4)
    one.count(OK, None)
    assert one.must_record
    one.take_report()
    one.count(OK, None)
    assert not one.must_record


def test_two_senders_that_learn_of_the_same_receiver_add_up() -> None:
    one = lane(8)
    for _ in range(8):
        one.count(OK, None)
    due = Due(
        delivery_id="dlv_1",
        delivery_at=datetime.now(UTC),
        tenant_id="org_1",
        subscription_id="wh_1",
        event_id="evt_1",
        event_type="incident.updated",
        attempt=1,
        rung=0,
        body=b"",
        traceparent=None,
        url="",
        secret=b"",
        headers=None,
        concurrency=4,
    )
    one.refresh(due)
    assert (one.limit, one.stored_limit) == (12, 4)
    assert one.take_report().change == 8


def test_a_receiver_that_asks_for_a_day_is_spared_no_longer_than_its_next_attempt() -> None:
    one = lane()
    one.count(Outcome(status=503, error="x", retry_after=86_400), 1700)
    report = one.take_report()
    assert (report.slow, report.retry_after) == (1700, 1700)


def test_an_old_delivery_that_waits_a_day_holds_up_its_webhook_for_an_hour() -> None:
    """The receiver refuses that delivery and may take all others."""
    wait = ladder.next_wait(ladder.parse_schedule("24h"), 1, 86_400)
    assert wait is not None
    assert wait >= 86_400
    one = lane()
    one.count(Outcome(status=503, error="x", retry_after=86_400), wait)
    report = one.take_report()
    assert (report.slow, report.retry_after) == (3600, 3600)


def test_a_sender_alone_claims_ahead_for_a_quick_receiver_and_one_of_several_has_its_part_in_flight() -> None:
    one = lane(16)
    assert (one.most(1), one.most(4), one.claimable(1)) == (16, 4, 1)
    for _ in range(3):
        one.count(OK, None)
    assert (one.claimable(1), one.claimable(2)) == (4, 1)
    assert lane(1).most(4) == 1

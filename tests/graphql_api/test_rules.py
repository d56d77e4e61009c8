"""The pure rules: figures, ranges, numbers, carriers, tallies."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.graphql_api import inputs
from services.graphql_api.acqi import counting, report
from services.graphql_api.acqi.report import Times, ratio, wilson
from services.graphql_api.errors import Refusal
from services.graphql_api.telephony import carriers, numbers
from services.graphql_api.telephony.carriers import CARRIERS

DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


def test_the_wilson_interval_agrees_with_published_values() -> None:
    """Newcombe, Statistics in Medicine 17 (1998): 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for met, cases, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        interval = wilson(met, cases)
        assert interval is not None
        assert interval == pytest.approx((low, high), abs=0.00006)


@given(st.integers(1, 10**6).flatmap(lambda cases: st.tuples(st.integers(0, cases), st.just(cases))))
def test_an_interval_holds_its_ratio_and_stays_within_0_and_1(counts: tuple[int, int]) -> None:
    interval, share = wilson(*counts), ratio(*counts)
    assert interval is not None
    assert share is not None
    assert 0 <= interval[0] <= share <= interval[1] <= 1


def test_nothing_divided_by_nothing_is_null() -> None:
    assert (ratio(0, 0), wilson(0, 0), Times([]).quantile(0.5), Times([0, 0]).quantile(0.5)) == (None, None, None, None)


@given(st.lists(st.integers(0, 300), min_size=1), st.sampled_from([0.1, 0.5, 0.9, 1.0]))
def test_figures_of_bins_are_the_nearest_rank_and_the_mean_of_the_times(times: list[int], share: float) -> None:
    bins = [times.count(tenths) for tenths in range(max(times) + 1)]
    found = Times(bins).quantile(share)
    assert found is not None
    below = sum(tenths <= round(found * 10) for tenths in times)
    assert below >= share * len(times) - 1e-9
    assert sum(tenths < round(found * 10) for tenths in times) < share * len(times)
    assert Times(bins).mean() == sum(times) / len(times) / 10


@given(DAYS, st.integers(1, 1500))
def test_a_range_is_cut_into_whole_months_and_the_days_that_remain(start: date, length: int) -> None:
    days = report.Days(start, start + timedelta(days=length))
    single, months = report.cut(days)
    covered = list(single)
    for month in months:
        day = month
        while day.month == month.month:
            covered.append(day)
            day += timedelta(days=1)
    assert sorted(covered) == [start + timedelta(days=offset) for offset in range(length)]
    assert len(single) <= 60


@given(DAYS)
def test_a_sparkline_ends_in_the_month_of_the_last_day(last: date) -> None:
    months = report.sparkline(report.Days(last, last + timedelta(days=1)))
    assert len(months) == 12
    assert months[-1] == last.replace(day=1)
    assert months[0].year * 12 + months[0].month == last.year * 12 + last.month - 11
    assert months == sorted(set(months))


def test_days_are_half_open_in_utc_whatever_offset_they_came_with() -> None:
    midnight = datetime(2026, 4, 17, tzinfo=UTC)
    assert report.of_days(datetime(2026, 4, 1, tzinfo=UTC), midnight).end == date(2026, 4, 17)
    assert report.of_days(datetime(2026, 4, 1, tzinfo=UTC), midnight + timedelta(microseconds=1)).end == date(
        2026, 4, 18
    )
    rome = datetime.fromisoformat("2026-04-02T01:00:00+02:00")
    assert report.of_days(rome, midnight).start == date(2026, 4, 1)


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True), st.integers(0, 10))
def test_a_number_is_the_same_however_it_is_written(number: str, place: int) -> None:
    spaced = number[:place] + " (0)-."[:1] + number[place:]
    assert numbers.number(spaced) == number
    assert numbers.pattern(number).matches(number)
    assert all(number.startswith(beginning) for beginning in numbers.beginnings(number))
    assert numbers.beginnings(number)[0] == number


@given(st.text(max_size=20))
def test_any_text_is_a_pattern_or_a_value_error(text: str) -> None:
    try:
        pattern = numbers.pattern(text)
    except ValueError:
        return
    assert numbers.pattern(str(pattern)) == pattern


VALID: dict[str, dict[str, Any]] = {
    "voipms": {"api_username": "ops@a.example", "api_password": "secret-1", "server": "chicago1.voip.ms"},
    "twilio": {"account_sid": "AC" + "0" * 32, "auth_token": "1" * 32},
    "telnyx": {"api_key": "KEY" + "a" * 40, "connection_id": "1234567890"},
    "plivo": {"auth_id": "MA" + "A" * 18, "auth_token": "b" * 40},
    "bandwidth": {
        "account_id": "5500001",
        "username": "u",
        "password": "secret-2",
        "application_id": "0123abcd-0123-0123-0123-0123456789ab",
    },
    "sip": {"host": "trunk.example.com", "username": "u", "password": "secret-3"},
    "iax2": {"gateway_host": "192.0.2.7", "username": "u", "password": "secret-4"},
}


@pytest.mark.parametrize("name", CARRIERS)
def test_each_carriers_settings_are_taken_and_its_secrets_set_apart(name: str) -> None:
    carrier = inputs.convert(VALID[name], CARRIERS[name], "carrier")
    shown, hidden = carriers.open_settings(carrier), carriers.credentials(carrier)
    assert hidden
    assert not set(shown) & set(hidden)
    assert not {str(value) for value in shown.values()} & set(hidden.values())
    assert VALID[name].items() <= (shown | hidden).items()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("voipms", {"server": "voip.ms.evil.example"}),
        ("voipms", {"server": "chicago1.voip.ms\n"}),
        ("voipms", {"api_username": "not-an-address"}),
        ("voipms", {"sip_account": "100000_sub"}),
        ("twilio", {"account_sid": "SK" + "0" * 32}),
        ("twilio", {"auth_token": "1" * 31}),
        ("twilio", {"api_key_sid": "SK" + "0" * 32}),
        ("twilio", {"api_key_sid": "SK" + "0" * 32, "api_key_secret": "a" * 32}),
        ("telnyx", {"api_key": "a" * 40}),
        ("telnyx", {"public_key": "short"}),
        ("plivo", {"auth_id": "XX" + "A" * 18}),
        ("bandwidth", {"application_id": "x"}),
        ("sip", {"host": "localhost"}),
        ("sip", {"host": "http://a.example"}),
        ("sip", {"host": "a.example/x"}),
        ("sip", {"port": 0}),
        ("sip", {"port": 70_000}),
        ("sip", {"transport": "ws"}),
        ("sip", {"password": None}),
        ("iax2", {"context": "a b"}),
    ],
)
def test_a_setting_that_cannot_work_is_refused_without_its_value(name: str, change: dict[str, Any]) -> None:
    given = {key: value for key, value in (VALID[name] | change).items() if value is not None}
    with pytest.raises(Refusal) as refusal:
        inputs.convert(given, CARRIERS[name], "carrier")
    assert refusal.value.code == "BAD_USER_INPUT"
    for value in change.values():
        assert len(str(value)) < 8 or str(value) not in str(refusal.value.extra)


def test_a_twilio_account_logs_in_one_way() -> None:
    key = {"account_sid": "AC" + "0" * 32, "api_key_sid": "SK" + "0" * 32, "api_key_secret": "a" * 32}
    assert carriers.credentials(inputs.convert(key, CARRIERS["twilio"], "c")) == {"api_key_secret": "a" * 32}
    with pytest.raises(Refusal):
        inputs.convert({"account_sid": "AC" + "0" * 32}, CARRIERS["twilio"], "c")


OUTCOMES = st.dictionaries(
    st.sampled_from(["a", "b"]), st.sampled_from(["met", "not_met", "excluded", "unknown"]) | st.integers(0, 50)
)


@given(st.lists(st.tuples(DAYS, OUTCOMES)))
def test_what_is_taken_out_again_leaves_nothing(counted: list[tuple[date, dict[str, Any]]]) -> None:
    tallies: counting.Tallies = {}
    for weight in (1, -1):
        for day, outcomes in counted:
            counting.add(tallies, day, outcomes, weight)
    assert all(one.is_zero() and one.bins() == [] for one in tallies.values())
    assert all(one.is_zero() for one in counting.by_month(tallies).values())

"""Ids sort by the time of their creation, are recognised strictly, and convert both ways."""

import threading
import time

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.primitives import ids

PREFIXES = st.from_regex(r"[a-z]{2,6}(_[a-z]{2,4})?", fullmatch=True)


def test_ids_of_one_process_sort_in_the_order_of_their_making() -> None:
    made = [ids.new_id("enc") for _ in range(20_000)]
    assert made == sorted(set(made))


def test_threads_that_make_ids_together_never_make_one_twice() -> None:
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.extend(ids.new_id("obs") for _ in range(5_000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 20_000


def test_an_id_tells_the_millisecond_it_was_made_in() -> None:
    before = time.time_ns() // 1_000_000
    made = ids.uuid_of(ids.new_id("dev"))
    assert before <= ids.milliseconds(made) <= time.time_ns() // 1_000_000 + 20
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"


@given(PREFIXES)
def test_an_id_is_one_of_its_own_prefix_alone(prefix: str) -> None:
    made = ids.new_id(prefix)
    assert ids.is_id(made, prefix)
    assert not ids.is_id(made, prefix + "x")
    assert not ids.is_id(made, prefix[:-1])


@given(st.integers(0, (1 << 128) - 1))
@settings(deadline=None)
def test_every_uuid_survives_its_text(number: int) -> None:
    text = "x_" + ids._encode(number)
    assert ids.uuid_of(text).int == number
    assert ids.is_id(text, "x")


@given(st.integers(0, (1 << 128) - 1), st.integers(0, (1 << 128) - 1))
def test_texts_sort_as_their_uuids_do(one: int, other: int) -> None:
    assert (ids._encode(one) < ids._encode(other)) == (one < other)


@given(st.text())
def test_no_text_is_mistaken_for_an_id(text: str) -> None:
    assert not ids.is_id(text, "enc") or ids.new_id("enc")[:4] == text[:4]
    assert not ids.is_id("enc_" + text, "enc") or ids.uuid_of("enc_" + text)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "enc_",
        "enc",
        "enc_01jdkfw1b7d3s8x4n6p5r9t2z",  # one too few
        "enc_01jdkfw1b7d3s8x4n6p5r9t2zcc",  # one too many
        "enc_01JDKFW1B7D3S8X4N6P5R9T2ZC",  # capitals
        "enc_81jdkfw1b7d3s8x4n6p5r9t2zc",  # beyond 128 bits
        "enc_01jdkfw1b7d3s8x4n6p5r9t2il",  # letters Crockford leaves out
        "enc_01jdkfw1b7d3s8x4n6p5r9t2zc\n",
        "enc_0１jdkfw1b7d3s8x4n6p5r9t2zc",  # a digit of another script
        "dlv_test_01jdkfw1b7d3s8x4n6p5r9t2zc",
    ],
)
def test_what_is_no_encounter_id_is_refused(value: str) -> None:
    assert not ids.is_id(value, "enc")


def test_what_has_no_uuid_in_it_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="not an id"):
        ids.uuid_of("enc_nonsense")


def test_ids_follow_a_clock_that_was_set_right() -> None:
    """An id contains the time of its creation, and revocation reads it."""
    with time_machine.travel(time.time() + 600):
        ahead = ids.uuid7()
    assert ids.milliseconds(ids.uuid7()) < ids.milliseconds(ahead) - 500_000

"""One tenant gets a part of the memory for large bodies, however many it sends, and each other tenant finds some."""

import pytest

from shared import operations
from shared.process import metrics
from shared.web.fairness import Memory, held_ratio
from shared.web.problems import Problem


def taken(memory: Memory, *path: str, size: int = 10) -> tuple[int, int]:
    """The number of pieces that the holder gets, and the status of the refusal of the next."""
    number = 0
    while True:
        try:
            memory.take(path, size)
        except Problem as refusal:
            return number, refusal.status
        number += 1


def test_a_tenant_alone_gets_half_and_the_next_half_of_the_rest() -> None:
    memory = Memory(160)
    assert [taken(memory, tenant) for tenant in ("a", "b", "c")] == [(8, 429), (4, 429), (2, 429)]
    assert taken(memory, "d") == (1, 429)
    assert memory.free == 10


def test_a_tenant_without_any_is_told_that_others_hold_all() -> None:
    memory = Memory(15)
    memory.take(["a"], 10)
    with pytest.raises(Problem) as refused:
        memory.take(["b"], 10)
    assert (refused.value.status, refused.value.headers) == (503, {"retry-after": "1"})


def test_what_is_given_back_can_be_taken_again() -> None:
    memory = Memory(100)
    for _ in range(3):
        number, _ = taken(memory, "a")
        for _ in range(number):
            memory.give_back(["a"], 10)
    assert memory.free == 100
    assert taken(memory, "a")[0] == 5


def test_a_client_alone_gets_a_third_and_the_next_client_of_its_tenant_finds_some() -> None:
    memory = Memory(300)
    assert taken(memory, "a", "first") == (10, 429)
    assert taken(memory, "a", "second")[0] >= 3
    assert taken(memory, "b", "third")[0] >= 5


def test_strangers_of_one_network_leave_memory_to_those_of_others_who_are_told_that_others_hold_it() -> None:
    memory = Memory(300)
    assert taken(memory, "", "2001:db8::/48", "2001:db8::/64")[0] == 10
    assert taken(memory, "", "2001:db8::/48", "2001:db8:0:1::/64") == (0, 503)
    assert taken(memory, "", "192.0.2.0/24", "192.0.2.1")[0] >= 3


def test_the_gauge_shows_the_fullest_memory_of_the_process() -> None:
    half, nearly = Memory(100), Memory(100)
    half.take(["a"], 50)
    for tenant in "abcdef":
        taken(nearly, tenant, size=1)
    assert held_ratio() >= 1 - nearly.free / 100 > 0.9
    assert operations  # it gives the gauge its function
    [family] = metrics.requests_memory.collect()
    assert family.samples[0].value == held_ratio()

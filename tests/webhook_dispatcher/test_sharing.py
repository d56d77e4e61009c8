"""How a sender's slots are shared: whoever comes next finds room, however many take their time."""

from hypothesis import given
from hypothesis import strategies as st

from services.webhook_dispatcher import sharing
from services.webhook_dispatcher.lanes import Lane

SLOTS = 512


def lane(tenant_id: str, in_flight: int = 0) -> Lane:
    return Lane(tenant_id=tenant_id, limit=64, stored_limit=64, in_flight=in_flight)


def test_a_tenant_alone_gets_half_of_the_slots_and_its_only_receiver_half_of_that() -> None:
    rooms = sharing.rooms(SLOTS, {"wh_1": lane("org_1")})
    assert rooms.tenants == {"org_1": SLOTS // 2}
    assert rooms.lanes == {"wh_1": 64}
    quick = Lane(tenant_id="org_1", limit=64, stored_limit=64, seconds=0.001)
    assert sharing.rooms(SLOTS, {"wh_1": quick}).lanes == {"wh_1": SLOTS // 4}


def test_a_tenant_with_its_share_gets_no_more_while_a_newcomer_does() -> None:
    lanes = {f"wh_{number}": lane("org_1", 64) for number in range(4)}
    rooms = sharing.rooms(SLOTS - 256, lanes)
    assert rooms.tenants == {"org_1": 0}
    assert set(rooms.lanes.values()) == {0}
    assert rooms.newcomer == 128


def test_the_last_free_slot_goes_to_one_who_has_none() -> None:
    assert sharing.share(1, 0) == 1
    assert sharing.share(1, 1) == 0
    assert sharing.share(0, 0) == 0


@given(st.integers(0, 600), st.integers(0, 600))
def test_after_taking_its_share_nobody_holds_more_than_is_left_but_one(free: int, held: int) -> None:
    taken = sharing.share(free, held)
    assert 0 <= taken <= free
    assert taken == 0 or held + taken <= free - taken + 1


@given(st.lists(st.sampled_from(["org_1", "org_2", "org_3"]), min_size=1, max_size=400))
def test_while_tenants_take_turns_one_by_one_a_slot_stays_free(turns: list[str]) -> None:
    """Each takes a slot whenever it may, and nobody ever gives one back."""
    lanes = {name: Lane(tenant_id=name, limit=10_000, stored_limit=1) for name in set(turns)}
    free = 64
    for name in turns:
        rooms = sharing.rooms(free, lanes)
        if rooms.lanes[name]:
            lanes[name].in_flight += 1
            free -= 1
    assert free >= 64 // 4 - 1
    assert sharing.rooms(free, lanes).newcomer > 0

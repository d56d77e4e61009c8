"""How a sender's slots are shared: the next receiver finds room, however many are slow."""

from collections.abc import Iterable
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.webhook_dispatcher.sending import lanes
from services.webhook_dispatcher.sending.client import Due
from services.webhook_dispatcher.sending.lanes import Slots

SLOTS = 512


def due(share: str, tenant_id: str = "org_1", webhook: str = "wh_1", size: int = 0) -> Due:
    return Due(
        delivery_id="dlv_1",
        delivery_at=datetime.now(UTC),
        tenant_id=tenant_id,
        subscription_id=webhook,
        event_id="evt_1",
        event_type="incident.updated",
        attempt=1,
        rung=0,
        body=bytes(size),
        traceparent=None,
        url="",
        secret=b"",
        headers=None,
        concurrency=1,
        share=share,
    )


def held(*taken: Due, slots: int = SLOTS) -> Slots:
    made = Slots(slots)
    for one in taken:
        made.take(one)
    return made


def rooms(slots: Slots, taken: Iterable[Due]) -> lanes.Rooms:
    return slots.rooms({one.subscription_id: (one.tenant_id, 1) for one in taken})


def test_a_receiver_alone_gets_no_more_than_leaves_as_many_to_its_tenant_and_to_all() -> None:
    free = rooms(held(), ())
    assert free.classes["deep"] == SLOTS - SLOTS // 4
    assert free.tenant["deep"] == SLOTS * 3 // 8
    assert free.newcomer == SLOTS * 3 // 16


def test_a_tenant_with_its_share_gets_no_more_while_a_newcomer_does() -> None:
    taken = [due("deep", webhook=f"wh_{number % 4}") for number in range(192)]
    full = rooms(held(*taken), taken)
    assert full.tenants["org_1"]["deep"] == 0
    assert {room for _, room, _ in full.lanes.values()} == {0}
    assert full.tenant["deep"] == 96


def test_receivers_that_hang_leave_slots_to_those_in_good_health() -> None:
    taken = [due("new", f"org_{number}", f"wh_{number}") for number in range(256)]
    taken += [due("failing", f"org_{number}", f"wh_f{number}") for number in range(128)]
    full = rooms(held(*taken), taken)
    assert (full.classes["new"], full.classes["failing"]) == (0, 0)
    assert full.classes["first"] == 128
    assert full.tenant["first"] > 0
    assert full.classes["asked"] == 64


def test_many_of_one_tenant_that_are_new_leave_room_for_the_next_of_the_same_tenant() -> None:
    taken = [due("new", webhook=f"wh_{number}") for number in range(99)]
    assert rooms(held(*taken), taken).tenants["org_1"]["new"] > 0


def test_the_last_free_slots_go_to_tenants_that_have_none() -> None:
    taken = [due("first", webhook=f"wh_{number}") for number in range(30)]
    last = rooms(held(*taken, slots=32), taken)
    assert last.tenants["org_1"]["first"] == 0
    assert (last.tenant["first"], last.classes["first"]) == (1, 2)


def test_what_is_given_back_is_forgotten() -> None:
    one = due("deep", size=7)
    slots = held(one)
    slots.give_back(one)
    assert slots.free == SLOTS
    assert (dict(slots.of_tenants), dict(slots.of_lanes), dict(slots.bytes_of_tenants)) == ({}, {}, {})
    assert slots.free_bytes == lanes.MOST_BYTES


def test_a_tenant_holds_as_many_bytes_as_are_left_and_one_without_any_gets_half_of_the_rest() -> None:
    slots, taken = Slots(SLOTS), list[Due]()
    while (room := rooms(slots, taken)).tenants.get("org_1", room.tenant)["bytes"] >= 1 << 20:
        taken.append(due("deep", size=1 << 20))
        slots.take(taken[-1])
    assert slots.bytes_of_tenants["org_1"] == lanes.MOST_BYTES // 2
    assert rooms(slots, taken).tenant["bytes"] == lanes.MOST_BYTES // 4
    assert rooms(slots, taken).classes["bytes"] == lanes.CLAIM_BYTES


def test_large_bodies_leave_a_quarter_of_the_bytes_to_others() -> None:
    slots, taken, number = Slots(SLOTS), list[Due](), 0
    while rooms(slots, taken).classes["large"] >= 8 << 20:
        number += 1
        taken.append(due("deep", f"org_{number}", size=8 << 20))
        slots.take(taken[-1])
    last = rooms(slots, taken).classes
    assert slots.free_bytes >= lanes.MOST_BYTES // 4
    assert last["large"] < 8 << 20 < last["bytes"]


@given(st.integers(0, 600), st.integers(0, 600))
def test_after_taking_its_share_nobody_holds_more_than_is_left_but_one(free: int, taken: int) -> None:
    more = lanes.share(free, taken)
    assert 0 <= more <= max(0, free)
    assert more == 0 or taken + more <= free - more + 1


@given(
    st.lists(
        st.tuples(st.sampled_from(["new", "deep", "failing", "asked"]), st.sampled_from(["org_1", "org_2", "org_3"])),
        min_size=1,
        max_size=600,
    ),
    st.sampled_from([8, 16, 32, 64, 512]),
)
def test_whatever_hangs_a_tenant_that_has_none_always_finds_a_slot(turns: list[tuple[str, str]], number: int) -> None:
    """Each takes a slot whenever it may, and nobody ever gives one back."""
    slots, taken = Slots(number), [due("deep", "org_9", "wh_9")]
    for name, tenant in turns:
        room = rooms(slots, taken)
        if room.classes[name] and room.tenants.get(tenant, room.tenant)[name]:
            taken.append(due(name, tenant, f"wh_{tenant}"))
            slots.take(taken[-1])
    final = rooms(slots, taken)
    assert final.classes["first"] > 0
    assert final.tenant["first"] > 0

"""The steps of the work in a sandbox, one after the other. Pure."""

from typing import Literal, NamedTuple

from shared.messaging.sandboxes import PARTS

Task = Literal["seed", "erase", "end", "advance"]


class Step(NamedTuple):
    """The work of one service, portion by portion. `portions` is how many it takes as a rule."""

    task: Task
    part: str
    portions: int


# Encounters are in portions of 50 of 600, incidents of 100.
_PORTIONS = {"epcr": 13, "device_ingest": 1, "graphql_api": 7, "webhook_dispatcher": 1}
# Readings and facts are of encounters: these go first, so that nothing of them comes after its erasure.
_ERASED = ("device_ingest", "epcr", "graphql_api", "webhook_dispatcher")
SEED = tuple(Step("seed", part, _PORTIONS[part]) for part in PARTS)
ERASE = tuple(Step("erase", part, _PORTIONS[part]) for part in _ERASED)
END = tuple(Step("end", part, _PORTIONS[part]) for part in _ERASED)
ADVANCE = (Step("advance", "webhook_dispatcher", 1),)
STEPS: dict[str, tuple[Step, ...]] = {
    "preparing": SEED,
    "resetting": ERASE + SEED,
    "advancing": ADVANCE,
    "deleting": END,
}
"""By the state of the sandbox. A sandbox in another state has no work."""


def percent_of(state: str, step: int, portion: int) -> int:
    """How much of the work of this state is done; 100 where there is none."""
    steps = STEPS.get(state, ())
    if not steps:
        return 100
    done, most = sum(one.portions for one in steps[:step]), 100
    if step < len(steps):
        done, most = done + min(portion, steps[step].portions), 99
    return min(most, 100 * done // sum(one.portions for one in steps))

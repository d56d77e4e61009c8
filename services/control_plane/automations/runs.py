"""How a run moves: queued → running → succeeded, or failed → running again after a while, or dead. Suppressed ones never began.

`failed` waits for its next attempt; `dead` was refused, has no attempts left or got no answer, and waits for a person.
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal, NamedTuple

Status = Literal["queued", "running", "failed", "succeeded", "dead", "suppressed"]
Outcome = Literal["succeeded", "failed", "refused"]
DEFAULT_SCHEDULE = "5s,30s,2m,10m,1h"
# A run's effect is known by its id where it happened for longer than this, so that a second one is impossible.
RETRY_DAYS = 7
_WAIT = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


# What became of the last attempt is not known.
UNKNOWN = frozenset({"no_answer", "moved"})


class Moved(NamedTuple):
    status: Status
    wait: float | None = None


def parse_schedule(text: str) -> tuple[float, ...]:
    """Seconds to wait before each further attempt, from `5s,30s,2m`. Raises ValueError."""
    waits = [_WAIT.fullmatch(part.strip()) for part in text.split(",")]
    if not all(waits):
        raise ValueError("AUTOMATION_RETRY_SCHEDULE is waits such as 5s,30s,2m,1h")
    return tuple(float(wait[1]) * _UNITS[wait[2]] for wait in waits if wait)


def answered(status: Status, current: int, rung: int, attempt: int, outcome: Outcome, waits: Sequence[float]) -> Moved:
    """Where a run goes that is at `status` in its attempt `current`, told of the outcome of `attempt`.

    A success counts whenever it is told of, since the effect is there. Any other answer counts for the attempt under way alone.
    `rung` is how many attempts failed since it was last begun by hand.
    """
    if outcome == "succeeded":
        return Moved("succeeded")
    if status != "running" or attempt != current:
        return Moved(status)
    if outcome == "refused" or rung >= len(waits):
        return Moved("dead")
    return Moved("failed", waits[rung])


def may_go(error: str | None, sent_to: str | None, door: str) -> bool:
    """Whether a run may be sent to that service: one knows a run by its id, another does not know what the first did of it."""
    return error not in UNKNOWN or sent_to in (None, door)


def may_retry(status: Status, error: str | None, age: timedelta) -> str | None:
    """Why a person may not have it tried again; None when they may."""
    if status not in ("dead", "suppressed"):
        return f"The run is {status}; only dead and suppressed ones are tried again."
    if status == "suppressed" and error == "loop":
        return "The run would continue a loop."
    if age > timedelta(days=RETRY_DAYS):
        return f"The run is over {RETRY_DAYS} days old."
    return None

"""The time of the next attempt: the ladder of Standard Webhooks with jitter, and not earlier than the receiver asked, within limits."""

import random
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

DEFAULT = "5s,5m,30m,2h,5h,10h,14h,20h,24h"
# The rung of a delivery that is sent once: past the end of every ladder.
SENT_ONCE = 1000
JITTER = 0.2
LONGEST_WAIT = 86_400.0
# `Retry-After` is honoured up to this, for its own delivery to twice the step of the ladder where that is longer.
LONGEST_ASKED = 3600.0
SLOWING = frozenset({429, 502, 503, 504})
_STEP = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def parse_schedule(text: str) -> tuple[float, ...]:
    """`5s,5m,2h` as seconds between attempts; a bare number is seconds. Raises ValueError for anything else."""
    steps = [_STEP.fullmatch(part.strip()) for part in text.split(",")]
    if not all(steps):
        raise ValueError("WEBHOOK_RETRY_SCHEDULE is waits such as 5s,5m,2h, separated by commas")
    return tuple(float(step[1]) * _UNITS[step[2] or ""] for step in steps if step)


def next_wait(
    schedule: Sequence[float], failures: int, retry_after: float | None = None, chance: float | None = None
) -> float | None:
    """Seconds until the next attempt after so many failures, or None when the ladder has ended.

    A step is lengthened or shortened by up to a fifth. `Retry-After` is a floor that jitter only ever raises, of at most an hour or
    twice the step: a receiver that asks for a day is not lost for a day.
    """
    if failures > len(schedule):
        return None
    chance = random.random() if chance is None else chance  # noqa: S311 (spreads load, guards nothing)
    step = schedule[failures - 1]
    wait = step * (1 - JITTER + 2 * JITTER * chance)
    if retry_after is not None:
        wait = max(wait, min(retry_after, max(2 * step, LONGEST_ASKED)) * (1 + JITTER * chance / 2))
    return wait


def retry_after_seconds(value: str | None, now: datetime | None = None) -> float | None:
    """`Retry-After` (RFC 9110 §10.2.3) as seconds, at most a day; None when absent, past or malformed."""
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", value, re.ASCII):
        seconds = float(value)
    else:
        try:
            at = parsedate_to_datetime(value)
        except (ValueError, TypeError, OverflowError):
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        seconds = (at - (now or datetime.now(UTC))).total_seconds()
    return min(seconds, LONGEST_WAIT) if seconds > 0 else None

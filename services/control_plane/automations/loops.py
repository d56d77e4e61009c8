"""What keeps automations from setting each other off for ever. Every event carries the automations that led to it."""

from collections.abc import Sequence

# Automations in a row; the next would be the fourth.
LONGEST_CHAIN = 3


def objection(automation_id: str, cause: Sequence[str]) -> str | None:
    """Why the automation does not run for an event that `cause` led to; None when it does."""
    if automation_id in cause:
        return "loop: this automation led to the event itself"
    if len(cause) >= LONGEST_CHAIN:
        return f"loop: {len(cause)} automations led to the event, and no more than {LONGEST_CHAIN} follow one another"
    return None


def carried_on(automation_id: str, cause: Sequence[str]) -> list[str]:
    """What the events of its action carry."""
    return [*cause, automation_id]

"""Enrolment codes and agents' credentials: `enr_…` and `agt_…`, the agent's id and 256 random bits. Pure."""

import hmac
import secrets
from collections.abc import Sequence
from typing import Literal, NamedTuple

from shared import ids

Kind = Literal["enr", "agt"]
LONGEST = 128


class Presented(NamedTuple):
    """What a caller shows: which agent it says it is, and the secret."""

    agent_id: str
    secret: str


def new(kind: Kind, agent_id: str) -> tuple[str, str]:
    """The text that is shown once, and the secret in it."""
    secret = secrets.token_urlsafe(32)
    return f"{kind}_{agent_id.removeprefix('agt_')}.{secret}", secret


def read(kind: Kind, text: str) -> Presented | None:
    """None for anything that `new` could not have made."""
    head, _, secret = text.partition(".")
    if len(text) > LONGEST or not secret or not ids.is_id(head, kind):
        return None
    return Presented("agt_" + head.removeprefix(f"{kind}_"), secret)


def purpose(kind: Kind, agent_id: str) -> str:
    """What a MAC of a secret is made for, so that a code is no credential and neither is another agent's."""
    return f"agent {'code' if kind == 'enr' else 'credential'} {agent_id}"


def is_one_of(stored: bytes | None, macs: Sequence[bytes]) -> bool:
    """`macs` are those of what was presented, under every key."""
    return stored is not None and any(hmac.compare_digest(stored, mac) for mac in macs)

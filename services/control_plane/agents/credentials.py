"""Enrolment codes (`enr_…`) and credentials (`agt_…`): the agent's id and 256 random bits. Pure."""

import hmac
import secrets
from collections.abc import Sequence
from typing import Literal, NamedTuple

from shared.primitives import ids

Kind = Literal["enr", "agt"]
LONGEST = 128


class Presented(NamedTuple):
    """A code or credential as a caller sent it: the agent that it claims to be, and the secret."""

    agent_id: str
    secret: str


def new(kind: Kind, agent_id: str) -> tuple[str, str]:
    """The whole text, which is shown once, and the secret in it."""
    secret = secrets.token_urlsafe(32)
    return f"{kind}_{agent_id.removeprefix('agt_')}.{secret}", secret


def read(kind: Kind, text: str) -> Presented | None:
    """None for a text that `new` cannot make."""
    head, _, secret = text.partition(".")
    if len(text) > LONGEST or not secret or not ids.is_id(head, kind):
        return None
    return Presented("agt_" + head.removeprefix(f"{kind}_"), secret)


def purpose(kind: Kind, agent_id: str) -> str:
    """The context of a secret's MAC: a code never matches as a credential, nor a secret for another agent."""
    return f"agent {'code' if kind == 'enr' else 'credential'} {agent_id}"


def is_one_of(stored: bytes | None, macs: Sequence[bytes]) -> bool:
    """`macs` are the MACs of the presented secret, one under each key."""
    return stored is not None and any(hmac.compare_digest(stored, mac) for mac in macs)

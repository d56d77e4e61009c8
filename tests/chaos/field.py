"""A stack under traffic, and the judge of a fault's effect on it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.arena import RECEIVER, Arena
from tests.chaos.judging import Judge
from tests.chaos.traffic import Ears, Partner, flowing
from tests.support.stack import Stack
from tests.webhook_dispatcher.receiver import running

SECONDS = float(os.environ.get("CHAOS_SECONDS", "30"))


class Field:
    """The arena, its stack, and the judge of the traffic that runs through it."""

    def __init__(self, here: Arena, stack: Stack, judge: Judge) -> None:
        self.arena = here
        self.stack = stack
        self.judge = judge


@contextmanager
def field(here: Arena) -> Iterator[Field]:
    try:
        here.serve()
        stack = here.start()
        with running(Ears(), addresses=(RECEIVER,)) as receiver:
            assert isinstance(receiver, Ears)
            receiver.host = RECEIVER
            partner = Partner(stack, receiver)
            with flowing(partner) as traffic:
                yield Field(here, stack, Judge(partner, traffic, receiver))
    finally:
        here.stop()


def pause(seconds: float = SECONDS) -> None:
    time.sleep(seconds)

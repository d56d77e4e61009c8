"""Work for the processes of a Line, which import it by its name."""

import os
import time

from shared.web.problems import conflict


def whose() -> int:
    return os.getpid()


def priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def slowly(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def refused() -> None:
    raise conflict("It is there.", encounter_id="enc_1")


def broken() -> None:
    raise ValueError("Mario Rossi")

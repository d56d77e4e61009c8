"""Calls and messages that cannot be what they say. They are dropped: no effect, no acknowledgement, no dead letter.

An honest producer loses nothing by it: what is not acknowledged it sends again, for as long as it takes.
"""

import logging
import threading
import time
from typing import Literal, get_args

from shared.messaging.messages import SERVICES
from shared.process import metrics

Reason = Literal["malformed", "producer", "signature", "stale", "early", "kind", "tenant", "version", "target"]
LOG_SECONDS = 60
UNKNOWN = "unknown"
log = logging.getLogger(__name__)
metrics.begin(metrics.messages_refused, get_args(Reason), [*SERVICES, UNKNOWN])
_lock = threading.Lock()
_logged: dict[tuple[str, str], float] = {}


class Refusal(Exception):
    """A refused message: the reason, and the service that the message names as its sender."""

    def __init__(self, reason: Reason, sender: str) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.sender = sender if sender in SERVICES else UNKNOWN


def count(refusal: Refusal, messages: int = 1) -> None:
    """Counts the refusal. Logs it once a minute for each reason and sender, because one attacker may forge millions of messages."""
    metrics.messages_refused.labels(refusal.reason, refusal.sender).inc(messages)
    key, now = (refusal.reason, refusal.sender), time.monotonic()
    with _lock:
        if now - _logged.get(key, -LOG_SECONDS) < LOG_SECONDS:
            return
        _logged[key] = now
    log.error("message refused: %s, said to be from %s", refusal.reason, refusal.sender)

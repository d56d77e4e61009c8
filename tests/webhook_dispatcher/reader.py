"""A reader of a consumer as a program of its own, to be killed at any moment: `python -m tests.webhook_dispatcher.reader`.

It writes a line for each event that it handles: the machine's monotonic clock in nanoseconds, the event's id, its key, its `version`.
"""

import os
import random
import sys
import time

import httpx2
import msgspec

from shared.web.identity import Caller
from tests.support.plain import PLAIN
from tests.webhook_dispatcher.conftest import Partner

LEASE_SECONDS = 1


def main(base_url: str, caller: str, consumer: str, log: str, seed: str) -> None:
    chance = random.Random(seed)
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with httpx2.Client(base_url=base_url, timeout=60, trust_env=False, verify=PLAIN) as http:
        partner = Partner(http)
        partner.caller = msgspec.json.decode(caller, type=Caller)
        while True:
            asked = {"limit": chance.randint(1, 120), "wait": 5, "lease_seconds": LEASE_SECONDS}
            answer = partner.post(f"/v1/consumers/{consumer}/read", asked)
            if answer.status_code in (409, 429):  # the other reader's lease, or many killed ones that still wait
                continue
            for event in answer.raise_for_status().json()["events"]:
                handled = f"{time.monotonic_ns()} {event['id']} {event['key']} {event['data']['version']}\n"
                os.write(file, handled.encode())
                if chance.random() < 0.02:
                    commit(partner, consumer, event["cursor"])
            if cursor := answer.json()["cursor"]:
                commit(partner, consumer, cursor)


def commit(partner: Partner, consumer: str, cursor: str) -> None:
    answer = partner.post(f"/v1/consumers/{consumer}/commit", {"cursor": cursor})
    if answer.status_code != 409:  # its lease ended while it was slow
        answer.raise_for_status()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A reader of a consumer as a program of its own, to be killed at any moment: `python -m tests.webhook_dispatcher.reader`.

It writes a line for each event that it handles: the machine's monotonic clock in nanoseconds, the event's id, its key, its `version`.
"""

import os
import random
import sys
import time
from typing import Any

import httpx2
import msgspec

from shared.web.identity import HEADER, Caller, SigningKey, mint
from tests.support.plain import PLAIN

LEASE_SECONDS = 1


class Reader:
    def __init__(self, http: httpx2.Client, path: str, caller: str, key: str) -> None:
        self._http, self._path = http, path
        self._caller, self._key = msgspec.json.decode(caller, type=Caller), SigningKey(key)

    def post(self, call: str, body: Any) -> httpx2.Response:
        header = mint(self._caller, self._key, "webhook_dispatcher")
        return self._http.post(f"{self._path}/{call}", json=body, headers={HEADER: header})

    def commit(self, cursor: str) -> None:
        """Without effect where its lease ended while it was slow, or on a busy machine: the events come again."""
        answer = self.post("commit", {"cursor": cursor})
        if answer.status_code not in (409, 503):
            answer.raise_for_status()

    def run(self, log: int, chance: random.Random) -> None:
        while True:
            answer = self.post("read", {"limit": chance.randint(1, 120), "wait": 5, "lease_seconds": LEASE_SECONDS})
            if answer.status_code in (409, 429):  # the other reader's lease, or many killed ones that still wait
                continue
            if answer.status_code == 503:  # on a busy machine; a client tries again after Retry-After
                time.sleep(int(answer.headers["retry-after"]))
                continue
            reading = answer.raise_for_status().json()
            for event in reading["events"]:
                handled = f"{time.monotonic_ns()} {event['id']} {event['key']} {event['data']['version']}\n"
                os.write(log, handled.encode())
                if chance.random() < 0.1:  # work, in which a kill finds it
                    time.sleep(chance.random() / 50)
                if chance.random() < 0.02:
                    self.commit(event["cursor"])
            if reading["cursor"]:
                self.commit(reading["cursor"])


def main(base_url: str, path: str, caller: str, key: str, log: str, seed: str) -> None:
    with httpx2.Client(base_url=base_url, timeout=60, trust_env=False, verify=PLAIN) as http:
        Reader(http, path, caller, key).run(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT), random.Random(seed))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A stack under traffic, and the judge of a fault's effect on it: lost and repeated messages, and the seconds until all works as before."""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.arena import RECEIVER, Arena
from tests.chaos.traffic import ALL, Ears, Partner, Traffic, flowing
from tests.support.receiver import running
from tests.support.stack import Stack
from tests.support.waiting import wait_for

SECONDS = float(os.environ.get("CHAOS_SECONDS", "30"))
RECOVERY_SECONDS = float(os.environ.get("CHAOS_RECOVERY_SECONDS", "300"))
SETTLED_SECONDS = 5
"""Seconds that a message may wait in an outbox in normal operation, or a webhook on its first attempt in the queue."""
LATE = f"""
    SELECT count(*) FROM outbox WHERE acknowledged_at IS NULL AND created_at < now() - make_interval(secs => {SETTLED_SECONDS})
"""
LATE_WEBHOOKS = f"""
    SELECT count(*) FROM queue WHERE event_at < now() - make_interval(secs => {SETTLED_SECONDS})
"""
REPORT = os.environ.get("CHAOS_REPORT", "")
"""A file to which each fault's figures are appended, one JSON object a line."""


@dataclass
class Verdict:
    """The figures of one fault. `ended` is set if the fault ended before its block; `failed` counts attempts that were repeated."""

    fault: str
    seconds: float = 0
    ended: float = 0
    answered: float = 0
    drained: float = 0
    failed: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    lost: int = 0
    duplicates: int = 0
    in_flight: int = 0

    @property
    def recovered(self) -> float:
        return max(self.answered, self.drained)

    def __str__(self) -> str:
        failed = ", ".join(f"{kind} {count}" for kind, count in self.failed.most_common())
        return (
            f"{self.fault}: {self.seconds:.0f} s; {sum(self.failed.values())} of {self.attempts} attempts failed ({failed or 'none'});"
            f" all kinds answered {self.answered:.1f} s after its end, all drained {self.drained:.1f} s after;"
            f" lost {self.lost}, duplicates {self.duplicates} (in flight {self.in_flight})"
        )


class Judge:
    """Watches traffic and its receiver through one fault after another."""

    def __init__(self, partner: Partner, traffic: Traffic, ears: Ears) -> None:
        self.partner = partner
        self.traffic = traffic
        self.ears = ears
        self.in_flight = 0

    @contextmanager
    def of(self, fault: str) -> Iterator[Verdict]:
        """Judges the fault that the block causes and ends. Fails if the stack does not recover, or if data is lost or sent too often."""
        self.steady()
        verdict = Verdict(fault)
        duplicates, began = self.ears.duplicates, time.monotonic()
        verdict.in_flight = self.leased()
        yield verdict
        ended = verdict.ended = verdict.ended or time.monotonic()
        verdict.seconds = ended - began
        try:
            self._recover(verdict, ended)
        finally:
            self._account(verdict, began, duplicates)
        wait_for(lambda: self.accepted_though_revoked() == 0, 10, "revoked tokens to be refused")
        assert verdict.lost == 0, verdict
        # Compared over all faults so far: after an outage of the network a kernel may still send packets half a minute later.
        self.in_flight += verdict.in_flight
        assert self.ears.duplicates <= self.in_flight, verdict
        assert not self.traffic.faults, self.traffic.faults
        assert self.partner.dead_letters() == {}

    def steady(self) -> None:
        """Returns after five seconds in a row in which every kind of request succeeded."""

        def is_steady() -> bool:
            now = int(time.monotonic())
            return all(self.traffic.seconds[at].whole for at in range(now - 5, now))

        wait_for(is_steady, 60, "traffic to be steady")
        wait_for(lambda: self.late() == {}, 60, "the queues to be drained")
        self.traffic.faults.clear()

    def _recover(self, verdict: Verdict, ended: float) -> None:
        deadline = ended + RECOVERY_SECONDS
        answered: float | None = None
        drained: float | None = None
        while answered is None or drained is None:
            assert time.monotonic() < deadline, f"{verdict.fault} does not heal: {self._state()}"
            if answered is None:
                answered = self.traffic.first_whole_second(ended)
            if drained is None and not self.late():
                drained = time.monotonic()
            time.sleep(0.1)
        verdict.answered = max(0.0, answered - ended)
        verdict.drained = drained - ended

    def _account(self, verdict: Verdict, began: float, duplicates: int) -> None:
        for at in range(int(began), int(time.monotonic())):
            second = self.traffic.seconds[at]
            verdict.failed += second.wrong
            verdict.attempts += second.wrong.total() + second.right.total()
        verdict.lost = len(self._missing())
        verdict.duplicates = self.ears.duplicates - duplicates
        print(f"\n{verdict}\n  {self.traffic.excuses.most_common(12)}", flush=True)  # noqa: T201 progress of a test that takes minutes
        self.traffic.excuses.clear()
        if REPORT:
            with Path(REPORT).open("a") as file:
                file.write(json.dumps(vars(verdict) | {"recovered": verdict.recovered}) + "\n")

    def _missing(self) -> set[Any]:
        """Promised deliveries and observations that have not arrived after a wait of up to 30 seconds."""
        promised, readings = set(self.partner.promised), set(self.partner.readings)
        deadline = time.monotonic() + 30
        while missing := {*(promised - self.ears.told), *(readings & self.partner.not_at_epcr())}:
            if time.monotonic() > deadline:
                return missing
            time.sleep(0.2)
        return set()

    def answered(self, after: float) -> bool:
        """Whether every kind of request has succeeded for a whole second since `after`."""
        return self.traffic.first_whole_second(after) is not None

    def late(self) -> dict[str, int]:
        late: dict[str, int] = {}
        for name in self.partner.stack.described["services"]:
            with self.partner.stack.database(name, "admin") as conn:
                late[name] = sum(conn.execute(LATE.encode()).fetchone() or ())
                if name == "webhook-dispatcher":
                    late["webhooks"] = sum(conn.execute(LATE_WEBHOOKS.encode()).fetchone() or ())
        return {name: count for name, count in late.items() if count}

    def _state(self) -> str:
        last = self.traffic.seconds[int(time.monotonic()) - 2]
        silent = [kind for kind in ALL if not last.right[kind]]
        complaints = "\n".join(self.partner.stack.complaints(20))
        return f"late {self.late()}, failing {dict(last.wrong)}, silent {silent}, {self.traffic.faults}\n{complaints}"

    def leased(self) -> int:
        """The number of webhooks that a sender has leased."""
        with self.partner.stack.database("webhook-dispatcher", "admin") as conn:
            return sum(conn.execute("SELECT count(*) FROM queue WHERE leased").fetchone() or ())

    def accepted_though_revoked(self) -> int:
        """How many of the last revoked tokens are still accepted."""
        with self.partner.stack.client("api") as client:
            answers = [
                client.get("/api/v1/devices?limit=1", headers={"authorization": f"Bearer {token}"}).status_code
                for token in self.partner.revoked[-20:]
            ]
        assert set(answers) <= {200, 401}, answers
        return answers.count(200)


@dataclass
class Field:
    """The arena, its stack, and the judge of the traffic that runs through it."""

    arena: Arena
    stack: Stack
    judge: Judge


@contextmanager
def under_traffic(here: Arena) -> Iterator[Field]:
    try:
        here.serve()
        stack = here.start()
        with running(Ears(), addresses=(RECEIVER,)) as receiver:
            receiver.host = RECEIVER
            partner = Partner(stack, receiver)
            with flowing(partner) as traffic:
                yield Field(here, stack, Judge(partner, traffic, receiver))
    finally:
        here.stop()


def pause(seconds: float = SECONDS) -> None:
    time.sleep(seconds)

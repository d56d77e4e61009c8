"""The invented year of a sandbox: its cases and its devices, equal in every service that writes its part of them. Pure.

A seed fixes the kinds, times and values; ids also depend on the tenant and on how often the sandbox was reset, so that a message from
before a reset finds nothing of the new year.
"""

import hashlib
import random
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

from shared.messaging.messages import SandboxTask
from shared.primitives import ids

CASES, DAYS, VEHICLES = 600, 365, 6
# From the call of a scenario's arrest to the scenario: the mission is over.
MISSION = timedelta(minutes=75)
Kind = Literal["arrest", "stroke", "chest_pain", "breathing", "fall", "traffic", "seizure", "low_glucose", "other"]
# Of a hundred cases.
SHARES: dict[Kind, int] = {
    "arrest": 8,
    "stroke": 11,
    "chest_pain": 14,
    "breathing": 13,
    "fall": 24,
    "traffic": 8,
    "seizure": 6,
    "low_glucose": 5,
    "other": 11,
}
DEVICES_OF_VEHICLE = ("multiparameter", "defib")
PARTS = ("epcr", "device_ingest", "graphql_api", "webhook_dispatcher")
"""The services that write a part of the year, in this order."""


class Case(NamedTuple):
    """One call for help. `at` is the time of the call."""

    number: int
    kind: Kind
    at: datetime
    vehicle_id: str
    cad_incident_id: str
    encounter_id: str
    incident_id: str
    device_id: str


class Year:
    """The year before `task.until`. Cases from `CASES` on are of scenarios."""

    def __init__(self, tenant_id: str, task: SandboxTask) -> None:
        self.seed, self.until = task.seed, task.until
        self.number, self.at = task.number, task.at or task.until
        self._names = f"{tenant_id} {task.generation} {task.seed}"
        self.began = task.until - timedelta(days=DAYS)

    def chance(self, *about: object) -> random.Random:
        """The same numbers for the same seed and subject."""
        return random.Random(f"{self.seed} {' '.join(map(str, about))}")  # noqa: S311 - invented values, no secrets

    def case(self, number: int) -> Case:
        """Raises ValueError for a number that no case of the year has."""
        if not 0 <= number < CASES:
            raise ValueError("no case of the year")
        chance, step = self.chance("case", number), timedelta(days=DAYS) / CASES
        at = self.until - (CASES - number) * step + timedelta(minutes=chance.randrange(int(step.total_seconds()) // 90))
        kind: Kind = chance.choices(list(SHARES), list(SHARES.values()))[0]
        return self._case(number, kind, at)

    @property
    def webhook_id(self) -> str:
        """The example webhook."""
        return self.id("wh", self.began, "example")

    def scenario(self, kind: Kind, before: timedelta) -> Case:
        """The case of the task's scenario. Its call was so long before the scenario's time."""
        return self._case(CASES + self.number, kind, self.at - before)

    def _case(self, number: int, kind: Kind, at: datetime) -> Case:
        vehicle = number % VEHICLES
        return Case(
            number=number,
            kind=kind,
            at=at,
            vehicle_id=vehicle_id(vehicle),
            cad_incident_id=f"SANDBOX-{number:05d}",
            encounter_id=self.id("enc", at, number),
            incident_id=self.id("inc", at, number),
            device_id=self.device_id(vehicle, 0),
        )

    def device_id(self, vehicle: int, place: int) -> str:
        """The device at a place of `DEVICES_OF_VEHICLE`."""
        return self.id("dev", self.began, vehicle, place)

    def id(self, prefix: str, at: datetime, *about: object) -> str:
        return ids.id_of(prefix, self.uuid(at, prefix, *about))

    def uuid(self, at: datetime, *about: object) -> UUID:
        """A UUIDv7 (RFC 9562 §5.7) of that millisecond."""
        name = f"{self._names} {' '.join(map(str, about))}"
        bits = int.from_bytes(hashlib.sha256(name.encode()).digest()[:10])
        low, high = bits & ((1 << 62) - 1), bits >> 62 & 0xFFF
        return UUID(int=round(at.timestamp() * 1000) << 80 | 7 << 76 | high << 64 | 0b10 << 62 | low)


def vehicle_id(number: int) -> str:
    return f"SANDBOX-{number + 1}"


def portion_of(task: SandboxTask, size: int) -> range:
    """The numbers of the cases in the task's portion."""
    return range(min(CASES, task.portion * size), min(CASES, (task.portion + 1) * size))


def newest() -> range:
    """The numbers of the cases of the last nine days or more."""
    return range(CASES - 9 * CASES // DAYS - 1, CASES)


def portion_named(task: SandboxTask) -> dict[str, Any]:
    """The fields by which a `SandboxPortionDone` names the portion."""
    return {"sandbox_id": task.sandbox_id, "generation": task.generation, "step": task.step, "portion": task.portion}

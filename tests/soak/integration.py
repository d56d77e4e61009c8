"""One integration that uses everything: an app with every scope, a receiver, and its own devices, encounters and incidents."""

from collections import deque
from contextlib import suppress
from typing import Any

from shared.primitives.ids import new_id
from tests.support.receiver import OK, SECRET, Behaviour, Received, Receiver
from tests.support.stack import Stack
from tests.support.waiting import wait_for

SCOPES = [
    "webhooks:write",
    "argus:epcr:write",
    "argus:devices:write",
    "argus:incidents:write",
    "argus:acqi:read",
    "argus:platform:write",
]
EVENTS = ["epcr.encounter.created", "incident.created", "incident.closed"]
BUNDLES = ["incident-management", "acqi-reporting"]
DEVICES = 20


class Heard(Receiver):
    """Answers 200 and stores the event types and their encounters or incidents, each once."""

    def __init__(self) -> None:
        super().__init__(behaviour=self._hear())
        self.told: set[tuple[str, str]] = set()
        self.deliveries = 0

    def _hear(self) -> Behaviour:
        async def behave(request: Received, writer: Any) -> bool:
            event = request.json
            subject = event["data"].get("encounter_id") or event["data"].get("incident_id")
            self.told.add((event["type"], subject))
            self.deliveries += 1
            self.requests.clear()
            writer.write(OK)
            return True

        return behave


class Integration:
    """The ids and tokens for the traffic's requests, and the events that must arrive."""

    scopes = SCOPES
    bundles = BUNDLES

    def __init__(self, stack: Stack, receiver: Heard) -> None:
        self.stack = stack
        self.app = stack.register_app(self.scopes)
        self.admin_token = stack.admin_token
        stack.govern(self.app, approved_events=["epcr.*", "incident.*", "device.*"], graphql_bundles=self.bundles)
        self.token = stack.token(self.app, " ".join(self.scopes))
        self.webhook = stack.subscribe(self.token, receiver.url, *EVENTS, secret=SECRET)
        self.documents = self._documents()
        self.devices = self._enrol()
        self.encounters: deque[str] = deque(maxlen=500)
        self.incidents: deque[str] = deque()
        self.promised: set[tuple[str, str]] = set()
        """Events that must reach the receiver: type, and id of the encounter or incident."""
        self.readings: set[str] = set()
        """Ids of observations that must reach epcr."""

    def _documents(self) -> dict[str, str]:
        """The approved documents by name."""
        with self.stack.client("api", self.token) as client:

            def granted() -> list[dict[str, Any]] | None:
                bundles = client.get("/api/v1/graphql/bundles").json()["bundles"]
                return bundles if {one["name"] for one in bundles} == {*self.bundles} else None

            bundles = wait_for(granted, what="the bundles")
        return {one["name"]: one["document"] for bundle in bundles for one in bundle["operations"]}

    def _enrol(self) -> list[str]:
        """Enrols oximeters. Returns their paths."""
        with self.stack.client("api", self.token) as client:
            enrolments = [{"serial_number": new_id("sn"), "device_class": "oximeter"} for _ in range(DEVICES)]
            return [client.post("/api/v1/devices/enrol", json=body).headers["location"] for body in enrolments]

    def encounter_created(self, body: dict[str, Any]) -> None:
        self.encounters.append(body["id"])
        self.promised.add(("epcr.encounter.created", body["id"]))

    def incident_created(self, body: dict[str, Any]) -> None:
        incident = body["data"]["createIncident"]["id"]
        self.incidents.append(incident)
        self.promised.add(("incident.created", incident))

    def incident_closed(self, body: dict[str, Any]) -> None:
        self.promised.add(("incident.closed", body["data"]["closeIncident"]["id"]))

    def reading_taken(self, body: dict[str, Any]) -> None:
        self.readings.add(body["id"])

    def readings_taken(self, body: dict[str, Any]) -> None:
        for result in body["results"]:
            self.reading_taken(result)

    def not_at_epcr(self) -> set[str]:
        with self.stack.database("epcr", "admin") as conn:
            return self.readings - {row[0] for row in conn.execute("SELECT id FROM observations")}

    def unacknowledged(self) -> dict[str, int]:
        """The number of unacknowledged messages by service, without services that have none."""
        return {
            name: count
            for name in self._services()
            if (count := self._count(name, "outbox", "acknowledged_at IS NULL"))
        }

    def dead_letters(self) -> dict[str, int]:
        return {name: count for name in self._services() if (count := self._count(name, "dead_letters"))}

    def _services(self) -> list[str]:
        return list(self.stack.described["services"])

    def _count(self, service: str, table: str, where: str = "true") -> int:
        with self.stack.database(service, "admin") as conn:
            return conn.execute(f"SELECT 1 FROM {table} WHERE {where}").rowcount  # pyright: ignore[reportArgumentType, reportCallIssue]

    def take_incident(self) -> str | None:
        with suppress(IndexError):
            return self.incidents.popleft()
        return None

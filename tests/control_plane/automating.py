"""An app with automations, and the messages of other services to it."""

from datetime import UTC, datetime
from typing import Any

from services.control_plane.automations import runs, waiting
from services.control_plane.settings import Settings
from shared.messaging.messages import PlatformApp, PlatformEvent, RunFinished
from shared.primitives import ids
from shared.storage.database import task_transaction
from tests.control_plane.conftest import Inside, Partner
from tests.support.messages import envelope, sealed

SCOPES = ("argus:platform:write", "argus:incidents:write")
INCIDENT = {
    "incident_id": "inc_01jdkfx3c8e2r9v5m7q4t6w0ya",
    "number": "2026-000123",
    "type": "fire",
    "priority": "high",
    "status": "open",
    "units": ["AMB-07"],
    "version": 1,
}
OPEN = {"kind": "open_incident", "fields": {"type": "utility", "priority": "low", "units": {"from": "/units"}}}
NOTE = {"kind": "annotate_incident", "incident_id": {"from": "/incident_id"}, "note": "seen"}
WEBHOOK = {"kind": "webhook", "fields": {"ward": "ED-2", "number": {"from": "/number"}}}
CLOSE = {
    "kind": "document",
    "bundle": "incident-management",
    "operation": "CloseIncident",
    "variables": {"id": {"from": "/incident_id"}, "expectedVersion": {"from": "/version"}, "reason": "duplicate"},
}
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
MESSAGES = {
    "webhook": "webhook_dispatcher.automation_delivery.v1",
    "document": "graphql_api.run_document.v1",
    "open_incident": "graphql_api.automation_incident.v1",
    "annotate_incident": "graphql_api.automation_incident.v1",
}


class Automating:
    """An app with automations. Its methods send auth's, webhook-dispatcher's and the consumers' messages."""

    def __init__(self, partner: Partner, inside: Inside, settings: Settings) -> None:
        self.partner = partner
        self.inside = inside
        self.settings = settings
        self.versions = 0
        self.approve()

    @property
    def tenant_id(self) -> str:
        return self.partner.tenant_id

    def approve(self, *patterns: str, status: Any = "active", **changes: Any) -> None:
        """Sends auth's message about the app."""
        self.versions += 1
        state: dict[str, Any] = {
            "client_id": self.partner.client_id,
            "version": self.versions,
            "status": status,
            "approved_events": list(patterns or ("incident.*", "automation.fired")),
            "graphql_bundles": ["incident-management"],
            "requested_scopes": list(SCOPES),
        }
        self.inside.receive(self.tenant_id, PlatformApp(**state | changes))

    def make(self, action: Any = OPEN, event_type: str = "incident.created", filter: Any = None, **fields: Any) -> str:
        """The id of a new automation."""
        trigger = {"event_type": event_type} | ({"filter": filter} if filter is not None else {})
        made = self.partner.made("/automations", {"name": "One", "trigger": trigger, "action": action} | fields)
        return made["id"]

    def happen(
        self, event_type: str = "incident.created", tenant_id: str = "", cause: list[str] | None = None, **data: Any
    ) -> str:
        """An event that webhook-dispatcher passes on. Its id."""
        event_id = data.pop("event_id", None) or ids.new_id("evt")
        event = PlatformEvent(
            event_id=event_id, type=event_type, timestamp=datetime.now(UTC), data=INCIDENT | data, cause=cause or []
        )
        self.tell(event, tenant_id)
        self.begin()
        return event_id

    def begin(self) -> int:
        """Begins the runs of waiting events, as the relay does. Returns the number of portions."""
        with task_transaction(self.inside.consumer.pool) as conn:
            return waiting.Waiting(self.settings).begin(conn)

    def tell(self, message: Any, tenant_id: str = "") -> None:
        wire = envelope(tenant_id or self.tenant_id, message, TRACE)
        self.inside.consumer.consume(*sealed("webhook_dispatcher", "control_plane", [wire]))

    def answer(self, run: dict[str, Any], outcome: Any, attempt: int = 0, **fields: Any) -> dict[str, Any]:
        """Sends the outcome of an attempt, by default of the current one. Returns the run."""
        told = RunFinished(run_id=run["id"], attempt=attempt or run["attempt"], outcome=outcome, **fields)
        self.inside.receive(self.tenant_id, told)
        return self.partner.get(f"/automations/runs/{run['id']}").json()

    def runs(self, automation_id: str = "", **query: Any) -> list[dict[str, Any]]:
        """Newest first."""
        path = f"/automations/{automation_id}/runs" if automation_id else "/automations/runs"
        answer = self.partner.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["runs"]

    def sent(self, kind: str) -> list[dict[str, Any]]:
        """Messages that actions of this kind left in the outbox."""
        return self.inside.messages(self.tenant_id, MESSAGES[kind])

    def interests(self) -> list[tuple[int, list[str]]]:
        told = self.inside.messages(self.tenant_id, "webhook_dispatcher.automation_interest.v1")
        return [(one["version"], one["event_types"]) for one in told]

    def sweep(self) -> int:
        """Begins the due runs, as the relay does twice a second."""
        with task_transaction(self.inside.consumer.pool) as conn:
            return runs.engine(self.settings).begin_due(conn)

    def make_due(self) -> None:
        self.inside.rows(
            "UPDATE automation_runs SET next_attempt_at = now() WHERE tenant_id = %s AND status = 'failed' RETURNING id",
            self.tenant_id,
        )

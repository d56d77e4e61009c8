"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

from .._model import Model


class AppSecretRotated(Model, kw_only=True):
    """An app's client secret was replaced."""

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: AppSecretRotatedData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class AppSecretRotatedData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    client_id: str
    """The app"""
    rotated_at: datetime
    """When it was replaced"""
    previous_secret_expires_at: datetime | None
    """When the old secret stops working; null if it already has"""


class AutomationFired(Model, kw_only=True):
    """An automation of the app ran its webhook action."""

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: AutomationFiredData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class AutomationFiredData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    automation_id: str
    """The automation"""
    run_id: str
    """Its run, the same at every attempt"""
    event_id: str
    """The event that set it off"""
    event_type: str
    """Its type"""
    event: dict[str, Any]
    """Its data, as its own type describes it"""
    fields: dict[str, Any]
    """Further values of the automation's action, by name"""


class DeliveryExhausted(Model, kw_only=True):
    """Deliveries of one of your app's webhooks were given up after their last attempt; recover sends them again. At
    most one such event in ten minutes is sent for a webhook, and none for deliveries of notices.
    """

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: DeliveryExhaustedData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class DeliveryExhaustedData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    webhook_id: str
    """The webhook"""
    delivery_id: str
    """The newest of them"""
    event_type: str
    """The type of its event"""
    deliveries: int
    """How many were given up since the event before"""


class DeviceEnrolled(Model, kw_only=True):
    """A device was enrolled, enrolled again, or became active again."""

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: DeviceEnrolledData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class DeviceEnrolledData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    device_id: str
    """The device"""
    device_class: str
    """The class of the device"""
    status: str
    """Where it stands. One of: active, inactive, retired"""
    vehicle_id: str | None = None
    """The vehicle it rides on, if any"""


class DeviceObservationsRecorded(Model, kw_only=True):
    """A device's observations were stored. The values are read from the device, not carried here."""

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: DeviceObservationsRecordedData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class DeviceObservationsRecordedData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    device_id: str
    """The device"""
    encounter_id: str | None = None
    """The encounter they were sent for, if any"""
    count: int
    """How many observations"""
    first_observed_at: datetime
    """The earliest of them"""
    last_observed_at: datetime
    """The latest of them"""


class EpcrDestinationChanged(Model, kw_only=True):
    """An encounter was bound for your destination, or is no longer. Only the destination's app gets this event."""

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: EpcrDestinationChangedData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class EpcrDestinationChangedData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    encounter_id: str
    """The encounter; read it with GET /api/v1/epcr/encounters/{encounter_id}/handover"""
    organization_id: str
    """The organisation it belongs to"""
    destination_id: str
    """The destination"""
    state: str
    """`bound`: your app may read the handover from now on; `ended`: it may not any more. One of: bound, ended"""


class EpcrEmergencyAccessOpened(Model, kw_only=True):
    """An app opened emergency access to who the patient of an encounter is, although the encounter is not bound for
    its destination.
    """

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: EpcrEmergencyAccessOpenedData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class EpcrEmergencyAccessOpenedData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    encounter_id: str
    """The encounter; its disclosures are at GET /api/v1/epcr/encounters/{encounter_id}/disclosures"""
    organization_id: str
    """The organisation it belongs to"""
    destination_id: str
    """The destination in whose name the app reads"""
    emergency_id: str
    """The emergency access, as disclosures name it"""
    client_id: str
    """The app that opened it"""
    reason: str
    """The reason that the app gave. One of: patient_present, patient_transferred, life_threatening,
    destination_missing
    """


class EpcrEncounterCompleted(Model, kw_only=True):
    """A patient care encounter was completed; its bundle can be fetched."""

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: EpcrEncounterCompletedData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class EpcrEncounterCompletedData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    encounter_id: str
    """The encounter; read it with GET /api/v1/epcr/encounters/{encounter_id}"""
    organization_id: str
    """The organisation it belongs to"""
    care_model: str
    """The kind of care. One of: prehospital_emergency, interfacility_transfer, community_paramedicine, event_medical,
    non_emergency_transport
    """
    status: str
    """Where it stands. One of: in_progress, completed, handed_over, cancelled"""
    vehicle_id: str | None
    """The vehicle, as the caller named it"""
    cad_incident_id: str | None
    """The dispatch system's incident, as the caller named it"""
    version: int
    """Grows with each change: ignore an event whose version you have already passed"""


class EpcrEncounterCreated(Model, kw_only=True):
    """A patient care encounter was begun."""

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: EpcrEncounterCreatedData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class EpcrEncounterCreatedData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    encounter_id: str
    """The encounter; read it with GET /api/v1/epcr/encounters/{encounter_id}"""
    organization_id: str
    """The organisation it belongs to"""
    care_model: str
    """The kind of care. One of: prehospital_emergency, interfacility_transfer, community_paramedicine, event_medical,
    non_emergency_transport
    """
    status: str
    """Where it stands. One of: in_progress, completed, handed_over, cancelled"""
    vehicle_id: str | None
    """The vehicle, as the caller named it"""
    cad_incident_id: str | None
    """The dispatch system's incident, as the caller named it"""
    version: int
    """Grows with each change: ignore an event whose version you have already passed"""


class EpcrEncounterUpdated(Model, kw_only=True):
    """A patient care encounter changed."""

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: EpcrEncounterUpdatedData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class EpcrEncounterUpdatedData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    encounter_id: str
    """The encounter; read it with GET /api/v1/epcr/encounters/{encounter_id}"""
    organization_id: str
    """The organisation it belongs to"""
    care_model: str
    """The kind of care. One of: prehospital_emergency, interfacility_transfer, community_paramedicine, event_medical,
    non_emergency_transport
    """
    status: str
    """Where it stands. One of: in_progress, completed, handed_over, cancelled"""
    vehicle_id: str | None
    """The vehicle, as the caller named it"""
    cad_incident_id: str | None
    """The dispatch system's incident, as the caller named it"""
    version: int
    """Grows with each change: ignore an event whose version you have already passed"""


class EpcrIdentityCorrected(Model, kw_only=True):
    """An encounter that your app fetched was under the identity of another patient. Fetch it again: its bundle
    withdraws the resources that your app fetched under the former identity. Only apps that fetched it get this
    event.
    """

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: EpcrIdentityCorrectedData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class EpcrIdentityCorrectedData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    encounter_id: str
    """The encounter; read it with GET /api/v1/epcr/encounters/{encounter_id}"""
    organization_id: str
    """The organisation it belongs to"""
    identity: int
    """The number of the identity that holds now; data fetched under a lower number has the identity of another patient
    """
    version: int
    """The version of the record with the correction"""


class EpcrOutcomeRecorded(Model, kw_only=True):
    """The hospital reported the outcome of a patient, or corrected it. The event names no diagnosis."""

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: EpcrOutcomeRecordedData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class EpcrOutcomeRecordedData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    encounter_id: str
    """The encounter; its destination reads the outcome with GET /api/v1/epcr/encounters/{encounter_id}/outcome"""
    organization_id: str
    """The organisation it belongs to"""
    destination_id: str
    """The destination that reported"""
    version: int
    """The version of the outcome: each correction is the next one"""


class IncidentClosed(Model, kw_only=True):
    """An incident was closed."""

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: IncidentClosedData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class IncidentClosedData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    incident_id: str
    """The incident"""
    number: str
    """The number people call it by"""
    type: str
    """The kind of incident, as a code"""
    priority: str
    """How urgent, a code"""
    status: str
    """Where it stands, a code"""
    cad_incident_id: str | None = None
    """Its id in the dispatch system, where it came from one"""
    units: list[str] | None = None
    """Ids of the units assigned"""
    closed_reason: str | None = None
    """Why it was closed, a code; only once closed"""
    version: int
    """Grows with each change: ignore an event whose version you have already passed"""


class IncidentCreated(Model, kw_only=True):
    """An incident was opened."""

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: IncidentCreatedData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class IncidentCreatedData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    incident_id: str
    """The incident"""
    number: str
    """The number people call it by"""
    type: str
    """The kind of incident, as a code"""
    priority: str
    """How urgent, a code"""
    status: str
    """Where it stands, a code"""
    cad_incident_id: str | None = None
    """Its id in the dispatch system, where it came from one"""
    units: list[str] | None = None
    """Ids of the units assigned"""
    closed_reason: str | None = None
    """Why it was closed, a code; only once closed"""
    version: int
    """Grows with each change: ignore an event whose version you have already passed"""


class IncidentUpdated(Model, kw_only=True):
    """An incident changed: its status, priority or units."""

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: IncidentUpdatedData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class IncidentUpdatedData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    incident_id: str
    """The incident"""
    number: str
    """The number people call it by"""
    type: str
    """The kind of incident, as a code"""
    priority: str
    """How urgent, a code"""
    status: str
    """Where it stands, a code"""
    cad_incident_id: str | None = None
    """Its id in the dispatch system, where it came from one"""
    units: list[str] | None = None
    """Ids of the units assigned"""
    closed_reason: str | None = None
    """Why it was closed, a code; only once closed"""
    version: int
    """Grows with each change: ignore an event whose version you have already passed"""


class IntegrationRequestDecided(Model, kw_only=True):
    """A request for a capability was decided."""

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: IntegrationRequestDecidedData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class IntegrationRequestDecidedData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    request_id: str
    """The request"""
    capability: str
    """The kind of access that was asked for"""
    decision: str
    """The decision, such as `approved` or `declined`"""


class ReportReady(Model, kw_only=True):
    """A report of quality indicators is ready. The event carries no figures: fetch them with GET
    /api/v1/acqi/reports/{report_id}/content.
    """

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: ReportReadyData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class ReportReadyData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    report_id: str
    """The report"""
    period: str
    """How long its period is. One of: month, quarter, year"""
    from_date: str
    """The first day, UTC"""
    to_date: str
    """The day after the last one, UTC"""
    schedule_id: str | None = None
    """The schedule that asked for it, where one did"""


class WebhookDisabled(Model, kw_only=True):
    """One of the tenant's webhooks stopped: nothing is sent to it until it is enabled again. Its events are kept."""

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: WebhookDisabledData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class WebhookDisabledData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    webhook_id: str
    """The webhook"""
    reason: str
    """Why: `failing` for five days, `gone` when it answered 410, or `stopped_by_operator` when Knogin stopped it"""


class WebhookFailing(Model, kw_only=True):
    """One of your app's webhooks has failed without a success for an hour. It is sent once, to the app's other
    webhooks, until the webhook has recovered.
    """

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: WebhookFailingData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class WebhookFailingData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    webhook_id: str
    """The webhook"""
    failing_since: datetime
    """When its failures began"""
    error: str
    """The class of the last failure, as the beginning of a delivery's `error` has it: `timeout`, `http_status`,
    `dns_error` …
    """
    response_status: int | None = None
    """The status of the last answer; null if there was none"""


class WebhookRecovered(Model, kw_only=True):
    """A webhook of your app that was failing took a delivery again. The deliveries that wait follow, oldest first."""

    type: str
    """The type"""
    timestamp: datetime
    """When it happened"""
    data: WebhookRecoveredData
    """The event's data, in the form of its type"""
    test: bool | None = None
    """True; there alone for what happened in a sandbox or was sent as a test"""


class WebhookRecoveredData(Model, kw_only=True):
    """The event's data, in the form of its type"""

    webhook_id: str
    """The webhook"""
    failing_since: datetime
    """When its failures began"""
    recovered_at: datetime
    """When it took a delivery again"""


class UnknownEvent(Model, kw_only=True):
    """An event of a type that this version does not know, or of a thin webhook, whose data is its `event_id`."""

    type: str
    timestamp: datetime
    data: dict[str, Any]
    test: bool | None = None
    thin: bool | None = None


TYPES: dict[str, type[Model]] = {
    "app.secret_rotated": AppSecretRotated,
    "automation.fired": AutomationFired,
    "delivery.exhausted": DeliveryExhausted,
    "device.enrolled": DeviceEnrolled,
    "device.observations.recorded": DeviceObservationsRecorded,
    "epcr.destination.changed": EpcrDestinationChanged,
    "epcr.emergency_access.opened": EpcrEmergencyAccessOpened,
    "epcr.encounter.completed": EpcrEncounterCompleted,
    "epcr.encounter.created": EpcrEncounterCreated,
    "epcr.encounter.updated": EpcrEncounterUpdated,
    "epcr.identity.corrected": EpcrIdentityCorrected,
    "epcr.outcome.recorded": EpcrOutcomeRecorded,
    "incident.closed": IncidentClosed,
    "incident.created": IncidentCreated,
    "incident.updated": IncidentUpdated,
    "integration_request.decided": IntegrationRequestDecided,
    "report.ready": ReportReady,
    "webhook.disabled": WebhookDisabled,
    "webhook.failing": WebhookFailing,
    "webhook.recovered": WebhookRecovered,
}
Event: TypeAlias = (
    AppSecretRotated
    | AutomationFired
    | DeliveryExhausted
    | DeviceEnrolled
    | DeviceObservationsRecorded
    | EpcrDestinationChanged
    | EpcrEmergencyAccessOpened
    | EpcrEncounterCompleted
    | EpcrEncounterCreated
    | EpcrEncounterUpdated
    | EpcrIdentityCorrected
    | EpcrOutcomeRecorded
    | IncidentClosed
    | IncidentCreated
    | IncidentUpdated
    | IntegrationRequestDecided
    | ReportReady
    | WebhookDisabled
    | WebhookFailing
    | WebhookRecovered
    | UnknownEvent
)

"""The contract between services: one Struct per message, tagged `<consumer>.<event>.v1`. A breaking change is a new version.

The tables at the end say who may send what; Redis' users, the queues and every consumer's checks follow from them.

Nothing here may carry personal data: names, birth dates, addresses, phone numbers, free text and serial numbers stay
where they were written.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, Literal, LiteralString, NamedTuple, TypeVar
from uuid import UUID

import msgspec

from shared.messaging.event_types import types_of


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="name"):
    """The messages between services. Unknown fields are ignored, so that a producer may be deployed before its consumer."""


def name_of(message: Message | type[Message]) -> str:
    """The tag, such as `epcr.observations_recorded.v1`."""
    return str(message.__struct_config__.tag)


def consumer_of(message: Message | type[Message]) -> str:
    """The service a message is for."""
    return name_of(message).partition(".")[0]


M = TypeVar("M", bound=Message)


class Received(msgspec.Struct, Generic[M], frozen=True):
    """A message with its envelope. `traceparent` is the consumer's own span in the message's trace."""

    id: UUID
    tenant_id: str
    occurred_at: datetime
    traceparent: str | None
    body: M


AppStatus = Literal["active", "disabled", "deleted"]


class Event(Message, frozen=True, kw_only=True, tag="webhook_dispatcher.event.v1"):
    """Something subscribers may hear of; `data` follows the JSON Schema of `type`.

    `cause` are the ids of the automations that led to it, oldest first: by it a loop is known. Nobody outside sees it.
    `test` says that it happened in a rehearsal, as all does in a sandbox tenant. `recipients` are the only apps that get it, by
    `client_id`; None is every app of the tenant.
    """

    event_id: str
    type: str
    timestamp: datetime
    data: dict[str, Any]
    cause: list[str] = []
    test: bool = False
    recipients: list[str] | None = None


class WebhookApp(Message, frozen=True, kw_only=True, tag="webhook_dispatcher.app_changed.v1"):
    """An app's state. `version` is the change's Unix time in milliseconds: an older one never overwrites a newer."""

    client_id: str
    version: int
    status: AppStatus
    approved_events: list[str]


class WebhookTenant(Message, frozen=True, kw_only=True, tag="webhook_dispatcher.tenant_changed.v1"):
    """Which tenants are sandboxes, whose webhooks' own events are tests. A tenant's environment never changes."""

    tenant_id: str
    environment: Literal["production", "sandbox"]


class GraphqlApp(Message, frozen=True, kw_only=True, tag="graphql_api.app_changed.v1"):
    client_id: str
    version: int
    status: AppStatus
    graphql_bundles: list[str]


class ClinicalApp(Message, frozen=True, kw_only=True, tag="epcr.app_changed.v1"):
    client_id: str
    version: int
    status: AppStatus
    pseudonym_domain: str
    deidentification: Literal["exact", "shifted", "safe_harbor"]


class TenantChanged(Message, frozen=True, kw_only=True, tag="control_plane.tenant_changed.v1"):
    """The state of a tenant. `version` grows as an app's does. `tenant_name` is the organisation's name; `name` is the message's tag."""

    tenant_id: str
    version: int
    tenant_name: str
    status: Literal["active", "suspended"]
    environment: Literal["production", "sandbox"]
    granted_scopes: list[str]


class PlatformApp(Message, frozen=True, kw_only=True, tag="control_plane.app_changed.v1"):
    """The rights of an app, which are the limit of its automations."""

    client_id: str
    version: int
    status: AppStatus
    approved_events: list[str]
    graphql_bundles: list[str]
    requested_scopes: list[str]


class AuthorityEnded(Message, frozen=True, kw_only=True, tag="control_plane.authority_ended.v1"):
    """An authority of automations ended: a grant or service token (`grant_id`), or the rights of a person (`user_id`).

    With `client_id`, only that app's automations of the person end. With `scopes_left`, automations that need no other scope continue.
    Automations that were authorised after `ended_at` continue too.
    """

    ended_at: datetime
    grant_id: str | None = None
    user_id: str | None = None
    client_id: str | None = None
    scopes_left: list[str] | None = None


class AutomationInterest(Message, frozen=True, kw_only=True, tag="webhook_dispatcher.automation_interest.v1"):
    """All event types for which a tenant has live automations. `version` grows with every change."""

    version: int
    event_types: list[str]


class PlatformEvent(Message, frozen=True, kw_only=True, tag="control_plane.event.v1"):
    """An accepted event of a type for which automations wait. `recipients` as in `Event`."""

    event_id: str
    type: str
    timestamp: datetime
    data: dict[str, Any]
    cause: list[str] = []
    recipients: list[str] | None = None


class AutomationAction(Message, frozen=True, kw_only=True):
    """The fields of every action of an automation's run. A run has one effect, even when it is sent several times or in several attempts.

    The run acts for the app `client_id` within `scopes`. `cause` goes into the events that the run publishes. In a sandbox the effect is
    a rehearsal.
    """

    run_id: str
    attempt: int
    automation_id: str
    client_id: str
    scopes: list[str]
    cause: list[str]
    environment: Literal["production", "sandbox"] = "production"


class AutomationDelivery(AutomationAction, frozen=True, kw_only=True, tag="webhook_dispatcher.automation_delivery.v1"):
    """`automation.fired` for the app's webhooks that subscribe to it, or for one of them. `data` follows its JSON Schema."""

    webhook_id: str | None
    timestamp: datetime
    data: dict[str, Any]


class RunDocument(AutomationAction, frozen=True, kw_only=True, tag="graphql_api.run_document.v1"):
    """An approved document, identified by its bundle and its operation."""

    bundle: str
    operation: str
    variables: dict[str, Any]


class AutomationIncident(AutomationAction, frozen=True, kw_only=True, tag="graphql_api.automation_incident.v1"):
    """Opens an incident with `fields`. Without `fields`, adds the code `note` to the timeline of `incident_id`."""

    incident_id: str | None = None
    note: str | None = None
    fields: dict[str, Any] | None = None


class RunFinished(Message, frozen=True, kw_only=True, tag="control_plane.run_finished.v1"):
    """The outcome of one attempt. A `failed` one may be tried again, a `refused` one would be refused again. `result` holds only ids."""

    run_id: str
    attempt: int
    outcome: Literal["succeeded", "failed", "refused"]
    error: str | None = None
    detail: str | None = None
    result: dict[str, Any] = {}


class InstallApp(Message, frozen=True, kw_only=True, tag="auth.install_app.v1"):
    """An app to create, as a tenant's administrator consented to it. The control plane chose its `client_id`. It has no secret yet."""

    installation_id: str
    client_id: str
    app_name: str
    scopes: list[str]
    approved_events: list[str]
    graphql_bundles: list[str]
    consented_by: str
    consented_by_user: str | None


class AppInstalled(Message, frozen=True, kw_only=True, tag="control_plane.app_installed.v1"):
    """Whether auth created that app. If it refused, `reason` names the right that the tenant lacks."""

    installation_id: str
    client_id: str
    outcome: Literal["installed", "refused"]
    reason: str | None


class UninstallApp(Message, frozen=True, kw_only=True, tag="auth.uninstall_app.v1"):
    """An installed app to delete. Auth announces its deletion like that of every app."""

    installation_id: str
    client_id: str
    uninstalled_by: str
    uninstalled_by_user: str | None


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """A device's reading: MDC code (ISO/IEEE 11073-10101), exact value in the UCUM unit, or why there is none."""

    id: str
    device_id: str
    device_class: str
    mdc_code: str
    mdc_code10: int
    value: Decimal | None
    unit_code: str | None
    data_absent_reason: str | None = None
    observed_at: datetime
    flags: list[str] = []
    test: bool = False


class ObservationsRecorded(Message, frozen=True, kw_only=True, tag="epcr.observations_recorded.v1"):
    encounter_id: str
    observations: list[Observation]


class DeviceDescribed(Message, frozen=True, kw_only=True, tag="epcr.device_described.v1"):
    """The maker and model of a device, each in a few words without a serial number, or None."""

    device_id: str
    manufacturer: str | None
    model: str | None
    described_at: datetime


class EncounterLink(Message, frozen=True, kw_only=True, tag="device_ingest.encounter_links.v1"):
    """Whether observations were added to their encounter."""

    encounter_id: str
    link: Literal["linked", "unknown"]
    observation_ids: list[str]


class CodedFact(msgspec.Struct, frozen=True, kw_only=True):
    """A medication or procedure. `not_done_reason` (`refused contraindicated not_indicated unable`) marks one that was not given or done.

    `kind` of a medication: `aspirin gtn analgesic oxygen glucose glucagon benzodiazepine beta_agonist other unknown` (a code that no
    table knows). `kind` of a procedure: `ecg_12_lead advanced_airway oxygen defibrillation cpr oral_glucose other`.
    Indicators use `kind`, never `code`.
    """

    kind: str
    code: str | None = None
    at: datetime | None = None
    successful: bool | None = None
    not_done_reason: str | None = None


class VitalFact(msgspec.Struct, frozen=True, kw_only=True):
    """A measured vital sign.

    `kind` is one of `spo2 heart_rate respiratory_rate systolic diastolic glucose gcs avpu pain etco2 temperature fast`.
    """

    kind: str
    value: Decimal | None = None
    text: str | None = None
    unit: str | None = None
    at: datetime | None = None


class ArrestFact(msgspec.Struct, frozen=True, kw_only=True):
    """Out-of-hospital cardiac arrest in Utstein terms; None if the record has no value."""

    resuscitation_attempted: bool | None = None
    aetiology: str | None = None
    witnessed: Literal["bystander", "ems", "unwitnessed"] | None = None
    bystander_cpr: bool | None = None
    initial_rhythm: (
        Literal["vf", "pulseless_vt", "shockable_unknown", "pea", "asystole", "non_shockable_unknown"] | None
    ) = None
    first_shock_at: datetime | None = None
    rosc: bool | None = None
    rosc_at_handover: bool | None = None
    dnar: bool | None = None
    recognised_dead: bool | None = None
    survived_to_discharge: bool | None = None
    cpc: int | None = None
    cpr_started_at: datetime | None = None
    rosc_at: datetime | None = None


class CprFact(msgspec.Struct, frozen=True, kw_only=True):
    """The quality of compressions: rate and depth in `/min` and `mm`, fraction in `%`."""

    dispatcher_instructed: bool | None = None
    compression_rate: Decimal | None = None
    compression_depth: Decimal | None = None
    compression_fraction: Decimal | None = None


class AirwayFact(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt at an advanced airway, with saturation in `%` and systolic pressure in `mm[Hg]` around it."""

    at: datetime
    device: Literal["endotracheal_tube", "supraglottic_airway", "surgical_airway"]
    successful: bool | None = None
    prior_to_arrival: bool | None = None
    spo2_before: Decimal | None = None
    spo2_lowest: Decimal | None = None
    systolic_before: Decimal | None = None
    systolic_lowest: Decimal | None = None


class StrokeFact(msgspec.Struct, frozen=True, kw_only=True):
    suspected: bool | None = None
    fast_assessed: bool | None = None
    last_known_well_recorded: bool | None = None
    nihss_recorded: bool | None = None


class OutcomeFact(msgspec.Struct, frozen=True, kw_only=True):
    """The hospital's report; None where it says nothing or does not know. Diagnoses are ICD-10 codes, primary first."""

    emergency_disposition: str | None = None
    disposition: str | None = None
    emergency_diagnoses: list[str] = []
    diagnoses: list[str] = []
    procedures: list[str] = []
    trauma_team: bool | None = None
    injury_severity_score: int | None = None
    survived_to_discharge: bool | None = None
    alive_at_30_days: bool | None = None
    cpc: int | None = None
    mrs: int | None = None


class EncounterFacts(Message, frozen=True, kw_only=True, tag="graphql_api.encounter_facts.v1"):
    """The facts from which the quality indicators are computed: de-identified, the whole state of one version of one encounter.

    `day` is the UTC day of the call. Ages above 89 appear as 90; `newborn` means younger than 24 hours. `impressions` are ICD-10
    codes, primary first; `conditions` are findings other than diagnoses: `stemi` if a 12-lead ECG showed one. `response` is `emergency`
    or another value of the care model. The keys of `times` are `call mobile on_scene at_patient left_scene at_destination handover`.
    `outcome` is the record's word for the end of the encounter. `child_restrained` is of the accident, not of the transport. `hospital`
    is the report of the hospital; `arrest` already has its answers. `incident` is a digest that the crews of one incident share, and
    its patients. `extent` grows with a release that has more facts: of equal versions the higher one counts.
    """

    encounter_id: str
    version: int
    day: date
    status: Literal["in_progress", "completed", "handed_over", "cancelled"]
    care_model: str
    response: str
    age_years: int | None = None
    newborn: bool | None = None
    sex: str | None = None
    impressions: list[str] = []
    conditions: list[str] = []
    times: dict[str, datetime] = {}
    vitals: list[VitalFact] = []
    medications: list[CodedFact] = []
    procedures: list[CodedFact] = []
    arrest: ArrestFact | None = None
    stroke: StrokeFact | None = None
    transported: bool | None = None
    outcome: str | None = None
    prealert: bool | None = None
    lights_and_sirens: bool | None = None
    injury: bool | None = None
    hospital: OutcomeFact | None = None
    dispatch_category: str | None = None
    responded_with_lights_and_sirens: bool | None = None
    acuity_scale: str | None = None
    acuity_initial: str | None = None
    acuity_final: str | None = None
    weight_recorded: bool | None = None
    trauma_criteria: list[str] = []
    child_restrained: bool | None = None
    destination_type: str | None = None
    prealert_for: str | None = None
    prealert_at: datetime | None = None
    airways: list[AirwayFact] = []
    cpr: CprFact | None = None
    restrained_in_transport: bool | None = None
    incident: str | None = None
    extent: int = 1
    test: bool = False


class SandboxTask(Message, frozen=True, kw_only=True):
    """The fields of work in a self-made sandbox: one portion of it, or a scenario. The tenant of the message is the sandbox.

    `seed`: writes the invented year up to `until`. `erase`: deletes data. `end`: deletes settings too. `generation` counts the resets.
    `advance`: moves the clock by `seconds`; `number` counts these. A portion is answered by `SandboxPortionDone`, upon which auth sends the
    next. A scenario has a `number`, the time `at`, and no answer.
    """

    sandbox_id: str
    client_id: str
    generation: int
    seed: int
    until: datetime
    task: Literal["seed", "erase", "end", "advance", "arrest", "failing_receiver"]
    step: int = 0
    portion: int = 0
    number: int = 0
    at: datetime | None = None
    seconds: int = 0


class SandboxEncounters(SandboxTask, frozen=True, kw_only=True, tag="epcr.sandbox_task.v1"):
    """Encounters, with their readings, disclosures and outcomes."""


class SandboxDevices(SandboxTask, frozen=True, kw_only=True, tag="device_ingest.sandbox_task.v1"):
    """Devices and their observations."""


class SandboxIncidents(SandboxTask, frozen=True, kw_only=True, tag="graphql_api.sandbox_task.v1"):
    """Incidents, and in erasing the facts of indicators, which epcr sends."""


class SandboxDeliveries(SandboxTask, frozen=True, kw_only=True, tag="webhook_dispatcher.sandbox_task.v1"):
    """An example webhook with its deliveries, and the waits of all webhooks."""


class SandboxPortionDone(Message, frozen=True, kw_only=True, tag="auth.sandbox_portion_done.v1"):
    """A service has done a portion. `left` says whether the step has another."""

    sandbox_id: str
    generation: int
    step: int
    portion: int
    left: bool


PRODUCERS: Mapping[type[Message], tuple[str, ...]] = {
    Event: ("auth", "webhook_dispatcher", "graphql_api", "epcr", "device_ingest"),
    WebhookApp: ("auth",),
    WebhookTenant: ("auth",),
    GraphqlApp: ("auth",),
    ClinicalApp: ("auth",),
    ObservationsRecorded: ("device_ingest",),
    DeviceDescribed: ("device_ingest",),
    EncounterLink: ("epcr",),
    EncounterFacts: ("epcr",),
    TenantChanged: ("auth",),
    PlatformApp: ("auth",),
    AutomationInterest: ("control_plane",),
    PlatformEvent: ("webhook_dispatcher",),
    AutomationDelivery: ("control_plane",),
    RunDocument: ("control_plane",),
    AutomationIncident: ("control_plane",),
    RunFinished: ("webhook_dispatcher", "graphql_api"),
    InstallApp: ("control_plane",),
    AppInstalled: ("auth",),
    AuthorityEnded: ("auth",),
    UninstallApp: ("control_plane",),
    SandboxEncounters: ("auth",),
    SandboxDevices: ("auth",),
    SandboxIncidents: ("auth",),
    SandboxDeliveries: ("auth",),
    SandboxPortionDone: ("epcr", "device_ingest", "graphql_api", "webhook_dispatcher"),
}
"""The services that may send each kind of message. A consumer refuses it from every other sender."""

EVENT_TYPES: Mapping[str, tuple[str, ...]] = {producer: types_of(producer) for producer in PRODUCERS[Event]}
"""The types of `Event` that each producer may send, from the files of `events/`."""

TIMED = (WebhookApp, GraphqlApp, ClinicalApp, TenantChanged, PlatformApp)
"""Kinds whose `version` is Unix time in milliseconds. Every other `version` counts changes."""

MESSAGES: tuple[type[Message], ...] = tuple(PRODUCERS)


class Versioned(NamedTuple):
    """A consumer's table with the newest `version` from messages of `kind`, for each `tenant_id` and value of the column `id`."""

    kind: type[Message]
    name: LiteralString
    id: LiteralString


SERVICES = ("auth", "webhook_dispatcher", "graphql_api", "epcr", "device_ingest", "control_plane", "console")


def consumers_of(producer: str) -> list[str]:
    """The services to which `producer` sends messages."""
    return sorted({consumer_of(kind) for kind, producers in PRODUCERS.items() if producer in producers})


def producers_for(consumer: str) -> list[str]:
    """The services that send messages to `consumer`."""
    return sorted(
        {each for kind, producers in PRODUCERS.items() if consumer_of(kind) == consumer for each in producers}
    )


def batches_queue(consumer: str, producer: str) -> str:
    """The queue of one producer's messages for one consumer."""
    return f"{consumer}.from.{producer}"


def acknowledgements_queue(producer: str, consumer: str) -> str:
    """The queue of one consumer's acknowledgements to one producer."""
    return f"{producer}.acks.{consumer}"


def queues_of(service: str) -> list[str]:
    """All queues of messages and acknowledgements that a service's worker serves."""
    return [batches_queue(service, producer) for producer in producers_for(service)] + [
        acknowledgements_queue(service, consumer) for consumer in consumers_of(service)
    ]

// Generated from the contract by `make clients`; do not edit.

import type { Open, UnknownValue } from '../types.js';

/** An app's client secret was replaced. */
export interface AppSecretRotated {
  /** The type */
  type: 'app.secret_rotated';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: AppSecretRotatedData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface AppSecretRotatedData {
  /** The app */
  client_id: string;
  /** When it was replaced */
  rotated_at: string;
  /** When the old secret stops working; null if it already has */
  previous_secret_expires_at: string | null;
}

/** An automation of the app ran its webhook action. */
export interface AutomationFired {
  /** The type */
  type: 'automation.fired';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: AutomationFiredData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface AutomationFiredData {
  /** The automation */
  automation_id: string;
  /** Its run, the same at every attempt */
  run_id: string;
  /** The event that set it off */
  event_id: string;
  /** Its type */
  event_type: string;
  /** Its data, as its own type describes it */
  event: Record<string, unknown>;
  /** Further values of the automation's action, by name */
  fields: Record<string, unknown>;
}

/**
 * Deliveries of one of your app's webhooks were given up after their last attempt; recover sends them again. At most
 * one such event in ten minutes is sent for a webhook, and none for deliveries of notices.
 */
export interface DeliveryExhausted {
  /** The type */
  type: 'delivery.exhausted';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: DeliveryExhaustedData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface DeliveryExhaustedData {
  /** The webhook */
  webhook_id: string;
  /** The newest of them */
  delivery_id: string;
  /** The type of its event */
  event_type: string;
  /** How many were given up since the event before */
  deliveries: number;
}

/** A device was enrolled, enrolled again, or became active again. */
export interface DeviceEnrolled {
  /** The type */
  type: 'device.enrolled';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: DeviceEnrolledData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface DeviceEnrolledData {
  /** The device */
  device_id: string;
  /** The class of the device */
  device_class: string;
  /** Where it stands */
  status: Open<'active' | 'inactive' | 'retired'>;
  /** The vehicle it rides on, if any */
  vehicle_id?: string | null;
}

/** A device's observations were stored. The values are read from the device, not carried here. */
export interface DeviceObservationsRecorded {
  /** The type */
  type: 'device.observations.recorded';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: DeviceObservationsRecordedData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface DeviceObservationsRecordedData {
  /** The device */
  device_id: string;
  /** The encounter they were sent for, if any */
  encounter_id?: string | null;
  /** How many observations */
  count: number;
  /** The earliest of them */
  first_observed_at: string;
  /** The latest of them */
  last_observed_at: string;
}

/** An encounter was bound for your destination, or is no longer. Only the destination's app gets this event. */
export interface EpcrDestinationChanged {
  /** The type */
  type: 'epcr.destination.changed';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: EpcrDestinationChangedData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface EpcrDestinationChangedData {
  /** The encounter; read it with GET /api/v1/epcr/encounters/{encounter_id}/handover */
  encounter_id: string;
  /** The organisation it belongs to */
  organization_id: string;
  /** The destination */
  destination_id: string;
  /** `bound`: your app may read the handover from now on; `ended`: it may not any more */
  state: Open<'bound' | 'ended'>;
}

/**
 * An app opened emergency access to who the patient of an encounter is, although the encounter is not bound for its
 * destination.
 */
export interface EpcrEmergencyAccessOpened {
  /** The type */
  type: 'epcr.emergency_access.opened';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: EpcrEmergencyAccessOpenedData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface EpcrEmergencyAccessOpenedData {
  /** The encounter; its disclosures are at GET /api/v1/epcr/encounters/{encounter_id}/disclosures */
  encounter_id: string;
  /** The organisation it belongs to */
  organization_id: string;
  /** The destination in whose name the app reads */
  destination_id: string;
  /** The emergency access, as disclosures name it */
  emergency_id: string;
  /** The app that opened it */
  client_id: string;
  /** The reason that the app gave */
  reason: Open<'patient_present' | 'patient_transferred' | 'life_threatening' | 'destination_missing'>;
}

/** A patient care encounter was completed; its bundle can be fetched. */
export interface EpcrEncounterCompleted {
  /** The type */
  type: 'epcr.encounter.completed';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: EpcrEncounterCompletedData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface EpcrEncounterCompletedData {
  /** The encounter; read it with GET /api/v1/epcr/encounters/{encounter_id} */
  encounter_id: string;
  /** The organisation it belongs to */
  organization_id: string;
  /** The kind of care */
  care_model: Open<
    | 'prehospital_emergency'
    | 'interfacility_transfer'
    | 'community_paramedicine'
    | 'event_medical'
    | 'non_emergency_transport'
  >;
  /** Where it stands */
  status: Open<'in_progress' | 'completed' | 'handed_over' | 'cancelled'>;
  /** The vehicle, as the caller named it */
  vehicle_id: string | null;
  /** The dispatch system's incident, as the caller named it */
  cad_incident_id: string | null;
  /** Grows with each change: ignore an event whose version you have already passed */
  version: number;
}

/** A patient care encounter was begun. */
export interface EpcrEncounterCreated {
  /** The type */
  type: 'epcr.encounter.created';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: EpcrEncounterCreatedData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface EpcrEncounterCreatedData {
  /** The encounter; read it with GET /api/v1/epcr/encounters/{encounter_id} */
  encounter_id: string;
  /** The organisation it belongs to */
  organization_id: string;
  /** The kind of care */
  care_model: Open<
    | 'prehospital_emergency'
    | 'interfacility_transfer'
    | 'community_paramedicine'
    | 'event_medical'
    | 'non_emergency_transport'
  >;
  /** Where it stands */
  status: Open<'in_progress' | 'completed' | 'handed_over' | 'cancelled'>;
  /** The vehicle, as the caller named it */
  vehicle_id: string | null;
  /** The dispatch system's incident, as the caller named it */
  cad_incident_id: string | null;
  /** Grows with each change: ignore an event whose version you have already passed */
  version: number;
}

/** A patient care encounter changed. */
export interface EpcrEncounterUpdated {
  /** The type */
  type: 'epcr.encounter.updated';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: EpcrEncounterUpdatedData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface EpcrEncounterUpdatedData {
  /** The encounter; read it with GET /api/v1/epcr/encounters/{encounter_id} */
  encounter_id: string;
  /** The organisation it belongs to */
  organization_id: string;
  /** The kind of care */
  care_model: Open<
    | 'prehospital_emergency'
    | 'interfacility_transfer'
    | 'community_paramedicine'
    | 'event_medical'
    | 'non_emergency_transport'
  >;
  /** Where it stands */
  status: Open<'in_progress' | 'completed' | 'handed_over' | 'cancelled'>;
  /** The vehicle, as the caller named it */
  vehicle_id: string | null;
  /** The dispatch system's incident, as the caller named it */
  cad_incident_id: string | null;
  /** Grows with each change: ignore an event whose version you have already passed */
  version: number;
}

/**
 * An encounter that your app fetched was under the identity of another patient. Fetch it again: its bundle withdraws
 * the resources that your app fetched under the former identity. Only apps that fetched it get this event.
 */
export interface EpcrIdentityCorrected {
  /** The type */
  type: 'epcr.identity.corrected';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: EpcrIdentityCorrectedData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface EpcrIdentityCorrectedData {
  /** The encounter; read it with GET /api/v1/epcr/encounters/{encounter_id} */
  encounter_id: string;
  /** The organisation it belongs to */
  organization_id: string;
  /**
   * The number of the identity that holds now; data fetched under a lower number has the identity of another patient
   */
  identity: number;
  /** The version of the record with the correction */
  version: number;
}

/** The hospital reported the outcome of a patient, or corrected it. The event names no diagnosis. */
export interface EpcrOutcomeRecorded {
  /** The type */
  type: 'epcr.outcome.recorded';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: EpcrOutcomeRecordedData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface EpcrOutcomeRecordedData {
  /** The encounter; its destination reads the outcome with GET /api/v1/epcr/encounters/{encounter_id}/outcome */
  encounter_id: string;
  /** The organisation it belongs to */
  organization_id: string;
  /** The destination that reported */
  destination_id: string;
  /** The version of the outcome: each correction is the next one */
  version: number;
}

/** An incident was closed. */
export interface IncidentClosed {
  /** The type */
  type: 'incident.closed';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: IncidentClosedData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface IncidentClosedData {
  /** The incident */
  incident_id: string;
  /** The number people call it by */
  number: string;
  /** The kind of incident, as a code */
  type: string;
  /** How urgent, a code */
  priority: string;
  /** Where it stands, a code */
  status: string;
  /** Its id in the dispatch system, where it came from one */
  cad_incident_id?: string | null;
  /** Ids of the units assigned */
  units?: string[];
  /** Why it was closed, a code; only once closed */
  closed_reason?: string | null;
  /** Grows with each change: ignore an event whose version you have already passed */
  version: number;
}

/** An incident was opened. */
export interface IncidentCreated {
  /** The type */
  type: 'incident.created';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: IncidentCreatedData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface IncidentCreatedData {
  /** The incident */
  incident_id: string;
  /** The number people call it by */
  number: string;
  /** The kind of incident, as a code */
  type: string;
  /** How urgent, a code */
  priority: string;
  /** Where it stands, a code */
  status: string;
  /** Its id in the dispatch system, where it came from one */
  cad_incident_id?: string | null;
  /** Ids of the units assigned */
  units?: string[];
  /** Why it was closed, a code; only once closed */
  closed_reason?: string | null;
  /** Grows with each change: ignore an event whose version you have already passed */
  version: number;
}

/** An incident changed: its status, priority or units. */
export interface IncidentUpdated {
  /** The type */
  type: 'incident.updated';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: IncidentUpdatedData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface IncidentUpdatedData {
  /** The incident */
  incident_id: string;
  /** The number people call it by */
  number: string;
  /** The kind of incident, as a code */
  type: string;
  /** How urgent, a code */
  priority: string;
  /** Where it stands, a code */
  status: string;
  /** Its id in the dispatch system, where it came from one */
  cad_incident_id?: string | null;
  /** Ids of the units assigned */
  units?: string[];
  /** Why it was closed, a code; only once closed */
  closed_reason?: string | null;
  /** Grows with each change: ignore an event whose version you have already passed */
  version: number;
}

/** A request for a capability was decided. */
export interface IntegrationRequestDecided {
  /** The type */
  type: 'integration_request.decided';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: IntegrationRequestDecidedData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface IntegrationRequestDecidedData {
  /** The request */
  request_id: string;
  /** The kind of access that was asked for */
  capability: string;
  /** The decision, such as `approved` or `declined` */
  decision: string;
}

/**
 * A report of quality indicators is ready. The event carries no figures: fetch them with GET
 * /api/v1/acqi/reports/{report_id}/content.
 */
export interface ReportReady {
  /** The type */
  type: 'report.ready';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: ReportReadyData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface ReportReadyData {
  /** The report */
  report_id: string;
  /** How long its period is */
  period: Open<'month' | 'quarter' | 'year'>;
  /** The first day, UTC */
  from_date: string;
  /** The day after the last one, UTC */
  to_date: string;
  /** The schedule that asked for it, where one did */
  schedule_id?: string;
}

/** One of the tenant's webhooks stopped: nothing is sent to it until it is enabled again. Its events are kept. */
export interface WebhookDisabled {
  /** The type */
  type: 'webhook.disabled';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: WebhookDisabledData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface WebhookDisabledData {
  /** The webhook */
  webhook_id: string;
  /** Why: `failing` for five days, `gone` when it answered 410, or `stopped_by_operator` when Knogin stopped it */
  reason: string;
}

/**
 * One of your app's webhooks has failed without a success for an hour. It is sent once, to the app's other webhooks,
 * until the webhook has recovered.
 */
export interface WebhookFailing {
  /** The type */
  type: 'webhook.failing';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: WebhookFailingData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface WebhookFailingData {
  /** The webhook */
  webhook_id: string;
  /** When its failures began */
  failing_since: string;
  /**
   * The class of the last failure, as the beginning of a delivery's `error` has it: `timeout`, `http_status`,
   * `dns_error` …
   */
  error: string;
  /** The status of the last answer; null if there was none */
  response_status?: number | null;
}

/** A webhook of your app that was failing took a delivery again. The deliveries that wait follow, oldest first. */
export interface WebhookRecovered {
  /** The type */
  type: 'webhook.recovered';
  /** When it happened */
  timestamp: string;
  /** The event's data, in the form of its type */
  data: WebhookRecoveredData;
  /** True; there alone for what happened in a sandbox or was sent as a test */
  test?: boolean;
}

/** The event's data, in the form of its type */
export interface WebhookRecoveredData {
  /** The webhook */
  webhook_id: string;
  /** When its failures began */
  failing_since: string;
  /** When it took a delivery again */
  recovered_at: string;
}

/** An event of a type that this version does not know, or of a thin webhook, whose data is its `event_id`. */
export interface UnknownEvent {
  type: UnknownValue;
  timestamp: string;
  data: Record<string, unknown>;
  test?: boolean;
  thin?: boolean;
}

/** Every event. `type` says which one it is. */
export type Event =
  | AppSecretRotated
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
  | UnknownEvent;

// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, KeyedOptions, PageOptions, Unchanged } from '../calls.js';
import type { FhirBundle, FhirBundles } from '../fhir.js';
import type * as models from '../models/index.js';
import type { Pages } from '../paging.js';

/** The options of `listEncounters`. */
export interface ListEncountersOptions extends PageOptions {
  /** Only encounters of this incident */
  cadIncidentId?: string;
  /** Only encounters of this vehicle */
  vehicleId?: string;
  /** Only encounters in this state */
  status?: 'cancelled' | 'completed' | 'handed_over' | 'in_progress';
}

/** The options of `getEncounter`. */
export interface GetEncounterOptions<ETag extends string | undefined = string | undefined> extends CallOptions {
  /** `fhir` asks for the FHIR bundle */
  format?: 'fhir' | 'json';
  /** The most entries of one transaction; the answer is then several */
  maxEntries?: number;
  /**
   * How readings of devices are sent: each as an Observation, each series as one Observation with SampledData of at
   * most 1000 samples, or not at all. Default all
   */
  readings?: 'all' | 'none' | 'summary';
  /** The language of the text for people in the Composition. Default en */
  language?: 'en' | 'it';
  /** The ETag of an earlier answer. If it is still current, the answer is 304. */
  ifNoneMatch?: ETag;
}

/** The options of `getFhirBundle`. */
export interface GetFhirBundleOptions<ETag extends string | undefined = string | undefined> extends CallOptions {
  /** The most entries of one transaction; the answer is then several */
  maxEntries?: number;
  /**
   * How readings of devices are sent: each as an Observation, each series as one Observation with SampledData of at
   * most 1000 samples, or not at all. Default all
   */
  readings?: 'all' | 'none' | 'summary';
  /** The language of the text for people in the Composition. Default en */
  language?: 'en' | 'it';
  /** The ETag of an earlier answer. If it is still current, the answer is 304. */
  ifNoneMatch?: ETag;
}

/** The options of `listDestinations`. */
export interface ListDestinationsOptions extends PageOptions {
  /** The official code of the place */
  code?: string;
  /** `true`: only active destinations; `false`: only others */
  active?: boolean;
}

/** The options of `getHandover`. */
export interface GetHandoverOptions<ETag extends string | undefined = string | undefined> extends CallOptions {
  /** `json` is the record; `document` and `transaction` are FHIR, `pdf` is a report for people */
  format?: 'document' | 'json' | 'pdf' | 'transaction';
  /** The language of the texts in the document, the transaction and the PDF */
  language?: 'en' | 'it';
  /** The ETag of an earlier answer. If it is still current, the answer is 304. */
  ifNoneMatch?: ETag;
}

/** The options of `listDisclosures`. */
export interface ListDisclosuresOptions extends PageOptions {
  /** `encounter`: of this encounter alone; `patient`: of all encounters of the same patient */
  of?: 'encounter' | 'patient';
}

/** The options of `getOutcome`. */
export interface GetOutcomeOptions<ETag extends string | undefined = string | undefined> extends CallOptions {
  /** The ETag of an earlier answer. If it is still current, the answer is 304. */
  ifNoneMatch?: ETag;
}

/** The options of `recordOutcome`. */
export interface RecordOutcomeOptions extends CallOptions {
  /** The `identity` in the handover that you read: required where an earlier one was another patient's */
  identity?: number;
  /** The ETag of the version that the call replaces. */
  ifMatch?: string;
}

/** The options of `recordOutcomeBundle`. */
export interface RecordOutcomeBundleOptions extends CallOptions {
  /** The `identity` in the handover that you read: required where an earlier one was another patient's */
  identity?: number;
  /** The ETag of the version that the call replaces. */
  ifMatch?: string;
}

/**
 * Electronic patient care records: made by dispatch systems, read de-identified, exported as FHIR R4. A destination
 * reads who the patient is, and reports the outcome.
 */
export class Epcr {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * List ePCR encounters.
   *
   * By the dispatch system's incident, by status.
   *
   * Scope: `argus:epcr:read`.
   */
  listEncounters(options: ListEncountersOptions = {}): Pages<models.epcr.EncounterSummary> {
    return this.#caller.pages({
      operation: { id: 'listEncounters', method: 'GET', path: '/api/v1/epcr/encounters', answers: { 200: 'object' } },
      query: {
        limit: options.limit,
        cursor: options.cursor,
        cad_incident_id: options.cadIncidentId,
        vehicle_id: options.vehicleId,
        status: options.status,
      },
      options,
      page: 'encounters',
    });
  }

  /**
   * Create an ePCR encounter.
   *
   * From an external CAD-to-ePCR integration. The first four fields are enough; the whole record may be sent. What
   * names the patient is kept encrypted and never shown again, to you or to anyone else. An app that is shown moved
   * times cannot.
   *
   * Scope: `argus:epcr:write`.
   */
  createEncounter(body: models.epcr.EncounterDraft, options: KeyedOptions = {}): Promise<models.epcr.EncounterView> {
    return this.#caller.value({
      operation: {
        id: 'createEncounter',
        method: 'POST',
        path: '/api/v1/epcr/encounters',
        answers: { 201: 'object' },
        body: 'json',
        keyed: true,
      },
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Fetch an ePCR encounter.
   *
   * The de-identified record, or with `format=fhir` or `Accept: application/fhir+json` the same bundle as
   * `fhir-bundle`.
   *
   * Scope: `argus:epcr:read`.
   *
   * null means that nothing has changed since `ifNoneMatch`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  getEncounter<ETag extends string | undefined = undefined>(
    encounterId: string,
    options: GetEncounterOptions<ETag> & { format: 'fhir'; maxEntries: number },
  ): Promise<FhirBundles | Unchanged<ETag>>;

  /**
   * Fetch an ePCR encounter.
   *
   * The de-identified record, or with `format=fhir` or `Accept: application/fhir+json` the same bundle as
   * `fhir-bundle`.
   *
   * Scope: `argus:epcr:read`.
   *
   * null means that nothing has changed since `ifNoneMatch`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  getEncounter<ETag extends string | undefined = undefined>(
    encounterId: string,
    options: GetEncounterOptions<ETag> & { format: 'fhir'; maxEntries?: undefined },
  ): Promise<FhirBundle | Unchanged<ETag>>;

  /**
   * Fetch an ePCR encounter.
   *
   * The de-identified record, or with `format=fhir` or `Accept: application/fhir+json` the same bundle as
   * `fhir-bundle`.
   *
   * Scope: `argus:epcr:read`.
   *
   * null means that nothing has changed since `ifNoneMatch`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  getEncounter<ETag extends string | undefined = undefined>(
    encounterId: string,
    options?: GetEncounterOptions<ETag> & { format?: 'json' | undefined },
  ): Promise<models.epcr.EncounterView | Unchanged<ETag>>;

  /**
   * Fetch an ePCR encounter.
   *
   * The de-identified record, or with `format=fhir` or `Accept: application/fhir+json` the same bundle as
   * `fhir-bundle`.
   *
   * Scope: `argus:epcr:read`.
   *
   * null means that nothing has changed since `ifNoneMatch`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  getEncounter<ETag extends string | undefined = undefined>(
    encounterId: string,
    options?: GetEncounterOptions<ETag>,
  ): Promise<models.epcr.EncounterView | FhirBundle | FhirBundles | Unchanged<ETag>>;
  getEncounter<ETag extends string | undefined = undefined>(
    encounterId: string,
    options: GetEncounterOptions<ETag> = {},
  ): Promise<models.epcr.EncounterView | FhirBundle | FhirBundles | Unchanged<ETag>> {
    return this.#caller.value({
      operation: {
        id: 'getEncounter',
        method: 'GET',
        path: '/api/v1/epcr/encounters/{encounter_id}',
        answers: { 200: 'object' },
      },
      path: [encounterId],
      query: {
        format: options.format,
        max_entries: options.maxEntries,
        readings: options.readings,
        language: options.language,
      },
      headers: { 'If-None-Match': options.ifNoneMatch },
      options,
    });
  }

  /**
   * Export an encounter as a FHIR R4 Bundle.
   *
   * A transaction that a FHIR R4 server may execute again and again, and later with what has changed: entries are
   * conditional on their identifiers. It never changes a Patient that is there; sex, year of birth and country are an
   * Observation. After a correction of who the patient is it also marks the resources that you fetched under the former
   * identity as entered in error. An encounter of any length is streamed; `readings=summary` sends each series of a
   * device's readings as one Observation. `max_entries` cuts it into several, each whole in itself, for servers that
   * take only so many.
   *
   * Scope: `argus:epcr:read`.
   *
   * null means that nothing has changed since `ifNoneMatch`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  getFhirBundle<ETag extends string | undefined = undefined>(
    encounterId: string,
    options: GetFhirBundleOptions<ETag> & { maxEntries: number },
  ): Promise<FhirBundles | Unchanged<ETag>>;

  /**
   * Export an encounter as a FHIR R4 Bundle.
   *
   * A transaction that a FHIR R4 server may execute again and again, and later with what has changed: entries are
   * conditional on their identifiers. It never changes a Patient that is there; sex, year of birth and country are an
   * Observation. After a correction of who the patient is it also marks the resources that you fetched under the former
   * identity as entered in error. An encounter of any length is streamed; `readings=summary` sends each series of a
   * device's readings as one Observation. `max_entries` cuts it into several, each whole in itself, for servers that
   * take only so many.
   *
   * Scope: `argus:epcr:read`.
   *
   * null means that nothing has changed since `ifNoneMatch`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  getFhirBundle<ETag extends string | undefined = undefined>(
    encounterId: string,
    options?: GetFhirBundleOptions<ETag> & { maxEntries?: undefined },
  ): Promise<FhirBundle | Unchanged<ETag>>;

  /**
   * Export an encounter as a FHIR R4 Bundle.
   *
   * A transaction that a FHIR R4 server may execute again and again, and later with what has changed: entries are
   * conditional on their identifiers. It never changes a Patient that is there; sex, year of birth and country are an
   * Observation. After a correction of who the patient is it also marks the resources that you fetched under the former
   * identity as entered in error. An encounter of any length is streamed; `readings=summary` sends each series of a
   * device's readings as one Observation. `max_entries` cuts it into several, each whole in itself, for servers that
   * take only so many.
   *
   * Scope: `argus:epcr:read`.
   *
   * null means that nothing has changed since `ifNoneMatch`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  getFhirBundle<ETag extends string | undefined = undefined>(
    encounterId: string,
    options?: GetFhirBundleOptions<ETag>,
  ): Promise<FhirBundle | FhirBundles | Unchanged<ETag>>;
  getFhirBundle<ETag extends string | undefined = undefined>(
    encounterId: string,
    options: GetFhirBundleOptions<ETag> = {},
  ): Promise<FhirBundle | FhirBundles | Unchanged<ETag>> {
    return this.#caller.value({
      operation: {
        id: 'getFhirBundle',
        method: 'GET',
        path: '/api/v1/epcr/encounters/{encounter_id}/fhir-bundle',
        answers: { 200: 'object' },
      },
      path: [encounterId],
      query: { max_entries: options.maxEntries, readings: options.readings, language: options.language },
      headers: { 'If-None-Match': options.ifNoneMatch },
      options,
    });
  }

  /**
   * Read how documents name your service.
   *
   * The name, official code and telephone number that handovers show as author and custodian, and the time zone of
   * their texts.
   *
   * Scope: `argus:epcr:read`.
   */
  getSender(options: CallOptions = {}): Promise<models.epcr.Sender> {
    return this.#caller.value({
      operation: { id: 'getSender', method: 'GET', path: '/api/v1/epcr/sender', answers: { 200: 'object' } },
      options,
    });
  }

  /**
   * Set how documents name your service.
   *
   * Handovers name it as author and custodian.
   *
   * Scope: `platform:apps`.
   */
  setSender(body: models.epcr.Sender, options: CallOptions = {}): Promise<models.epcr.Sender> {
    return this.#caller.value({
      operation: {
        id: 'setSender',
        method: 'PUT',
        path: '/api/v1/epcr/sender',
        answers: { 200: 'object' },
        body: 'json',
      },
      body,
      options,
    });
  }

  /**
   * List destinations.
   *
   * The destinations of your organisation, newest first; `code` and `active` narrow them.
   *
   * Scope: `argus:epcr:read`.
   */
  listDestinations(options: ListDestinationsOptions = {}): Pages<models.epcr.Destination> {
    return this.#caller.pages({
      operation: {
        id: 'listDestinations',
        method: 'GET',
        path: '/api/v1/epcr/destinations',
        answers: { 200: 'object' },
      },
      query: { limit: options.limit, cursor: options.cursor, code: options.code, active: options.active },
      options,
      page: 'destinations',
    });
  }

  /**
   * Create a destination.
   *
   * A hospital, its official code, its app and the legal basis. That app reads who the patient is, of encounters that
   * are bound for the destination alone: from the moment the encounter names it until some days after the encounter
   * ended.
   *
   * Scope: `platform:apps`.
   */
  createDestination(body: models.epcr.DestinationDraft, options: KeyedOptions = {}): Promise<models.epcr.Destination> {
    return this.#caller.value({
      operation: {
        id: 'createDestination',
        method: 'POST',
        path: '/api/v1/epcr/destinations',
        answers: { 201: 'object' },
        body: 'json',
        keyed: true,
      },
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Inspect a destination.
   *
   * A destination with its app and the legal basis of its reading.
   *
   * Scope: `argus:epcr:read`.
   *
   * @param destinationId - The destination's id, such as `dst_01jdk…`
   */
  getDestination(destinationId: string, options: CallOptions = {}): Promise<models.epcr.Destination> {
    return this.#caller.value({
      operation: {
        id: 'getDestination',
        method: 'GET',
        path: '/api/v1/epcr/destinations/{destination_id}',
        answers: { 200: 'object' },
      },
      path: [destinationId],
      options,
    });
  }

  /**
   * Change a destination.
   *
   * Changes the given fields, at once: another app or `active: false` ends the reading of the former app.
   *
   * Scope: `platform:apps`.
   *
   * @param destinationId - The destination's id, such as `dst_01jdk…`
   */
  updateDestination(
    destinationId: string,
    body: models.epcr.DestinationChange,
    options: CallOptions = {},
  ): Promise<models.epcr.Destination> {
    return this.#caller.value({
      operation: {
        id: 'updateDestination',
        method: 'PATCH',
        path: '/api/v1/epcr/destinations/{destination_id}',
        answers: { 200: 'object' },
        body: 'json',
      },
      path: [destinationId],
      body,
      options,
    });
  }

  /**
   * Delete a destination.
   *
   * Deletes a destination that no encounter had. For one that encounters had, `active: false` ends all reading.
   *
   * Scope: `platform:apps`.
   *
   * @param destinationId - The destination's id, such as `dst_01jdk…`
   */
  deleteDestination(destinationId: string, options: CallOptions = {}): Promise<void> {
    return this.#caller.value({
      operation: {
        id: 'deleteDestination',
        method: 'DELETE',
        path: '/api/v1/epcr/destinations/{destination_id}',
        answers: { 204: 'none' },
      },
      path: [destinationId],
      options,
    });
  }

  /**
   * Read the destination of an encounter.
   *
   * The place that the encounter is bound for, and until when its app may read the handover.
   *
   * Scope: `argus:epcr:write`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  getEncounterDestination(encounterId: string, options: CallOptions = {}): Promise<models.epcr.EncounterDestination> {
    return this.#caller.value({
      operation: {
        id: 'getEncounterDestination',
        method: 'GET',
        path: '/api/v1/epcr/encounters/{encounter_id}/destination',
        answers: { 200: 'object' },
      },
      path: [encounterId],
      options,
    });
  }

  /**
   * Bind an encounter for a destination.
   *
   * From now on the app of the destination may read who the patient is, so send it with the pre-alert. Another
   * destination ends the reading of the former one at once. Both apps get `epcr.destination.changed`. Naming a
   * destination again begins no new days: where they are over, an administrator opens reading again with `reopening`,
   * the reason of which is in the audit trail.
   *
   * Scope: `argus:epcr:write`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  setEncounterDestination(
    encounterId: string,
    body: models.epcr.DestinationNamed,
    options: CallOptions = {},
  ): Promise<models.epcr.EncounterDestination> {
    return this.#caller.value({
      operation: {
        id: 'setEncounterDestination',
        method: 'PUT',
        path: '/api/v1/epcr/encounters/{encounter_id}/destination',
        answers: { 200: 'object' },
        body: 'json',
      },
      path: [encounterId],
      body,
      options,
    });
  }

  /**
   * End the destination of an encounter.
   *
   * Ends the reading of its app at once.
   *
   * Scope: `argus:epcr:write`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  endEncounterDestination(encounterId: string, options: CallOptions = {}): Promise<void> {
    return this.#caller.value({
      operation: {
        id: 'endEncounterDestination',
        method: 'DELETE',
        path: '/api/v1/epcr/encounters/{encounter_id}/destination',
        answers: { 204: 'none' },
      },
      path: [encounterId],
      options,
    });
  }

  /**
   * List the encounters bound for your destinations.
   *
   * Those whose handover your app may read now, newest first.
   *
   * Scope: `argus:epcr:handover`.
   */
  listArrivals(options: PageOptions = {}): Pages<models.epcr.Arrival> {
    return this.#caller.pages({
      operation: { id: 'listArrivals', method: 'GET', path: '/api/v1/epcr/arrivals', answers: { 200: 'object' } },
      query: { limit: options.limit, cursor: options.cursor },
      options,
      page: 'arrivals',
    });
  }

  /**
   * Read the handover of an encounter.
   *
   * The identified record, for the app of the encounter's destination alone: as JSON, as a FHIR document, as a FHIR
   * transaction, or as a PDF whose hash is in both. A server may execute the transaction again and again. It never
   * changes a Patient that is there: when the crew learns another name, number, sex or date of birth, the other
   * resources move to a new Patient that replaces the former one. After a correction of who the patient is it also
   * marks the resources that your destination took under the former identity as entered in error, and lists the
   * Patients of it for your index. Of devices' readings the first, lowest, highest and last of each kind are shown.
   * Each answer is recorded as a disclosure, which the patient may ask for. Other encounters of the incident are
   * listed, with the care of the same patient where you may read that handover too.
   *
   * Scope: `argus:epcr:handover`.
   *
   * null means that nothing has changed since `ifNoneMatch`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  getHandover<ETag extends string | undefined = undefined>(
    encounterId: string,
    options: GetHandoverOptions<ETag> & { format: 'pdf' },
  ): Promise<Uint8Array | Unchanged<ETag>>;

  /**
   * Read the handover of an encounter.
   *
   * The identified record, for the app of the encounter's destination alone: as JSON, as a FHIR document, as a FHIR
   * transaction, or as a PDF whose hash is in both. A server may execute the transaction again and again. It never
   * changes a Patient that is there: when the crew learns another name, number, sex or date of birth, the other
   * resources move to a new Patient that replaces the former one. After a correction of who the patient is it also
   * marks the resources that your destination took under the former identity as entered in error, and lists the
   * Patients of it for your index. Of devices' readings the first, lowest, highest and last of each kind are shown.
   * Each answer is recorded as a disclosure, which the patient may ask for. Other encounters of the incident are
   * listed, with the care of the same patient where you may read that handover too.
   *
   * Scope: `argus:epcr:handover`.
   *
   * null means that nothing has changed since `ifNoneMatch`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  getHandover<ETag extends string | undefined = undefined>(
    encounterId: string,
    options: GetHandoverOptions<ETag> & { format: 'document' },
  ): Promise<FhirBundle | Unchanged<ETag>>;

  /**
   * Read the handover of an encounter.
   *
   * The identified record, for the app of the encounter's destination alone: as JSON, as a FHIR document, as a FHIR
   * transaction, or as a PDF whose hash is in both. A server may execute the transaction again and again. It never
   * changes a Patient that is there: when the crew learns another name, number, sex or date of birth, the other
   * resources move to a new Patient that replaces the former one. After a correction of who the patient is it also
   * marks the resources that your destination took under the former identity as entered in error, and lists the
   * Patients of it for your index. Of devices' readings the first, lowest, highest and last of each kind are shown.
   * Each answer is recorded as a disclosure, which the patient may ask for. Other encounters of the incident are
   * listed, with the care of the same patient where you may read that handover too.
   *
   * Scope: `argus:epcr:handover`.
   *
   * null means that nothing has changed since `ifNoneMatch`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  getHandover<ETag extends string | undefined = undefined>(
    encounterId: string,
    options?: GetHandoverOptions<ETag> & { format?: 'json' | undefined },
  ): Promise<models.epcr.Handover | Unchanged<ETag>>;

  /**
   * Read the handover of an encounter.
   *
   * The identified record, for the app of the encounter's destination alone: as JSON, as a FHIR document, as a FHIR
   * transaction, or as a PDF whose hash is in both. A server may execute the transaction again and again. It never
   * changes a Patient that is there: when the crew learns another name, number, sex or date of birth, the other
   * resources move to a new Patient that replaces the former one. After a correction of who the patient is it also
   * marks the resources that your destination took under the former identity as entered in error, and lists the
   * Patients of it for your index. Of devices' readings the first, lowest, highest and last of each kind are shown.
   * Each answer is recorded as a disclosure, which the patient may ask for. Other encounters of the incident are
   * listed, with the care of the same patient where you may read that handover too.
   *
   * Scope: `argus:epcr:handover`.
   *
   * null means that nothing has changed since `ifNoneMatch`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  getHandover<ETag extends string | undefined = undefined>(
    encounterId: string,
    options?: GetHandoverOptions<ETag>,
  ): Promise<models.epcr.Handover | FhirBundle | Uint8Array | Unchanged<ETag>>;
  getHandover<ETag extends string | undefined = undefined>(
    encounterId: string,
    options: GetHandoverOptions<ETag> = {},
  ): Promise<models.epcr.Handover | FhirBundle | Uint8Array | Unchanged<ETag>> {
    return this.#caller.value({
      operation: {
        id: 'getHandover',
        method: 'GET',
        path: '/api/v1/epcr/encounters/{encounter_id}/handover',
        answers: { 200: 'any' },
      },
      path: [encounterId],
      query: { format: options.format, language: options.language },
      headers: { 'If-None-Match': options.ifNoneMatch },
      options,
    });
  }

  /**
   * Open a handover in an emergency.
   *
   * For four hours, for an encounter that is bound for another destination or for none, if the organisation allows it
   * to your destination. The organisation's administrator sees the reason, and subscribers to
   * `epcr.emergency_access.opened` are notified.
   *
   * Scope: `argus:epcr:handover`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  openEmergency(
    encounterId: string,
    body: models.epcr.EmergencyDraft,
    options: KeyedOptions = {},
  ): Promise<models.epcr.Emergency> {
    return this.#caller.value({
      operation: {
        id: 'openEmergency',
        method: 'POST',
        path: '/api/v1/epcr/encounters/{encounter_id}/handover/emergency',
        answers: { 201: 'object' },
        body: 'json',
        keyed: true,
      },
      path: [encounterId],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Review emergency access.
   *
   * Every emergency access of your organisation's apps with its explanation, newest first.
   *
   * Scope: `platform:apps`.
   */
  listEmergencies(options: PageOptions = {}): Pages<models.epcr.EmergencyReview> {
    return this.#caller.pages({
      operation: { id: 'listEmergencies', method: 'GET', path: '/api/v1/epcr/emergencies', answers: { 200: 'object' } },
      query: { limit: options.limit, cursor: options.cursor },
      options,
      page: 'emergencies',
    });
  }

  /**
   * List the disclosures of a patient's data.
   *
   * Every answer with identified data of the patient, of this and the patient's other encounters: to whom, for what,
   * when, and which content.
   *
   * Scope: `platform:apps`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  listDisclosures(encounterId: string, options: ListDisclosuresOptions = {}): Pages<models.epcr.Disclosure> {
    return this.#caller.pages({
      operation: {
        id: 'listDisclosures',
        method: 'GET',
        path: '/api/v1/epcr/encounters/{encounter_id}/disclosures',
        answers: { 200: 'object' },
      },
      path: [encounterId],
      query: { limit: options.limit, cursor: options.cursor, of: options.of },
      options,
      page: 'disclosures',
    });
  }

  /**
   * Read the outcome of an encounter.
   *
   * The report of the encounter's present destination about its present patient, for that destination's app alone: no
   * other hospital reads it, and after a change of the patient no client does. Each answer is recorded as a disclosure.
   *
   * Scope: `argus:epcr:outcome`.
   *
   * null means that nothing has changed since `ifNoneMatch`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  getOutcome<ETag extends string | undefined = undefined>(
    encounterId: string,
    options: GetOutcomeOptions<ETag> = {},
  ): Promise<models.epcr.Outcome | Unchanged<ETag>> {
    return this.#caller.value({
      operation: {
        id: 'getOutcome',
        method: 'GET',
        path: '/api/v1/epcr/encounters/{encounter_id}/outcome',
        answers: { 200: 'object' },
      },
      path: [encounterId],
      headers: { 'If-None-Match': options.ifNoneMatch },
      options,
    });
  }

  /**
   * Report the outcome of an encounter.
   *
   * Diagnosis, disposition, procedures, survival and neurological outcome, by the app of the encounter's destination
   * alone, for two years after the encounter ended. Each report is the whole outcome as it is known then, and a new
   * version; your first needs no `If-Match`, each later one the ETag of the version that it corrects. `identity` names
   * the handover that it is about: after a correction of who the patient is, a report about the former patient, or one
   * that names no handover, is refused. A field that is absent is not reported; `unknown` is an answer. The crew's
   * entries stay as they are. Quality indicators follow, and `epcr.outcome.recorded` is sent.
   *
   * Scope: `argus:epcr:outcome`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  recordOutcome(
    encounterId: string,
    body: models.epcr.OutcomeDraft,
    options: RecordOutcomeOptions = {},
  ): Promise<models.epcr.Outcome> {
    return this.#caller.value({
      operation: {
        id: 'recordOutcome',
        method: 'POST',
        path: '/api/v1/epcr/encounters/{encounter_id}/outcome',
        answers: { 201: 'object' },
        body: 'json',
      },
      path: [encounterId],
      query: { identity: options.identity },
      headers: { 'If-Match': options.ifMatch },
      body,
      options,
    });
  }

  /**
   * Report the outcome of an encounter as FHIR.
   *
   * The same as a FHIR R4 Bundle: Encounters of the emergency department and the stay, Conditions, Procedures, and
   * Observations of survival and neurological outcome. `application/fhir+json` is accepted too. `identity`, or the
   * identifier of the Encounter in a FHIR handover among those of an Encounter here, names the handover that it is
   * about. A resource that an outcome cannot hold is refused; elements that it does not need are not read.
   *
   * Scope: `argus:epcr:outcome`.
   *
   * @param encounterId - The encounter that it belongs to
   */
  recordOutcomeBundle(
    encounterId: string,
    body: models.epcr.OutcomeBundle,
    options: RecordOutcomeBundleOptions = {},
  ): Promise<models.epcr.Outcome> {
    return this.#caller.value({
      operation: {
        id: 'recordOutcomeBundle',
        method: 'POST',
        path: '/api/v1/epcr/encounters/{encounter_id}/outcome-bundle',
        answers: { 201: 'object' },
        body: 'json',
      },
      path: [encounterId],
      query: { identity: options.identity },
      headers: { 'If-Match': options.ifMatch },
      body,
      options,
    });
  }
}

// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, KeyedOptions, PageOptions } from '../calls.js';
import type * as models from '../models/index.js';
import type { Pages } from '../paging.js';

/** The options of `listDevices`. */
export interface ListDevicesOptions extends PageOptions {
  /** Only those of this vehicle */
  vehicleId?: string;
  /** Only devices of this class */
  deviceClass?: 'bp' | 'defib' | 'ecg' | 'etco2' | 'glucose' | 'multiparameter' | 'oximeter' | 'thermometer';
  /** Only devices in this state */
  status?: 'active' | 'inactive' | 'retired';
  /**
   * Only devices that have sent no observation since this time, those among them that never sent one and were enrolled
   * before it
   */
  silentSince?: string;
}

/** The options of `listObservations`. */
export interface ListObservationsOptions extends PageOptions {
  /** Only observations of this metric */
  mdcCode?: string;
  /** Start of the period, inclusive */
  since?: string;
  /** End of the period, exclusive */
  until?: string;
}

/** Medical devices and their observations, in the terms of IEEE 11073. */
export class Devices {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * List medical devices.
   *
   * IEEE 11073 devices enrolled for the caller's organisation, newest first.
   *
   * Scope: `argus:devices:read`.
   */
  listDevices(options: ListDevicesOptions = {}): Pages<models.devices.Device> {
    return this.#caller.pages({
      operation: { id: 'listDevices', method: 'GET', path: '/api/v1/devices', answers: { 200: 'array' } },
      query: {
        limit: options.limit,
        cursor: options.cursor,
        vehicle_id: options.vehicleId,
        device_class: options.deviceClass,
        status: options.status,
        silent_since: options.silentSince,
      },
      options,
    });
  }

  /**
   * List the vehicles that devices are on.
   *
   * In the order of their ids, with their devices counted and their last contact. Retired devices do not count.
   *
   * Scope: `argus:devices:read`.
   */
  listVehicles(options: PageOptions = {}): Pages<models.devices.Vehicle> {
    return this.#caller.pages({
      operation: { id: 'listVehicles', method: 'GET', path: '/api/v1/devices/vehicles', answers: { 200: 'array' } },
      query: { limit: options.limit, cursor: options.cursor },
      options,
    });
  }

  /**
   * Enrol a medical device.
   *
   * Keyed by serial number: 201 for a new device, 200 for a known one, which is updated.
   *
   * Scope: `argus:devices:write`.
   */
  enrolDevice(body: models.devices.Enrolment, options: KeyedOptions = {}): Promise<models.devices.Device> {
    return this.#caller.value({
      operation: {
        id: 'enrolDevice',
        method: 'POST',
        path: '/api/v1/devices/enrol',
        answers: { 200: 'object', 201: 'object' },
        body: 'json',
        keyed: true,
      },
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Read a device.
   *
   * Also a retired one.
   *
   * Scope: `argus:devices:read`.
   *
   * @param deviceId - The device's id
   */
  getDevice(deviceId: string, options: CallOptions = {}): Promise<models.devices.Device> {
    return this.#caller.value({
      operation: { id: 'getDevice', method: 'GET', path: '/api/v1/devices/{device_id}', answers: { 200: 'object' } },
      path: [deviceId],
      options,
    });
  }

  /**
   * Move, rest or retire a device.
   *
   * Changes the fields it names. A retired device sends no observations; enrol it again to use it again.
   *
   * Scope: `argus:devices:write`.
   *
   * @param deviceId - The device's id
   */
  updateDevice(
    deviceId: string,
    body: models.devices.DeviceChange,
    options: CallOptions = {},
  ): Promise<models.devices.Device> {
    return this.#caller.value({
      operation: {
        id: 'updateDevice',
        method: 'PATCH',
        path: '/api/v1/devices/{device_id}',
        answers: { 200: 'object' },
        body: 'json',
      },
      path: [deviceId],
      body,
      options,
    });
  }

  /**
   * List a device's observations.
   *
   * Latest first by time of observation; `since` is inclusive, `until` exclusive. With `mdc_code` a call looks at
   * 10,000 observations: a short page, or an empty one, may have a `Link` to the next.
   *
   * Scope: `argus:devices:read`.
   *
   * @param deviceId - The device's id
   */
  listObservations(deviceId: string, options: ListObservationsOptions = {}): Pages<models.devices.Observation> {
    return this.#caller.pages({
      operation: {
        id: 'listObservations',
        method: 'GET',
        path: '/api/v1/devices/{device_id}/observations',
        answers: { 200: 'array' },
      },
      path: [deviceId],
      query: {
        limit: options.limit,
        cursor: options.cursor,
        mdc_code: options.mdcCode,
        since: options.since,
        until: options.until,
      },
      options,
    });
  }

  /**
   * Submit an observation.
   *
   * An MDC code (ISO/IEEE 11073-10101) with its exact value in a UCUM unit; 201 means that it is on disk. The same
   * observation sent again (device, code, time, value) is recorded once and gets the same answer.
   *
   * Scope: `argus:devices:write`.
   *
   * @param deviceId - The device's id
   */
  recordObservation(
    deviceId: string,
    body: models.devices.ObservationDraft,
    options: KeyedOptions = {},
  ): Promise<models.devices.Observation> {
    return this.#caller.value({
      operation: {
        id: 'recordObservation',
        method: 'POST',
        path: '/api/v1/devices/{device_id}/observations',
        answers: { 201: 'object' },
        body: 'json',
        keyed: true,
      },
      path: [deviceId],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Submit up to 500 observations.
   *
   * Each observation is recorded or refused by itself, and has a result of its own in the same order. Its status is 409
   * (`limit-reached`) where the organisation stores as many observations as it may.
   *
   * Scope: `argus:devices:write`.
   *
   * @param deviceId - The device's id
   */
  recordObservations(
    deviceId: string,
    body: models.devices.ObservationBatch,
    options: KeyedOptions = {},
  ): Promise<models.devices.BatchAnswer> {
    return this.#caller.value({
      operation: {
        id: 'recordObservations',
        method: 'POST',
        path: '/api/v1/devices/{device_id}/observations:batch',
        answers: { 200: 'object' },
        body: 'json',
        keyed: true,
      },
      path: [deviceId],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Read an observation.
   *
   * With the exact digits that were sent.
   *
   * Scope: `argus:devices:read`.
   *
   * @param deviceId - The device's id
   * @param observationId - The observation's id
   */
  getObservation(
    deviceId: string,
    observationId: string,
    options: CallOptions = {},
  ): Promise<models.devices.Observation> {
    return this.#caller.value({
      operation: {
        id: 'getObservation',
        method: 'GET',
        path: '/api/v1/devices/{device_id}/observations/{observation_id}',
        answers: { 200: 'object' },
      },
      path: [deviceId, observationId],
      options,
    });
  }
}

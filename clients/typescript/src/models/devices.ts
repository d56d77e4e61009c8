// Generated from the contract by `make clients`; do not edit.

import type { Open } from '../types.js';

/** One result for each observation, in their order. */
export interface BatchAnswer {
  /** One result for each observation */
  results: BatchItem[];
}

/** 201 with the observation's id, or the status and problem document of its refusal. */
export interface BatchItem {
  /** The HTTP status that the observation would have got by itself */
  status: number;
  /** The observation's id; null if it was refused */
  id?: string | null;
  /** The problem document of the refusal; null if it was recorded */
  error?: Record<string, unknown> | null;
}

/** A medical device of the caller's organisation. While it is `active` it may send observations. */
export interface Device {
  /** The device's id, such as `dev_01jdk…` */
  id: string;
  /** The serial number that the maker gave; unique in the organisation */
  serial_number: string;
  /** The class of device; it decides which MDC codes are accepted */
  device_class: Open<'bp' | 'defib' | 'ecg' | 'etco2' | 'glucose' | 'multiparameter' | 'oximeter' | 'thermometer'>;
  /** Only an `active` device may send observations */
  status: Open<'active' | 'inactive' | 'retired'>;
  /** The maker */
  manufacturer: string | null;
  /** The maker's model */
  model: string | null;
  /** The vehicle, as your dispatch system names it, such as `AMB-42` */
  vehicle_id: string | null;
  /** When it was enrolled */
  enrolled_at: string;
  /** When it last changed */
  updated_at: string;
  /**
   * When the platform last recorded an observation of it (UTC), or up to a minute earlier; null before the first one
   */
  last_contact_at: string | null;
}

/** A JSON merge patch (RFC 7396): move to another vehicle, take out of use, retire. */
export interface DeviceChange {
  /** The vehicle, as your dispatch system names it, such as `AMB-42` */
  vehicle_id?: string | null;
  /** `inactive` rests the device, `retired` ends its use */
  status?: 'active' | 'inactive' | 'retired';
  /** The maker */
  manufacturer?: string | null;
  /** The maker's model */
  model?: string | null;
}

/** The description of a device. For a device enrolled before, a field left out keeps its value; null clears it. */
export interface Enrolment {
  /** The serial number that the maker gave; unique in the organisation */
  serial_number: string;
  /** The class of device; it decides which MDC codes are accepted */
  device_class: 'bp' | 'defib' | 'ecg' | 'etco2' | 'glucose' | 'multiparameter' | 'oximeter' | 'thermometer';
  /** The maker */
  manufacturer?: string | null;
  /** The maker's model */
  model?: string | null;
  /** The vehicle, as your dispatch system names it, such as `AMB-42` */
  vehicle_id?: string | null;
}

/**
 * A recorded observation with the exact digits that were sent. `flags` holds `out-of-range` where the value is
 * implausible.
 *
 * `encounter_link` is `pending` until the encounter's record holds it (`linked`), or epcr knows no encounter of that id
 * (`unknown`).
 */
export interface Observation {
  /** The id */
  id: string;
  /** The device's id */
  device_id: string;
  /**
   * The metric in ISO/IEEE 11073-10101: reference id such as `MDC_PULS_OXIM_SAT_O2`, or number; the catalogue lists
   * those accepted
   */
  mdc_code: string;
  /** The metric's 32-bit number: partition × 65536 + term */
  mdc_code10: number;
  /** The exact number that was sent; null where the device could not measure */
  value: number | null;
  /** The UCUM unit, such as `%` or `mm[Hg]`; the catalogue lists those of each code */
  unit_code: string | null;
  /** Why there is no value */
  data_absent_reason: Open<
    | 'error'
    | 'negative-infinity'
    | 'not-a-number'
    | 'not-performed'
    | 'positive-infinity'
    | 'unknown'
  > | null;
  /** When the device measured; now if left out */
  observed_at: string;
  /** When the platform stored it */
  recorded_at: string;
  /** The encounter that it belongs to */
  encounter_id: string | null;
  /** Whether the encounter's record holds it */
  encounter_link: Open<'linked' | 'pending' | 'unknown'> | null;
  /** `out-of-range` if the value is outside the plausible range */
  flags: 'out-of-range'[];
  /** Whether it is a demonstration or of a sandbox */
  test: boolean;
}

/** Observations of one device. Each is recorded or refused by itself. */
export interface ObservationBatch {
  /** The observations, up to 500 */
  observations: readonly ObservationDraft[];
}

/**
 * An observation: `mdc_code` as reference id, number or `code^refid^MDC`, and either `value` or `data_absent_reason`.
 *
 * `observed_at` defaults to now; it is at most 5 minutes ahead and 7 days old. `test` marks demonstrations.
 */
export interface ObservationDraft {
  /**
   * The metric in ISO/IEEE 11073-10101: reference id such as `MDC_PULS_OXIM_SAT_O2`, or number; the catalogue lists
   * those accepted
   */
  mdc_code: string | number;
  /** The number, in `unit_code`; every digit is kept */
  value?: number | null;
  /** The UCUM unit, such as `%` or `mm[Hg]`; the catalogue lists those of each code */
  unit_code?: string | null;
  /** Why there is no value */
  data_absent_reason?:
    | 'error'
    | 'negative-infinity'
    | 'not-a-number'
    | 'not-performed'
    | 'positive-infinity'
    | 'unknown'
    | null;
  /** When the device measured; now if left out */
  observed_at?: string | null;
  /** The encounter that it belongs to */
  encounter_id?: string | null;
  /** Whether it is a demonstration or of a sandbox */
  test?: boolean;
}

/** A vehicle that devices are on. Retired devices do not count. */
export interface Vehicle {
  /** The vehicle, as your dispatch system names it, such as `AMB-42` */
  vehicle_id: string;
  /** How many devices are on it, without retired ones */
  devices: number;
  /** The latest last contact of its devices (UTC); null if none has sent an observation */
  last_contact_at: string | null;
}

// Generated from the contract by `make clients`; do not edit.

import type { Open } from '../types.js';

/** `seconds` is how far the clock of the sandbox goes ahead, at most 30 days. */
export interface ClockAdvance {
  /** How far the clock goes ahead, in seconds; at most 30 days */
  seconds: number;
}

/** `client_secret` is shown this once. With it the sandbox's administrator app gets tokens with any of `scopes`. */
export interface CreatedSandbox {
  /** The id */
  id: string;
  /** The id of the sandbox as an organisation: its tokens carry it */
  tenant_id: string;
  /** The name, for people */
  name: string;
  /**
   * `preparing` and `resetting` while its year is written, `advancing` while waits become shorter, `deleting` while its
   * data are erased
   */
  state: Open<'advancing' | 'deleted' | 'deleting' | 'preparing' | 'ready' | 'resetting'>;
  /** How much of the work of its `state` is done, in percent; 100 when it is ready */
  percent: number;
  /** The number from which its invented year follows */
  seed: number;
  /** How often its data were begun anew: 1 for a new sandbox, one more with each reset or deletion */
  generation: number;
  /** How far its clock was advanced since the last reset, in seconds */
  advanced_seconds: number;
  /** The sandbox's administrator app */
  client_id: string;
  /** When it was made */
  created_at: string;
  /** When the work on its data last went on */
  changed_at: string;
  /** When all its data were erased; null before */
  deleted_at: string | null;
  /** A reminder for people: no data of real patients */
  notice: string;
  /** The secret; shown this once */
  client_secret: string;
  /** Scopes, such as `argus:epcr:read` */
  scopes: string[];
}

/**
 * `name` is derived if left out. Two sandboxes with one `seed` have the same year: the same kinds of cases, times and
 * values.
 */
export interface SandboxDraft {
  /** The name, for people */
  name?: string;
  /** The number from which the invented year follows */
  seed?: number;
}

/**
 * A sandbox: an organisation of its own, which this one made.
 *
 * It answers calls from the beginning; `percent` says how much of the present work on its data is done.
 * `advanced_seconds` is how far its
 * clock was advanced since the last reset.
 */
export interface SandboxTenant {
  /** The id */
  id: string;
  /** The id of the sandbox as an organisation: its tokens carry it */
  tenant_id: string;
  /** The name, for people */
  name: string;
  /**
   * `preparing` and `resetting` while its year is written, `advancing` while waits become shorter, `deleting` while its
   * data are erased
   */
  state: Open<'advancing' | 'deleted' | 'deleting' | 'preparing' | 'ready' | 'resetting'>;
  /** How much of the work of its `state` is done, in percent; 100 when it is ready */
  percent: number;
  /** The number from which its invented year follows */
  seed: number;
  /** How often its data were begun anew: 1 for a new sandbox, one more with each reset or deletion */
  generation: number;
  /** How far its clock was advanced since the last reset, in seconds */
  advanced_seconds: number;
  /** The sandbox's administrator app */
  client_id: string;
  /** When it was made */
  created_at: string;
  /** When the work on its data last went on */
  changed_at: string;
  /** When all its data were erased; null before */
  deleted_at: string | null;
  /** A reminder for people: no data of real patients */
  notice: string;
}

/** A page of sandboxes */
export interface Sandboxes {
  /** The sandboxes of the page */
  sandboxes: SandboxTenant[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** The resources that a scenario makes; others are null. Its events follow within seconds. */
export interface Scenario {
  /** The scenario that was run */
  scenario: Open<'arrest' | 'failing_receiver' | 'revoked_tokens'>;
  /** The encounter that it makes; its calls answer 404 until then */
  encounter_id: string | null;
  /** The incident that it makes */
  incident_id: string | null;
  /** The device whose readings it makes */
  device_id: string | null;
  /** The example webhook, which gets the delivery */
  webhook_id: string | null;
}

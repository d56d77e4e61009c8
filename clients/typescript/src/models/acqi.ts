// Generated from the contract by `make clients`; do not edit.

import type { Open } from '../types.js';

/** One encounter behind a count, as the indicator judged it. The record itself is read from epcr, de-identified. */
export interface IndicatorEncounter {
  /** The encounter, as in `/api/v1/epcr/encounters/{encounter_id}` */
  encounter_id: string;
  /** The day of the call, UTC */
  day: string;
  /** The judgement; `measured` of a time */
  outcome: Open<'excluded' | 'measured' | 'met' | 'not_met' | 'unknown'>;
  /** The measured time, to a tenth; null for a share */
  minutes: number | null;
  /**
   * The first reason of an excluded encounter. Null for others, and for one that was counted before reasons were stored
   */
  reason: Open<
    | 'backwards'
    | 'by_crew'
    | 'cardiac_arrest'
    | 'declined'
    | 'do_not_resuscitate'
    | 'head_injury'
    | 'no_patient_left'
    | 'not_transported'
    | 'other_cause'
    | 'recognised_dead'
    | 'too_ill'
    | 'unconscious'
    | 'under_age'
  > | null;
}

/**
 * A page, newest day first. It may be short, or empty, and have a next one: a page looks at a bounded number of
 * encounters.
 */
export interface IndicatorEncounters {
  /** The encounters of this page */
  encounters: IndicatorEncounter[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

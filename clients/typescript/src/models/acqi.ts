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

/**
 * The indicators of a period as they were counted at `made_at`: later corrections do not change it.
 *
 * `withheld` says whether small counts are withheld in it. `schedule_id` is that of the schedule that asked for it.
 */
export interface Report {
  /** The report's id */
  id: string;
  /** `waiting` until it is made */
  state: Open<'failed' | 'ready' | 'waiting'>;
  /** How long the period is: a calendar month, quarter or year */
  period: Open<'month' | 'quarter' | 'year'>;
  /** The first day, UTC */
  from_date: string;
  /** The day after the last one, UTC */
  to_date: string;
  /** Names of the indicators; null for all */
  names: string[] | null;
  /** The schedule that asked for it; null where an app did */
  schedule_id: string | null;
  /** Whether it is of a sandbox */
  sandbox: boolean;
  /** Whether small counts are withheld in it; null until it is made */
  withheld: boolean | null;
  /** When it was asked for */
  created_at: string;
  /** When its indicators were counted; null until then */
  made_at: string | null;
  /** When it is deleted */
  expires_at: string;
}

/** A report of a calendar month, quarter or year that has ended, in UTC. Without `from_date` it is the last one. */
export interface ReportDraft {
  /** How long the period is: a calendar month, quarter or year */
  period: 'month' | 'quarter' | 'year';
  /** The first day, UTC; without it the last period that has ended */
  from_date?: string | null;
  /** Names of indicators; all without it */
  names?: readonly string[] | null;
}

/**
 * A schedule runs at six in the morning of its time zone, or as soon as the period has ended in UTC too.
 *
 * `last_error` is that of the last run: `too_many_reports` where the organisation had no room for one more, `failed`
 * where the report
 * could not be made. It is null after a run without an error.
 */
export interface ReportSchedule {
  /** The schedule's id */
  id: string;
  /** How often it runs */
  every: Open<'month' | 'quarter' | 'week'>;
  /** The day of the week (1 is Monday), of the month, or of the first month of a quarter */
  day: number;
  /** The time zone by its IANA name */
  time_zone: string;
  /** The period of each report: the last one that has ended */
  period: Open<'month' | 'quarter' | 'year'>;
  /** Names of the indicators; null for all */
  names: string[] | null;
  /** Whether it is paused */
  paused: boolean;
  /** Whether it is of a sandbox */
  sandbox: boolean;
  /** When it was made */
  created_at: string;
  /** When it runs next; null while it is paused */
  next_run_at: string | null;
  /** When it last ran; null before its first run */
  last_run_at: string | null;
  /** The last report that it asked for; null before the first */
  last_report_id: string | null;
  /** The error of its last run; null where it had none */
  last_error: Open<'failed' | 'too_many_reports'> | null;
}

/** A page of schedules of reports */
export interface ReportSchedules {
  /** The schedules, newest first */
  schedules: ReportSchedule[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** A page of reports */
export interface Reports {
  /** The reports, newest first */
  reports: Report[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** Only the given fields change. Null for `names` means all indicators. */
export interface ScheduleChange {
  /** How often it runs */
  every?: 'month' | 'quarter' | 'week';
  /** The day of the week (1 is Monday), of the month, or of the first month of a quarter */
  day?: number;
  /** The time zone by its IANA name */
  time_zone?: string;
  /** The period of each report: the last one that has ended */
  period?: 'month' | 'quarter' | 'year';
  /** Names of the indicators; null for all */
  names?: readonly string[] | null;
  /** True pauses it, false resumes it */
  paused?: boolean;
}

/**
 * `day` is of the week (1 is Monday, 7 Sunday), of the month, or of the first month of a quarter (1 to 28).
 *
 * `period` is that of the reports: each is of the last one that has ended. Without it a schedule of every quarter makes
 * reports of a
 * quarter, any other of a month.
 */
export interface ScheduleDraft {
  /** How often it runs */
  every: 'month' | 'quarter' | 'week';
  /** The day of the week (1 is Monday), of the month, or of the first month of a quarter */
  day: number;
  /** The time zone by its IANA name */
  time_zone?: string;
  /** The period of each report; without it a quarter for every quarter, else a month */
  period?: 'month' | 'quarter' | 'year' | null;
  /** Names of indicators; all without it */
  names?: readonly string[] | null;
}

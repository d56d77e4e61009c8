// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, KeyedOptions, PageOptions, Unchanged } from '../calls.js';
import type * as models from '../models/index.js';
import type { Pages } from '../paging.js';

/** The options of `getMeasureReports`. */
export interface GetMeasureReportsOptions extends CallOptions {
  /** The first day, UTC */
  fromDate: string;
  /** The day after the last one, UTC */
  toDate: string;
  /** Names of indicators, separated by commas */
  names?: string;
  /** The tenant of the token. A different tenant gets 403. */
  xTenantId?: string;
}

/** The options of `listIndicatorEncounters`. */
export interface ListIndicatorEncountersOptions extends PageOptions {
  /** The first day, UTC */
  fromDate: string;
  /** The day after the last one, UTC */
  toDate: string;
  /**
   * `numerator`, `denominator`, `not_met` (in the denominator and not in the numerator), `excluded`, or `unknown` (the
   * record does not say). A time has the same encounters in `numerator` and `denominator`, and none that are `not_met`
   */
  population?: 'denominator' | 'excluded' | 'not_met' | 'numerator' | 'unknown';
  /** The tenant of the token. A different tenant gets 403. */
  xTenantId?: string;
}

/** The options of `createReport`. */
export interface CreateReportOptions extends KeyedOptions {
  /** The tenant of the token. A different tenant gets 403. */
  xTenantId?: string;
}

/** The options of `listReports`. */
export interface ListReportsOptions extends PageOptions {
  /** Only the reports of this schedule */
  scheduleId?: string;
  /** The tenant of the token. A different tenant gets 403. */
  xTenantId?: string;
}

/** The options of `getReport`. */
export interface GetReportOptions<ETag extends string | undefined = string | undefined> extends CallOptions {
  /** The tenant of the token. A different tenant gets 403. */
  xTenantId?: string;
  /** The ETag of an earlier answer. If it is still current, the answer is 304. */
  ifNoneMatch?: ETag;
}

/** The options of `deleteReport`. */
export interface DeleteReportOptions extends CallOptions {
  /** The tenant of the token. A different tenant gets 403. */
  xTenantId?: string;
}

/** The options of `downloadReport`. */
export interface DownloadReportOptions extends CallOptions {
  /** `csv` for a spreadsheet, `fhir` for a FHIR R4 batch of MeasureReports */
  format?: 'csv' | 'fhir';
  /** The language of the CSV */
  language?: 'en' | 'it';
  /** The tenant of the token. A different tenant gets 403. */
  xTenantId?: string;
}

/** The options of `createReportSchedule`. */
export interface CreateReportScheduleOptions extends KeyedOptions {
  /** The tenant of the token. A different tenant gets 403. */
  xTenantId?: string;
}

/** The options of `listReportSchedules`. */
export interface ListReportSchedulesOptions extends PageOptions {
  /** The tenant of the token. A different tenant gets 403. */
  xTenantId?: string;
}

/** The options of `getReportSchedule`. */
export interface GetReportScheduleOptions extends CallOptions {
  /** The tenant of the token. A different tenant gets 403. */
  xTenantId?: string;
}

/** The options of `updateReportSchedule`. */
export interface UpdateReportScheduleOptions extends CallOptions {
  /** The tenant of the token. A different tenant gets 403. */
  xTenantId?: string;
}

/** The options of `deleteReportSchedule`. */
export interface DeleteReportScheduleOptions extends CallOptions {
  /** The tenant of the token. A different tenant gets 403. */
  xTenantId?: string;
}

/**
 * The quality indicators as FHIR MeasureReports, and reports that are made once or by a schedule. `acqiMetrics` of
 * GraphQL has the same figures with confidence intervals and trends.
 */
export class Indicators {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * Export the quality indicators as FHIR R4 MeasureReports.
   *
   * A batch that a FHIR R4 server may execute again and again: each report replaces that of the same days. `measure` is
   * the canonical URL of the definition, which is served there, with its version. The denominator is without the
   * excluded and the unknown. Where the organisation withholds small counts, a range is of whole months that have
   * ended, and a withheld count has the data-absent-reason `masked`.
   *
   * Scope: `argus:acqi:read`.
   */
  getMeasureReports(options: GetMeasureReportsOptions): Promise<Record<string, unknown>> {
    return this.#caller.value({
      operation: {
        id: 'getMeasureReports',
        method: 'GET',
        path: '/api/v1/acqi/measure-reports',
        answers: { 200: 'object' },
      },
      query: { from_date: options.fromDate, to_date: options.toDate, names: options.names },
      headers: { 'X-Tenant-ID': options.xTenantId },
      options,
    });
  }

  /**
   * List the encounters behind a quality indicator.
   *
   * The encounters that an indicator counts in a range of days, with its judgement of each, newest first. It also needs
   * the scope `argus:epcr:read`. Each page is an entry of the audit trail. Where the organisation withholds small
   * counts, no encounters are listed: lists of several indicators would tell a withheld count.
   *
   * Scope: `argus:acqi:read`.
   *
   * @param name - The name, for people
   */
  listIndicatorEncounters(
    name: string,
    options: ListIndicatorEncountersOptions,
  ): Pages<models.acqi.IndicatorEncounter> {
    return this.#caller.pages({
      operation: {
        id: 'listIndicatorEncounters',
        method: 'GET',
        path: '/api/v1/acqi/indicators/{name}/encounters',
        answers: { 200: 'object' },
      },
      path: [name],
      query: {
        limit: options.limit,
        cursor: options.cursor,
        from_date: options.fromDate,
        to_date: options.toDate,
        population: options.population,
      },
      headers: { 'X-Tenant-ID': options.xTenantId },
      options,
      page: 'encounters',
    });
  }

  /**
   * Make a report of the quality indicators.
   *
   * Of a calendar month, quarter or year that has ended, in UTC; without `from_date` of the last one. The figures are
   * those of `acqiMetrics` at the time when it is made, within seconds: follow it, or wait for the event
   * `report.ready`. Small counts are withheld as there. A report is kept until `expires_at`; later corrections of
   * records do not change it.
   *
   * Scope: `argus:acqi:read`.
   */
  createReport(body: models.acqi.ReportDraft, options: CreateReportOptions = {}): Promise<models.acqi.Report> {
    return this.#caller.value({
      operation: {
        id: 'createReport',
        method: 'POST',
        path: '/api/v1/acqi/reports',
        answers: { 202: 'object' },
        body: 'json',
        keyed: true,
      },
      headers: { 'X-Tenant-ID': options.xTenantId, 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * List reports.
   *
   * Those of the organisation, newest first, or those of a schedule.
   *
   * Scope: `argus:acqi:read`.
   */
  listReports(options: ListReportsOptions = {}): Pages<models.acqi.Report> {
    return this.#caller.pages({
      operation: { id: 'listReports', method: 'GET', path: '/api/v1/acqi/reports', answers: { 200: 'object' } },
      query: { limit: options.limit, cursor: options.cursor, schedule_id: options.scheduleId },
      headers: { 'X-Tenant-ID': options.xTenantId },
      options,
      page: 'reports',
    });
  }

  /**
   * Follow a report.
   *
   * Poll it with `If-None-Match`: while nothing changes the answer is 304.
   *
   * Scope: `argus:acqi:read`.
   *
   * null means that nothing has changed since `ifNoneMatch`.
   *
   * @param reportId - The report's id
   */
  getReport<ETag extends string | undefined = undefined>(
    reportId: string,
    options: GetReportOptions<ETag> = {},
  ): Promise<models.acqi.Report | Unchanged<ETag>> {
    return this.#caller.value({
      operation: {
        id: 'getReport',
        method: 'GET',
        path: '/api/v1/acqi/reports/{report_id}',
        answers: { 200: 'object' },
      },
      path: [reportId],
      headers: { 'X-Tenant-ID': options.xTenantId, 'If-None-Match': options.ifNoneMatch },
      options,
    });
  }

  /**
   * Delete a report.
   *
   * For the whole organisation, before it expires.
   *
   * Scope: `platform:apps`.
   *
   * @param reportId - The report's id
   */
  deleteReport(reportId: string, options: DeleteReportOptions = {}): Promise<void> {
    return this.#caller.value({
      operation: {
        id: 'deleteReport',
        method: 'DELETE',
        path: '/api/v1/acqi/reports/{report_id}',
        answers: { 204: 'none' },
      },
      path: [reportId],
      headers: { 'X-Tenant-ID': options.xTenantId },
      options,
    });
  }

  /**
   * Download a report.
   *
   * As CSV for a spreadsheet, in English or Italian, or as the FHIR R4 batch of MeasureReports that the export of
   * indicators gives. Each download is an entry of the audit trail. Files of a sandbox are marked: the column
   * `sandbox`, and `HTEST`.
   *
   * Scope: `argus:acqi:read`.
   *
   * @param reportId - The report's id
   */
  downloadReport(reportId: string, options: DownloadReportOptions = {}): Promise<Uint8Array> {
    return this.#caller.value({
      operation: {
        id: 'downloadReport',
        method: 'GET',
        path: '/api/v1/acqi/reports/{report_id}/content',
        answers: { 200: 'bytes' },
      },
      path: [reportId],
      query: { format: options.format, language: options.language },
      headers: { 'X-Tenant-ID': options.xTenantId },
      options,
    });
  }

  /**
   * Schedule reports.
   *
   * A report every week, month or quarter, at six in the morning of the time zone: each of the last `period` that has
   * ended. A run that was missed is made up.
   *
   * Scope: `argus:acqi:schedule`.
   */
  createReportSchedule(
    body: models.acqi.ScheduleDraft,
    options: CreateReportScheduleOptions = {},
  ): Promise<models.acqi.ReportSchedule> {
    return this.#caller.value({
      operation: {
        id: 'createReportSchedule',
        method: 'POST',
        path: '/api/v1/acqi/report-schedules',
        answers: { 201: 'object' },
        body: 'json',
        keyed: true,
      },
      headers: { 'X-Tenant-ID': options.xTenantId, 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * List schedules of reports.
   *
   * Those of the organisation, newest first, each with its next run, its last one and that one's error.
   *
   * Scope: `argus:acqi:read`.
   */
  listReportSchedules(options: ListReportSchedulesOptions = {}): Pages<models.acqi.ReportSchedule> {
    return this.#caller.pages({
      operation: {
        id: 'listReportSchedules',
        method: 'GET',
        path: '/api/v1/acqi/report-schedules',
        answers: { 200: 'object' },
      },
      query: { limit: options.limit, cursor: options.cursor },
      headers: { 'X-Tenant-ID': options.xTenantId },
      options,
      page: 'schedules',
    });
  }

  /**
   * Read a schedule of reports.
   *
   * With its next run, its last one and that one's error.
   *
   * Scope: `argus:acqi:read`.
   *
   * @param scheduleId - The schedule's id
   */
  getReportSchedule(scheduleId: string, options: GetReportScheduleOptions = {}): Promise<models.acqi.ReportSchedule> {
    return this.#caller.value({
      operation: {
        id: 'getReportSchedule',
        method: 'GET',
        path: '/api/v1/acqi/report-schedules/{schedule_id}',
        answers: { 200: 'object' },
      },
      path: [scheduleId],
      headers: { 'X-Tenant-ID': options.xTenantId },
      options,
    });
  }

  /**
   * Change, pause or resume a schedule of reports.
   *
   * Only the given fields change. A paused schedule has no next run; once resumed, it goes on with the first run after
   * now.
   *
   * Scope: `argus:acqi:schedule`.
   *
   * @param scheduleId - The schedule's id
   */
  updateReportSchedule(
    scheduleId: string,
    body: models.acqi.ScheduleChange,
    options: UpdateReportScheduleOptions = {},
  ): Promise<models.acqi.ReportSchedule> {
    return this.#caller.value({
      operation: {
        id: 'updateReportSchedule',
        method: 'PATCH',
        path: '/api/v1/acqi/report-schedules/{schedule_id}',
        answers: { 200: 'object' },
        body: 'json',
      },
      path: [scheduleId],
      headers: { 'X-Tenant-ID': options.xTenantId },
      body,
      options,
    });
  }

  /**
   * Delete a schedule of reports.
   *
   * Its reports stay until they expire.
   *
   * Scope: `argus:acqi:schedule`.
   *
   * @param scheduleId - The schedule's id
   */
  deleteReportSchedule(scheduleId: string, options: DeleteReportScheduleOptions = {}): Promise<void> {
    return this.#caller.value({
      operation: {
        id: 'deleteReportSchedule',
        method: 'DELETE',
        path: '/api/v1/acqi/report-schedules/{schedule_id}',
        answers: { 204: 'none' },
      },
      path: [scheduleId],
      headers: { 'X-Tenant-ID': options.xTenantId },
      options,
    });
  }
}

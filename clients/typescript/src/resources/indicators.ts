// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, PageOptions } from '../calls.js';
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

/**
 * The quality indicators as FHIR MeasureReports. `acqiMetrics` of GraphQL has the same figures with confidence
 * intervals and trends.
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
}

// Generated from the contract by `make clients`; do not edit.

import type { Caller, PageOptions } from '../calls.js';
import type * as models from '../models/index.js';
import type { Pages } from '../paging.js';

/** The options of `listStoppedTenants`. */
export interface ListStoppedTenantsOptions extends PageOptions {
  /** The id of the organisation */
  tenantId?: string;
}

/** For operators of the platform, as the calls of operations: organisations of which nothing is sent. */
export class StoppedDeliveries {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * List organisations whose deliveries are stopped.
   *
   * By id. The act `deliveries.stop` stops the deliveries of an organisation from the next one on, `deliveries.resume`
   * lets them go on. Nothing is lost meanwhile: they wait, up to the retention of events.
   *
   * Scope: `platform:operate:read`.
   */
  listStoppedTenants(options: ListStoppedTenantsOptions = {}): Pages<models.stopped_deliveries.StoppedTenant> {
    return this.#caller.pages({
      operation: {
        id: 'listStoppedTenants',
        method: 'GET',
        path: '/v1/operations/webhook-dispatcher/stopped-tenants',
        answers: { 200: 'object' },
      },
      query: { limit: options.limit, cursor: options.cursor, tenant_id: options.tenantId },
      options,
      page: 'stopped_tenants',
    });
  }
}

// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, PageOptions } from '../calls.js';
import type * as models from '../models/index.js';
import type { Pages } from '../paging.js';

/** The options of `listStoppedTenants`. */
export interface ListStoppedTenantsOptions extends PageOptions {
  /** The id of the organisation */
  tenantId?: string;
}

/** For operators of the platform, as the calls of operations: organisations and webhooks to which nothing is sent. */
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

  /**
   * List webhooks that operators stopped.
   *
   * Each with its act and reason, until its organisation enables it or the act `webhook.resume` lifts the stop.
   *
   * Scope: `platform:operate:read`.
   */
  listStoppedWebhooks(options: PageOptions = {}): Pages<models.stopped_deliveries.OperatorWebhook> {
    return this.#caller.pages({
      operation: {
        id: 'listStoppedWebhooks',
        method: 'GET',
        path: '/v1/operations/webhook-dispatcher/stopped-webhooks',
        answers: { 200: 'object' },
      },
      query: { limit: options.limit, cursor: options.cursor },
      options,
      page: 'stopped_webhooks',
    });
  }

  /**
   * Read whose a webhook is.
   *
   * Its organisation, its app and the host of its address, to compare before an act.
   *
   * Scope: `platform:operate:read`.
   *
   * @param webhookId - The webhook's id
   */
  getOperatorWebhook(webhookId: string, options: CallOptions = {}): Promise<models.stopped_deliveries.OperatorWebhook> {
    return this.#caller.value({
      operation: {
        id: 'getOperatorWebhook',
        method: 'GET',
        path: '/v1/operations/webhook-dispatcher/webhooks/{webhook_id}',
        answers: { 200: 'object' },
      },
      path: [webhookId],
      options,
    });
  }
}

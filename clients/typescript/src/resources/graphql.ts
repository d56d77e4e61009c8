// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, KeyedOptions } from '../calls.js';
import type * as models from '../models/index.js';

/** The options of `executeGraphql`. */
export interface ExecuteGraphqlOptions extends KeyedOptions {
  /** The tenant of the token. A different tenant gets 403. */
  xTenantId?: string;
}

/** The options of `listGraphqlBundles`. */
export interface ListGraphqlBundlesOptions extends CallOptions {
  /** The tenant of the token. A different tenant gets 403. */
  xTenantId?: string;
}

/** Incidents, quality indicators and telephony, through approved GraphQL documents. */
export class Graphql {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * Use the shared GraphQL transport.
   *
   * Runs the documented queries `acqiMetrics`, `telephonyProviders` and `telephonyRoutes` for every client with their
   * scope, and approved documents for clients their bundle is granted to. A well-formed request is answered 200, with
   * `errors` where something was refused. Introspection, batching, GET and uploads are not offered.
   */
  executeGraphql(
    body: models.graphql.GraphqlRequest,
    options: ExecuteGraphqlOptions = {},
  ): Promise<models.graphql.GraphqlAnswer> {
    return this.#caller.value({
      operation: {
        id: 'executeGraphql',
        method: 'POST',
        path: '/graphql',
        answers: { 200: 'object' },
        body: 'json',
        keyed: true,
      },
      headers: { 'X-Tenant-ID': options.xTenantId, 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * List approved documents.
   *
   * The bundles granted to the calling app, each operation with the exact document to send.
   */
  listGraphqlBundles(options: ListGraphqlBundlesOptions = {}): Promise<models.graphql.ApprovedBundles> {
    return this.#caller.value({
      operation: {
        id: 'listGraphqlBundles',
        method: 'GET',
        path: '/api/v1/graphql/bundles',
        answers: { 200: 'object' },
      },
      headers: { 'X-Tenant-ID': options.xTenantId },
      options,
    });
  }
}

// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, PageOptions } from '../calls.js';
import type * as models from '../models/index.js';
import type { Pages } from '../paging.js';

/** The options of `listTenants`. */
export interface ListTenantsOptions extends PageOptions {
  /** The beginning of the name, in capitals or not, or of the id */
  search?: string;
  /** Only organisations in this state */
  status?: 'active' | 'suspended';
  /** Only organisations of this environment */
  environment?: 'production' | 'sandbox';
}

/** The options of `listOperatorRequests`. */
export interface ListOperatorRequestsOptions extends PageOptions {
  /** The state */
  status?: 'approved' | 'declined' | 'pending' | 'withdrawn';
  /** The capability that the request asks for */
  capability?: 'federation' | 'graphql_bundles' | 'handover' | 'platform_api' | 'sandbox' | 'telephony';
  /** Only those of this organisation */
  tenantId?: string;
}

/** For operators of the platform, as the calls of operations: all tenants, and their integration requests. */
export class Tenants {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * List tenants.
   *
   * The newest first.
   *
   * Scope: `platform:operate:read`.
   */
  listTenants(options: ListTenantsOptions = {}): Pages<models.tenants.TenantSummary> {
    return this.#caller.pages({
      operation: { id: 'listTenants', method: 'GET', path: '/v1/operations/auth/tenants', answers: { 200: 'object' } },
      query: {
        limit: options.limit,
        cursor: options.cursor,
        search: options.search,
        status: options.status,
        environment: options.environment,
      },
      options,
      page: 'tenants',
    });
  }

  /**
   * Read a tenant.
   *
   * With everything that a suspension ends.
   *
   * Scope: `platform:operate:read`.
   *
   * @param tenantId - The id of the organisation
   */
  getTenant(tenantId: string, options: CallOptions = {}): Promise<models.tenants.TenantDetail> {
    return this.#caller.value({
      operation: {
        id: 'getTenant',
        method: 'GET',
        path: '/v1/operations/auth/tenants/{tenant_id}',
        answers: { 200: 'object' },
      },
      path: [tenantId],
      options,
    });
  }

  /**
   * Read whose an app is.
   *
   * Its name and its organisation, to compare before an act.
   *
   * Scope: `platform:operate:read`.
   *
   * @param clientId - The id of the app, such as `app_01jdk…`
   */
  getOperatorApp(clientId: string, options: CallOptions = {}): Promise<models.tenants.OperatorApp> {
    return this.#caller.value({
      operation: {
        id: 'getOperatorApp',
        method: 'GET',
        path: '/v1/operations/auth/apps/{client_id}',
        answers: { 200: 'object' },
      },
      path: [clientId],
      options,
    });
  }

  /**
   * List the integration requests of all tenants.
   *
   * The newest first. Decide one with the act `integration_request.approve` or `integration_request.decline`; the
   * tenant reads the reason.
   *
   * Scope: `platform:operate:read`.
   */
  listOperatorRequests(options: ListOperatorRequestsOptions = {}): Pages<models.tenants.OperatorRequest> {
    return this.#caller.pages({
      operation: {
        id: 'listOperatorRequests',
        method: 'GET',
        path: '/v1/operations/auth/integration-requests',
        answers: { 200: 'object' },
      },
      query: {
        limit: options.limit,
        cursor: options.cursor,
        status: options.status,
        capability: options.capability,
        tenant_id: options.tenantId,
      },
      options,
      page: 'integration_requests',
    });
  }

  /**
   * Read an integration request of a tenant.
   *
   * With its details.
   *
   * Scope: `platform:operate:read`.
   *
   * @param requestId - The request's id
   */
  getOperatorRequest(requestId: string, options: CallOptions = {}): Promise<models.tenants.OperatorRequest> {
    return this.#caller.value({
      operation: {
        id: 'getOperatorRequest',
        method: 'GET',
        path: '/v1/operations/auth/integration-requests/{request_id}',
        answers: { 200: 'object' },
      },
      path: [requestId],
      options,
    });
  }
}

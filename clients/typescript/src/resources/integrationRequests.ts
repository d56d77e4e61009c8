// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, KeyedOptions, PageOptions } from '../calls.js';
import type * as models from '../models/index.js';
import type { Pages } from '../paging.js';

/** The options of `listIntegrationRequests`. */
export interface ListIntegrationRequestsOptions extends PageOptions {
  /** Only requests for this capability */
  capability?: 'federation' | 'graphql_bundles' | 'handover' | 'platform_api' | 'sandbox' | 'telephony';
  /** Only requests in this state */
  status?: 'approved' | 'declined' | 'pending' | 'withdrawn';
}

/** Some capabilities are opened on request. An organisation asks here; Knogin's operators decide. */
export class IntegrationRequests {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * Ask for a capability.
   *
   * For capabilities on request. Knogin's operators decide. Approval opens the capability at once: scopes appear in
   * your catalogue, bundles can be granted to apps, federation opens, or a sandbox is made. Subscribers to
   * `integration_request.decided` are notified.
   *
   * Scope: `platform:apps`.
   */
  createIntegrationRequest(
    body: models.requests.BundlesAsked | models.requests.PlatformAsked | models.requests.FederationAsked | models.requests.TelephonyAsked | models.requests.HandoverAsked | models.requests.SandboxAsked,
    options: KeyedOptions = {},
  ): Promise<models.requests.IntegrationRequest> {
    return this.#caller.value({
      operation: {
        id: 'createIntegrationRequest',
        method: 'POST',
        path: '/v1/platform/integration-requests',
        answers: { 201: 'object' },
        body: 'json',
        keyed: true,
      },
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * List requests.
   *
   * Those of your organisation, newest first.
   *
   * Scope: `platform:apps`.
   */
  listIntegrationRequests(options: ListIntegrationRequestsOptions = {}): Pages<models.requests.IntegrationRequest> {
    return this.#caller.pages({
      operation: {
        id: 'listIntegrationRequests',
        method: 'GET',
        path: '/v1/platform/integration-requests',
        answers: { 200: 'object' },
      },
      query: { limit: options.limit, cursor: options.cursor, capability: options.capability, status: options.status },
      options,
      page: 'integration_requests',
    });
  }

  /**
   * Inspect a request.
   *
   * With the operator's decision, once there is one.
   *
   * Scope: `platform:apps`.
   *
   * @param requestId - The request's id
   */
  getIntegrationRequest(requestId: string, options: CallOptions = {}): Promise<models.requests.IntegrationRequest> {
    return this.#caller.value({
      operation: {
        id: 'getIntegrationRequest',
        method: 'GET',
        path: '/v1/platform/integration-requests/{request_id}',
        answers: { 200: 'object' },
      },
      path: [requestId],
      options,
    });
  }

  /**
   * Withdraw a request.
   *
   * While it is pending. You may ask again at any time.
   *
   * Scope: `platform:apps`.
   *
   * @param requestId - The request's id
   */
  withdrawIntegrationRequest(
    requestId: string,
    options: CallOptions = {},
  ): Promise<models.requests.IntegrationRequest> {
    return this.#caller.value({
      operation: {
        id: 'withdrawIntegrationRequest',
        method: 'POST',
        path: '/v1/platform/integration-requests/{request_id}/withdraw',
        answers: { 200: 'object' },
      },
      path: [requestId],
      options,
    });
  }

  /**
   * Fetch a sandbox's credentials.
   *
   * Makes the first client secret of an approved sandbox and its administrator's password link. Only this answer shows
   * them. All data written with them is marked as a test (`HTEST`).
   *
   * Scope: `platform:apps`.
   *
   * @param requestId - The request's id
   */
  createSandboxCredentials(requestId: string, options: KeyedOptions = {}): Promise<models.requests.SandboxCredentials> {
    return this.#caller.value({
      operation: {
        id: 'createSandboxCredentials',
        method: 'POST',
        path: '/v1/platform/integration-requests/{request_id}/credentials',
        answers: { 200: 'object' },
        keyed: true,
      },
      path: [requestId],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      options,
    });
  }
}

// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, KeyedOptions, PageOptions } from '../calls.js';
import type * as models from '../models/index.js';
import type { Pages } from '../paging.js';

/** The options of `listApps`. */
export interface ListAppsOptions extends PageOptions {
  /** Only apps in this state */
  status?: 'active' | 'disabled';
  /** Adds the last 30 days of each app */
  usage?: boolean;
}

/** The options of `updateAppGovernance`. */
export interface UpdateAppGovernanceOptions extends CallOptions {
  /** Try the change without making it */
  dryRun?: boolean;
}

/** The options of `listEndingCredentials`. */
export interface ListEndingCredentialsOptions extends CallOptions {
  /** Only those that end within so many seconds */
  within?: number;
}

/**
 * An administrator registers an app for each system that calls the platform, approves its scopes, and manages its
 * secrets and service tokens.
 */
export class Apps {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * List available scopes.
   *
   * The scopes that the apps of your organisation may ask for; on-request scopes appear once granted.
   */
  listScopes(options: CallOptions = {}): Promise<models.apps.Scopes> {
    return this.#caller.value({
      operation: { id: 'listScopes', method: 'GET', path: '/v1/platform/scopes', answers: { 200: 'object' } },
      options,
    });
  }

  /**
   * List apps.
   *
   * Newest first.
   *
   * Scope: `platform:apps`.
   */
  listApps(options: ListAppsOptions = {}): Pages<models.apps.App> {
    return this.#caller.pages({
      operation: { id: 'listApps', method: 'GET', path: '/v1/platform/apps', answers: { 200: 'object' } },
      query: { limit: options.limit, cursor: options.cursor, status: options.status, usage: options.usage },
      options,
      page: 'apps',
    });
  }

  /**
   * Create an app.
   *
   * Names and defaults as in RFC 7591. The secret is shown this once.
   *
   * Scope: `platform:apps`.
   */
  createApp(body: models.apps.AppDraft, options: KeyedOptions = {}): Promise<models.apps.RegisteredApp> {
    return this.#caller.value({
      operation: {
        id: 'createApp',
        method: 'POST',
        path: '/v1/platform/apps',
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
   * Inspect an app.
   *
   * With its governance, its live secrets without their values, and its last 30 days.
   *
   * Scope: `platform:apps`.
   *
   * @param clientId - The id of the app, such as `app_01jdk…`
   */
  getApp(clientId: string, options: CallOptions = {}): Promise<models.apps.App> {
    return this.#caller.value({
      operation: { id: 'getApp', method: 'GET', path: '/v1/platform/apps/{client_id}', answers: { 200: 'object' } },
      path: [clientId],
      options,
    });
  }

  /**
   * Change an app.
   *
   * Changes the fields it names. Withdrawing a scope ends the app's live tokens.
   *
   * Scope: `platform:apps`.
   *
   * @param clientId - The id of the app, such as `app_01jdk…`
   */
  updateApp(clientId: string, body: models.apps.AppChange, options: CallOptions = {}): Promise<models.apps.App> {
    return this.#caller.value({
      operation: {
        id: 'updateApp',
        method: 'PATCH',
        path: '/v1/platform/apps/{client_id}',
        answers: { 200: 'object' },
        body: 'json',
      },
      path: [clientId],
      body,
      options,
    });
  }

  /**
   * Delete an app.
   *
   * Its secrets, tokens and grants end at once.
   *
   * Scope: `platform:apps`.
   *
   * @param clientId - The id of the app, such as `app_01jdk…`
   */
  deleteApp(clientId: string, options: CallOptions = {}): Promise<void> {
    return this.#caller.value({
      operation: { id: 'deleteApp', method: 'DELETE', path: '/v1/platform/apps/{client_id}', answers: { 204: 'none' } },
      path: [clientId],
      options,
    });
  }

  /**
   * Disable an app.
   *
   * Its live tokens end at once and its webhooks pause; enabling it brings back its secrets and webhooks.
   *
   * Scope: `platform:apps`.
   *
   * @param clientId - The id of the app, such as `app_01jdk…`
   */
  disableApp(clientId: string, options: CallOptions = {}): Promise<models.apps.App> {
    return this.#caller.value({
      operation: {
        id: 'disableApp',
        method: 'POST',
        path: '/v1/platform/apps/{client_id}/disable',
        answers: { 200: 'object' },
      },
      path: [clientId],
      options,
    });
  }

  /**
   * Enable an app.
   *
   * Its webhooks resume with the events kept meanwhile. The app gets new tokens.
   *
   * Scope: `platform:apps`.
   *
   * @param clientId - The id of the app, such as `app_01jdk…`
   */
  enableApp(clientId: string, options: CallOptions = {}): Promise<models.apps.App> {
    return this.#caller.value({
      operation: {
        id: 'enableApp',
        method: 'POST',
        path: '/v1/platform/apps/{client_id}/enable',
        answers: { 200: 'object' },
      },
      path: [clientId],
      options,
    });
  }

  /**
   * Update app governance.
   *
   * Changes the fields it names. `allow_service_tokens: false` ends the live service tokens within a second, another
   * `deidentification` every token of the app. `?dry_run=true` changes nothing and counts the calls that it would have
   * refused over the last 7 days.
   *
   * Scope: `platform:apps`.
   *
   * @param clientId - The id of the app, such as `app_01jdk…`
   */
  updateAppGovernance(
    clientId: string,
    body: models.apps.GovernanceChange,
    options: UpdateAppGovernanceOptions & { dryRun: true },
  ): Promise<models.apps.GovernanceTried>;

  /**
   * Update app governance.
   *
   * Changes the fields it names. `allow_service_tokens: false` ends the live service tokens within a second, another
   * `deidentification` every token of the app. `?dry_run=true` changes nothing and counts the calls that it would have
   * refused over the last 7 days.
   *
   * Scope: `platform:apps`.
   *
   * @param clientId - The id of the app, such as `app_01jdk…`
   */
  updateAppGovernance(
    clientId: string,
    body: models.apps.GovernanceChange,
    options?: UpdateAppGovernanceOptions & { dryRun?: false | undefined },
  ): Promise<models.apps.GovernanceChanged>;

  /**
   * Update app governance.
   *
   * Changes the fields it names. `allow_service_tokens: false` ends the live service tokens within a second, another
   * `deidentification` every token of the app. `?dry_run=true` changes nothing and counts the calls that it would have
   * refused over the last 7 days.
   *
   * Scope: `platform:apps`.
   *
   * @param clientId - The id of the app, such as `app_01jdk…`
   */
  updateAppGovernance(
    clientId: string,
    body: models.apps.GovernanceChange,
    options?: UpdateAppGovernanceOptions,
  ): Promise<models.apps.GovernanceChanged | models.apps.GovernanceTried>;
  updateAppGovernance(
    clientId: string,
    body: models.apps.GovernanceChange,
    options: UpdateAppGovernanceOptions = {},
  ): Promise<models.apps.GovernanceChanged | models.apps.GovernanceTried> {
    return this.#caller.value({
      operation: {
        id: 'updateAppGovernance',
        method: 'PATCH',
        path: '/v1/platform/apps/{client_id}/governance',
        answers: { 200: 'object' },
        body: 'json',
      },
      path: [clientId],
      query: { dry_run: options.dryRun },
      body,
      options,
    });
  }

  /**
   * List refused token calls.
   *
   * Why token calls of the last 30 days were refused. An app may read its own with any token.
   *
   * Scope: `platform:apps`.
   *
   * @param clientId - The id of the app, such as `app_01jdk…`
   */
  listAppEvents(clientId: string, options: PageOptions = {}): Pages<models.apps.AppEvent> {
    return this.#caller.pages({
      operation: {
        id: 'listAppEvents',
        method: 'GET',
        path: '/v1/platform/apps/{client_id}/events',
        answers: { 200: 'object' },
      },
      path: [clientId],
      query: { limit: options.limit, cursor: options.cursor },
      options,
      page: 'events',
    });
  }

  /**
   * Group refused calls.
   *
   * The refused calls of the last 30 days by endpoint and reason: how many, the first, the last, and its trace id.
   * Those of the token endpoint are the 100 groups that were refused last; those of the API are answers 401, 403 and
   * 429 to tokens of the app, and appear within a minute. An app may read its own with any token.
   *
   * Scope: `platform:apps`.
   *
   * @param clientId - The id of the app, such as `app_01jdk…`
   */
  listAppRefusals(clientId: string, options: CallOptions = {}): Promise<models.apps.Refusals> {
    return this.#caller.value({
      operation: {
        id: 'listAppRefusals',
        method: 'GET',
        path: '/v1/platform/apps/{client_id}/refusals',
        answers: { 200: 'object' },
      },
      path: [clientId],
      options,
    });
  }

  /**
   * List who decided what an app may do.
   *
   * Who gave the app each scope, event type and bundle that it has now, and each of its rules its value: when, through
   * which app, and with which `reason` of the change. Beside them are the approved integration requests that opened a
   * scope or a bundle to the organisation.
   *
   * Scope: `platform:apps`.
   *
   * @param clientId - The id of the app, such as `app_01jdk…`
   */
  listAppDecisions(clientId: string, options: CallOptions = {}): Promise<models.apps.AppDecisions> {
    return this.#caller.value({
      operation: {
        id: 'listAppDecisions',
        method: 'GET',
        path: '/v1/platform/apps/{client_id}/decisions',
        answers: { 200: 'object' },
      },
      path: [clientId],
      options,
    });
  }

  /**
   * Count what ends with an app.
   *
   * Before you disable or delete it: its live secrets and service tokens, the people who gave it access, and its tokens
   * of the last 7 days.
   *
   * Scope: `platform:apps`.
   *
   * @param clientId - The id of the app, such as `app_01jdk…`
   */
  getAppDependents(clientId: string, options: CallOptions = {}): Promise<models.apps.Dependents> {
    return this.#caller.value({
      operation: {
        id: 'getAppDependents',
        method: 'GET',
        path: '/v1/platform/apps/{client_id}/dependents',
        answers: { 200: 'object' },
      },
      path: [clientId],
      options,
    });
  }

  /**
   * Rotate an app's secret.
   *
   * The present secret works for `overlap_seconds` more (a day, unless it says otherwise). Earlier secrets live until
   * the ends that were stated for them, which no rotation changes; the answer names them with their last use, up to 5
   * seconds late. 0 ends all of them at once. At most 5 secrets are live: one more is 409, which names the earlier ones
   * as `pending_secrets`, and as `next_rotation_at` the time when the first of them ends, unless `force` ends the
   * oldest.
   *
   * Scope: `platform:apps`.
   *
   * @param clientId - The id of the app, such as `app_01jdk…`
   */
  rotateAppSecret(
    clientId: string,
    body?: models.apps.RotateSecret,
    options: KeyedOptions = {},
  ): Promise<models.apps.RotatedSecret> {
    return this.#caller.value({
      operation: {
        id: 'rotateAppSecret',
        method: 'POST',
        path: '/v1/platform/apps/{client_id}/rotate-secret',
        answers: { 200: 'object' },
        body: 'json',
        keyed: true,
      },
      path: [clientId],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * End an app's old secret.
   *
   * Before its overlap is over. Tokens that it obtained live on until they expire; to end them too, rotate with an
   * `overlap_seconds` of 0.
   *
   * Scope: `platform:apps`.
   *
   * @param clientId - The id of the app, such as `app_01jdk…`
   * @param secretId - The secret's id
   */
  endAppSecret(clientId: string, secretId: string, options: CallOptions = {}): Promise<void> {
    return this.#caller.value({
      operation: {
        id: 'endAppSecret',
        method: 'DELETE',
        path: '/v1/platform/apps/{client_id}/secrets/{secret_id}',
        answers: { 204: 'none' },
      },
      path: [clientId, secretId],
      options,
    });
  }

  /**
   * Mint a service token.
   *
   * For unattended workloads. Lives 24 hours unless `expires_in` says otherwise, 30 days at most.
   *
   * Scope: `platform:apps`.
   *
   * @param clientId - The id of the app, such as `app_01jdk…`
   */
  mintServiceToken(
    clientId: string,
    body?: models.apps.ServiceTokenDraft,
    options: KeyedOptions = {},
  ): Promise<models.apps.MintedServiceToken> {
    return this.#caller.value({
      operation: {
        id: 'mintServiceToken',
        method: 'POST',
        path: '/v1/platform/apps/{client_id}/service-token',
        answers: { 201: 'object' },
        body: 'json',
        keyed: true,
      },
      path: [clientId],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * List service tokens.
   *
   * The live ones, newest first, without their values.
   *
   * Scope: `platform:apps`.
   *
   * @param clientId - The id of the app, such as `app_01jdk…`
   */
  listServiceTokens(clientId: string, options: PageOptions = {}): Pages<models.apps.ServiceToken> {
    return this.#caller.pages({
      operation: {
        id: 'listServiceTokens',
        method: 'GET',
        path: '/v1/platform/apps/{client_id}/service-tokens',
        answers: { 200: 'object' },
      },
      path: [clientId],
      query: { limit: options.limit, cursor: options.cursor },
      options,
      page: 'service_tokens',
    });
  }

  /**
   * Revoke a service token.
   *
   * Every gateway refuses it within a second.
   *
   * Scope: `platform:apps`.
   *
   * @param clientId - The id of the app, such as `app_01jdk…`
   * @param tokenId - The service token's id
   */
  revokeServiceToken(clientId: string, tokenId: string, options: CallOptions = {}): Promise<void> {
    return this.#caller.value({
      operation: {
        id: 'revokeServiceToken',
        method: 'DELETE',
        path: '/v1/platform/apps/{client_id}/service-tokens/{token_id}',
        answers: { 204: 'none' },
      },
      path: [clientId, tokenId],
      options,
    });
  }

  /**
   * List credentials that end soon.
   *
   * Client secrets and service tokens of active apps that end within `within` seconds, with their last use: what to
   * renew, and what is still in use. And the certificates of identity providers of active SAML connections that end by
   * then or have ended, unless a longer one is pinned already; only for callers who may read the connections
   * (federation is open, and a person also has `platform:people:write`).
   *
   * Scope: `platform:apps`.
   */
  listEndingCredentials(options: ListEndingCredentialsOptions = {}): Promise<models.apps.EndingCredentials> {
    return this.#caller.value({
      operation: {
        id: 'listEndingCredentials',
        method: 'GET',
        path: '/v1/platform/ending-credentials',
        answers: { 200: 'object' },
      },
      query: { within: options.within },
      options,
    });
  }
}

// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, KeyedOptions, PageOptions, Unchanged } from '../calls.js';
import type * as models from '../models/index.js';
import type { Pages } from '../paging.js';

/** The options of `listWebhooks`. */
export interface ListWebhooksOptions extends PageOptions {
  /** Only those of this app; of another than your own with the scope `platform:apps` */
  clientId?: string;
  /** Adds to each webhook how its first attempts fared */
  statistics?: boolean;
  /**
   * Whether the list has those webhooks alone that fail, were switched off for it, or have an event type that nobody
   * approved
   */
  troubled?: boolean;
}

/** The options of `listAllDeliveries`. */
export interface ListAllDeliveriesOptions extends PageOptions {
  /** Only those of this app; of another than your own with the scope `platform:apps` */
  clientId?: string;
  /** Only deliveries of this webhook */
  webhookId?: string;
  /** Only deliveries in this state */
  status?: 'failed' | 'queued' | 'retrying' | 'succeeded';
  /** Only deliveries whose newest attempt had an answer of this class; `none` if no answer came */
  response?: '2xx' | '3xx' | '4xx' | '5xx' | 'none';
  /** Only deliveries of this event type */
  eventType?: string;
  /** Only deliveries of this event */
  eventId?: string;
  /** Only deliveries whose newest attempt is in this trace */
  traceId?: string;
  /** Start of the period, inclusive */
  since?: string;
  /** End of the period, exclusive */
  until?: string;
}

/** The options of `listDeliveries`. */
export interface ListDeliveriesOptions extends PageOptions {
  /** Only deliveries in this state */
  status?: 'failed' | 'queued' | 'retrying' | 'succeeded';
  /** Only deliveries of this event type */
  eventType?: string;
  /** Start of the period, inclusive */
  since?: string;
  /** End of the period, exclusive */
  until?: string;
}

/** The options of `recoverDeliveries`. */
export interface RecoverDeliveriesOptions extends KeyedOptions {
  /** Take back deliveries created since then */
  since: string;
}

/** The options of `sendTestWebhook`. */
export interface SendTestWebhookOptions extends KeyedOptions {
  /** Wait for the answer, and get a diagnosis */
  wait?: boolean;
  /** The type of the test event, one of the webhook's; without it the first of them */
  eventType?: string;
}

/** The options of `startReplay`. */
export interface StartReplayOptions extends KeyedOptions {
  /** `true`: the deliveries are counted, and nothing is sent */
  dryRun?: boolean;
}

/** The options of `getReplay`. */
export interface GetReplayOptions<ETag extends string | undefined = string | undefined> extends CallOptions {
  /** The ETag of an earlier answer. If it is still current, the answer is 304. */
  ifNoneMatch?: ETag;
}

/** The options of `getWebhookContacts`. */
export interface GetWebhookContactsOptions extends CallOptions {
  /** The app, if an administrator asks for those of another than the calling one */
  clientId?: string;
}

/** Subscriptions to events. Each event is delivered by a signed POST, and repeated until the receiver answers 2xx. */
export class Webhooks {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * List webhooks.
   *
   * Those of the calling app, newest first. With the scope `platform:apps` those of every app, or of the app
   * `client_id`: an administrator may read and change each of them. `statistics=true` adds to each how the first
   * attempts of its deliveries fared. `troubled=true` lists those alone that fail, were switched off for it, or have an
   * event type that nobody approved.
   *
   * Scope: `webhooks:read`.
   */
  listWebhooks(options: ListWebhooksOptions = {}): Pages<models.webhooks.Webhook> {
    return this.#caller.pages({
      operation: { id: 'listWebhooks', method: 'GET', path: '/v1/webhooks', answers: { 200: 'object' } },
      query: {
        limit: options.limit,
        cursor: options.cursor,
        client_id: options.clientId,
        statistics: options.statistics,
        troubled: options.troubled,
      },
      options,
      page: 'webhooks',
    });
  }

  /**
   * Create a webhook.
   *
   * Deliveries are signed as Standard Webhooks 1.0 says: with the `secret` (`v1`), and with a key of this webhook whose
   * `public_key` verifies them (`v1a`). Without a `secret` one is made and shown this once.
   *
   * Scope: `webhooks:write`.
   */
  createWebhook(body: models.webhooks.NewWebhook, options: KeyedOptions = {}): Promise<models.webhooks.Webhook> {
    return this.#caller.value({
      operation: {
        id: 'createWebhook',
        method: 'POST',
        path: '/v1/webhooks',
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
   * Try a filter on past events.
   *
   * Applies the filter to the data of the newest 100 events of these types, and creates nothing. Events that are for
   * named apps alone are not among them.
   *
   * Scope: `webhooks:write`.
   */
  tryWebhookFilter(body: models.webhooks.FilterTrial, options: CallOptions = {}): Promise<models.webhooks.FilterTried> {
    return this.#caller.value({
      operation: {
        id: 'tryWebhookFilter',
        method: 'POST',
        path: '/v1/webhooks/try-filter',
        answers: { 200: 'object' },
        body: 'json',
      },
      body,
      options,
    });
  }

  /**
   * Inspect a webhook.
   *
   * With its backlog: how many deliveries wait.
   *
   * Scope: `webhooks:read`.
   *
   * @param webhookId - The webhook's id
   */
  getWebhook(webhookId: string, options: CallOptions = {}): Promise<models.webhooks.Webhook> {
    return this.#caller.value({
      operation: { id: 'getWebhook', method: 'GET', path: '/v1/webhooks/{webhook_id}', answers: { 200: 'object' } },
      path: [webhookId],
      options,
    });
  }

  /**
   * Update a webhook.
   *
   * Changes the fields it names. A new `secret` signs beside the old one for 24 hours, and each earlier one signs until
   * the end that was stated for it. At most 5 sign: one more is 409, which names the earlier ones as `pending_secrets`,
   * and as `next_rotation_at` the time when the first of them ends, unless `force` ends the oldest. `enabled: true`
   * ends a disablement, and a webhook that is failing or slowed is tried at once; `enabled: false` holds from the next
   * delivery on, however many wait.
   *
   * Scope: `webhooks:write`.
   *
   * @param webhookId - The webhook's id
   */
  updateWebhook(
    webhookId: string,
    body: models.webhooks.WebhookChange,
    options: CallOptions = {},
  ): Promise<models.webhooks.Webhook> {
    return this.#caller.value({
      operation: {
        id: 'updateWebhook',
        method: 'PUT',
        path: '/v1/webhooks/{webhook_id}',
        answers: { 200: 'object' },
        body: 'json',
      },
      path: [webhookId],
      body,
      options,
    });
  }

  /**
   * Delete a webhook.
   *
   * Nothing is sent any more; its deliveries and their history are deleted.
   *
   * Scope: `webhooks:write`.
   *
   * @param webhookId - The webhook's id
   */
  deleteWebhook(webhookId: string, options: CallOptions = {}): Promise<void> {
    return this.#caller.value({
      operation: { id: 'deleteWebhook', method: 'DELETE', path: '/v1/webhooks/{webhook_id}', answers: { 204: 'none' } },
      path: [webhookId],
      options,
    });
  }

  /**
   * Read the health of a webhook.
   *
   * The state of its endpoint in one word and in sentences: last success, failures in a row, next attempt, what waits.
   *
   * Scope: `webhooks:read`.
   *
   * @param webhookId - The webhook's id
   */
  getWebhookHealth(webhookId: string, options: CallOptions = {}): Promise<models.webhooks.Health> {
    return this.#caller.value({
      operation: {
        id: 'getWebhookHealth',
        method: 'GET',
        path: '/v1/webhooks/{webhook_id}/health',
        answers: { 200: 'object' },
      },
      path: [webhookId],
      options,
    });
  }

  /**
   * Read the addresses of deliveries.
   *
   * The networks from which the platform sends webhooks, for a firewall before the receiver; empty where they are not
   * fixed. Verify the signature nevertheless: it alone proves who sent a delivery.
   *
   * Scope: `webhooks:read`.
   */
  getWebhookAddresses(options: CallOptions = {}): Promise<models.webhooks.Addresses> {
    return this.#caller.value({
      operation: {
        id: 'getWebhookAddresses',
        method: 'GET',
        path: '/v1/webhooks/addresses',
        answers: { 200: 'object' },
      },
      options,
    });
  }

  /**
   * Rotate a webhook's signing key.
   *
   * Makes a new Ed25519 key for the signatures `v1a`. The present key signs beside it for `overlap_seconds` (a day,
   * unless it says otherwise, at most seven days), and each earlier one until the end that was stated for it; 0 ends
   * all of them at once. At most 5 keys sign: one more is 409, which names the earlier ones as `pending_keys`, and as
   * `next_rotation_at` the time when the first of them ends, unless `force` ends the oldest. A webhook without a
   * `public_key` gets its first.
   *
   * Scope: `webhooks:write`.
   *
   * @param webhookId - The webhook's id
   */
  rotateSigningKey(
    webhookId: string,
    body?: models.webhooks.RotateSigningKey,
    options: KeyedOptions = {},
  ): Promise<models.webhooks.Webhook> {
    return this.#caller.value({
      operation: {
        id: 'rotateSigningKey',
        method: 'POST',
        path: '/v1/webhooks/{webhook_id}/rotate-signing-key',
        answers: { 200: 'object' },
        body: 'json',
        keyed: true,
      },
      path: [webhookId],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Review the deliveries of all webhooks.
   *
   * Those of the calling app, newest first, without tests. With the scope `platform:apps` those of every app, or of the
   * app `client_id`. A call looks at one day, and with a filter by answer, trace, state or type at 10,000 deliveries or
   * fewer: a short page, or an empty one, may have a `next_cursor`. `event_id` looks at all days. `since` (inclusive)
   * and `until` (exclusive) are about `created_at`.
   *
   * Scope: `webhooks:read`.
   */
  listAllDeliveries(options: ListAllDeliveriesOptions = {}): Pages<models.webhooks.AppDelivery> {
    return this.#caller.pages({
      operation: { id: 'listAllDeliveries', method: 'GET', path: '/v1/deliveries', answers: { 200: 'object' } },
      query: {
        limit: options.limit,
        cursor: options.cursor,
        client_id: options.clientId,
        webhook_id: options.webhookId,
        status: options.status,
        response: options.response,
        event_type: options.eventType,
        event_id: options.eventId,
        trace_id: options.traceId,
        since: options.since,
        until: options.until,
      },
      options,
      page: 'deliveries',
    });
  }

  /**
   * Review deliveries.
   *
   * Newest first, tests among the others. `since` (inclusive) and `until` (exclusive) are about `created_at`, when a
   * delivery was queued here: neither the event's own time nor that of an attempt. `sequence` numbers a webhook's
   * deliveries without a gap, in the order of their events' times where these arrive together, and otherwise in the
   * order of their arrival here; tests have none. With `status` or `event_type` a call looks at 10,000 deliveries: a
   * short page, or an empty one, may have a `next_cursor`.
   *
   * Scope: `webhooks:read`.
   *
   * @param webhookId - The webhook's id
   */
  listDeliveries(webhookId: string, options: ListDeliveriesOptions = {}): Pages<models.webhooks.Delivery> {
    return this.#caller.pages({
      operation: {
        id: 'listDeliveries',
        method: 'GET',
        path: '/v1/webhooks/{webhook_id}/deliveries',
        answers: { 200: 'object' },
      },
      path: [webhookId],
      query: {
        limit: options.limit,
        cursor: options.cursor,
        status: options.status,
        event_type: options.eventType,
        since: options.since,
        until: options.until,
      },
      options,
      page: 'deliveries',
    });
  }

  /**
   * Review one delivery's attempts.
   *
   * With the exact request body and each attempt: headers, address, answer, duration.
   *
   * Scope: `webhooks:read`.
   *
   * @param webhookId - The webhook's id
   * @param deliveryId - The delivery's id
   */
  getDelivery(
    webhookId: string,
    deliveryId: string,
    options: CallOptions = {},
  ): Promise<models.webhooks.DeliveryHistory> {
    return this.#caller.value({
      operation: {
        id: 'getDelivery',
        method: 'GET',
        path: '/v1/webhooks/{webhook_id}/deliveries/{delivery_id}',
        answers: { 200: 'object' },
      },
      path: [webhookId, deliveryId],
      options,
    });
  }

  /**
   * Send a delivery again.
   *
   * Sent at once, even if the receiver asked for a pause.
   *
   * Scope: `webhooks:write`.
   *
   * @param webhookId - The webhook's id
   * @param deliveryId - The delivery's id
   */
  retryDelivery(webhookId: string, deliveryId: string, options: KeyedOptions = {}): Promise<models.webhooks.Queued> {
    return this.#caller.value({
      operation: {
        id: 'retryDelivery',
        method: 'POST',
        path: '/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/retry',
        answers: { 202: 'object' },
        keyed: true,
      },
      path: [webhookId, deliveryId],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      options,
    });
  }

  /**
   * Send given-up deliveries again.
   *
   * Sends again the given-up deliveries created `since` then, and those that wait for a retry: oldest first, at a
   * rising rate.
   *
   * Scope: `webhooks:write`.
   *
   * @param webhookId - The webhook's id
   */
  recoverDeliveries(webhookId: string, options: RecoverDeliveriesOptions): Promise<models.webhooks.Recovering> {
    return this.#caller.value({
      operation: {
        id: 'recoverDeliveries',
        method: 'POST',
        path: '/v1/webhooks/{webhook_id}/recover',
        answers: { 202: 'object' },
        keyed: true,
      },
      path: [webhookId],
      query: { since: options.since },
      headers: { 'Idempotency-Key': options.idempotencyKey },
      options,
    });
  }

  /**
   * Send a test webhook.
   *
   * The example of one of the webhook's types: of `event_type`, or of the first. `?wait=true` sends it at once and
   * answers with a diagnosis; an app waits for at most two at a time.
   *
   * Scope: `webhooks:write`.
   *
   * @param webhookId - The webhook's id
   */
  sendTestWebhook(
    webhookId: string,
    options: SendTestWebhookOptions & { wait: true },
  ): Promise<models.webhooks.Diagnosis>;

  /**
   * Send a test webhook.
   *
   * The example of one of the webhook's types: of `event_type`, or of the first. `?wait=true` sends it at once and
   * answers with a diagnosis; an app waits for at most two at a time.
   *
   * Scope: `webhooks:write`.
   *
   * @param webhookId - The webhook's id
   */
  sendTestWebhook(
    webhookId: string,
    options?: SendTestWebhookOptions & { wait?: false | undefined },
  ): Promise<models.webhooks.Queued>;

  /**
   * Send a test webhook.
   *
   * The example of one of the webhook's types: of `event_type`, or of the first. `?wait=true` sends it at once and
   * answers with a diagnosis; an app waits for at most two at a time.
   *
   * Scope: `webhooks:write`.
   *
   * @param webhookId - The webhook's id
   */
  sendTestWebhook(
    webhookId: string,
    options?: SendTestWebhookOptions,
  ): Promise<models.webhooks.Queued | models.webhooks.Diagnosis>;
  sendTestWebhook(
    webhookId: string,
    options: SendTestWebhookOptions = {},
  ): Promise<models.webhooks.Queued | models.webhooks.Diagnosis> {
    return this.#caller.value({
      operation: {
        id: 'sendTestWebhook',
        method: 'POST',
        path: '/v1/webhooks/{webhook_id}/test',
        answers: { 200: 'object', 202: 'object' },
        keyed: true,
      },
      path: [webhookId],
      query: { wait: options.wait, event_type: options.eventType },
      headers: { 'Idempotency-Key': options.idempotencyKey },
      options,
    });
  }

  /**
   * Check the books.
   *
   * Counts the webhook's deliveries, so that you can prove that none is missing.
   *
   * Scope: `webhooks:read`.
   *
   * @param webhookId - The webhook's id
   */
  getReconciliation(webhookId: string, options: CallOptions = {}): Promise<models.webhooks.Reconciliation> {
    return this.#caller.value({
      operation: {
        id: 'getReconciliation',
        method: 'GET',
        path: '/v1/webhooks/{webhook_id}/reconciliation',
        answers: { 200: 'object' },
      },
      path: [webhookId],
      options,
    });
  }

  /**
   * Replay deliveries.
   *
   * Sends the deliveries of a period that fit the filter again, oldest first, under their own ids, at most
   * `per_second`. New deliveries of the webhook always go first. `?dry_run=true` counts them and sends nothing.
   * Deliveries that were never attempted are not among them. A given-up delivery is tried again as a new one is, one
   * that had been delivered is sent once. One replay of a webhook runs at a time.
   *
   * Scope: `webhooks:write`.
   *
   * @param webhookId - The webhook's id
   */
  startReplay(
    webhookId: string,
    body: models.webhooks.ReplayDraft,
    options: StartReplayOptions = {},
  ): Promise<models.webhooks.ReplayCounted | models.webhooks.Replay> {
    return this.#caller.value({
      operation: {
        id: 'startReplay',
        method: 'POST',
        path: '/v1/webhooks/{webhook_id}/replays',
        answers: { 200: 'object', 201: 'object' },
        body: 'json',
        keyed: true,
      },
      path: [webhookId],
      query: { dry_run: options.dryRun },
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * List replays.
   *
   * Those of the webhook, newest first, with their progress: the newest 100 of the last 30 days.
   *
   * Scope: `webhooks:read`.
   *
   * @param webhookId - The webhook's id
   */
  listReplays(webhookId: string, options: PageOptions = {}): Pages<models.webhooks.Replay> {
    return this.#caller.pages({
      operation: {
        id: 'listReplays',
        method: 'GET',
        path: '/v1/webhooks/{webhook_id}/replays',
        answers: { 200: 'object' },
      },
      path: [webhookId],
      query: { limit: options.limit, cursor: options.cursor },
      options,
      page: 'replays',
    });
  }

  /**
   * Follow a replay.
   *
   * Its progress. Poll it with `If-None-Match`: while nothing changes the answer is 304.
   *
   * Scope: `webhooks:read`.
   *
   * null means that nothing has changed since `ifNoneMatch`.
   *
   * @param webhookId - The webhook's id
   * @param replayId - The replay's id
   */
  getReplay<ETag extends string | undefined = undefined>(
    webhookId: string,
    replayId: string,
    options: GetReplayOptions<ETag> = {},
  ): Promise<models.webhooks.Replay | Unchanged<ETag>> {
    return this.#caller.value({
      operation: {
        id: 'getReplay',
        method: 'GET',
        path: '/v1/webhooks/{webhook_id}/replays/{replay_id}',
        answers: { 200: 'object' },
      },
      path: [webhookId, replayId],
      headers: { 'If-None-Match': options.ifNoneMatch },
      options,
    });
  }

  /**
   * Stop a replay.
   *
   * Holds from its next step on: what it had sent to the queue, a second's deliveries at most, still goes out.
   *
   * Scope: `webhooks:write`.
   *
   * @param webhookId - The webhook's id
   * @param replayId - The replay's id
   */
  stopReplay(webhookId: string, replayId: string, options: CallOptions = {}): Promise<models.webhooks.Replay> {
    return this.#caller.value({
      operation: {
        id: 'stopReplay',
        method: 'POST',
        path: '/v1/webhooks/{webhook_id}/replays/{replay_id}/stop',
        answers: { 200: 'object' },
      },
      path: [webhookId, replayId],
      options,
    });
  }

  /**
   * Resume a replay.
   *
   * Goes on where it was stopped.
   *
   * Scope: `webhooks:write`.
   *
   * @param webhookId - The webhook's id
   * @param replayId - The replay's id
   */
  resumeReplay(webhookId: string, replayId: string, options: CallOptions = {}): Promise<models.webhooks.Replay> {
    return this.#caller.value({
      operation: {
        id: 'resumeReplay',
        method: 'POST',
        path: '/v1/webhooks/{webhook_id}/replays/{replay_id}/resume',
        answers: { 200: 'object' },
      },
      path: [webhookId, replayId],
      options,
    });
  }

  /**
   * Read the contacts of the app.
   *
   * The addresses that get mail when a webhook of the calling app fails for an hour, recovers, is disabled, or loses
   * deliveries. With the scope `platform:apps` those of the app `client_id`.
   *
   * Scope: `webhooks:read`.
   */
  getWebhookContacts(options: GetWebhookContactsOptions = {}): Promise<models.webhooks.Contacts> {
    return this.#caller.value({
      operation: { id: 'getWebhookContacts', method: 'GET', path: '/v1/webhooks/contacts', answers: { 200: 'object' } },
      query: { client_id: options.clientId },
      options,
    });
  }

  /**
   * Replace the contacts of the app.
   *
   * At most five. A mail names ids, times and counts alone; an app gets at most 20 mails a day, an organisation 100.
   *
   * Scope: `webhooks:write`.
   */
  replaceWebhookContacts(
    body: models.webhooks.ContactsChange,
    options: CallOptions = {},
  ): Promise<models.webhooks.Contacts> {
    return this.#caller.value({
      operation: {
        id: 'replaceWebhookContacts',
        method: 'PUT',
        path: '/v1/webhooks/contacts',
        answers: { 200: 'object' },
        body: 'json',
      },
      body,
      options,
    });
  }
}

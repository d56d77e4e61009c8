// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, KeyedOptions, PageOptions } from '../calls.js';
import type * as models from '../models/index.js';
import type { Pages } from '../paging.js';

/** The options of `listEvents`. */
export interface ListEventsOptions extends PageOptions {
  /** Only events of these types, separated by commas, such as `incident.created,incident.closed` */
  eventTypes?: string;
  /** Only events about the resource with this id */
  key?: string;
  /** Only events accepted at this time or later */
  since?: string;
  /** Only events accepted before this time */
  until?: string;
  /** The newest or the oldest first */
  order?: 'newest' | 'oldest';
}

/** The options of `listConsumers`. */
export interface ListConsumersOptions extends PageOptions {
  /** Only those of this app; of another than your own with the scope `platform:apps` */
  clientId?: string;
}

/** Events to fetch: lists for back-fill, and consumers for systems that receive nothing from outside. */
export class EventLog {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * List events.
   *
   * The events that a webhook of the calling app could have got, by its approvals of now: whether or not there was one.
   * They are kept for 30 days, for back-fill and for those that a receiver missed. Newest first, or with `order=oldest`
   * in the order of acceptance. `since` (inclusive) and `until` (exclusive) are about `accepted_at`. `event_types` are
   * separated by commas; `key` is the id of the event's subject, such as an encounter, incident or device. A page ends
   * early after 1 MiB.
   *
   * Scope: `webhooks:read`.
   */
  listEvents(options: ListEventsOptions = {}): Pages<models.log.StoredEvent> {
    return this.#caller.pages({
      operation: { id: 'listEvents', method: 'GET', path: '/v1/events', answers: { 200: 'object' } },
      query: {
        limit: options.limit,
        cursor: options.cursor,
        event_types: options.eventTypes,
        key: options.key,
        since: options.since,
        until: options.until,
        order: options.order,
      },
      options,
      page: 'events',
    });
  }

  /**
   * Read an event.
   *
   * By the id that `webhook-id` and deliveries name.
   *
   * Scope: `webhooks:read`.
   *
   * @param eventId - The event's id, as in `webhook-id`
   */
  getEvent(eventId: string, options: CallOptions = {}): Promise<models.log.StoredEvent> {
    return this.#caller.value({
      operation: { id: 'getEvent', method: 'GET', path: '/v1/events/{event_id}', answers: { 200: 'object' } },
      path: [eventId],
      options,
    });
  }

  /**
   * List consumers.
   *
   * Those of the calling app, by name. With the scope `platform:apps` those of every app, or of the app `client_id`.
   *
   * Scope: `webhooks:read`.
   */
  listConsumers(options: ListConsumersOptions = {}): Pages<models.log.Consumer> {
    return this.#caller.pages({
      operation: { id: 'listConsumers', method: 'GET', path: '/v1/consumers', answers: { 200: 'object' } },
      query: { limit: options.limit, cursor: options.cursor, client_id: options.clientId },
      options,
      page: 'consumers',
    });
  }

  /**
   * Create a consumer.
   *
   * A named reader of the app's events, for systems that nothing can send to. It begins at the `end`, at the
   * `beginning` of those that are kept, or at the first event since a time. Without `event_types` it gets every type
   * that the app is approved for.
   *
   * Scope: `webhooks:write`.
   */
  createConsumer(body: models.log.NewConsumer, options: KeyedOptions = {}): Promise<models.log.Consumer> {
    return this.#caller.value({
      operation: {
        id: 'createConsumer',
        method: 'POST',
        path: '/v1/consumers',
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
   * Inspect a consumer.
   *
   * With the events that wait for it.
   *
   * Scope: `webhooks:read`.
   *
   * @param consumerName - The consumer's name
   */
  getConsumer(consumerName: string, options: CallOptions = {}): Promise<models.log.Consumer> {
    return this.#caller.value({
      operation: {
        id: 'getConsumer',
        method: 'GET',
        path: '/v1/consumers/{consumer_name}',
        answers: { 200: 'object' },
      },
      path: [consumerName],
      options,
    });
  }

  /**
   * Delete a consumer.
   *
   * Its place is forgotten; the events stay.
   *
   * Scope: `webhooks:write`.
   *
   * @param consumerName - The consumer's name
   */
  deleteConsumer(consumerName: string, options: CallOptions = {}): Promise<void> {
    return this.#caller.value({
      operation: {
        id: 'deleteConsumer',
        method: 'DELETE',
        path: '/v1/consumers/{consumer_name}',
        answers: { 204: 'none' },
      },
      path: [consumerName],
      options,
    });
  }

  /**
   * Read the next events.
   *
   * At least once, in the order of acceptance, and so in the order of each `key`. The events are leased to this read
   * for `lease_seconds`: without a commit by then they are handed out again, and meanwhile any other read of this
   * consumer waits or gets 409, but for one that names the same `reader`. With `wait` the answer comes with the first
   * event, or empty after so many seconds.
   *
   * Scope: `webhooks:write`.
   *
   * @param consumerName - The consumer's name
   */
  readEvents(
    consumerName: string,
    body?: models.log.ReadEvents,
    options: CallOptions = {},
  ): Promise<models.log.Reading> {
    return this.#caller.value({
      operation: {
        id: 'readEvents',
        method: 'POST',
        path: '/v1/consumers/{consumer_name}/read',
        answers: { 200: 'object' },
        body: 'json',
        repeatable: true,
      },
      path: [consumerName],
      body,
      options,
    });
  }

  /**
   * Commit events.
   *
   * The event of that cursor and all before it are handled, and are not handed out again. A repeated commit changes
   * nothing, and no commit moves the consumer back. A part of a read can be committed, which also extends its lease.
   *
   * Scope: `webhooks:write`.
   *
   * @param consumerName - The consumer's name
   */
  commitEvents(
    consumerName: string,
    body: models.log.Commit,
    options: CallOptions = {},
  ): Promise<models.log.Committed> {
    return this.#caller.value({
      operation: {
        id: 'commitEvents',
        method: 'POST',
        path: '/v1/consumers/{consumer_name}/commit',
        answers: { 200: 'object' },
        body: 'json',
        repeatable: true,
      },
      path: [consumerName],
      body,
      options,
    });
  }

  /**
   * Extend a lease.
   *
   * For `lease_seconds` from now. 0 gives the events back: the next read gets them at once.
   *
   * Scope: `webhooks:write`.
   *
   * @param consumerName - The consumer's name
   */
  extendLease(consumerName: string, body: models.log.Extend, options: CallOptions = {}): Promise<models.log.Extended> {
    return this.#caller.value({
      operation: {
        id: 'extendLease',
        method: 'POST',
        path: '/v1/consumers/{consumer_name}/extend',
        answers: { 200: 'object' },
        body: 'json',
        repeatable: true,
      },
      path: [consumerName],
      body,
      options,
    });
  }

  /**
   * Move a consumer.
   *
   * Forwards or backwards, to one of: `to` the `beginning` or the `end`, the first event `since` a time, or after the
   * event of a `cursor`. A lease ends, and its events can no longer be committed.
   *
   * Scope: `webhooks:write`.
   *
   * @param consumerName - The consumer's name
   */
  seekConsumer(consumerName: string, body: models.log.Seek, options: CallOptions = {}): Promise<models.log.Consumer> {
    return this.#caller.value({
      operation: {
        id: 'seekConsumer',
        method: 'POST',
        path: '/v1/consumers/{consumer_name}/seek',
        answers: { 200: 'object' },
        body: 'json',
      },
      path: [consumerName],
      body,
      options,
    });
  }
}

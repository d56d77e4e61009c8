// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, PageOptions } from '../calls.js';
import type * as models from '../models/index.js';
import type { Pages } from '../paging.js';

/** The options of `listAuditEntries`. */
export interface ListAuditEntriesOptions extends PageOptions {
  /** Only entries about this record, app, person or other subject */
  subjectId?: string;
  /** Only entries of this person */
  actor?: string;
  /** Only entries of this app */
  clientId?: string;
  /** Only entries of this action */
  action?: string;
  /** Only entries of this trace */
  traceId?: string;
  /** Start of the period, inclusive, by the time of the entries */
  since?: string;
  /** End of the period, exclusive, by the time of the entries */
  until?: string;
}

/** The options of `exportAuditEntries`. */
export interface ExportAuditEntriesOptions extends CallOptions {
  /** Start of the period, inclusive */
  since: string;
  /** End of the period, exclusive; a minute ago at the latest */
  until?: string;
  /** The id of the last entry that you have: the export goes on after it */
  after?: string;
  /** Only entries about this record, app, person or other subject */
  subjectId?: string;
  /** Only entries of this person */
  actor?: string;
  /** Only entries of this app */
  clientId?: string;
  /** Only entries of this action */
  action?: string;
  /** Only entries of this trace */
  traceId?: string;
}

/**
 * The trail of actions: actor, action, object, app, time and trace. Each service has a trail of its own: `auth`,
 * `webhook-dispatcher`, `graphql-api`, `epcr`, `device-ingest` and `control-plane`. An organisation reads its own
 * entries.
 */
export class AuditTrail {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * List entries of the audit trail.
   *
   * Newest first. Filters combine. With several filters a page may have few entries, or none, and a `next_cursor` all
   * the same: a page looks through 10,000 entries. Reading leaves one entry (`audit.read`) for each reader, filter and
   * hour.
   *
   * Scope: `platform:audit`.
   *
   * @param service - The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
   * `device-ingest` or `control-plane`
   */
  listAuditEntries(service: string, options: ListAuditEntriesOptions = {}): Pages<models.audit.AuditEntry> {
    return this.#caller.pages({
      operation: { id: 'listAuditEntries', method: 'GET', path: '/v1/audit/{service}', answers: { 200: 'object' } },
      path: [service],
      query: {
        limit: options.limit,
        cursor: options.cursor,
        subject_id: options.subjectId,
        actor: options.actor,
        client_id: options.clientId,
        action: options.action,
        trace_id: options.traceId,
        since: options.since,
        until: options.until,
      },
      options,
      page: 'entries',
    });
  }

  /**
   * Export entries of the audit trail.
   *
   * One entry a line, oldest first; the last line is the signature. An export without it, or with `broken_off`, is not
   * complete: go on with `after`. It ends a minute ago at the latest, and has at most 1,000,000 entries.
   *
   * Scope: `platform:audit`.
   *
   * @param service - The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
   * `device-ingest` or `control-plane`
   */
  exportAuditEntries(service: string, options: ExportAuditEntriesOptions): Promise<Uint8Array> {
    return this.#caller.value({
      operation: {
        id: 'exportAuditEntries',
        method: 'GET',
        path: '/v1/audit/{service}/export',
        answers: { 200: 'bytes' },
      },
      path: [service],
      query: {
        since: options.since,
        until: options.until,
        after: options.after,
        subject_id: options.subjectId,
        actor: options.actor,
        client_id: options.clientId,
        action: options.action,
        trace_id: options.traceId,
      },
      options,
    });
  }

  /**
   * Read whether the audit trail holds.
   *
   * Entries are sealed into a chain of hashes, a second after they were written. The service compares new entries with
   * the chain each minute, and all of them again and again: each day while the trail is small, at most 30 days apart
   * when it is large.
   *
   * Scope: `platform:audit`.
   *
   * @param service - The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
   * `device-ingest` or `control-plane`
   */
  getAuditVerification(service: string, options: CallOptions = {}): Promise<models.audit.Verification> {
    return this.#caller.value({
      operation: {
        id: 'getAuditVerification',
        method: 'GET',
        path: '/v1/audit/{service}/verification',
        answers: { 200: 'object' },
      },
      path: [service],
      options,
    });
  }

  /**
   * List the keys that sign exports.
   *
   * A JWK set (RFC 7517) with Ed25519 keys (RFC 8037), the newest first. Keep it with your exports: a key is listed as
   * long as the service has it.
   *
   * @param service - The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
   * `device-ingest` or `control-plane`
   */
  listAuditKeys(service: string, options: CallOptions = {}): Promise<models.audit.AuditKeys> {
    return this.#caller.value({
      operation: {
        id: 'listAuditKeys',
        method: 'GET',
        path: '/v1/audit/{service}/keys',
        answers: { 200: 'object' },
        auth: 'open',
      },
      path: [service],
      options,
    });
  }

  /**
   * Read an entry of the audit trail.
   *
   * With the time of its seal.
   *
   * Scope: `platform:audit`.
   *
   * @param service - The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
   * `device-ingest` or `control-plane`
   * @param entryId - The id of the entry, such as `aud_01jdk…`
   */
  getAuditEntry(service: string, entryId: string, options: CallOptions = {}): Promise<models.audit.SealedEntry> {
    return this.#caller.value({
      operation: {
        id: 'getAuditEntry',
        method: 'GET',
        path: '/v1/audit/{service}/{entry_id}',
        answers: { 200: 'object' },
      },
      path: [service, entryId],
      options,
    });
  }
}

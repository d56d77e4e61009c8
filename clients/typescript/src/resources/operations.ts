// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, KeyedOptions, PageOptions } from '../calls.js';
import type * as models from '../models/index.js';
import type { Pages } from '../paging.js';

/** The options of `listDeadLetters`. */
export interface ListDeadLettersOptions extends PageOptions {
  /** Only those of this organisation */
  tenantId?: string;
}

/** The options of `listOperatorActs`. */
export interface ListOperatorActsOptions extends PageOptions {
  /** Only acts on this subject */
  subjectId?: string;
}

/**
 * For operators of the platform: people of Knogin's own tenant, after a sign-in with a second factor. No organisation
 * can get these scopes. An act is written down with its reason, carried out by the service within seconds, and in the
 * audit trail of the platform and of the organisation that it concerns.
 */
export class Operations {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * Read the backlog of a service.
   *
   * Measured twice a minute: messages by consumer, dead letters, entries of the audit trail without a seal, and the
   * service's own figures. Numbers are counted up to 10,000.
   *
   * Scope: `platform:operate:read`.
   *
   * @param service - The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
   * `device-ingest` or `control-plane`
   */
  getBacklog(service: string, options: CallOptions = {}): Promise<models.operations.Backlog> {
    return this.#caller.value({
      operation: {
        id: 'getBacklog',
        method: 'GET',
        path: '/v1/operations/{service}/backlog',
        answers: { 200: 'object' },
      },
      path: [service],
      options,
    });
  }

  /**
   * List dead letters.
   *
   * Messages of all organisations whose effect failed five times, or that ended their worker three times; the newest
   * first, without their content. The error is the exception's type and place, or says that the worker ended.
   *
   * Scope: `platform:operate:read`.
   *
   * @param service - The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
   * `device-ingest` or `control-plane`
   */
  listDeadLetters(service: string, options: ListDeadLettersOptions = {}): Pages<models.operations.DeadLetter> {
    return this.#caller.pages({
      operation: {
        id: 'listDeadLetters',
        method: 'GET',
        path: '/v1/operations/{service}/dead-letters',
        answers: { 200: 'object' },
      },
      path: [service],
      query: { limit: options.limit, cursor: options.cursor, tenant_id: options.tenantId },
      options,
      page: 'dead_letters',
    });
  }

  /**
   * List acts of operators.
   *
   * The newest first, of all operators, for a year.
   *
   * Scope: `platform:operate:read`.
   *
   * @param service - The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
   * `device-ingest` or `control-plane`
   */
  listOperatorActs(service: string, options: ListOperatorActsOptions = {}): Pages<models.operations.OperatorAct> {
    return this.#caller.pages({
      operation: {
        id: 'listOperatorActs',
        method: 'GET',
        path: '/v1/operations/{service}/acts',
        answers: { 200: 'object' },
      },
      path: [service],
      query: { limit: options.limit, cursor: options.cursor, subject_id: options.subjectId },
      options,
      page: 'acts',
    });
  }

  /**
   * Ask for an act.
   *
   * Every service replays and discards dead letters; auth suspends and resumes tenants, decides integration requests
   * and distrusts signing keys; webhook-dispatcher stops and resumes a webhook, or all deliveries of a tenant;
   * control-plane stops and resumes an automation, and stops all of a tenant. Read the act until `ended_at` is there.
   * An act is never repeated by itself: after `interrupted`, look first.
   *
   * Scope: `platform:operate:write`.
   *
   * @param service - The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
   * `device-ingest` or `control-plane`
   */
  createOperatorAct(
    service: string,
    body: models.operations.ActDraft,
    options: KeyedOptions = {},
  ): Promise<models.operations.OperatorAct> {
    return this.#caller.value({
      operation: {
        id: 'createOperatorAct',
        method: 'POST',
        path: '/v1/operations/{service}/acts',
        answers: { 202: 'object' },
        body: 'json',
        keyed: true,
      },
      path: [service],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Read an act of an operator.
   *
   * Until `ended_at` is there, the service has not carried it out.
   *
   * Scope: `platform:operate:read`.
   *
   * @param service - The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
   * `device-ingest` or `control-plane`
   * @param actId - The id of the act
   */
  getOperatorAct(service: string, actId: string, options: CallOptions = {}): Promise<models.operations.OperatorAct> {
    return this.#caller.value({
      operation: {
        id: 'getOperatorAct',
        method: 'GET',
        path: '/v1/operations/{service}/acts/{act_id}',
        answers: { 200: 'object' },
      },
      path: [service, actId],
      options,
    });
  }
}

// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, KeyedOptions, PageOptions } from '../calls.js';
import type * as models from '../models/index.js';
import type { Pages } from '../paging.js';

/** The options of `listSandboxes`. */
export interface ListSandboxesOptions extends PageOptions {
  /** Only sandboxes in this state */
  state?: 'advancing' | 'deleted' | 'deleting' | 'preparing' | 'ready' | 'resetting';
}

/**
 * An organisation makes sandboxes by itself: each has invented data of a year, and scenarios to try programs with. Data
 * of real patients do not belong there.
 */
export class Sandboxes {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * Make a sandbox.
   *
   * Needs no operator. The sandbox answers its first call at once, with the credentials in this answer, which no other
   * call shows. An invented year follows within a minute: encounters with cardiac arrests, strokes and falls,
   * incidents, vehicles' devices with readings, and deliveries of an example webhook; so indicators and lists show
   * something. Data of real patients do not belong into a sandbox. Your organisation may have a number of sandboxes at
   * a time; an operator changes it.
   *
   * Scope: `platform:apps`.
   */
  createSandbox(
    body: models.sandboxes.SandboxDraft,
    options: KeyedOptions = {},
  ): Promise<models.sandboxes.CreatedSandbox> {
    return this.#caller.value({
      operation: {
        id: 'createSandbox',
        method: 'POST',
        path: '/v1/platform/sandboxes',
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
   * List sandboxes.
   *
   * Those that your organisation made, newest first; deleted ones for a year.
   *
   * Scope: `platform:apps`.
   */
  listSandboxes(options: ListSandboxesOptions = {}): Pages<models.sandboxes.SandboxTenant> {
    return this.#caller.pages({
      operation: { id: 'listSandboxes', method: 'GET', path: '/v1/platform/sandboxes', answers: { 200: 'object' } },
      query: { limit: options.limit, cursor: options.cursor, state: options.state },
      options,
      page: 'sandboxes',
    });
  }

  /**
   * Inspect a sandbox.
   *
   * With the progress of the work on its data.
   *
   * Scope: `platform:apps`.
   *
   * @param sandboxId - The sandbox's id
   */
  getSandbox(sandboxId: string, options: CallOptions = {}): Promise<models.sandboxes.SandboxTenant> {
    return this.#caller.value({
      operation: {
        id: 'getSandbox',
        method: 'GET',
        path: '/v1/platform/sandboxes/{sandbox_id}',
        answers: { 200: 'object' },
      },
      path: [sandboxId],
      options,
    });
  }

  /**
   * Delete a sandbox.
   *
   * Its tokens end at every gateway within a second, and no app of it gets another. Its data are erased in portions;
   * the audit trail stays. A repetition changes nothing.
   *
   * Scope: `platform:apps`.
   *
   * @param sandboxId - The sandbox's id
   */
  deleteSandbox(sandboxId: string, options: CallOptions = {}): Promise<void> {
    return this.#caller.value({
      operation: {
        id: 'deleteSandbox',
        method: 'DELETE',
        path: '/v1/platform/sandboxes/{sandbox_id}',
        answers: { 204: 'none' },
      },
      path: [sandboxId],
      options,
    });
  }

  /**
   * Reset a sandbox.
   *
   * Erases its encounters, devices, incidents, indicators and deliveries, in portions, and writes the year before now.
   * Apps, secrets, tokens, webhooks, destinations and automations stay, and so does the audit trail. At most 20 times a
   * day.
   *
   * Scope: `platform:apps`.
   *
   * @param sandboxId - The sandbox's id
   */
  resetSandbox(sandboxId: string, options: KeyedOptions = {}): Promise<models.sandboxes.SandboxTenant> {
    return this.#caller.value({
      operation: {
        id: 'resetSandbox',
        method: 'POST',
        path: '/v1/platform/sandboxes/{sandbox_id}/reset',
        answers: { 202: 'object' },
        keyed: true,
      },
      path: [sandboxId],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      options,
    });
  }

  /**
   * Run a scenario.
   *
   * `arrest`: a cardiac arrest from the call to the handover, as an incident, an encounter and readings, with all their
   * events. `failing_receiver`: a delivery of the example webhook whose receiver fails, is silent, and recovers.
   * `revoked_tokens`: every token of the sandbox ends, as after a leak. At most 500 between two resets.
   *
   * Scope: `platform:apps`.
   *
   * @param sandboxId - The sandbox's id
   * @param scenario - The scenario to run
   */
  runScenario(sandboxId: string, scenario: string, options: KeyedOptions = {}): Promise<models.sandboxes.Scenario> {
    return this.#caller.value({
      operation: {
        id: 'runScenario',
        method: 'POST',
        path: '/v1/platform/sandboxes/{sandbox_id}/scenarios/{scenario}',
        answers: { 202: 'object' },
        keyed: true,
      },
      path: [sandboxId, scenario],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      options,
    });
  }

  /**
   * Advance a sandbox's clock.
   *
   * Waits of the sandbox become shorter by so many seconds, as if they had passed: the next attempt of each waiting
   * delivery, a receiver's `Retry-After`, the days of failures after which a webhook is disabled, the end of an app's
   * old secret and of a webhook's old signing key, and the end of refresh tokens. A delivery is tried once, however
   * long the advance. Other times do not move, nor do tokens that have their end within. The sandbox is `advancing`
   * until all waits have moved. At most 180 days between two resets.
   *
   * Scope: `platform:apps`.
   *
   * @param sandboxId - The sandbox's id
   */
  advanceSandboxClock(
    sandboxId: string,
    body: models.sandboxes.ClockAdvance,
    options: KeyedOptions = {},
  ): Promise<models.sandboxes.SandboxTenant> {
    return this.#caller.value({
      operation: {
        id: 'advanceSandboxClock',
        method: 'POST',
        path: '/v1/platform/sandboxes/{sandbox_id}/clock',
        answers: { 202: 'object' },
        body: 'json',
        keyed: true,
      },
      path: [sandboxId],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }
}

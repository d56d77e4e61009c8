// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, PageOptions } from '../calls.js';
import type * as models from '../models/index.js';
import type { Pages } from '../paging.js';

/** For operators of the platform, as the calls of operations: automations that they stopped. */
export class StoppedAutomations {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * List automations that operators stopped.
   *
   * Each with its act and reason, until its organisation enables it or the act `automation.resume` lifts the stop.
   *
   * Scope: `platform:operate:read`.
   */
  listStoppedAutomations(options: PageOptions = {}): Pages<models.stopped_automations.OperatorAutomation> {
    return this.#caller.pages({
      operation: {
        id: 'listStoppedAutomations',
        method: 'GET',
        path: '/v1/operations/control-plane/stopped-automations',
        answers: { 200: 'object' },
      },
      query: { limit: options.limit, cursor: options.cursor },
      options,
      page: 'stopped_automations',
    });
  }

  /**
   * Read whose an automation is.
   *
   * Its organisation, its app and its name, to compare before an act.
   *
   * Scope: `platform:operate:read`.
   *
   * @param automationId - The automation's id
   */
  getOperatorAutomation(
    automationId: string,
    options: CallOptions = {},
  ): Promise<models.stopped_automations.OperatorAutomation> {
    return this.#caller.value({
      operation: {
        id: 'getOperatorAutomation',
        method: 'GET',
        path: '/v1/operations/control-plane/automations/{automation_id}',
        answers: { 200: 'object' },
      },
      path: [automationId],
      options,
    });
  }
}

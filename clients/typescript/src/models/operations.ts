// Generated from the contract by `make clients`; do not edit.

import type { Open } from '../types.js';

/** `reason` goes into the audit trail; an organisation reads it where the act concerns it. */
export interface ActDraft {
  /** The act; each service has its own, and all replay and discard dead letters */
  action:
    | 'automation.resume'
    | 'automation.stop'
    | 'automations.stop'
    | 'dead_letter.discard'
    | 'dead_letter.replay'
    | 'deliveries.resume'
    | 'deliveries.stop'
    | 'integration_request.approve'
    | 'integration_request.decline'
    | 'signing_keys.distrust'
    | 'tenant.resume'
    | 'tenant.suspend'
    | 'webhook.resume'
    | 'webhook.stop';
  /** The id of the organisation, request, message, webhook or automation; `signing-keys` for `signing_keys.distrust` */
  subject_id: string;
  /** Why, for the audit trail of the platform and of the organisation that the act concerns, which reads it */
  reason: string;
}

/** The work that waits in a service. `measured_at` is null before the first measurement. */
export interface Backlog {
  /** The service */
  service: string;
  /** When the service measured it; null before the first time */
  measured_at: string | null;
  /** Messages that consumers have not acknowledged */
  consumers: ConsumerBacklog[];
  /** Messages that failed and are tried again, up to 10,000 */
  failing_messages: number;
  /** Dead letters, up to 10,000 */
  dead_letters: number;
  /** Entries of the audit trail that wait for their seal, up to 100,000 */
  unsealed_entries: number;
  /** For how long the oldest of them waits, in seconds */
  unsealed_seconds: number;
  /** Figures of this service alone */
  own: Figure[];
}

/** Messages that one consumer has not acknowledged. `waiting` is counted up to 10,000; ages are in seconds. */
export interface ConsumerBacklog {
  /** The service that they are for */
  consumer: string;
  /** Messages that it has not acknowledged, up to 10,000 */
  waiting: number;
  /** The age of the oldest of them, in seconds */
  oldest_seconds: number;
  /** For how long the oldest that was not sent yet is due, in seconds */
  unsent_seconds: number;
}

/** A message whose effect failed. Its content is not shown. */
export interface DeadLetter {
  /** The id of the message */
  message_id: string;
  /** The organisation that it concerns */
  tenant_id: string;
  /** The service that sent it */
  producer: string;
  /** The kind of message */
  name: string;
  /** The exception's type and the lines where it was raised */
  error: string;
  /** When it was given up */
  died_at: string;
}

/** A page of dead letters */
export interface DeadLetters {
  /** The dead letters of this page, newest first */
  dead_letters: DeadLetter[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** One figure */
export interface Figure {
  /** Its name */
  name: string;
  /** Its value; a name that ends in `_seconds` is an age */
  value: number;
}

/** One act. The service carries it out within seconds; `outcome` says why it did not, or names the rest of the work. */
export interface OperatorAct {
  /** The id */
  id: string;
  /** The act */
  action: Open<
    | 'automation.resume'
    | 'automation.stop'
    | 'automations.stop'
    | 'dead_letter.discard'
    | 'dead_letter.replay'
    | 'deliveries.resume'
    | 'deliveries.stop'
    | 'integration_request.approve'
    | 'integration_request.decline'
    | 'signing_keys.distrust'
    | 'tenant.resume'
    | 'tenant.suspend'
    | 'webhook.resume'
    | 'webhook.stop'
  >;
  /** The record, app, person or other subject of the act */
  subject_id: string;
  /** The operator's reason */
  reason: string;
  /**
   * `waiting` and `begun` before its end; `refused` and `failed` changed nothing; `interrupted`: its process ended
   * meanwhile
   */
  state: Open<'begun' | 'done' | 'failed' | 'interrupted' | 'refused' | 'waiting'>;
  /** The person who asked */
  asked_by: string;
  /** When it was asked for */
  asked_at: string;
  /** When it ended; null before */
  ended_at: string | null;
  /** Why it was not done, or the rest of the work; null if there is nothing to say */
  outcome: string | null;
}

/** A page of acts */
export interface OperatorActs {
  /** The acts of this page, newest first */
  acts: OperatorAct[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

// Generated from the contract by `make clients`; do not edit.

import type { Open } from '../types.js';

/** A page of deliveries of several webhooks */
export interface AppDeliveries {
  /** The deliveries of this page, newest first */
  deliveries: AppDelivery[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** A delivery with its webhook and app. */
export interface AppDelivery {
  /** The delivery's id, such as `dlv_01jdk…` */
  id: string;
  /** The event's id, as in `webhook-id` */
  event_id: string;
  /** The event's type, such as `incident.created` */
  event_type: string;
  /** The delivery's number among those of the webhook, without gaps; null for a test */
  sequence: number | null;
  /** `retrying` waits for `next_attempt_at`; `failed` is given up */
  status: Open<'failed' | 'queued' | 'retrying' | 'succeeded'>;
  /** When it was last sent; null before */
  attempted_at: string | null;
  /** The number of the latest attempt, from 1 */
  attempt: number;
  /** The receiver's HTTP status; null without an answer */
  response_status: number | null;
  /** The beginning of the receiver's answer */
  response_body: string | null;
  /** Whether the answer was longer */
  response_truncated: boolean | null;
  /** Milliseconds until the answer */
  duration_ms: number | null;
  /** When it is sent next; null if it is not */
  next_attempt_at: string | null;
  /** The error in words; null if there was none */
  error: string | null;
  /** The trace of the call, 32 hex digits; give it to support */
  trace_id: string | null;
  /** When it was made */
  created_at: string;
  /** The webhook's id */
  webhook_id: string;
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
}

/** One request of a delivery with its answer, as the history stores it. */
export interface Attempt {
  /** The number of the attempt, from 1 */
  number: number;
  /** When it was last sent; null before */
  attempted_at: string;
  /** The HTTPS address of the receiver */
  url: string;
  /** Headers that were sent, without the values of secret ones */
  request_headers: Record<string, string>;
  /** The IP address that was called; null if the name did not resolve */
  resolved_address: string | null;
  /** The receiver's HTTP status; null without an answer */
  response_status: number | null;
  /** Headers of the receiver's answer */
  response_headers: Record<string, string> | null;
  /** The beginning of the receiver's answer */
  response_body: string | null;
  /** Whether the answer was longer */
  response_truncated: boolean;
  /** The error in words; null if there was none */
  error: string | null;
  /** Milliseconds until the answer */
  duration_ms: number;
  /** The trace of the call, 32 hex digits; give it to support */
  trace_id: string | null;
}

/**
 * How many deliveries wait for a webhook, counted up to 10,000 (`more`), and which background work on them is under
 * way.
 *
 * `clearing`: those that its app is no longer approved for are given up. `gathering`: those given up are taken back.
 */
export interface Backlog {
  /** How many deliveries wait, up to 10,000 */
  waiting: number;
  /** Whether there are more than those counted */
  more: boolean;
  /** Whether deliveries without approval are being given up */
  clearing: boolean;
  /** Whether given-up deliveries are being taken back */
  gathering: boolean;
}

/** A page of deliveries */
export interface Deliveries {
  /** The deliveries of this page, newest first */
  deliveries: Delivery[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** One event for one subscription, with its latest attempt. */
export interface Delivery {
  /** The delivery's id, such as `dlv_01jdk…` */
  id: string;
  /** The event's id, as in `webhook-id` */
  event_id: string;
  /** The event's type, such as `incident.created` */
  event_type: string;
  /** The delivery's number among those of the webhook, without gaps; null for a test */
  sequence: number | null;
  /** `retrying` waits for `next_attempt_at`; `failed` is given up */
  status: Open<'failed' | 'queued' | 'retrying' | 'succeeded'>;
  /** When it was last sent; null before */
  attempted_at: string | null;
  /** The number of the latest attempt, from 1 */
  attempt: number;
  /** The receiver's HTTP status; null without an answer */
  response_status: number | null;
  /** The beginning of the receiver's answer */
  response_body: string | null;
  /** Whether the answer was longer */
  response_truncated: boolean | null;
  /** Milliseconds until the answer */
  duration_ms: number | null;
  /** When it is sent next; null if it is not */
  next_attempt_at: string | null;
  /** The error in words; null if there was none */
  error: string | null;
  /** The trace of the call, 32 hex digits; give it to support */
  trace_id: string | null;
  /** When it was made */
  created_at: string;
}

/** A delivery with its request body and each attempt. */
export interface DeliveryHistory {
  /** The delivery's id, such as `dlv_01jdk…` */
  id: string;
  /** The event's id, as in `webhook-id` */
  event_id: string;
  /** The event's type, such as `incident.created` */
  event_type: string;
  /** The delivery's number among those of the webhook, without gaps; null for a test */
  sequence: number | null;
  /** `retrying` waits for `next_attempt_at`; `failed` is given up */
  status: Open<'failed' | 'queued' | 'retrying' | 'succeeded'>;
  /** When it was last sent; null before */
  attempted_at: string | null;
  /** The number of the latest attempt, from 1 */
  attempt: number;
  /** The receiver's HTTP status; null without an answer */
  response_status: number | null;
  /** The beginning of the receiver's answer */
  response_body: string | null;
  /** Whether the answer was longer */
  response_truncated: boolean | null;
  /** Milliseconds until the answer */
  duration_ms: number | null;
  /** When it is sent next; null if it is not */
  next_attempt_at: string | null;
  /** The error in words; null if there was none */
  error: string | null;
  /** The trace of the call, 32 hex digits; give it to support */
  trace_id: string | null;
  /** When it was made */
  created_at: string;
  /** The exact body that was sent */
  request_body: string | null;
  /** Each attempt, oldest first */
  attempts: Attempt[];
}

/** The result of one test request: the exact bytes, the connection, and the next step in `verdict`. */
export interface Diagnosis {
  /** The delivery's id */
  delivery_id: string;
  /** `succeeded` or `failed` */
  status: string;
  /** The result and the next step, in words */
  verdict: string;
  /** The exact request: method, address, headers, body */
  request: Record<string, unknown>;
  /** The text that was signed: `id.timestamp.body` */
  signed_content: string;
  /** The IP address that was called; null if the name did not resolve */
  resolved_address: string | null;
  /** The TLS version, cipher and certificate; null without TLS */
  tls: Record<string, unknown> | null;
  /** Milliseconds of each step: name, connection, TLS, first byte, total */
  timings_ms: Record<string, unknown>;
  /** The receiver's answer: status, headers, body */
  response: Record<string, unknown>;
  /** The error in words; null if there was none */
  error: string | null;
  /** The trace of the call, 32 hex digits; give it to support */
  trace_id: string | null;
}

/** A subscription to make */
export interface NewWebhook {
  /** The HTTPS address of the receiver */
  url: string;
  /** Event types of the catalogue, such as `incident.created` */
  events: readonly string[];
  /** The signing secret: `whsec_` and base64 of 24 to 64 bytes */
  secret?: string | null;
  /** Headers that are added to each delivery; their values are encrypted */
  headers?: Record<string, string>;
  /** A text for people */
  description?: string | null;
}

/** A test delivery that waits to be sent */
export interface Queued {
  /** The delivery's id */
  delivery_id: string;
  /** The state */
  status: string;
}

/**
 * accepted = delivered + pending + given_up, of the newest 100,000 deliveries within the retention; the sequence has no
 * gap.
 *
 * Without `complete` older deliveries are kept and not counted.
 */
export interface Reconciliation {
  /** How many deliveries were taken on */
  accepted: number;
  /** How many were answered 2xx */
  delivered: number;
  /** How many still wait */
  pending: number;
  /** How many were given up */
  given_up: number;
  /** The first sequence number that is counted */
  first_sequence: number | null;
  /** The last sequence number that is counted */
  last_sequence: number | null;
  /** Whether every delivery within the retention is counted */
  complete: boolean;
}

/**
 * How many deliveries will be sent again: those taken back after they had been given up, and `hastened`, which would
 * have been retried
 * later (counted up to 10,000). More are taken back in the background while `gathering`; the webhook's `backlog` shows
 * when that is done.
 */
export interface Recovering {
  /** How many given-up deliveries are sent again */
  queued: number;
  /** How many waiting retries are sent sooner */
  hastened: number;
  /** Whether more are taken back in the background */
  gathering: boolean;
}

/**
 * A subscription. `secret` is shown once, by the call that generated it; `secret_fingerprint` afterwards.
 *
 * `backlog` is in the answers to reading and changing one webhook.
 */
export interface Webhook {
  /** The webhook's id, such as `wh_01jdk…` */
  id: string;
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** The HTTPS address of the receiver */
  url: string;
  /** Event types of the catalogue, such as `incident.created` */
  events: string[];
  /** Those of `events` for which the app has no approval: nothing is sent for them */
  unapproved_events: string[];
  /** A text for people */
  description: string | null;
  /** Whether it works; false stops it */
  enabled: boolean;
  /** Why it was stopped, such as `failing` or `gone`; null while it works */
  disabled_reason: string | null;
  /** When it was stopped; null while it works */
  disabled_at: string | null;
  /** Whether its app is disabled: events are kept meanwhile */
  paused: boolean;
  /** The fingerprint of the signing secret */
  secret_fingerprint: string;
  /** Names of the headers that are added to each delivery */
  headers: string[];
  /** The first failure of the present series; null if the last attempt succeeded */
  failing_since: string | null;
  /** Until when the receiver asked for a pause */
  slowed_until: string | null;
  /** How many deliveries are sent at the same time */
  concurrency: number;
  /** Whether the rate rises again after failures */
  recovering: boolean;
  /** When it was made */
  created_at: string;
  /** When it last changed */
  updated_at: string;
  /** The fingerprint of the secret that still signs beside it */
  previous_secret_fingerprint?: string | null;
  /** When the old secret stops working; null if it has */
  previous_secret_expires_at?: string | null;
  /** The deliveries that wait */
  backlog?: Backlog | null;
  /** The signing secret: `whsec_` and base64 of 24 to 64 bytes */
  secret?: string | null;
}

/** Only the given fields change. */
export interface WebhookChange {
  /** The HTTPS address of the receiver */
  url?: string;
  /** Event types of the catalogue, such as `incident.created` */
  events?: readonly string[];
  /** The signing secret: `whsec_` and base64 of 24 to 64 bytes */
  secret?: string;
  /** Headers that are added to each delivery; their values are encrypted */
  headers?: Record<string, string>;
  /** A text for people */
  description?: string | null;
  /** Whether it works; false stops it */
  enabled?: boolean;
}

/** A page of webhooks */
export interface Webhooks {
  /** The webhooks of this page, newest first */
  webhooks: Webhook[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

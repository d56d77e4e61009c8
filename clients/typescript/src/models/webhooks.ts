// Generated from the contract by `make clients`; do not edit.

import type { Open } from '../types.js';

/** The networks that deliveries come from. A signature is the only proof of their origin. */
export interface Addresses {
  /** Networks such as `203.0.113.16/28` */
  networks: string[];
}

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

/**
 * One request of a delivery with its answer, as the history stores it. `timings_ms` are those of its phases that took
 * place.
 */
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
  /**
   * Milliseconds of the phases that took place: `dns`, `connect` (with TLS), `tls`, `first_byte`, `body`, `total`; null
   * if nothing was sent
   */
  timings_ms: Record<string, number> | null;
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

/**
 * A certificate that the platform presents to the receiver (mutual TLS), with its private key. No answer shows the key.
 */
export interface ClientCertificate {
  /** The certificate in PEM, with at most four that lead to its authority */
  certificate: string;
  /** Its private key in PEM, not encrypted: RSA from 2,048 bits, EC or Ed25519 */
  private_key: string;
}

/** The addresses that get mail about the app's webhooks. */
export interface Contacts {
  /** Addresses that get mail about the app's webhooks, at most five */
  emails: string[];
  /** When they were last changed; null if there are none */
  updated_at: string | null;
}

/**
 * The contacts that replace those before; an empty list removes all. An administrator may name another app in
 * `client_id`.
 */
export interface ContactsChange {
  /** Addresses that get mail about the app's webhooks, at most five */
  emails: readonly string[];
  /** The app, if an administrator changes those of another than the calling one */
  client_id?: string | null;
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

/** A signing key that another one replaced. It signs beside it until `expires_at`. */
export interface EarlierKey {
  /** The public key */
  public_key: string;
  /** When it stops signing */
  expires_at: string;
}

/** A secret that another one replaced. It signs beside it until `expires_at`. */
export interface EarlierSecret {
  /** The fingerprint of the secret: the first 12 hexadecimal digits of its SHA-256 */
  fingerprint: string;
  /** When it stops signing */
  expires_at: string;
}

/** One of: `pointer` with one of `eq ne in gt lt exists prefix`; `all`, `any`: a list of filters; `not`: a filter. */
export interface Filter {
  /** A JSON Pointer (RFC 6901) into the event's data */
  pointer?: string;
  /** The member equals this value */
  eq?: string | number | boolean | null;
  /** The member is missing, or differs from this value */
  ne?: string | number | boolean | null;
  /** The member equals one of these values */
  in?: (string | number | boolean | null)[];
  /** The member is a number above this */
  gt?: number;
  /** The member is a number below this */
  lt?: number;
  /** Whether the member must be there */
  exists?: boolean;
  /** The member is a text that begins so */
  prefix?: string;
  /** Every one of these filters matches */
  all?: Filter[];
  /** At least one of these filters matches */
  any?: Filter[];
  not?: Filter;
}

/**
 * Event types and the filter that a webhook for them would have. An administrator may name another app in `client_id`.
 */
export interface FilterTrial {
  /** Event types of the catalogue, such as `incident.created` */
  events: readonly string[];
  /** The filter to try */
  filter: Filter;
  /** The app, if an administrator tries it for another than the calling one */
  client_id?: string | null;
}

/** How many of the newest events of these types the filter would have let through, and which, newest first. */
export interface FilterTried {
  /** How many events were looked at, at most 100 */
  looked_at: number;
  /** How many of them the filter lets through */
  matched: number;
  /** The events, newest first */
  events: TriedEvent[];
}

/**
 * The events that a webhook's filter held back since the filter was set, and the last of them. They have no delivery.
 */
export interface Filtered {
  /** How many events were held back since the filter was set */
  events: number;
  /** The last of them */
  last_event_id: string;
  /** The last one's type */
  last_event_type: string;
  /** When the last one was held back */
  last_at: string;
}

/**
 * The first attempts of the deliveries of a period: how many the receiver took, and the duration that 95 in 100 stayed
 * below.
 *
 * Without attempts nothing is known of the receiver. The duration is estimated from twelve classes. A count is up to a
 * minute late, and
 * the period begins up to a bucket earlier: five minutes of the last hour, an hour of the others.
 */
export interface FirstAttempts {
  /** How many deliveries were sent for the first time */
  attempts: number;
  /** How many of them the receiver answered 2xx */
  delivered: number;
  /** Milliseconds that 95 in 100 of them stayed below; null without attempts */
  p95_ms: number | null;
}

/** How an endpoint fares: its state, a summary in words, and the facts behind it. */
export interface Health {
  /**
   * `healthy`; `untried`, when nothing was delivered yet; `failing`, since its last success; `slowed`, when it asked
   * for a pause; `recovering`; `disabled`; `paused`, with its app or the deliveries of the organisation
   */
  state: Open<'disabled' | 'failing' | 'healthy' | 'paused' | 'recovering' | 'slowed' | 'untried'>;
  /** The same in sentences, for people */
  summary: string;
  /** When a delivery of the newest 1,000 last succeeded; null if none did */
  last_success_at: string | null;
  /** Failed attempts since the last success, counted up to 1,000 */
  failures_in_a_row: number;
  /** The last failure; null if the last attempt succeeded */
  last_error: string | null;
  /** The first failure of the present series; null if the last attempt succeeded */
  failing_since: string | null;
  /** When the next delivery is due; null if none waits or nothing is sent */
  next_attempt_at: string | null;
  /** How many deliveries wait, counted up to 10,000 */
  waiting: number;
  statistics: Statistics;
  /** When it last took a test, of the newest 100 tests; null if it took none */
  last_test_at: string | null;
}

/** An administrator may name another app in `client_id`; without it the webhook is the calling app's. */
export interface NewWebhook {
  /** The HTTPS address of the receiver */
  url: string;
  /** Event types of the catalogue in full, such as `incident.created`, without `*` */
  events: readonly string[];
  /**
   * Only events whose data it lets through are delivered; null for all. A member that an event lacks fits no comparison
   * but `ne`. At most 20 parts, 100 values in all `in`, and 8 KiB
   */
  filter?: Filter | null;
  /**
   * `full`, or `thin`: the type, time and id of the event without its data, so that none lies in logs on the way; the
   * body then has `thin`, and its data is the `event_id`
   */
  payload?: 'full' | 'thin';
  /** The most deliveries a second, 1 to 1,000; up to a second's deliveries may go out at once. Null for no limit */
  max_per_second?: number | null;
  /** The certificate that the platform presents to the receiver; null for none */
  client_certificate?: ClientCertificate | null;
  /** The grant with which the platform gets an access token for each delivery; null for none */
  oauth?: OAuth | null;
  /** The signing secret: `whsec_` and base64 of 24 to 64 bytes */
  secret?: string | null;
  /** Headers that are added to each delivery; their values are encrypted */
  headers?: Record<string, string>;
  /** A text for people */
  description?: string | null;
  /** The app, if an administrator makes it for another than the calling one */
  client_id?: string | null;
}

/**
 * A grant of client credentials (RFC 6749 §4.4): each delivery has an access token of this token URL. No answer shows
 * the secret.
 */
export interface OAuth {
  /** The token endpoint; the rules for a webhook's URL hold for it */
  token_url: string;
  /** The platform's client id at the receiver */
  client_id: string;
  /** The secret of that client; no answer shows it */
  client_secret: string;
  /** Scopes to ask for, separated by spaces */
  scope?: string;
}

/** A test delivery that waits to be sent */
export interface Queued {
  /** The delivery's id */
  delivery_id: string;
  /** The state */
  status: string;
}

/**
 * accepted = delivered + pending + given_up, of all deliveries within the retention; the sequence has no gap.
 *
 * Without `complete`, for a while after an upgrade of the platform, only the newest 100,000 are counted and older ones
 * are kept too.
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
 * A replay and its progress. `matching` was counted at the beginning (`more`: there are more than that).
 *
 * `done` is the sum of `delivered`, `failed` (by the first attempt since) and `skipped`; `waiting` have been sent to
 * the queue and are
 * not attempted yet. `waits_for` says why nothing is sent now: the webhook is stopped, its own recovery goes first, or
 * its
 * receiver fails or asked for a pause. `expected_end_at` is an estimate from the rate so far.
 */
export interface Replay {
  /** The id */
  id: string;
  /** The webhook's id */
  webhook_id: string;
  /** `running`, `stopped` by a call, or `finished` */
  state: Open<'finished' | 'running' | 'stopped'>;
  /**
   * Why nothing is sent now: `webhook` (it is disabled or paused), `recovery` (its own recovery goes first), `receiver`
   * (it fails or asked for a pause); null while deliveries go out
   */
  waits_for: Open<'receiver' | 'recovery' | 'webhook'> | null;
  /** Which deliveries */
  filter: ReplayFilter;
  /** Start of the period, inclusive */
  since: string;
  /** End of the period, exclusive */
  until: string;
  /** The most deliveries that go out in a second */
  per_second: number;
  /** How many deliveries fit, as counted at the beginning, up to 10,000 */
  matching: number;
  /** Whether there are more than those counted */
  more: boolean;
  /** How many are over: delivered, failed and skipped */
  done: number;
  /** How many the receiver took */
  delivered: number;
  /** How many the receiver did not take at the first attempt; those that had been given up are tried again */
  failed: number;
  /**
   * How many were not sent: the app is no longer approved for them, their event is past its retention, or they were
   * being sent
   */
  skipped: number;
  /** How many are in the queue and not attempted yet */
  waiting: number;
  /** When the delivery was created up to which the replay has come */
  reached_at: string;
  /** When it was made */
  created_at: string;
  /** When a delivery was last over */
  progressed_at: string;
  /** When it will end at the rate so far; null where that is not known */
  expected_end_at: string | null;
  /** When it was stopped */
  stopped_at: string | null;
  /** When it was finished */
  finished_at: string | null;
}

/**
 * How many deliveries fit, counted up to 10,000 (`more`). A call also looks at a limited number of deliveries, the
 * oldest first.
 */
export interface ReplayCounted {
  /** True: nothing is sent */
  dry_run: boolean;
  /** How many deliveries fit, up to 10,000 */
  matching: number;
  /** Whether there are more than those counted */
  more: boolean;
  /** Start of the period that was counted, inclusive */
  since: string;
  /** End of the period that was counted, exclusive */
  until: string;
}

/** `since` (inclusive) and `until` (exclusive) are about `created_at`: without them all that are kept, up to now. */
export interface ReplayDraft {
  /** Only deliveries in this state */
  status?: 'failed' | 'retrying' | 'succeeded' | null;
  /** Only deliveries whose newest attempt had an answer of this class; `none` if no answer came */
  response?: '2xx' | '3xx' | '4xx' | '5xx' | 'none' | null;
  /** Only deliveries of this event type */
  event_type?: string | null;
  /** Only deliveries of this event */
  event_id?: string | null;
  /** Only deliveries of events with this subject, such as an incident */
  key?: string | null;
  /** Only deliveries whose newest attempt is in this trace */
  trace_id?: string | null;
  /** Only deliveries created at this time or later; without it all that are kept */
  since?: string | null;
  /** Only deliveries created before this time; without it up to now */
  until?: string | null;
  /** The most deliveries that go out in a second */
  per_second?: number;
}

/** Which deliveries of the webhook: those that fit every given field. `key` is the id of the event's subject. */
export interface ReplayFilter {
  /** Only deliveries in this state */
  status?: Open<'failed' | 'retrying' | 'succeeded'> | null;
  /** Only deliveries whose newest attempt had an answer of this class; `none` if no answer came */
  response?: Open<'2xx' | '3xx' | '4xx' | '5xx' | 'none'> | null;
  /** Only deliveries of this event type */
  event_type?: string | null;
  /** Only deliveries of this event */
  event_id?: string | null;
  /** Only deliveries of events with this subject, such as an incident */
  key?: string | null;
  /** Only deliveries whose newest attempt is in this trace */
  trace_id?: string | null;
}

/** A page of replays */
export interface Replays {
  /** The replays, newest first */
  replays: Replay[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** How long the present key signs beside the new one. Earlier ones keep their ends. 0 ends all of them at once. */
export interface RotateSigningKey {
  /** Seconds that the present key signs beside the new one; 0 ends every earlier one at once */
  overlap_seconds?: number;
  /** Ends the oldest at once where as many live as may */
  force?: boolean;
}

/** The certificate that the platform presents to the receiver. */
export interface ShownCertificate {
  /** The SHA-256 of the certificate in hexadecimal digits */
  fingerprint: string;
  /** When the certificate ends */
  expires_at: string;
}

/** The grant with which the platform gets access tokens for the receiver. */
export interface ShownOAuth {
  /** The token endpoint */
  token_url: string;
  /** The platform's client id at the receiver */
  client_id: string;
  /** The scopes that are asked for */
  scope: string;
}

/** How the first attempts of a webhook's deliveries fared. */
export interface Statistics {
  last_hour: FirstAttempts;
  last_day: FirstAttempts;
  last_week: FirstAttempts;
}

/** An event of the past, and whether the filter would have let it through. */
export interface TriedEvent {
  /** The event's id, as in `webhook-id` */
  event_id: string;
  /** The event's type, such as `incident.created` */
  event_type: string;
  /** When the platform accepted the event */
  accepted_at: string;
  /** Whether the filter lets it through */
  matches: boolean;
}

/**
 * A subscription. `secret` is shown once, by the call that generated it; `secret_fingerprint` afterwards.
 *
 * `backlog` is in the answers to reading and changing one webhook, `statistics` and `next_attempt_at` in lists that ask
 * for them.
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
  /**
   * Only events whose data it lets through are delivered; null for all. A member that an event lacks fits no comparison
   * but `ne`. At most 20 parts, 100 values in all `in`, and 8 KiB
   */
  filter: Filter | null;
  /**
   * `full`, or `thin`: the type, time and id of the event without its data, so that none lies in logs on the way; the
   * body then has `thin`, and its data is the `event_id`
   */
  payload: Open<'full' | 'thin'>;
  /** The most deliveries a second, 1 to 1,000; up to a second's deliveries may go out at once. Null for no limit */
  max_per_second: number | null;
  /** The certificate that the platform presents to the receiver; null for none */
  client_certificate: ShownCertificate | null;
  /** The grant with which the platform gets an access token for each delivery; null for none */
  oauth: ShownOAuth | null;
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
  /**
   * The public key of the signatures `v1a`: `whpk_` and base64 of 32 bytes (Ed25519, RFC 8032). Null for a webhook that
   * has none yet
   */
  public_key: string | null;
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
  /** The fingerprint of the newest of the secrets that still sign beside it */
  previous_secret_fingerprint?: string | null;
  /** When the old secret stops working; null if it has */
  previous_secret_expires_at?: string | null;
  /** The public key of the newest of the signing keys that still sign beside it */
  previous_public_key?: string | null;
  /** When the old signing key stops signing */
  previous_public_key_expires_at?: string | null;
  /** The secrets that still sign beside it, newest first; left out if there are none */
  previous_secrets?: EarlierSecret[];
  /** The signing keys that still sign beside it, newest first; left out if there are none */
  previous_public_keys?: EarlierKey[];
  /** The events that the filter held back; left out if there are none */
  filtered?: Filtered | null;
  /** The deliveries that wait */
  backlog?: Backlog | null;
  /** How the first attempts of its deliveries fared */
  statistics?: Statistics | null;
  /** When its next delivery is due; only in lists with `statistics` */
  next_attempt_at?: string | null;
  /**
   * The signing secret, `whsec_` and base64 of 24 to 64 bytes: only in the answer to the call that generated it. A
   * secret that you gave is not shown
   */
  secret?: string | null;
  /** Whether Knogin stopped all deliveries of the organisation: nothing is sent until Knogin resumes them */
  deliveries_stopped?: boolean;
  /**
   * The reason that the platform's operator gave for stopping it; null unless `disabled_reason` is
   * `stopped_by_operator`
   */
  stop_reason?: string | null;
}

/** Only the given fields change. `force` goes with a new `secret`, and ends the oldest where as many sign as may. */
export interface WebhookChange {
  /** The HTTPS address of the receiver */
  url?: string;
  /** Event types of the catalogue, such as `incident.created` */
  events?: readonly string[];
  /**
   * Only events whose data it lets through are delivered; null for all. A member that an event lacks fits no comparison
   * but `ne`. At most 20 parts, 100 values in all `in`, and 8 KiB
   */
  filter?: Filter | null;
  /**
   * `full`, or `thin`: the type, time and id of the event without its data, so that none lies in logs on the way; the
   * body then has `thin`, and its data is the `event_id`
   */
  payload?: 'full' | 'thin';
  /** The most deliveries a second, 1 to 1,000; up to a second's deliveries may go out at once. Null for no limit */
  max_per_second?: number | null;
  /** The certificate that the platform presents to the receiver; null for none */
  client_certificate?: ClientCertificate | null;
  /** The grant with which the platform gets an access token for each delivery; null for none */
  oauth?: OAuth | null;
  /** The signing secret: `whsec_` and base64 of 24 to 64 bytes */
  secret?: string;
  /** Ends the oldest at once where as many live as may */
  force?: boolean;
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

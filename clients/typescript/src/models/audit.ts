// Generated from the contract by `make clients`; do not edit.

import type { Open } from '../types.js';

/** A page of entries of the audit trail, newest first */
export interface AuditEntries {
  /** The entries */
  entries: AuditEntry[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** One entry of a service's audit trail */
export interface AuditEntry {
  /** The id */
  id: string;
  /** When it happened */
  at: string;
  /** The kind of act, such as `app.disabled` */
  action: string;
  /** The record, app, person or other subject of the act */
  subject_id: string;
  /** The app through which it was done; `operator` or the name of a service for the platform's own acts */
  client_id: string;
  /** The person, `usr_…`; null for an app in its own name */
  actor: string | null;
  /** The trace of the call, 32 hex digits; give it to support */
  trace_id: string;
  /** Names of fields, ids and numbers; never a value of a patient or a person */
  detail: Record<string, unknown>;
}

/** A public key that signs exports (RFC 8037). */
export interface AuditKey {
  /** The key's id */
  kid: string;
  /** The public key, 32 bytes in base64url without padding */
  x: string;
  /** The key type (RFC 7517) */
  kty: 'OKP';
  /** The curve (RFC 8037) */
  crv: 'Ed25519';
  /** The algorithm */
  alg: 'EdDSA';
  /** The use of the key */
  use: 'sig';
}

/** The public keys that sign exports of a service's audit trail */
export interface AuditKeys {
  /** The keys, the one that signs now first */
  keys: AuditKey[];
}

/** The last line of an export that ended early, for the reason in words. It has no signature. */
export interface ExportBroken {
  /** Why the export ended early */
  broken_off: string;
}

/** The last line of an export: a JWS (RFC 7515) over everything before it. */
export interface ExportSignature {
  /** The JWS in its compact form; its payload is the statement */
  signature: string;
}

/** One entry, with the time of its seal, and whether the service has compared it with its seal since. */
export interface SealedEntry {
  /** The id */
  id: string;
  /** When it happened */
  at: string;
  /** The kind of act, such as `app.disabled` */
  action: string;
  /** The record, app, person or other subject of the act */
  subject_id: string;
  /** The app through which it was done; `operator` or the name of a service for the platform's own acts */
  client_id: string;
  /** The person, `usr_…`; null for an app in its own name */
  actor: string | null;
  /** The trace of the call, 32 hex digits; give it to support */
  trace_id: string;
  /** Names of fields, ids and numbers; never a value of a patient or a person */
  detail: Record<string, unknown>;
  /** When the entry was sealed into the chain; null until then */
  sealed_at: string | null;
  /** Whether the service has compared the entry with its seal since it was sealed */
  checked: boolean;
}

/** The last time that the service compared its whole trail with the seals. */
export interface Verification {
  /**
   * The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`, `device-ingest` or
   * `control-plane`
   */
  service: string;
  /** `holds`; `broken` if the last check found a change; `unchecked` before the first check */
  state: Open<'broken' | 'holds' | 'unchecked'>;
  /** When a check last reached the end of the trail and found no change */
  checked_at: string | null;
  /** Entries sealed until then were in that check */
  sealed_until: string | null;
  /**
   * The hash of the chain at that check, 64 hex digits. Keep it: an operator can show that it is still part of the
   * chain
   */
  head: string | null;
}

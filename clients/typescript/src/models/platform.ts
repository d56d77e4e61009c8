// Generated from the contract by `make clients`; do not edit.

import type { Open, UnknownMember } from '../types.js';

/** The effect */
export type Action = WebhookAction | DocumentAction | OpenIncident | AnnotateIncident | UnknownMember<'kind'>;

/** A box at the edge. `staleness` says how long it has been silent; `reported` is its newest heartbeat. */
export interface Agent {
  /** The id */
  id: string;
  /** The name, for people */
  name: string;
  /** The vehicle, as your dispatch system names it, such as `AMB-42` */
  vehicle_id: string;
  /** Where it runs: `sandbox` has only test data */
  environment: Open<'production' | 'sandbox'>;
  /** Ids of the packages that it should run */
  packages: string[];
  /** An agent works once it is `enrolled` */
  status: Open<'awaiting_enrolment' | 'enrolled' | 'revoked'>;
  /** How long it has been silent: `stale` after some missed heartbeats, `lost` after many */
  staleness: Open<'fresh' | 'lost' | 'never' | 'stale'>;
  /** When it last reported; null if never */
  last_seen_at: string | null;
  /** Its newest heartbeat; null if there was none */
  reported: Heartbeat | null;
  /** When it was enrolled */
  enrolled_at: string | null;
  /** When it was revoked; null while it is valid */
  revoked_at: string | null;
  /** When it was made */
  created_at: string;
}

/** Only the given fields change */
export interface AgentChange {
  /** The name, for people */
  name?: string;
  /** The vehicle, as your dispatch system names it, such as `AMB-42` */
  vehicle_id?: string;
  /** Where it runs: `sandbox` has only test data */
  environment?: 'production' | 'sandbox';
  /** Ids of the packages that it should run */
  packages?: readonly string[];
}

/** A box on a vehicle that will enrol; `packages` are those it should run, as they are live in its environment. */
export interface AgentDraft {
  /** The name, for people */
  name: string;
  /** The vehicle, as your dispatch system names it, such as `AMB-42` */
  vehicle_id: string;
  /** Where it runs: `sandbox` has only test data */
  environment?: 'production' | 'sandbox';
  /** Ids of the packages that it should run */
  packages?: readonly string[];
}

/** With its enrolment code, which is shown by this call alone and good for one enrolment. */
export interface AgentWithCode {
  /** The id */
  id: string;
  /** The name, for people */
  name: string;
  /** The vehicle, as your dispatch system names it, such as `AMB-42` */
  vehicle_id: string;
  /** Where it runs: `sandbox` has only test data */
  environment: Open<'production' | 'sandbox'>;
  /** Ids of the packages that it should run */
  packages: string[];
  /** An agent works once it is `enrolled` */
  status: Open<'awaiting_enrolment' | 'enrolled' | 'revoked'>;
  /** How long it has been silent: `stale` after some missed heartbeats, `lost` after many */
  staleness: Open<'fresh' | 'lost' | 'never' | 'stale'>;
  /** When it last reported; null if never */
  last_seen_at: string | null;
  /** Its newest heartbeat; null if there was none */
  reported: Heartbeat | null;
  /** When it was enrolled */
  enrolled_at: string | null;
  /** When it was revoked; null while it is valid */
  revoked_at: string | null;
  /** When it was made */
  created_at: string;
  /** The code for one enrolment; shown this once */
  enrolment_code: string;
  /** When the code ends */
  enrolment_code_expires_at: string;
}

/** A page of edge agents */
export interface Agents {
  /** The agents of this page, newest first */
  agents: Agent[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** Adds `note`, a code, to an incident's timeline. Both fields are values or come from the event. */
export interface AnnotateIncident {
  /** The kind */
  kind: 'annotate_incident';
  /** The incident's id */
  incident_id: unknown;
  /** The code of the note */
  note: unknown;
}

/**
 * A rule of an app: an event that matches the trigger causes the action.
 *
 * `scopes` are those of the token that made the action, and its limit.
 */
export interface Automation {
  /** The id */
  id: string;
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** The name, for people */
  name: string;
  trigger: Trigger;
  action: Action;
  /** Scopes, such as `argus:epcr:read` */
  scopes: string[];
  /** Whether it works; false stops it */
  enabled: boolean;
  /** Why it was stopped, such as `failing` or `gone`; null while it works */
  disabled_reason: string | null;
  /** When it was made */
  created_at: string;
  /** When it last changed */
  updated_at: string;
  /**
   * The reason that the platform's operator gave for stopping it; null unless `disabled_reason` is
   * `stopped_by_operator`
   */
  stop_reason: string | null;
}

/** A JSON merge patch (RFC 7396): only the given fields change. */
export interface AutomationChange {
  /** The name, for people */
  name?: string;
  trigger?: Trigger;
  action?: Action;
  /** Whether it works; false stops it */
  enabled?: boolean;
}

/** A rule to make: an event that matches the trigger causes the action */
export interface AutomationDraft {
  /** The name, for people */
  name: string;
  trigger: Trigger;
  action: Action;
  /** Whether it works; false stops it */
  enabled?: boolean;
}

/** A page of automations */
export interface Automations {
  /** The automations of this page, newest first */
  automations: Automation[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/**
 * A listing to install, with exactly the scopes, event types and bundles that it asks for.
 *
 * `version` is the version that was read. If the listing shows another one by now, nothing is installed.
 */
export interface Consent {
  /** The listing's id */
  listing_id: string;
  /** Semantic Versioning 2.0.0, such as 1.4.0-rc.1 */
  version: string;
  /** Exactly the scopes of the listing */
  consented_scopes: readonly string[];
  /** Exactly the event types of the listing */
  consented_event_types?: readonly string[];
  /** Exactly the GraphQL bundles of the listing */
  consented_bundles?: readonly string[];
}

/** `reason` is stored in the release's history. */
export interface Decision {
  /** The reason, in words */
  reason?: string | null;
}

/**
 * A package the agent should run: the version that is live in its environment.
 *
 * `content_url` is the path of its content on this host. `signature` is the Ed25519 signature of the UTF-8 bytes of
 * `statement`
 * under `jwk`; the statement is JSON, and names the package, the version and the content's digest that are signed. A
 * key that was
 * revoked since has a `key_revoked_at`.
 */
export interface Desired {
  /** The package's id */
  package_id: string;
  /** The name, for people */
  name: string;
  /** The release's id */
  release_id: string;
  /** The version */
  version: string;
  /** The SHA-256 of the content, in lower-case hex */
  content_sha256: string;
  /** The bytes of the content */
  size: number;
  /** The id of the signing key */
  key_id: string;
  /** The Ed25519 signature, in base64url without padding */
  signature: string;
  /** The signed JSON text */
  statement: string;
  /** When the signing key was revoked; null while it is valid */
  key_revoked_at: string | null;
  jwk: PublicJwk;
  /** The path of the content, on the same host */
  content_url: string;
}

/** Runs an approved document of a bundle that the app was granted. `variables` may take values from the event. */
export interface DocumentAction {
  /** The kind */
  kind: 'document';
  /** The bundle of the document */
  bundle: string;
  /** The name of the document */
  operation: string;
  /** The variables of the document, by name */
  variables?: Record<string, unknown>;
}

/** `credential` is shown this once; the agent sends it as `Authorization: Bearer` with every call of its own. */
export interface Enrolled {
  /** The agent's id */
  agent_id: string;
  /** The agent's own credential; shown this once */
  credential: string;
  /** Where it runs: `sandbox` has only test data */
  environment: Open<'production' | 'sandbox'>;
  /** Seconds between two heartbeats */
  heartbeat_seconds: number;
}

/** The code of an agent that enrols */
export interface Enrolment {
  /** The enrolment code */
  code: string;
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

/** The report of an agent. One that was sent before the newest stored report changes only `last_seen_at`. */
export interface Heartbeat {
  /** When it was sent, by the agent's clock */
  sent_at: string;
  /** The packages that run */
  running?: Running[];
  /** The version of the agent's own program */
  agent_version?: string | null;
}

/** A listing installed in the caller's organisation, and the app that was made for it. `reason` says why one failed. */
export interface Installation {
  /** The id */
  id: string;
  /** The listing's id */
  listing_id: string;
  /** The package's id */
  package_id: string;
  /** The organisation that publishes it */
  publisher: string;
  /** The title, for people */
  title: string;
  /** The version */
  version: string;
  /** The kind */
  kind: Open<'automations' | 'connector' | 'edge'>;
  /** Scopes, such as `argus:epcr:read` */
  scopes: string[];
  /** Event types, such as `incident.created` */
  event_types: string[];
  /** Names of the GraphQL bundles that are granted */
  graphql_bundles: string[];
  /** The SHA-256 of the content, in lower-case hex */
  content_sha256: string;
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** Only an `active` installation runs */
  status: Open<'active' | 'failed' | 'pending' | 'uninstalled' | 'uninstalling'>;
  /** Why it failed; null otherwise */
  reason: string | null;
  /** The app through which the consent was given */
  consented_by: string;
  /** The person who consented; null for an app by itself */
  consented_by_user: string | null;
  /** When it was made */
  created_at: string;
  /** When it became active; null before */
  active_at: string | null;
  /** When it ended; null while it lasts */
  ended_at: string | null;
}

/** A page of installations */
export interface Installations {
  /** The installations of this page, newest first */
  installations: Installation[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** The packages the agent should run, and whether it runs exactly these. */
export interface Instructions {
  /** The agent's id */
  agent_id: string;
  /** Where it runs: `sandbox` has only test data */
  environment: Open<'production' | 'sandbox'>;
  /** Whether the agent runs exactly the desired packages */
  in_sync: boolean;
  /** The packages that the agent should run */
  desired: Desired[];
  /** Seconds between two heartbeats */
  heartbeat_seconds: number;
}

/** An Ed25519 public key (RFC 8037 §2). A private one is refused. */
export interface Jwk {
  /** The key type (RFC 7517) */
  kty: 'OKP';
  /** The curve (RFC 8037) */
  crv: 'Ed25519';
  /** The public key, 32 bytes in base64url without padding */
  x: string;
  /** The key's id */
  kid?: string | null;
  /** The algorithm */
  alg?: 'Ed25519' | 'EdDSA' | null;
  /** The use of the key */
  use?: 'sig' | null;
}

/**
 * A package that any organisation may install, its requests, and the automations of each installation.
 *
 * `publisher` is an organisation's name.
 */
export interface Listing {
  /** The id */
  id: string;
  /** The organisation that publishes it */
  publisher: string;
  /** The package's id */
  package_id: string;
  /** The name, for people */
  name: string;
  /** The version */
  version: string;
  /** The kind */
  kind: Open<'automations' | 'connector' | 'edge'>;
  /** The title, for people */
  title: string;
  /** A text for people */
  description: string;
  /** Scopes, such as `argus:epcr:read` */
  scopes: string[];
  /** Event types, such as `incident.created` */
  event_types: string[];
  /** The automations that each installation gets */
  automations: Record<string, unknown>[];
  /** The SHA-256 of the content, in lower-case hex */
  content_sha256: string;
  /** Only a `published` listing can be installed */
  status: Open<'published' | 'withdrawn'>;
  /** When it was published; null before */
  published_at: string;
  /** When it was withdrawn; null while it is offered */
  withdrawn_at: string | null;
  /** Names of the GraphQL bundles that are granted */
  graphql_bundles: string[];
}

/** A release that is live in production, with the texts for other organisations. */
export interface ListingDraft {
  /** The release's id */
  release_id: string;
  /** The title, for people */
  title: string;
  /** A text for people */
  description?: string;
}

/** A page of listings */
export interface Listings {
  /** The listings of this page, newest first */
  listings: Listing[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** Opens an incident with `type`, `priority` and the other `fields`; they may take values from the event. */
export interface OpenIncident {
  /** The kind */
  kind: 'open_incident';
  /** The incident: `type`, `priority` and others */
  fields: Record<string, unknown>;
}

/** A package of the caller's organisation; `client_id` is the app that made it. */
export interface Package {
  /** The id */
  id: string;
  /** The name; unique in the organisation */
  name: string;
  /** `connector` runs at the partner's, `edge` on a gateway box, `automations` nowhere */
  kind: Open<'automations' | 'connector' | 'edge'>;
  /** A text for people */
  description: string;
  /** Whether another person or app than the applicant must approve releases */
  four_eyes: boolean;
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** When it was made */
  created_at: string;
}

/**
 * A package to publish versions of. `connector` runs at the partner's, `edge` on a gateway box, `automations` nowhere.
 *
 * With `four_eyes`, which stays as it is, releases are approved by another person or app than asked for them.
 */
export interface PackageDraft {
  /** Lower-case letters, digits and hyphens, at most 63; unique in the organisation */
  name: string;
  /** The kind */
  kind: 'automations' | 'connector' | 'edge';
  /** A text for people */
  description?: string;
  /** Whether another person or app than the applicant must approve releases */
  four_eyes?: boolean;
}

/** A version of a package with its signed manifest. `status` says whether its content is stored. */
export interface PackageVersion {
  /** The id */
  id: string;
  /** The package's id */
  package_id: string;
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** The version, in Semantic Versioning */
  version: string;
  /** The kind */
  kind: Open<'automations' | 'connector' | 'edge'>;
  /** Scopes, such as `argus:epcr:read` */
  scopes: string[];
  /** Event types, such as `incident.created` */
  event_types: string[];
  /** The file that starts the package, relative to the content's root */
  entry: string;
  /** The automations that each installation gets */
  automations: Record<string, unknown>[];
  /** The SHA-256 of the content, in lower-case hex */
  content_sha256: string;
  /** The id of the signing key */
  key_id: string;
  /** The Ed25519 signature, in base64url without padding */
  signature: string;
  /** The bytes of the content */
  size: number | null;
  /** When it was made */
  created_at: string;
  /** When it was published; null before */
  published_at: string | null;
  /** Whether the content is stored */
  status: Open<'awaiting_content' | 'published'>;
}

/** A page of packages */
export interface Packages {
  /** The packages of this page, newest first */
  packages: Package[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** An Ed25519 public key (RFC 8037 §2); `kid` is the id it was registered under. */
export interface PublicJwk {
  /** The key type (RFC 7517) */
  kty: 'OKP';
  /** The curve (RFC 8037) */
  crv: 'Ed25519';
  /** The public key, 32 bytes in base64url without padding */
  x: string;
  /** The key's id */
  kid: string;
}

/**
 * A release. `…_by` is the app, `…_by_user` the person if there was one; `replaces` the release it was approved to
 * replace.
 */
export interface Release {
  /** The id */
  id: string;
  /** The package's id */
  package_id: string;
  /** The id of the version */
  version_id: string;
  /** The version */
  version: string;
  /** Where it runs: `sandbox` has only test data */
  environment: Open<'production' | 'sandbox'>;
  /** `live` is in use; `superseded` was replaced by a newer one */
  status: Open<'approved' | 'live' | 'rejected' | 'requested' | 'rolled_back' | 'superseded'>;
  /** The app that asked */
  requested_by: string;
  /** The person who asked; null for an app by itself */
  requested_by_user: string | null;
  /** The app that decided; null while it is pending */
  decided_by: string | null;
  /** The person who decided; null for an app by itself */
  decided_by_user: string | null;
  /** The release that it was approved to replace; null for none */
  replaces: string | null;
  /** When it was made */
  created_at: string;
  /** When it was decided; null while it is pending */
  decided_at: string | null;
  /** When it went live; null before */
  live_at: string | null;
  /** When it ended; null while it lasts */
  ended_at: string | null;
}

/** A published version, and where it should go live. */
export interface ReleaseDraft {
  /** The package's id */
  package_id: string;
  /** Semantic Versioning 2.0.0, such as 1.4.0-rc.1 */
  version: string;
  /** Where it runs: `sandbox` has only test data */
  environment: 'production' | 'sandbox';
}

/** A release and its history of states, oldest first. */
export interface ReleaseWithHistory {
  /** The id */
  id: string;
  /** The package's id */
  package_id: string;
  /** The id of the version */
  version_id: string;
  /** The version */
  version: string;
  /** Where it runs: `sandbox` has only test data */
  environment: Open<'production' | 'sandbox'>;
  /** `live` is in use; `superseded` was replaced by a newer one */
  status: Open<'approved' | 'live' | 'rejected' | 'requested' | 'rolled_back' | 'superseded'>;
  /** The app that asked */
  requested_by: string;
  /** The person who asked; null for an app by itself */
  requested_by_user: string | null;
  /** The app that decided; null while it is pending */
  decided_by: string | null;
  /** The person who decided; null for an app by itself */
  decided_by_user: string | null;
  /** The release that it was approved to replace; null for none */
  replaces: string | null;
  /** When it was made */
  created_at: string;
  /** When it was decided; null while it is pending */
  decided_at: string | null;
  /** When it went live; null before */
  live_at: string | null;
  /** When it ended; null while it lasts */
  ended_at: string | null;
  /** The states, oldest first */
  history: Step[];
}

/** A page of releases */
export interface Releases {
  /** The releases of this page, newest first */
  releases: Release[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** The release that was taken back, and the one that is live again, if there was one before. */
export interface RolledBack {
  /** The id */
  id: string;
  /** The package's id */
  package_id: string;
  /** The id of the version */
  version_id: string;
  /** The version */
  version: string;
  /** Where it runs: `sandbox` has only test data */
  environment: Open<'production' | 'sandbox'>;
  /** `live` is in use; `superseded` was replaced by a newer one */
  status: Open<'approved' | 'live' | 'rejected' | 'requested' | 'rolled_back' | 'superseded'>;
  /** The app that asked */
  requested_by: string;
  /** The person who asked; null for an app by itself */
  requested_by_user: string | null;
  /** The app that decided; null while it is pending */
  decided_by: string | null;
  /** The person who decided; null for an app by itself */
  decided_by_user: string | null;
  /** The release that it was approved to replace; null for none */
  replaces: string | null;
  /** When it was made */
  created_at: string;
  /** When it was decided; null while it is pending */
  decided_at: string | null;
  /** When it went live; null before */
  live_at: string | null;
  /** When it ended; null while it lasts */
  ended_at: string | null;
  /** The states, oldest first */
  history: Step[];
  /** The release that is live again; null if there was none before */
  restored: Release | null;
}

/**
 * The execution of an automation for one event. Each automation and event have one run, and the run has one effect.
 *
 * `failed` is tried again at `next_attempt_at`; `dead` waits for a person; `suppressed` never began, because it would
 * continue a
 * loop or exceed the runs of a minute. One suppressed run is for all events of its minute; `detail` counts them.
 * `cause` lists
 * the automations that led to the event.
 */
export interface Run {
  /** The id */
  id: string;
  /** The automation's id */
  automation_id: string;
  /** The event's id, as in `webhook-id` */
  event_id: string;
  /** The event's type, such as `incident.created` */
  event_type: string;
  /** Ids of the automations that led to the event */
  cause: string[];
  /** `failed` is tried again, `dead` waits for a person, `suppressed` never began */
  status: Open<'dead' | 'failed' | 'queued' | 'running' | 'succeeded' | 'suppressed'>;
  /** The error in words; null if there was none */
  error: string | null;
  /** The reason in words; null if there is none */
  detail: string | null;
  /** The effect's answer; null before */
  result: Record<string, unknown> | null;
  /** The number of attempts so far */
  attempt: number;
  /** When it is sent next; null if it is not */
  next_attempt_at: string | null;
  /** The trace of the call, 32 hex digits; give it to support */
  trace_id: string | null;
  /** When it was made */
  created_at: string;
  /** When it first began; null before */
  started_at: string | null;
  /** When it ended; null before */
  finished_at: string | null;
}

/** A package that runs on the agent, as it was unpacked. */
export interface Running {
  /** The package's id */
  package_id: string;
  /** The version */
  version: string;
  /** The SHA-256 of the content, in lower-case hex */
  content_sha256?: string | null;
  /** How the package does */
  health?: Open<'failing' | 'ok' | 'starting'>;
}

/** A page of runs */
export interface Runs {
  /** The runs of this page, newest first */
  runs: Run[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** A key that an app signs its versions with, until it is revoked. */
export interface SigningKey {
  /** The id */
  id: string;
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** The name, for people */
  name: string;
  jwk: PublicJwk;
  /** When it was made */
  created_at: string;
  /** When it was revoked; null while it is valid */
  revoked_at: string | null;
}

/** A key of the calling app. */
export interface SigningKeyDraft {
  /** The name, for people */
  name: string;
  jwk: Jwk;
}

/** A page of signing keys */
export interface SigningKeys {
  /** The keys of this page, newest first */
  signing_keys: SigningKey[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** A state of the release, with the app and person who set it, the reason and the trace. */
export interface Step {
  /** The state that it got */
  status: Open<'approved' | 'live' | 'rejected' | 'requested' | 'rolled_back' | 'superseded'>;
  /** When it happened */
  at: string;
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** The person; null for an app by itself */
  user_id: string | null;
  /** The reason that was given; null if none */
  reason: string | null;
  /** The trace of the call, 32 hex digits; give it to support */
  trace_id: string;
}

/** Events of one type whose data the filter lets through; without a filter all of them. */
export interface Trigger {
  /** The event's type, such as `incident.created` */
  event_type: string;
  /** The condition on the event's data; without one, all events of the type */
  filter?: Filter | null;
}

/**
 * A manifest and its signature.
 *
 * Signed are the UTF-8 bytes of this object without `signature` and with the package's id as `package_id`, in the
 * canonical
 * form of RFC 8785.
 */
export interface VersionDraft {
  /** Semantic Versioning 2.0.0, such as 1.4.0-rc.1 */
  version: string;
  /** The kind */
  kind: 'automations' | 'connector' | 'edge';
  /** Path of the file that starts the package, relative to the content's root */
  entry: string;
  /** SHA-256 of the content, in lower-case hex */
  content_sha256: string;
  /** The id of the signing key */
  key_id: string;
  /** Ed25519 signature (RFC 8032), 64 bytes in base64url without padding */
  signature: string;
  /** Scopes, such as `argus:epcr:read` */
  scopes?: readonly string[];
  /** Event types, such as `incident.created` */
  event_types?: readonly string[];
  /** Automations that each installation gets, as POST /automations takes them */
  automations?: readonly AutomationDraft[];
}

/** A page of versions */
export interface Versions {
  /** The versions of this page, newest first */
  versions: PackageVersion[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/**
 * Sends `automation.fired` to the app's webhooks that take it, or to one of them. `fields` may take values from the
 * event.
 */
export interface WebhookAction {
  /** The kind */
  kind: 'webhook';
  /** One webhook of the app; null for all that take the event */
  webhook_id?: string | null;
  /** Values to add to the event, by name */
  fields?: Record<string, unknown>;
}

// Generated from the contract by `make clients`; do not edit.

import type { Open } from '../types.js';

/**
 * `created_by` is the person or the app that made it. `usage` is there in the answer of one app, and in a list on
 * request.
 */
export interface App {
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** The name that people see at sign-in and consent */
  name: string;
  /** A `disabled` app gets no tokens and no webhooks */
  status: Open<'active' | 'disabled'>;
  /** The id of the organisation */
  tenant_id: string;
  /** Whether the organisation's own people made the app, and need no consent page */
  first_party: boolean;
  /** The OAuth grant types that the app may use */
  grant_types:
    | (Open<'authorization_code'
    | 'client_credentials'
    | 'refresh_token'
    | 'urn:ietf:params:oauth:grant-type:device_code'>)[];
  /** Addresses to which a browser may return after sign-in, compared as exact text */
  redirect_uris: string[];
  /** The scopes that the app asks for; its tokens hold no others */
  requested_scopes: string[];
  /** How the app proves itself at the token endpoint; `none` is for public apps */
  token_endpoint_auth_method: Open<'client_secret_basic' | 'client_secret_post' | 'none' | 'private_key_jwt'>;
  /** The app's public keys (RFC 7517), for `private_key_jwt` */
  jwks?: Record<string, unknown>;
  governance: Governance;
  /** The live secrets; two while one replaces the other */
  secrets: Secret[];
  /** The person or the app that made it; left out for apps that operators made */
  created_by?: string;
  /** When it was made */
  created_at: string;
  /** When it last changed */
  updated_at: string;
  /** The last 30 days; in the answer of one app, and in a list with `usage=true` */
  usage?: Usage;
}

/** `PATCH /v1/platform/apps/{client_id}`; changes the fields it names. `reason` is shown with the decision. */
export interface AppChange {
  /** The name, for people */
  name?: string;
  /** Addresses to which a browser may return after sign-in, compared as exact text */
  redirect_uris?: readonly string[];
  /** The scopes that the app asks for; its tokens hold no others */
  requested_scopes?: readonly string[];
  /** The app's public keys (RFC 7517), for `private_key_jwt` */
  jwks?: Record<string, unknown>;
  /** Why, for those who ask later who decided this. No personal data */
  reason?: string;
}

/**
 * The decision by which an app has a scope, an event type, a bundle or the present value of a rule.
 *
 * `decided_by` is a person (`usr_…`), an app (`app_…`) or `operator`; `decided_through` is the app that sent the
 * change.
 */
export interface AppDecision {
  /** `rule`: a field of the app's governance, its `jwks`, or its `status` */
  kind: Open<'bundle' | 'event' | 'rule' | 'scope'>;
  /** The scope, event type or bundle, or the name of the rule */
  item: string;
  /** The person (`usr_…`) or the app (`app_…`) that decided */
  decided_by: string;
  /** The app that sent the change */
  decided_through: string;
  /** When it was decided */
  decided_at: string;
  /** The reason that the change gave; null if it gave none */
  reason: string | null;
  /** The trace of the change, 32 hex digits */
  trace_id: string;
}

/** The newest decisions come first. */
export interface AppDecisions {
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** The decisions, the newest first */
  decisions: AppDecision[];
  /** The approved requests that opened its scopes and bundles to the organisation */
  organisation_grants: OrganisationGrant[];
}

/**
 * `POST /v1/platform/apps`; names and defaults of RFC 7591 §2. `approved_events` and `graphql_bundles` are granted with
 * the app, as
 * by its governance.
 */
export interface AppDraft {
  /** The name, for people */
  name: string;
  /** The OAuth grant types that the app may use */
  grant_types?:
    | readonly ('authorization_code'
    | 'client_credentials'
    | 'refresh_token'
    | 'urn:ietf:params:oauth:grant-type:device_code')[];
  /** Addresses to which a browser may return after sign-in, compared as exact text */
  redirect_uris?: readonly string[];
  /** The scopes that the app asks for; its tokens hold no others */
  requested_scopes?: readonly string[];
  /** How the app proves itself at the token endpoint; `none` is for public apps */
  token_endpoint_auth_method?: 'client_secret_basic' | 'client_secret_post' | 'none' | 'private_key_jwt';
  /** The app's public keys (RFC 7517), for `private_key_jwt` */
  jwks?: Record<string, unknown> | null;
  /** Event types that the app's webhooks may get, or patterns such as `incident.*` */
  approved_events?: readonly string[];
  /** Names of the GraphQL bundles that are granted */
  graphql_bundles?: readonly string[];
}

/** A refused token call, or another event of the app */
export interface AppEvent {
  /** The id */
  id: string;
  /** When it happened */
  at: string;
  /** The kind of event */
  kind: string;
  /** The OAuth error, or the reason of the refusal */
  reason: string;
  /** The trace of the call, 32 hex digits; give it to support */
  trace_id: string;
}

/** A page of an app's events, newest first */
export interface AppEvents {
  /** The items of this page, newest first */
  events: AppEvent[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** A page of apps */
export interface Apps {
  /** The apps of this page, newest first */
  apps: App[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/**
 * The things that end with an app. `people` who gave it access are counted up to 10,000; `people_more` says that there
 * are more.
 */
export interface Dependents {
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** Live secrets */
  secrets: number;
  /** Live service tokens */
  service_tokens: number;
  /** People who gave it access, counted up to 10,000 */
  people: number;
  /** Whether there are more people than that */
  people_more: boolean;
  /** Tokens that it obtained in the last 7 days */
  tokens_last_7_days: number;
}

/** A certificate of an identity provider that ends soon or has ended, and that has no successor in its connection. */
export interface EndingCertificate {
  /** The connection's id */
  connection_id: string;
  /** The connection's name */
  connection_name: string;
  /** The SHA-256 fingerprint, in hex */
  fingerprint: string;
  /** When it ends or ended */
  expires_at: string;
  /** When it was last used; null if never */
  last_used_at: string | null;
}

/** A client secret or a service token that ends soon. `last_used_at` says whether it is still in use. */
export interface EndingCredential {
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** The app's name */
  app_name: string;
  /** A client secret, or a service token */
  kind: Open<'secret' | 'service_token'>;
  /** The id of the secret or token */
  id: string;
  /** When it was made */
  created_at: string;
  /** When it ends */
  expires_at: string;
  /** When it was last used; null if never. A use in the last 75 seconds may not be shown yet */
  last_used_at: string | null;
}

/** The soonest first, 100 of each list at most. `certificates` is empty for who may not read connections. */
export interface EndingCredentials {
  /** The soonest first, 100 at most */
  credentials: EndingCredential[];
  /** Those without a successor, the soonest first */
  certificates: EndingCertificate[];
}

/** The rules that the organisation's administrator set for the app. `access_token_ttl` is in seconds. */
export interface Governance {
  /** Whether service tokens may be minted; false ends those that live */
  allow_service_tokens: boolean;
  /** Whether every authorization code needs PKCE (RFC 7636) */
  enforce_pkce: boolean;
  /** Addresses to which a browser may return after sign-in, compared as exact text */
  redirect_uris: string[];
  /** Event types that the app's webhooks may get, or patterns such as `incident.*` */
  approved_events: string[];
  /** Seconds that an access token lives */
  access_token_ttl: number;
  /** Names of the GraphQL bundles that are granted */
  graphql_bundles: string[];
  /** Apps of one domain see the same pseudonym for a person; apps of different domains cannot link theirs */
  pseudonym_domain: string;
  /**
   * How the app is shown patient care records. `exact`: names, numbers and free text are gone, times are as they were.
   * `shifted`: every time of a patient is moved by the same number of whole days, up to 50 either way, and shown to the
   * minute. `safe_harbor`: every encounter begins on 1 January of its year, vehicles are not named. In the last two the
   * app only reads; ids and pseudonyms are its own in that mode; an encounter appears, and changes, a fixed number of
   * days after the day that its moved times say (51, or 367), at midnight UTC, in no meaningful order, so that polling
   * reveals no more than reading once. Such an app holds no scope but `argus:epcr:read`, `webhooks:read`,
   * `webhooks:write` and `offline_access`, and is approved for no event but `webhook.disabled`, `webhook.failing`,
   * `webhook.recovered`, `delivery.exhausted`, `app.secret_rotated` and `integration_request.decided`; a conflicting
   * change is 422 and names the conflict. A change of mode ends the app's tokens. No mode withstands a reader who holds
   * the dispatch log, a device's readings or the same records read exactly: values and intervals are not changed, and
   * match. A sandbox moves times but holds nothing back.
   */
  deidentification: Open<'exact' | 'safe_harbor' | 'shifted'>;
}

/** `PATCH …/governance`: a JSON merge, only named fields change. `reason` is shown with the decision. */
export interface GovernanceChange {
  /** Whether service tokens may be minted; false ends those that live */
  allow_service_tokens?: boolean;
  /** Whether every authorization code needs PKCE (RFC 7636) */
  enforce_pkce?: boolean;
  /** Addresses to which a browser may return after sign-in, compared as exact text */
  redirect_uris?: readonly string[];
  /** Event types that the app's webhooks may get, or patterns such as `incident.*` */
  approved_events?: readonly string[];
  /** Seconds that an access token lives */
  access_token_ttl?: number;
  /** Names of the GraphQL bundles that are granted */
  graphql_bundles?: readonly string[];
  /** Apps of one domain see the same pseudonym for a person; apps of different domains cannot link theirs */
  pseudonym_domain?: string;
  /** How patient care records are shown: `exact`, `shifted` times, or `safe_harbor` */
  deidentification?: 'exact' | 'safe_harbor' | 'shifted';
  /** Why, for those who ask later who decided this. No personal data */
  reason?: string;
}

/** The rules that hold now, and what the change ended */
export interface GovernanceChanged {
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  governance: Governance;
  /** How many service tokens ended by this */
  revoked_service_tokens: number;
  /** Seconds until every gateway refuses what was revoked */
  revocation_effective_within_seconds: number;
}

/** The calls that the change would have refused over the last 7 days. */
export interface GovernanceTried {
  /** True: nothing was changed */
  dry_run: boolean;
  /** How many calls of the last 7 days the change would have refused */
  would_refuse: number;
  /** The same calls, counted by reason */
  by_reason: Record<string, number>;
}

/** `token` is shown this once. */
export interface MintedServiceToken {
  /** The id */
  id: string;
  /** The service token; shown this once */
  token: string;
  /** Scopes, such as `argus:epcr:read` */
  scopes: string[];
  /** When it ends; null if it has no end */
  expires_at: string;
}

/** The approved integration request that opened a scope or a bundle to the organisation. `reason` is the operator's. */
export interface OrganisationGrant {
  /** `scope` or `bundle` */
  kind: Open<'bundle' | 'scope'>;
  /** The scope or the bundle */
  item: string;
  /** The integration request */
  request_id: string;
  /** The app that asked */
  requested_by: string;
  /** When an operator approved it */
  decided_at: string;
  /** The operator's message; null if there was none */
  reason: string | null;
}

/** Refused calls of one kind. `endpoint` is a path. */
export interface Refusal {
  /** The path of the endpoint that refused */
  endpoint: string;
  /** The OAuth error code */
  kind: string;
  /** The reason, in words */
  reason: string;
  /** How many refused calls */
  count: number;
  /** The first of them */
  first_at: string;
  /** The last of them */
  last_at: string;
  /** The trace of the last of them, 32 hex digits */
  trace_id: string;
}

/**
 * The last 30 days: refused calls of the token endpoint (`refusals`), and of the API (`calls`, the 200 newest groups).
 *
 * An app keeps the newest 1,000 refused calls of a kind of the token endpoint; `incomplete` kinds had more.
 */
export interface Refusals {
  /** The groups, the one refused last first */
  refusals: Refusal[];
  /** Kinds of which there were more calls than are kept */
  incomplete: string[];
  /** Refused calls of the API by reason, endpoint and scope, the one refused last first */
  calls: RefusedCalls[];
}

/**
 * Calls of one kind that the API refused to a token of the app.
 *
 * `reason`: `expired`, `revoked` or `audience` of a token (401); `insufficient_scope`, `access_on_request`, `forbidden`
 * or another
 * problem's type (403); `rate` over the rate of the app or of its organisation, or `busy` (429);
 * `operation_not_approved` or `forbidden`
 * of GraphQL, which is answered 200. `endpoint` is a method and a route, without ids. It and `scope` are empty where
 * they are not
 * known, or where the app has very many kinds of refusals.
 */
export interface RefusedCalls {
  /** The status of the answers: 401, 403 or 429 */
  status: number;
  /** The reason of the refusal */
  reason: string;
  /** A method and a route, without ids; empty where it is not known */
  endpoint: string;
  /** The scope that was missing; empty where none was */
  scope: string;
  /** How many refused calls */
  count: number;
  /** The first of them */
  first_at: string;
  /** The last of them */
  last_at: string;
  /** The trace of the last of them, 32 hex digits */
  trace_id: string;
}

/** The app with its secret, which is shown this once; public apps and those with keys of their own have none. */
export interface RegisteredApp {
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** The name that people see at sign-in and consent */
  name: string;
  /** A `disabled` app gets no tokens and no webhooks */
  status: Open<'active' | 'disabled'>;
  /** The id of the organisation */
  tenant_id: string;
  /** Whether the organisation's own people made the app, and need no consent page */
  first_party: boolean;
  /** The OAuth grant types that the app may use */
  grant_types:
    | (Open<'authorization_code'
    | 'client_credentials'
    | 'refresh_token'
    | 'urn:ietf:params:oauth:grant-type:device_code'>)[];
  /** Addresses to which a browser may return after sign-in, compared as exact text */
  redirect_uris: string[];
  /** The scopes that the app asks for; its tokens hold no others */
  requested_scopes: string[];
  /** How the app proves itself at the token endpoint; `none` is for public apps */
  token_endpoint_auth_method: Open<'client_secret_basic' | 'client_secret_post' | 'none' | 'private_key_jwt'>;
  /** The app's public keys (RFC 7517), for `private_key_jwt` */
  jwks?: Record<string, unknown>;
  governance: Governance;
  /** The live secrets; two while one replaces the other */
  secrets: Secret[];
  /** The person or the app that made it; left out for apps that operators made */
  created_by?: string;
  /** When it was made */
  created_at: string;
  /** When it last changed */
  updated_at: string;
  /** The last 30 days; in the answer of one app, and in a list with `usage=true` */
  usage?: Usage;
  /** The secret; shown this once */
  client_secret?: string;
}

/**
 * How long the present secret works beside the new one. Earlier ones keep their ends. 0 ends all of them at once, with
 * their tokens.
 */
export interface RotateSecret {
  /** Seconds that the present secret works beside the new one; 0 ends every earlier one at once */
  overlap_seconds?: number;
  /** Ends the oldest at once where as many live as may */
  force?: boolean;
}

/** `client_secret` is shown this once. `previous_secrets` are the earlier ones that still work, newest first. */
export interface RotatedSecret {
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** The secret; shown this once */
  client_secret: string;
  /** When the old secret stops working; null if it has */
  previous_secret_expires_at: string | null;
  /** The earlier secrets that still work, newest first, each until its `expires_at` */
  previous_secrets: Secret[];
}

/** A permission that an app may ask for */
export interface Scope {
  /** The scope as a token carries it */
  name: string;
  /** The permission that the scope gives */
  description: string;
}

/** A scope that an app used */
export interface ScopeUse {
  /** The scope */
  scope: string;
  /** The last day (UTC) on which a token with it was made */
  last_used_on: string;
}

/** The scopes that the organisation's apps may ask for */
export interface Scopes {
  /** The scopes that the organisation's apps may ask for */
  scopes: Scope[];
  /** The curated GraphQL bundles that apps may be granted */
  graphql_bundles: string[];
}

/** When a secret was made, ends and was last used; never its value. */
export interface Secret {
  /** The id */
  id: string;
  /** When it was made */
  created_at: string;
  /** When it ends; null if it has no end */
  expires_at: string | null;
  /** When it was last used; null if never. A use in the last 5 seconds may not be shown yet */
  last_used_at: string | null;
}

/** A live service token, without its value */
export interface ServiceToken {
  /** The id */
  id: string;
  /** The grant that the token belongs to */
  grant_id: string;
  /** Scopes, such as `argus:epcr:read` */
  scopes: string[];
  /** When it was made */
  created_at: string;
  /** When it ends; null if it has no end */
  expires_at: string;
  /** When it was last used; null if never. A use in the last 75 seconds may not be shown yet */
  last_used_at: string | null;
}

/** `scopes` default to all the app has; lives 24 h unless it says otherwise, 30 days at most. */
export interface ServiceTokenDraft {
  /** Scopes of the token; all of the app's if left out */
  scopes?: readonly string[];
  /** Seconds that the token lives */
  expires_in?: number;
}

/** A page of service tokens */
export interface ServiceTokens {
  /** The live service tokens of this page, newest first */
  service_tokens: ServiceToken[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/**
 * The last 30 days (UTC) of an app: its tokens, the calls that the token endpoint refused (`refused`) and those that
 * the API
 * refused (`refused_calls`), and the scopes that its tokens carried.
 */
export interface Usage {
  /** Tokens that it obtained */
  tokens: number;
  /** Token calls that were refused */
  refused: number;
  /** Calls that the API refused: answers 401, 403 and 429 */
  refused_calls: number;
  /** The day (UTC) of its last token; null if there was none */
  last_token_on: string | null;
  /** The scopes that its tokens carried */
  scopes: ScopeUse[];
}

/** Knogin's integration platform: `Knogin` calls it, `webhooks.verify` reads its events. */

export { Answer, type Attempt, type CallOptions, type Fetch, type KeyedOptions, type PageOptions } from './calls.js';
export { Knogin, type KnoginOptions, type RequestOptions } from './client.js';
export { type ConsumeOptions, consume } from './consuming.js';
export type { Secret } from './credentials.js';
export {
  APIError,
  ConfigurationError,
  ConnectionFailed,
  type FieldFault,
  KnoginError,
  TimedOut,
  GraphqlRefused,
  type GraphqlRefusal,
  UnreadableAnswer,
} from './errors.js';
export type { FhirBundle, FhirBundles, FhirEntry, FhirResource } from './fhir.js';
export type * as models from './models/index.js';
export { type Page, Pages } from './paging.js';
export * as problems from './problems.js';
export type * as resources from './resources/index.js';
export type { Open, UnknownMember, UnknownValue } from './types.js';
export { CONTRACT, VERSION } from './version.js';
export * as webhooks from './webhooks.js';

// Generated from the contract by `make clients`; do not edit.

/** A bundle of approved documents */
export interface ApprovedBundle {
  /** The bundle's name, such as `incident-management` */
  name: string;
  /** The version */
  version: string;
  /** A text for people */
  description: string;
  /** Scopes, such as `argus:epcr:read` */
  scopes: string[];
  /** The documents of the bundle */
  operations: ApprovedDocument[];
}

/** The bundles that the app was granted */
export interface ApprovedBundles {
  /** The bundles */
  bundles: ApprovedBundle[];
}

/** `document` is sent as it is; `variables_schema` is a JSON Schema of its variables. */
export interface ApprovedDocument {
  /** The name, for people */
  name: string;
  /** The GraphQL document to send, unchanged */
  document: string;
  /** A JSON Schema of the document's variables */
  variables_schema: Record<string, unknown>;
}

/**
 * `code` is for programs: see the error catalogue. `scope` is the missing one. `bundles` are those that have the
 * document `operation`
 * with the root fields `fields`, none of which the app was granted. Where `operationName` is another one, `operation`
 * is the document's
 * own. `errors` are all faults of the variables; `pointer`, `allowed`, `limit` and `did_you_mean` are of the first one.
 */
export interface ErrorExtensions {
  /** A code of the error catalogue, such as `FORBIDDEN` */
  code: string;
  /** The trace of the call, 32 hex digits; give it to support */
  trace_id: string;
  /** The scope that is missing */
  scope?: string;
  /** The name of the document */
  operation?: string;
  /** The root fields of the document */
  fields?: string[];
  /** The bundles that have the document */
  bundles?: string[];
  /** Where in the variables, as a JSON Pointer */
  pointer?: string;
  /** The accepted values */
  allowed?: string[];
  /** The limit that was passed */
  limit?: number;
  /** The accepted value or name that is nearest to the one that was sent */
  did_you_mean?: string;
  /** All faults of the variables */
  errors?: ErrorFault[];
}

/**
 * A fault of the variables, in the form of a REST call's 422. `pointer` is a JSON Pointer into `variables`. It begins
 * with the
 * argument's name where the document itself gives the value.
 */
export interface ErrorFault {
  /** Where in the variables, as a JSON Pointer */
  pointer: string;
  /** The code within the code system */
  code: string;
  /** An explanation for people */
  detail: string;
  /** The accepted values */
  allowed?: string[];
  /** The limit that was passed */
  limit?: number;
  /** The accepted value or name that is nearest to the one that was sent */
  did_you_mean?: string;
}

/** The answer to a GraphQL request */
export interface GraphqlAnswer {
  /** The answer, in the form of the document; null if all of it was refused */
  data?: Record<string, unknown> | null;
  /** The errors */
  errors?: GraphqlError[];
}

/** Why a part of the request was refused */
export interface GraphqlError {
  /** An explanation for people */
  message: string;
  extensions: ErrorExtensions;
  /** The place in the answer: names and indexes */
  path?: (string | number)[];
  /** Places in the document: `line` and `column` */
  locations?: Record<string, number>[];
}

/** GraphQL over HTTP. `extensions` must be empty: persisted queries and their like are not offered. */
export interface GraphqlRequest {
  /** The approved document, unchanged */
  query: string;
  /** The variables of the document, by name */
  variables?: Record<string, unknown> | null;
  /** The document's operation; it has one, so this may be left out */
  operationName?: string | null;
  /** Must be empty */
  extensions?: Record<string, unknown> | null;
}

// Generated from the contract by `make clients`; do not edit.

/** A class for each status, and below it one for each kind of problem with that status. */

import { APIError } from './errors.js';

/** Status 400. */
export class BadRequest extends APIError {
  static {
    this.prototype.name = 'BadRequest';
  }
}

/** The token is missing, expired, revoked or from another issuer. WWW-Authenticate gives the reason. */
export class Unauthorized extends APIError {
  static {
    this.prototype.name = 'Unauthorized';
  }
}

/** The token is valid but does not permit this operation. `detail` gives the reason. */
export class Forbidden extends APIError {
  static {
    this.prototype.name = 'Forbidden';
  }
}

/** The path or resource does not exist, or it belongs to another tenant. */
export class NotFound extends APIError {
  static {
    this.prototype.name = 'NotFound';
  }
}

/** The path does not support this method. Allow lists the methods that it supports. */
export class MethodNotAllowed extends APIError {
  static {
    this.prototype.name = 'MethodNotAllowed';
  }
}

/**
 * The request did not arrive in time. The header must arrive within 10 seconds, the body within 60 seconds plus one
 * second for every 8 KiB received.
 */
export class RequestTimeout extends APIError {
  static {
    this.prototype.name = 'RequestTimeout';
  }
}

/**
 * The request conflicts with the current state of the resource, or a request with the same Idempotency-Key is still
 * running: then try again.
 */
export class Conflict extends APIError {
  static {
    this.prototype.name = 'Conflict';
  }
}

/** Status 410. */
export class Gone extends APIError {
  static {
    this.prototype.name = 'Gone';
  }
}

/** The resource has changed since you read it. Read it again. */
export class PreconditionFailed extends APIError {
  static {
    this.prototype.name = 'PreconditionFailed';
  }
}

/** The body is larger than the limit of this path. `detail` names the limit: 64 KiB for most paths, at most 10 MiB. */
export class ContentTooLarge extends APIError {
  static {
    this.prototype.name = 'ContentTooLarge';
  }
}

/** The path or the query is too long. Shorten it. */
export class UriTooLong extends APIError {
  static {
    this.prototype.name = 'UriTooLong';
  }
}

/** The path does not accept this media type. Send application/json. */
export class UnsupportedMediaType extends APIError {
  static {
    this.prototype.name = 'UnsupportedMediaType';
  }
}

/** The requested range is outside the content. Content-Range gives the number of bytes. */
export class RangeNotSatisfiable extends APIError {
  static {
    this.prototype.name = 'RangeNotSatisfiable';
  }
}

/** The gateway does not support this Expect header. Send the request without it. */
export class ExpectationFailed extends APIError {
  static {
    this.prototype.name = 'ExpectationFailed';
  }
}

/** The Host header names no host of the platform. */
export class MisdirectedRequest extends APIError {
  static {
    this.prototype.name = 'MisdirectedRequest';
  }
}

/** Status 422. */
export class UnprocessableContent extends APIError {
  static {
    this.prototype.name = 'UnprocessableContent';
  }
}

/** The call needs If-Match with the ETag that you read. */
export class PreconditionRequired extends APIError {
  static {
    this.prototype.name = 'PreconditionRequired';
  }
}

/**
 * The rate limit, or the budget of refused bytes, is reached; `detail` says which. Wait for the number of seconds in
 * Retry-After.
 */
export class TooManyRequests extends APIError {
  static {
    this.prototype.name = 'TooManyRequests';
  }
}

/** The header is too large. Send fewer or shorter header fields. */
export class RequestHeaderFieldsTooLarge extends APIError {
  static {
    this.prototype.name = 'RequestHeaderFieldsTooLarge';
  }
}

/** The platform failed. Give the trace id to support. */
export class InternalError extends APIError {
  static {
    this.prototype.name = 'InternalError';
  }
}

/** The service gave no usable answer. Try again with the same Idempotency-Key. */
export class BadGateway extends APIError {
  static {
    this.prototype.name = 'BadGateway';
  }
}

/** A part of the platform is not available. Try again after the number of seconds in Retry-After. */
export class ServiceUnavailable extends APIError {
  static {
    this.prototype.name = 'ServiceUnavailable';
  }
}

/** The service did not answer in time. Try again with the same Idempotency-Key. */
export class GatewayTimeout extends APIError {
  static {
    this.prototype.name = 'GatewayTimeout';
  }
}

/** The gateway does not support this version of HTTP. Use HTTP/1.1. */
export class HttpVersionNotSupported extends APIError {
  static {
    this.prototype.name = 'HttpVersionNotSupported';
  }
}

/** A status of 500 or more without a class of its own. */
export class ServerError extends APIError {
  static {
    this.prototype.name = 'ServerError';
  }
}

/** The request is not correct HTTP, JSON or text. The same request fails again; correct it first. */
export class MalformedRequest extends BadRequest {
  static {
    this.prototype.name = 'MalformedRequest';
  }
}

/** The token lacks the scope named in `scope`. */
export class InsufficientScope extends Forbidden {
  static {
    this.prototype.name = 'InsufficientScope';
  }
}

/** Your organisation has no access to this part of the platform yet. An administrator can request it. */
export class AccessOnRequest extends Forbidden {
  static {
    this.prototype.name = 'AccessOnRequest';
  }
}

/**
 * The app may no longer read who the patient is. `reason` is `destination_changed`, `destination_closed`,
 * `encounter_cancelled` or `days_are_over`.
 */
export class HandoverClosed extends Forbidden {
  static {
    this.prototype.name = 'HandoverClosed';
  }
}

/**
 * The encounter was first recorded for another patient, and the report is about that one, or does not say about whom.
 * Read the handover at `handover`, and send a report about the patient in it with its `identity`.
 */
export class PatientCorrected extends Conflict {
  static {
    this.prototype.name = 'PatientCorrected';
  }
}

/**
 * The tenant has reached a limit. `resource` names the kind of resource, `limit` the highest number: also of a record's
 * bytes.
 */
export class LimitReached extends Conflict {
  static {
    this.prototype.name = 'LimitReached';
  }
}

/**
 * Another read holds the consumer until it commits, at the latest until `leased_until`. Read again after the seconds in
 * Retry-After.
 */
export class ConsumerInUse extends Conflict {
  static {
    this.prototype.name = 'ConsumerInUse';
  }
}

/**
 * The lease of these events ended, and they were handed out again or the consumer was moved. Nothing was committed:
 * read on.
 */
export class LeaseLost extends Conflict {
  static {
    this.prototype.name = 'LeaseLost';
  }
}

/**
 * Events that the consumer has not read are past their retention. Seek to where it shall go on; nothing is skipped
 * before.
 */
export class EventsExpired extends Gone {
  static {
    this.prototype.name = 'EventsExpired';
  }
}

/** The request is well-formed, but at least one field is not valid. `errors` lists each such field with the reason. */
export class InvalidRequest extends UnprocessableContent {
  static {
    this.prototype.name = 'InvalidRequest';
  }
}

/** A parameter is missing, repeated or unreadable. */
export class OAuthInvalidRequest extends BadRequest {
  static {
    this.prototype.name = 'OAuthInvalidRequest';
  }
}

/** The client could not be authenticated. */
export class OAuthInvalidClient extends Unauthorized {
  static {
    this.prototype.name = 'OAuthInvalidClient';
  }
}

/** The code or refresh token is wrong, already used or expired, or belongs to another client. */
export class OAuthInvalidGrant extends BadRequest {
  static {
    this.prototype.name = 'OAuthInvalidGrant';
  }
}

/** The app is not registered for this grant type. */
export class OAuthUnauthorizedClient extends BadRequest {
  static {
    this.prototype.name = 'OAuthUnauthorizedClient';
  }
}

/** The token endpoint does not support this grant type. */
export class OAuthUnsupportedGrantType extends BadRequest {
  static {
    this.prototype.name = 'OAuthUnsupportedGrantType';
  }
}

/** A scope is unknown, or the app has no approval for it. */
export class OAuthInvalidScope extends BadRequest {
  static {
    this.prototype.name = 'OAuthInvalidScope';
  }
}

/** The resource is unknown. */
export class OAuthInvalidTarget extends BadRequest {
  static {
    this.prototype.name = 'OAuthInvalidTarget';
  }
}

/** The user refused. */
export class OAuthAccessDenied extends BadRequest {
  static {
    this.prototype.name = 'OAuthAccessDenied';
  }
}

/** The user has not answered yet. The device asks again after `interval` seconds. */
export class OAuthAuthorizationPending extends BadRequest {
  static {
    this.prototype.name = 'OAuthAuthorizationPending';
  }
}

/** The device asks too often. It waits 5 seconds longer from now on. */
export class OAuthSlowDown extends BadRequest {
  static {
    this.prototype.name = 'OAuthSlowDown';
  }
}

/** The device code has expired. The device begins again. */
export class OAuthExpiredToken extends BadRequest {
  static {
    this.prototype.name = 'OAuthExpiredToken';
  }
}

/** The response_type must be code. */
export class OAuthUnsupportedResponseType extends BadRequest {
  static {
    this.prototype.name = 'OAuthUnsupportedResponseType';
  }
}

/** The user is not signed in, and the request has prompt=none. */
export class OAuthLoginRequired extends BadRequest {
  static {
    this.prototype.name = 'OAuthLoginRequired';
  }
}

/** The user has not consented, and the request has prompt=none. */
export class OAuthConsentRequired extends BadRequest {
  static {
    this.prototype.name = 'OAuthConsentRequired';
  }
}

/** A part of the platform is not available. Try again. */
export class OAuthTemporarilyUnavailable extends ServiceUnavailable {
  static {
    this.prototype.name = 'OAuthTemporarilyUnavailable';
  }
}

const STATUSES: Partial<Record<number, typeof APIError>> = {
  400: BadRequest,
  401: Unauthorized,
  403: Forbidden,
  404: NotFound,
  405: MethodNotAllowed,
  408: RequestTimeout,
  409: Conflict,
  410: Gone,
  412: PreconditionFailed,
  413: ContentTooLarge,
  414: UriTooLong,
  415: UnsupportedMediaType,
  416: RangeNotSatisfiable,
  417: ExpectationFailed,
  421: MisdirectedRequest,
  422: UnprocessableContent,
  428: PreconditionRequired,
  429: TooManyRequests,
  431: RequestHeaderFieldsTooLarge,
  500: InternalError,
  502: BadGateway,
  503: ServiceUnavailable,
  504: GatewayTimeout,
  505: HttpVersionNotSupported,
};

const TYPES: Partial<Record<string, typeof APIError>> = {
  '400 malformed-request': MalformedRequest,
  '401 unauthorized': Unauthorized,
  '403 insufficient-scope': InsufficientScope,
  '403 forbidden': Forbidden,
  '403 access-on-request': AccessOnRequest,
  '403 handover-closed': HandoverClosed,
  '404 not-found': NotFound,
  '405 method-not-allowed': MethodNotAllowed,
  '408 request-timeout': RequestTimeout,
  '409 conflict': Conflict,
  '409 patient-corrected': PatientCorrected,
  '409 limit-reached': LimitReached,
  '409 consumer-in-use': ConsumerInUse,
  '409 lease-lost': LeaseLost,
  '410 events-expired': EventsExpired,
  '412 precondition-failed': PreconditionFailed,
  '413 content-too-large': ContentTooLarge,
  '414 uri-too-long': UriTooLong,
  '415 unsupported-media-type': UnsupportedMediaType,
  '416 range-not-satisfiable': RangeNotSatisfiable,
  '417 expectation-failed': ExpectationFailed,
  '421 misdirected-request': MisdirectedRequest,
  '422 invalid-request': InvalidRequest,
  '428 precondition-required': PreconditionRequired,
  '429 too-many-requests': TooManyRequests,
  '431 request-header-fields-too-large': RequestHeaderFieldsTooLarge,
  '500 internal-error': InternalError,
  '502 bad-gateway': BadGateway,
  '503 service-unavailable': ServiceUnavailable,
  '504 gateway-timeout': GatewayTimeout,
  '505 http-version-not-supported': HttpVersionNotSupported,
  '400 invalid_request': OAuthInvalidRequest,
  '401 invalid_client': OAuthInvalidClient,
  '400 invalid_grant': OAuthInvalidGrant,
  '400 unauthorized_client': OAuthUnauthorizedClient,
  '400 unsupported_grant_type': OAuthUnsupportedGrantType,
  '400 invalid_scope': OAuthInvalidScope,
  '400 invalid_target': OAuthInvalidTarget,
  '400 access_denied': OAuthAccessDenied,
  '400 authorization_pending': OAuthAuthorizationPending,
  '400 slow_down': OAuthSlowDown,
  '400 expired_token': OAuthExpiredToken,
  '400 unsupported_response_type': OAuthUnsupportedResponseType,
  '400 login_required': OAuthLoginRequired,
  '400 consent_required': OAuthConsentRequired,
  '503 temporarily_unavailable': OAuthTemporarilyUnavailable,
};

/** The class for an answer; a kind that this version does not know has the class of its status. */
export function classOf(status: number, type: string): typeof APIError {
  return TYPES[`${status} ${type}`] ?? STATUSES[status] ?? (status >= 500 ? ServerError : APIError);
}

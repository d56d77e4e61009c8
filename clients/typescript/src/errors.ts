const MOST_SHOWN = 500;

/** The base of all errors of this package. */
export class KnoginError extends Error {
  static {
    this.prototype.name = 'KnoginError';
  }
}

/** The client lacks credentials, or they cannot be used. */
export class ConfigurationError extends KnoginError {
  static {
    this.prototype.name = 'ConfigurationError';
  }
}

/** No answer came, after all attempts; `cause` is the last failure. The call may have had its effect if it was sent. */
export class ConnectionFailed extends KnoginError {
  static {
    this.prototype.name = 'ConnectionFailed';
  }
}

/** The answer did not come in time, after all attempts. */
export class TimedOut extends ConnectionFailed {
  static {
    this.prototype.name = 'TimedOut';
  }
}

/** A fault of the request. `pointer` is a JSON Pointer into the body, or the name of a query parameter. */
export interface FieldFault {
  pointer: string;
  code: string;
  detail: string;
  /** The values that are accepted */
  allowed?: unknown[];
  /** The limit that the value breaks */
  limit?: number;
  /** The accepted value or name that is nearest to the one sent */
  did_you_mean?: string;
}

/** The parts of an answer that an error is made from. */
export interface Refusal {
  status: number;
  headers: Headers;
  /** At most 1 MiB of it */
  body: Uint8Array;
}

/** The platform, or a proxy before it, refused the call. */
export class APIError extends KnoginError {
  static {
    this.prototype.name = 'APIError';
  }

  /** The operation, such as `createEncounter` */
  readonly operation: string;
  /** The HTTP status */
  readonly status: number;
  /** The slug of the problem (`invalid-request`) or the OAuth error (`invalid_client`); empty if the body names none */
  readonly type: string;
  readonly title: string;
  readonly detail: string;
  /** The faults of the request */
  readonly errors: FieldFault[];
  /** The id to give to support */
  readonly traceId: string;
  /** The seconds that the platform asks to wait */
  readonly retryAfter: number | null;
  readonly #refusal: Refusal;
  readonly #problem: Record<string, unknown>;

  constructor(operation: string, refusal: Refusal, options?: { cause?: unknown }) {
    const problem = documentOf(refusal.body);
    const type = text(problem['type'] ?? problem['error']).split('#').pop() ?? '';
    const title = text(problem['title']);
    const detail = text(problem['detail'] ?? problem['error_description']);
    const errors = faults(problem['errors']);
    const traceId = text(problem['trace_id']) || (refusal.headers.get('x-trace-id') ?? '');
    const words = [`${operation}: ${refusal.status} ${title || type}`.trimEnd()];
    if (detail) words.push(detail.slice(0, MOST_SHOWN));
    words.push(...errors.slice(0, 5).map(shown));
    if (traceId) words.push(`trace ${traceId}`);
    super(words.join('; '), options);
    this.operation = operation;
    this.status = refusal.status;
    this.type = type;
    this.title = title;
    this.detail = detail;
    this.errors = errors;
    this.traceId = traceId;
    this.retryAfter = secondsOf(refusal.headers.get('retry-after'));
    this.#refusal = refusal;
    this.#problem = problem;
  }

  get headers(): Headers {
    return this.#refusal.headers;
  }

  /** The raw body, at most 1 MiB of it. It may be anything, such as a proxy's HTML page. */
  get body(): Uint8Array {
    return this.#refusal.body;
  }

  /** The whole problem document (RFC 9457); empty if the body is none. */
  get problem(): Record<string, unknown> {
    return this.#problem;
  }
}

/** A refusal in a GraphQL answer, as the contract shows it. */
export interface GraphqlRefusal {
  message: string;
  /** The place in the answer */
  path?: (string | number)[];
  extensions: { code: string; trace_id: string; errors?: FieldFault[] } & Record<string, unknown>;
}

/**
 * Of a GraphQL request a part, or all, was refused; the HTTP status is 200. `code` is the first refusal's
 * (`OPERATION_NOT_APPROVED`), and `data` the part that was answered, null if nothing was.
 */
export class GraphqlRefused extends APIError {
  static {
    this.prototype.name = 'GraphqlRefused';
  }

  readonly code: string;
  readonly data: Record<string, unknown> | null;
  readonly refusals: GraphqlRefusal[];

  constructor(operation: string, refusal: Refusal, options?: { cause?: unknown }) {
    super(operation, refusal, options);
    const refusals = this.problem['errors'] as GraphqlRefusal[];
    const [first] = refusals;
    this.refusals = refusals;
    this.code = first?.extensions.code ?? '';
    this.data = isObject(this.problem['data']) ? this.problem['data'] : null;
    this.errors.splice(0, Infinity, ...refusals.flatMap((one) => faults(one.extensions?.errors)));
    const words = [`${operation}: ${this.code}`, ...(first ? [first.message.slice(0, MOST_SHOWN)] : [])];
    this.message = [...words, ...this.errors.slice(0, 5).map(shown), `trace ${this.traceId}`].join('; ');
  }
}

/**
 * The status is one of success, but the body is not the one of the contract, or larger than `maxAnswerBytes`: a proxy
 * may have replaced it. The call had its effect.
 */
export class UnreadableAnswer extends APIError {
  static {
    this.prototype.name = 'UnreadableAnswer';
  }
}

function shown({ pointer, detail, did_you_mean: near }: FieldFault): string {
  return `${pointer || 'request'}: ${detail}${typeof near === 'string' ? ` (did you mean ${near}?)` : ''}`;
}

/** A JSON text in UTF-8. Throws a `SyntaxError` or `TypeError` for anything else. */
export function parsed(body: Uint8Array): unknown {
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function documentOf(body: Uint8Array): Record<string, unknown> {
  try {
    const document = parsed(body);
    return isObject(document) ? document : {};
  } catch {
    return {};
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function faults(value: unknown): FieldFault[] {
  const found = Array.isArray(value) ? value.filter(isObject) : [];
  return found
    .filter((one) => ['pointer', 'code', 'detail'].every((name) => ['string', 'undefined'].includes(typeof one[name])))
    .map((one) => ({ pointer: '', code: 'invalid', detail: '', ...one }));
}

/**
 * The seconds of a `Retry-After` header, which may be a date (RFC 9110 §10.2.3). null if there is none or it is not
 * readable.
 */
export function secondsOf(header: string | null): number | null {
  if (!header) return null;
  if (/^[0-9]+$/.test(header)) return Number(header.slice(0, 9));
  const at = /^[A-Z][a-z]{2}, /.test(header) ? Date.parse(header) : NaN;
  return Number.isNaN(at) ? null : Math.max(0, (at - Date.now()) / 1000);
}

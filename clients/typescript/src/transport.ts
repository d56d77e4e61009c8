import { Answer, type Attempt, type Call, type Caller, type Fetch, type Operation } from './calls.js';
import type { Credentials } from './credentials.js';
import {
  APIError,
  ConfigurationError,
  ConnectionFailed,
  GraphqlRefused,
  isObject,
  type Refusal,
  secondsOf,
  TimedOut,
  UnreadableAnswer,
} from './errors.js';
import { nextCursor, type Page, Pages } from './paging.js';
import { classOf } from './problems.js';
import { fetchFor, randomId, runtimeName } from './runtime.js';
import type { Fresh, Tokens } from './tokens.js';
import { CONTRACT, VERSION } from './version.js';

const GRAPHQL = '/graphql';
const FIRST_WAIT = 500;
const LONGEST_WAIT = 8_000;
const LONGEST_RETRY_AFTER_SECONDS = 60;
const LARGEST_REFUSAL = 1 << 20;
// A longer timer would end at once.
const LONGEST_TIMER = 2 ** 31 - 1;
// The call had no effect: the platform says so, or it never got the call.
const HARMLESS = new Set([408, 425, 429]);
// The call may have had its effect: it is repeated only if that is safe.
const UNCERTAIN = new Set([500, 502, 503, 504]);
const REPEATABLE_METHODS = new Set(['GET', 'PUT', 'DELETE']);
const NOT_SENT = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ConnectionRefused', 'FailedToOpenSocket', 'ECONNREFUSED']);
const MEDIA_TYPES = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  bytes: 'application/octet-stream',
};

/** Everything that calls need; shared by the views of one client. `timeout` is in milliseconds. */
export interface Settings {
  baseUrl: URL;
  credentials: Credentials;
  tokens: Tokens;
  scope: string;
  timeout: number;
  maxRetries: number;
  maxAnswerBytes: number;
  fetch: Fetch | undefined;
  onRequest: ((attempt: Attempt) => void | Promise<void>) | undefined;
  onResponse: ((attempt: Attempt, answer: Answer) => void | Promise<void>) | undefined;
  traceHeaders: (() => Record<string, string>) | undefined;
}

interface Built {
  headers: Headers;
  body: BodyInit | undefined;
}

class Failure {
  constructor(
    readonly cause: unknown,
    readonly isTimeOut: boolean,
    readonly wasSent: boolean,
  ) {}
}

const TOKEN: Operation = {
  id: 'createToken',
  method: 'POST',
  path: '/v1/oauth/token',
  answers: { 200: 'object' },
  body: 'form',
  auth: 'client',
};
const METADATA: Operation = {
  id: 'getAuthorizationServerMetadata',
  method: 'GET',
  path: '/.well-known/oauth-authorization-server',
  answers: { 200: 'object' },
  auth: 'open',
};

/** The road of a call: attempts and waits, tokens and errors. */
export class Road implements Caller {
  readonly #settings: Settings;
  readonly #fetch: Fetch;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#fetch = settings.fetch ?? fetchFor(settings.baseUrl);
  }

  with(changes: Partial<Settings>): Road {
    return new Road({ ...this.#settings, ...changes });
  }

  get baseUrl(): URL {
    return this.#settings.baseUrl;
  }

  /** The body of the answer; null for 304, undefined for an answer without a body. */
  async value<T>(call: Call): Promise<T> {
    return decoded(call, await this.answer(call)) as T;
  }

  pages<T>(call: Call): Pages<T> {
    const fetch = async (cursor: string | undefined): Promise<Page<T>> => {
      const given = { ...call, query: { ...call.query, cursor } };
      const answer = await this.answer(given);
      const document = decoded(given, answer);
      if (!call.page) return { items: document as T[], nextCursor: nextCursor(answer.headers.get('link')) };
      const { [call.page]: items, next_cursor: next = null } = document as Record<string, unknown>;
      const isPage = Array.isArray(items) && (next === null || typeof next === 'string');
      if (!isPage) throw unreadable(call.operation, answer, `not a page of ${call.page}`);
      return { items: items as T[], nextCursor: next };
    };
    return new Pages(fetch, call.query?.['cursor'] as string | undefined);
  }

  /** The answer of success. Throws an `APIError` or a `ConnectionFailed`. */
  async answer(call: Call): Promise<Answer> {
    const { operation } = call;
    if (operation.auth === 'client') return this.#proven(call);
    const { tokens, scope, credentials } = this.#settings;
    const headers = await headersOf(call);
    const body = bodyOf(call);
    let held = '';
    const build = async (): Promise<Built> => {
      held = await untilAborted(this.#token(operation), call.options.signal);
      const sent = new Headers(headers);
      if (held) sent.set('authorization', `Bearer ${held}`);
      return { headers: sent, body };
    };
    let answer = await this.#attempts(call, build);
    const challenge = answer.headers.get('www-authenticate') ?? '';
    if (answer.status === 401 && challenge.includes('invalid_token') && held && credentials.hasClient) {
      tokens.drop(scope, held);
      answer = await this.#attempts(call, build);
    }
    if (operation.auth === 'open' && operation.method === 'GET' && (answer.status === 302 || answer.status === 0)) {
      answer = await this.#moved(call, answer);
    }
    return judged(operation, answer);
  }

  /**
   * A page of the other host: the same call there, without a token. A browser does not say where that is, but follows.
   */
  async #moved(call: Call, answer: Answer): Promise<Answer> {
    if (answer.status === 302) {
      const origin = (answer.headers.get('location') ?? '').split('/', 3).join('/');
      return this.with({ baseUrl: located(origin) }).#attempts(call, bare);
    }
    const follow: Fetch = (url, init) => this.#fetch(url, { ...init, redirect: 'follow' });
    return this.with({ fetch: follow }).#attempts(call, bare);
  }

  async #token(operation: Operation): Promise<string> {
    const { credentials, tokens, scope } = this.#settings;
    const given = await credentials.givenToken();
    if (given || operation.auth === 'open') return given;
    if (!credentials.hasClient) {
      throw new ConfigurationError(
        `${operation.id} needs credentials: KNOGIN_CLIENT_ID and KNOGIN_CLIENT_SECRET, or KNOGIN_TOKEN, in the ` +
          'environment, or clientId with clientSecret or privateKey, or token, as options',
      );
    }
    // No caller's signal: others may wait for the same token.
    return tokens.get(scope, async (): Promise<Fresh> => {
      const body = { grant_type: 'client_credentials', ...(scope ? { scope } : {}) };
      const call: Call = { operation: TOKEN, body, options: {} };
      const answer = await this.#proven(call);
      const { access_token: value, expires_in: seconds = 300 } = decoded(call, answer) as Record<string, unknown>;
      if (typeof value === 'string' && typeof seconds === 'number') return { value, seconds };
      throw unreadable(TOKEN, answer, 'no token');
    });
  }

  /** A call of the token endpoints, with the client's proof unless the form has its own. */
  async #proven(call: Call): Promise<Answer> {
    const { credentials, tokens } = this.#settings;
    const form = isObject(call.body) ? call.body : {};
    const isProven = ['client_id', 'client_secret', 'client_assertion'].some((name) => name in form);
    const proves = credentials.hasClient && !isProven;
    if (proves && credentials.signs && !tokens.issuer) tokens.issuer = await this.#issuer(call);
    const headers = await headersOf(call);
    const build = async (): Promise<Built> => {
      const proof = proves ? await credentials.proof(tokens.issuer) : { form: {}, headers: {} };
      const sent = new Headers(headers);
      for (const [name, value] of Object.entries(proof.headers)) sent.set(name, value);
      return { headers: sent, body: queryOf({ ...form, ...proof.form }).toString() };
    };
    return judged(call.operation, await this.#attempts(call, build));
  }

  async #issuer({ options }: Call): Promise<string> {
    const call = { operation: METADATA, options };
    const answer = judged(METADATA, await this.#attempts(call, bare));
    const { issuer } = decoded(call, answer) as Record<string, unknown>;
    if (typeof issuer === 'string') return issuer;
    throw unreadable(METADATA, answer, 'no issuer');
  }

  /** The last answer, of any status. `build` gives headers and body of each attempt. */
  async #attempts(call: Call, build: (call: Call) => Promise<Built>): Promise<Answer> {
    const { operation } = call;
    const { maxRetries } = this.#settings;
    const safe =
      operation.keyed ||
      operation.repeatable ||
      operation.auth === 'client' ||
      REPEATABLE_METHODS.has(operation.method);
    const url = this.#url(call);
    let wasUncertain = false;
    for (let number = 1; ; number += 1) {
      call.options.signal?.throwIfAborted();
      const { headers, body } = await build(call);
      for (const [name, value] of Object.entries(this.#settings.traceHeaders?.() ?? {})) headers.set(name, value);
      const attempt: Attempt = { operation: operation.id, number, method: operation.method, url, headers };
      const outcome = await this.#attempted(call, attempt, body);
      if (wasUncertain && outcome instanceof Answer && outcome.status === 404 && operation.method === 'DELETE') {
        return new Answer(204, outcome.headers, new Uint8Array()); // the attempt whose answer was lost has deleted it
      }
      const wait = number > maxRetries ? null : waitAfter(outcome, number, Boolean(safe));
      if (wait === null) {
        if (outcome instanceof Answer) return outcome;
        const kind = outcome.isTimeOut ? TimedOut : ConnectionFailed;
        const { origin } = this.#settings.baseUrl;
        throw new kind(`${operation.id}: ${origin}: ${reasonOf(outcome.cause)}`, { cause: outcome.cause });
      }
      wasUncertain ||= outcome instanceof Answer ? UNCERTAIN.has(outcome.status) : outcome.wasSent;
      await pause(wait, call.options.signal);
    }
  }

  async #attempted(call: Call, attempt: Attempt, body: BodyInit | undefined): Promise<Answer | Failure> {
    const { operation, options } = call;
    const { onRequest, onResponse, maxAnswerBytes, timeout } = this.#settings;
    const isHooked = operation.auth !== 'client';
    if (isHooked) await onRequest?.(attempt);
    const milliseconds = Math.min(options.timeout ?? timeout, LONGEST_TIMER);
    const ending = new AbortController();
    const late = new DOMException(`the answer was not complete after ${milliseconds} ms`, 'TimeoutError');
    const timer = setTimeout(() => ending.abort(late), milliseconds);
    const abort = (): void => ending.abort(options.signal?.reason);
    options.signal?.addEventListener('abort', abort);
    let answer: Answer;
    try {
      const { method, url, headers } = attempt;
      const sent: RequestInit = { method, headers, redirect: 'manual', signal: ending.signal };
      const response = await this.#fetch(url, body === undefined ? sent : { ...sent, body });
      answer = await whole(response, response.ok ? maxAnswerBytes : LARGEST_REFUSAL);
    } catch (cause) {
      options.signal?.throwIfAborted();
      return ending.signal.aborted ? new Failure(late, true, true) : new Failure(cause, false, wasSent(cause));
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', abort);
    }
    if (isHooked) await onResponse?.(attempt, answer);
    return answer;
  }

  #url({ operation, path = [], query = {} }: Call): string {
    const values = path[Symbol.iterator]();
    const filled = operation.path.replace(/\{\w+\}/g, (name) => {
      const { value } = values.next();
      // An empty segment and dots name another path.
      if (typeof value === 'string' && !['', '.', '..'].includes(value)) return encodeURIComponent(value);
      throw new TypeError(`${operation.id}: ${name.slice(1, -1)} is not an id: ${JSON.stringify(value)}`);
    });
    const { origin, pathname } = this.#settings.baseUrl;
    const listed = queryOf(query).toString();
    return origin + pathname.replace(/\/+$/, '') + filled + (listed ? `?${listed}` : '');
  }
}

/** The address of a platform. */
export function located(address: string): URL {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw new ConfigurationError(`not an address: ${JSON.stringify(address.slice(0, 200))}`);
  }
  const { protocol, search, hash, username, password } = url;
  if (!['http:', 'https:'].includes(protocol) || search || hash || username || password) {
    throw new ConfigurationError("the platform's base URL is not an http or https address");
  }
  return url;
}

async function headersOf({ operation, headers = {}, body }: Call): Promise<Headers> {
  const sent = new Headers({ accept: 'application/json, */*;q=0.1' });
  const runtime = runtimeName();
  if (runtime) sent.set('user-agent', `knogin-typescript/${VERSION} (contract ${CONTRACT}; ${runtime})`);
  if (operation.body && body !== undefined) sent.set('content-type', MEDIA_TYPES[operation.body]);
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) sent.set(name, value);
  if (operation.keyed && !sent.has('idempotency-key')) sent.set('idempotency-key', await randomId());
  return sent;
}

function bodyOf({ operation, body }: Call): BodyInit | undefined {
  if (body === undefined) return undefined;
  return operation.body === 'bytes' ? (body as BodyInit) : JSON.stringify(body);
}

async function bare(call: Call): Promise<Built> {
  return { headers: await headersOf({ operation: call.operation, options: {} }), body: undefined };
}

function queryOf(values: Readonly<Record<string, unknown>>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) query.append(name, one instanceof Date ? one.toISOString() : String(one));
    }
  }
  return query;
}

/** The body is read to its end or given up: no connection is kept. */
async function whole(response: Response, limit: number): Promise<Answer> {
  const reader = response.body?.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  let isRead = false;
  try {
    while (reader && size <= limit) {
      const { done, value } = await reader.read();
      isRead = done;
      if (done) break;
      parts.push(value);
      size += value.byteLength;
    }
  } finally {
    if (!isRead) await reader?.cancel().catch(() => undefined);
  }
  const body = new Uint8Array(Math.min(size, limit));
  let at = 0;
  for (const part of parts) {
    body.set(part.subarray(0, body.length - at), at);
    at = Math.min(body.length, at + part.byteLength);
  }
  return new Answer(response.status, response.headers, body, isRead || !reader);
}

function judged(operation: Operation, answer: Answer): Answer {
  const { status } = answer;
  const isGood = operation.answers === 'raw' ? status >= 200 && status < 300 : status in operation.answers;
  if (!isGood && status !== 204 && status !== 304) {
    const { type } = new APIError(operation.id, answer);
    throw new (classOf(status, type))(operation.id, answer);
  }
  if (!answer.isWhole) throw unreadable(operation, answer, `more than ${answer.body.length} bytes`);
  return answer;
}

function decoded({ operation }: Call, answer: Answer): unknown {
  if (answer.status === 304) return null;
  const form = operation.answers === 'raw' ? 'bytes' : (operation.answers[answer.status] ?? 'none');
  if (form === 'none') return undefined;
  const isJson = /^application\/([\w.+-]+\+)?json\b/i.test(answer.headers.get('content-type') ?? '');
  if (form === 'bytes' || (form === 'any' && !isJson)) return answer.body;
  let document: unknown;
  try {
    document = answer.json();
  } catch (cause) {
    throw unreadable(operation, answer, 'not JSON', cause);
  }
  if (form === 'array' ? Array.isArray(document) : isObject(document)) {
    if (operation.path === GRAPHQL && isRefused(document)) throw new GraphqlRefused(operation.id, answer);
    return document;
  }
  throw unreadable(operation, answer, `not an ${form}`);
}

function isRefused(document: unknown): boolean {
  return isObject(document) && Array.isArray(document['errors']) && document['errors'].length > 0;
}

function unreadable(operation: Operation, answer: Refusal, reason: string, cause?: unknown): UnreadableAnswer {
  const error = new UnreadableAnswer(operation.id, answer, { cause });
  error.message += `; the body is ${reason}`;
  return error;
}

/** The milliseconds to the next attempt; null if there is none. */
function waitAfter(outcome: Answer | Failure, number: number, safe: boolean): number | null {
  let asked: number | null = null;
  if (outcome instanceof Failure) {
    if (!safe && outcome.wasSent) return null;
  } else {
    asked = secondsOf(outcome.headers.get('retry-after'));
    const isHarmless = HARMLESS.has(outcome.status) || (outcome.status === 409 && asked !== null);
    if (!isHarmless && !(safe && UNCERTAIN.has(outcome.status))) return null;
  }
  const backoff = Math.random() * Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (number - 1));
  if (asked === null) return backoff;
  return asked > LONGEST_RETRY_AFTER_SECONDS ? null : asked * 1000 + Math.min(backoff, FIRST_WAIT);
}

/** Whether the platform may have got a request that failed so. */
function wasSent(failure: unknown): boolean {
  const { code, syscall, cause, errors } = (isObject(failure) ? failure : {}) as {
    code?: unknown;
    syscall?: unknown;
    cause?: unknown;
    errors?: unknown;
  };
  if (syscall === 'connect' || syscall === 'getaddrinfo' || NOT_SENT.has(String(code))) return false;
  if (Array.isArray(errors) && errors.length) return errors.some(wasSent);
  return cause === undefined || wasSent(cause);
}

function reasonOf(failure: unknown): string {
  const { message, cause } = failure as Error;
  return cause instanceof Error && cause.message ? `${message}: ${cause.message}` : String(message ?? failure);
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const slept = new Promise<void>((done) => {
    timer = setTimeout(done, milliseconds);
  });
  await untilAborted(slept, signal).finally(() => clearTimeout(timer));
}

/** The result, or the reason of the signal if that comes first. */
async function untilAborted<T>(result: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return result;
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, failed) => {
    abort = () => failed(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
  });
  return Promise.race([result, aborted]).finally(() => signal.removeEventListener('abort', abort));
}

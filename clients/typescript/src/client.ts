import type { Answer, Attempt, Fetch } from './calls.js';
import { Credentials, type Secret } from './credentials.js';
import { ConfigurationError } from './errors.js';
import { Resources } from './resources/index.js';
import { environment } from './runtime.js';
import { Tokens } from './tokens.js';
import { located, Road } from './transport.js';

const ENVIRONMENTS: Record<'production' | 'local', string> = {
  production: 'https://api.knogin.com',
  local: 'http://api.localhost:8080',
};
const TIMEOUT = 30_000;
const LARGEST_ANSWER = 64 << 20;

export interface KnoginOptions {
  /** Without, KNOGIN_CLIENT_ID is read. */
  clientId?: string | undefined;
  /** A function is called for every token, so a rotated secret is picked up. Without, KNOGIN_CLIENT_SECRET is read. */
  clientSecret?: Secret | undefined;
  /** Takes the place of a secret: PEM (PKCS #8) with RSA, P-256 or Ed25519. */
  privateKey?: string | undefined;
  /** The `kid` of the private key's public half. */
  keyId?: string | undefined;
  /** A token that is given, such as an administrator's service token. Without, KNOGIN_TOKEN is read. */
  token?: Secret | undefined;
  /**
   * The address of a platform. Without it and `environment`, KNOGIN_BASE_URL is read; without that, it is production.
   */
  baseUrl?: string | undefined;
  environment?: 'production' | 'local' | undefined;
  /** Narrows the tokens; without, a token has all scopes of the app. */
  scopes?: readonly string[] | undefined;
  /** Milliseconds for each attempt; 30,000 without. */
  timeout?: number | undefined;
  /** Attempts after the first one; 2 without. */
  maxRetries?: number | undefined;
  /** A larger answer is an `UnreadableAnswer`; 64 MiB without. */
  maxAnswerBytes?: number | undefined;
  /** A function of your own in place of the global `fetch`, for proxies and certificates. */
  fetch?: Fetch | undefined;
  /** Is called before each attempt, and may add headers. Calls for tokens have no hooks. */
  onRequest?: ((attempt: Attempt) => void | Promise<void>) | undefined;
  /** Is called after each attempt that was answered. */
  onResponse?: ((attempt: Attempt, answer: Answer) => void | Promise<void>) | undefined;
  /** Gives the headers of the caller's trace (`traceparent`). */
  traceHeaders?: (() => Record<string, string>) | undefined;
}

/** Values of a call by `request`. */
export interface RequestOptions {
  query?: Readonly<Record<string, unknown>>;
  headers?: Readonly<Record<string, string | undefined>>;
  /** Is sent as JSON. */
  body?: unknown;
  /** With one, the call may be repeated. */
  idempotencyKey?: string | undefined;
  /** Milliseconds for each attempt */
  timeout?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** The platform, as an app uses it. Make one and keep it: it holds the tokens. */
export class Knogin extends Resources {
  readonly #road: Road;

  constructor(options?: KnoginOptions);
  /** @internal */
  constructor(road: Road);
  constructor(given: KnoginOptions | Road = {}) {
    const road = given instanceof Road ? given : roadOf(given);
    super(road);
    this.#road = road;
  }

  /** The same client with tokens of these scopes. */
  withScopes(...scopes: string[]): Knogin {
    return new Knogin(this.#road.with({ scope: scopes.join(' ') }));
  }

  /** Any call, with its headers and raw answer: for an ETag, or a call that this version does not know. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const { query = {}, headers = {}, body, idempotencyKey, timeout, signal } = options;
    const operation = {
      id: `${method} ${path}`,
      method: method.toUpperCase(),
      path: path.replace(/[{}]/g, encodeURIComponent),
      answers: 'raw',
      body: 'json',
      keyed: idempotencyKey !== undefined,
    } as const;
    const sent = { ...headers, 'Idempotency-Key': idempotencyKey };
    return this.#road.answer({ operation, query, headers: sent, body, options: { timeout, signal } });
  }

  override toString(): string {
    return `Knogin(${this.#road.baseUrl.host})`;
  }
}

function roadOf(options: KnoginOptions): Road {
  const { privateKey, keyId, baseUrl, scopes = [], timeout = TIMEOUT, maxRetries = 2 } = options;
  let { clientSecret, token } = options;
  if (!clientSecret && !privateKey && !token) {
    clientSecret = environment('KNOGIN_CLIENT_SECRET');
    token = environment('KNOGIN_TOKEN');
  }
  const clientId = options.clientId || environment('KNOGIN_CLIENT_ID');
  if (!(maxRetries >= 0) || !(timeout > 0)) {
    throw new ConfigurationError('maxRetries is 0 or more, timeout more than 0 milliseconds');
  }
  if (baseUrl && options.environment) throw new ConfigurationError('give baseUrl or environment, not both');
  if (options.environment && !Object.hasOwn(ENVIRONMENTS, options.environment)) {
    throw new ConfigurationError(`environment is one of ${Object.keys(ENVIRONMENTS).join(', ')}`);
  }
  const named = options.environment && ENVIRONMENTS[options.environment];
  return new Road({
    baseUrl: located(named ?? (baseUrl || environment('KNOGIN_BASE_URL') || ENVIRONMENTS.production)),
    credentials: new Credentials({ clientId, clientSecret, privateKey, keyId, token }),
    tokens: new Tokens(),
    scope: scopes.join(' '),
    timeout,
    maxRetries,
    maxAnswerBytes: options.maxAnswerBytes ?? LARGEST_ANSWER,
    fetch: options.fetch,
    onRequest: options.onRequest,
    onResponse: options.onResponse,
    traceHeaders: options.traceHeaders,
  });
}

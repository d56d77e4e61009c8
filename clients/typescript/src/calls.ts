import { parsed } from './errors.js';
import type { Pages } from './paging.js';

/** `fetch`, or a function like it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A call of the contract. `answers` says for each status of success in which form its body is. */
export interface Operation {
  id: string;
  method: string;
  path: string;
  answers: Readonly<Record<number, 'object' | 'array' | 'bytes' | 'any' | 'none'>> | 'raw';
  body?: 'json' | 'form' | 'bytes';
  keyed?: boolean;
  repeatable?: boolean;
  auth?: 'bearer' | 'client' | 'open';
}

/** Options that every method takes. */
export interface CallOptions {
  /** Milliseconds for each attempt */
  timeout?: number | undefined;
  /** Ends the call, whatever it is doing */
  signal?: AbortSignal | undefined;
}

/** Options of a call that takes an Idempotency-Key. */
export interface KeyedOptions extends CallOptions {
  /**
   * Makes the call safe to repeat: for 24 hours, the same request with the same key gets the stored answer. Without,
   * each call has one of its own, the same for all its attempts.
   */
  idempotencyKey?: string | undefined;
}

/** Options of a list. */
export interface PageOptions extends CallOptions {
  /** The highest number of items of a page */
  limit?: number | undefined;
  /** `nextCursor` of the page before the first one to fetch */
  cursor?: string | undefined;
}

/** null where the caller gave an ETag: nothing has changed since. */
export type Unchanged<ETag> = ETag extends string ? null : never;

/** An operation with its values. What is undefined in `query` and `headers` is not sent. */
export interface Call {
  operation: Operation;
  path?: readonly string[];
  query?: Readonly<Record<string, unknown>>;
  headers?: Readonly<Record<string, string | undefined>>;
  body?: unknown;
  options: CallOptions;
  page?: string;
}

/** A client, as its resources see it. */
export interface Caller {
  value<T>(call: Call): Promise<T>;
  pages<T>(call: Call): Pages<T>;
}

/** One attempt of a call, before it is sent. A hook may add to `headers`. */
export interface Attempt {
  readonly operation: string;
  /** 1 for the first */
  readonly number: number;
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
}

/** The answer of one attempt, whole. */
export class Answer {
  constructor(
    readonly status: number,
    readonly headers: Headers,
    readonly body: Uint8Array,
    /** False if the rest of the body was too large and was not read */
    readonly isWhole: boolean = true,
  ) {}

  text(): string {
    return new TextDecoder().decode(this.body);
  }

  /** Throws a `SyntaxError` or `TypeError` if the body is not JSON. */
  json(): unknown {
    return parsed(this.body);
  }
}

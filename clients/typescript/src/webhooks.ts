import { isObject, KnoginError, parsed } from './errors.js';
import type { Event } from './models/events.js';
import type { ReadEvent, StoredEvent } from './models/log.js';
import { webCrypto } from './runtime.js';

const TOLERANCE_SECONDS = 300;
const PREFIX = 'whsec_';
const PUBLIC_PREFIX = 'whpk_';
// A check of a public key takes time, and the header comes from anyone.
const MOST_SIGNATURES = 10;

/**
 * The request is not a webhook of the platform for this secret. Answer it with 400; the message says which check fails.
 */
export class InvalidWebhook extends KnoginError {
  static {
    this.prototype.name = 'InvalidWebhook';
  }
}

/** The headers of a request: of the Fetch API, or an object such as Node's `request.headers`. */
export type WebhookHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface VerifyOptions {
  /** Seconds; a timestamp that is older or newer is refused. 300 without. */
  tolerance?: number | undefined;
}

/**
 * The event of a webhook (Standard Webhooks 1.0, schemes `v1` and `v1a`). Rejects with `InvalidWebhook`, and nothing else.
 *
 * `webhook-id` is the same in every attempt: store it, and skip an event that you have already handled.
 *
 * @param payload - The body as it arrived: never parse and encode it again first
 * @param secret - The subscription's secret or its public key (`whpk_…`), or several of them while one replaces another
 */
export async function verify(
  payload: Uint8Array | ArrayBuffer | string,
  headers: WebhookHeaders,
  secret: string | readonly string[],
  { tolerance = TOLERANCE_SECONDS }: VerifyOptions = {},
): Promise<Event> {
  const body = typeof payload === 'string' ? new TextEncoder().encode(payload) : new Uint8Array(payload);
  const given = lookup(headers);
  const [id, timestamp, signature] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => {
    const value = given(name);
    if (value === undefined) throw new InvalidWebhook(`the header ${name} is missing`);
    return value;
  }) as [string, string, string];
  if (!/^[0-9]{1,15}$/.test(timestamp)) throw new InvalidWebhook('webhook-timestamp is not a number of seconds');
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= tolerance)) {
    throw new InvalidWebhook(`webhook-timestamp is more than ${tolerance} seconds from this machine's clock`);
  }
  const content = joined(new TextEncoder().encode(`${id}.${timestamp}.`), body);
  const [symmetric, asymmetric] = [signaturesOf(signature, 'v1,'), signaturesOf(signature, 'v1a,')];
  let fits = false;
  for (const one of typeof secret === 'string' ? [secret] : secret) {
    if (one.startsWith(PUBLIC_PREFIX)) {
      fits = (await hasSigned(one, content, asymmetric)) || fits;
      continue;
    }
    const expected = await signed(one, content);
    for (const other of symmetric) fits = isEqual(expected, other) || fits;
  }
  if (!fits) {
    throw new InvalidWebhook('no signature fits: the secret is another one, or the body was changed on its way');
  }
  return eventOf(body);
}

/**
 * An event of the log, or of a consumer, as the same type that `verify` gives: `event.type` tells the events apart, and
 * the compiler knows the data of each. The data of an event that is past its retention are `{}`.
 */
export function typed(event: StoredEvent | ReadEvent): Event {
  const { type, timestamp, data, test } = event;
  return { type, timestamp, data: data ?? {}, ...(test === undefined ? {} : { test }) } as unknown as Event;
}

function lookup(headers: WebhookHeaders): (name: string) => string | undefined {
  if (typeof (headers as Headers).get === 'function') return (name) => (headers as Headers).get(name) ?? undefined;
  const given = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return (name) => {
    const value: unknown = given.get(name);
    return Array.isArray(value) ? value.join(' ') : (value as string | undefined);
  };
}

async function signed(secret: string, content: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const { subtle } = await webCrypto();
  const key = await subtle.importKey('raw', keyOf(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return new Uint8Array(await subtle.sign('HMAC', key, content));
}

async function hasSigned(
  publicKey: string,
  content: Uint8Array<ArrayBuffer>,
  signatures: readonly Uint8Array<ArrayBuffer>[],
): Promise<boolean> {
  const { subtle } = await webCrypto();
  const raw = decoded(publicKey.slice(PUBLIC_PREFIX.length));
  if (raw?.length !== 32) {
    throw new InvalidWebhook(`the text after ${PUBLIC_PREFIX} in the public key is not base64 of 32 bytes`);
  }
  try {
    const key = await subtle.importKey('raw', raw, { name: 'Ed25519' }, false, ['verify']);
    for (const one of signatures.slice(0, MOST_SIGNATURES)) {
      if (await subtle.verify({ name: 'Ed25519' }, key, one, content)) return true;
    }
  } catch {
    throw new InvalidWebhook('this runtime cannot check a public key (Ed25519); use the secret');
  }
  return false;
}

function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  const isEncoded = secret.startsWith(PREFIX);
  const key = isEncoded ? decoded(secret.slice(PREFIX.length)) : new TextEncoder().encode(secret);
  if (!key) throw new InvalidWebhook(`the text after ${PREFIX} in the secret is not base64`);
  if (!key.length) throw new InvalidWebhook('the secret is empty');
  return key;
}

/** The signatures that begin with `scheme`; others, and unreadable ones, do not count. */
function signaturesOf(header: string, scheme: string): Uint8Array<ArrayBuffer>[] {
  const texts = header.split(' ').filter((one) => one.startsWith(scheme));
  return texts.map((one) => decoded(one.slice(scheme.length))).filter((one) => one !== undefined);
}

function decoded(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** Takes the same time wherever two signatures differ. */
function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (let at = 0; at < one.length; at += 1) difference |= (one[at] ?? 0) ^ (other[at] ?? 0);
  return difference === 0;
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

function eventOf(body: Uint8Array): Event {
  let event: unknown;
  try {
    event = parsed(body);
  } catch {
    throw new InvalidWebhook('the body is signed, but is not an event of the contract: it is not JSON');
  }
  const { type, timestamp, data } = isObject(event) ? event : {};
  if (typeof type === 'string' && typeof timestamp === 'string' && isObject(data)) return event as Event;
  throw new InvalidWebhook('the body is signed, but is not an event of the contract: it lacks type, timestamp or data');
}

import type { Fetch } from './calls.js';

/** The parts of Node.js that are used: browsers have none of them, Deno and Bun offer them too. */
interface Http {
  Agent: new (options: { keepAlive: boolean }) => object;
  request(options: object, answered: (message: Message) => void): Outgoing;
}
interface Message extends AsyncIterable<Uint8Array> {
  statusCode: number;
  rawHeaders: string[];
  destroy(): void;
  resume(): void;
}
interface Outgoing {
  on(event: 'error', failed: (error: Error) => void): this;
  end(body?: Uint8Array): void;
}
interface Process {
  env: Record<string, string | undefined>;
  versions?: Record<string, string | undefined>;
  platform?: string;
}

const process: Process | undefined = (globalThis as { process?: Process }).process;
export const isNodeLike: boolean = typeof process?.versions?.['node'] === 'string';

/** A value of the environment; none where there is no environment, or where it may not be read (Deno). */
export function environment(name: string): string | undefined {
  try {
    return process?.env[name] || undefined;
  } catch {
    return undefined;
  }
}

/** The runtime with its version, for `User-Agent`. Empty in a browser, which sends its own. */
export function runtimeName(): string {
  const versions = process?.versions;
  const name = ['bun', 'deno', 'node'].find((one) => versions?.[one]);
  return name ? `${name} ${versions?.[name]}; ${process?.platform}` : '';
}

/** A module of Node.js. Bundlers must not look for it. */
function builtin(name: string): Promise<unknown> {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ name);
}

/** The Web Crypto API. Node.js 18 has it in a module. */
export async function webCrypto(): Promise<Crypto> {
  return globalThis.crypto ?? ((await builtin('node:crypto')) as { webcrypto: Crypto }).webcrypto;
}

/** 32 hexadecimal digits at random. */
export async function randomId(): Promise<string> {
  const bytes = (await webCrypto()).getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * RFC 6761 §6.3: `*.localhost` is this machine, but many resolvers do not know the names, and `fetch` lets nobody name
 * another host. So plain HTTP to such a name goes to 127.0.0.1 by `node:http`. A browser finds the names by itself.
 */
export function fetchFor(base: URL): Fetch {
  const isLocal = base.protocol === 'http:' && base.hostname.endsWith('.localhost');
  return isLocal && isNodeLike ? fetchLocally : (url, init) => globalThis.fetch(url, init);
}

let agent: object | undefined;

async function fetchLocally(address: string, init: RequestInit): Promise<Response> {
  const url = new URL(address);
  const headers = { ...Object.fromEntries(new Headers(init.headers)), host: url.host };
  const http = (await builtin('node:http')) as Http;
  const options = { host: '127.0.0.1', port: url.port || 80, path: url.pathname + url.search, headers };
  agent ??= new http.Agent({ keepAlive: true });
  const sent = { ...options, agent, method: init.method, signal: init.signal ?? undefined };
  const message = await new Promise<Message>((answered, failed) => {
    http.request(sent, answered).on('error', failed).end(init.body as Uint8Array | undefined);
  });
  const received = new Headers();
  for (let at = 0; at + 1 < message.rawHeaders.length; at += 2) {
    received.append(message.rawHeaders[at] as string, message.rawHeaders[at + 1] as string);
  }
  const isEmpty = [204, 205, 304].includes(message.statusCode);
  if (isEmpty) message.resume();
  return new Response(isEmpty ? null : streamOf(message), { status: message.statusCode, headers: received });
}

function streamOf(message: Message): ReadableStream<Uint8Array> {
  const parts = message[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await parts.next();
      if (done) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
    cancel: () => message.destroy(),
  });
}

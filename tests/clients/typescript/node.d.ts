// The parts of Node.js that the tests' programs use.
declare module 'node:fs' {
  export function readFileSync(path: string | number, encoding: 'utf8'): string;
}
declare module 'node:http' {
  interface Incoming extends AsyncIterable<Uint8Array> {
    headers: Record<string, string | string[] | undefined>;
  }
  interface Outgoing {
    writeHead(status: number): this;
    end(): void;
  }
  interface Server {
    listen(port: number, host: string, listening: () => void): this;
    address(): { port: number };
    close(): void;
  }
  export function createServer(answer: (request: Incoming, response: Outgoing) => void): Server;
}
declare module 'node:readline' {
  export function createInterface(options: { input: unknown }): AsyncIterable<string>;
}
declare module 'node:util' {
  export function inspect(value: unknown, options?: { depth?: number; showHidden?: boolean }): string;
}
declare const process: { env: Record<string, string | undefined>; stdin: unknown };

// Verifies each request of standard input, and prints its event or error.
import { readFileSync } from 'node:fs';
import { webhooks } from 'knogin';

interface Case {
  body: number[] | string;
  headers: Record<string, string>;
  secret: string | string[];
  tolerance?: number;
}

const cases: Case[] = JSON.parse(readFileSync(0, 'utf8'));
const found = await Promise.all(
  cases.map(async ({ body, headers, secret, tolerance }, at) => {
    const payload = typeof body === 'string' ? body : Uint8Array.from(body);
    const isPlain = Object.values(headers).every((value) => /^[\x20-\x7e]*$/.test(value));
    const given = isPlain && at % 2 ? new Headers(headers) : headers;
    try {
      return { event: await webhooks.verify(payload, given, secret, { tolerance }) };
    } catch (error) {
      return { name: (error as Error).name, message: (error as Error).message };
    }
  }),
);
console.log(JSON.stringify(found));

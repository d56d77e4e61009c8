// Calls the receiver of the README with a webhook of standard input.
import { readFileSync } from 'node:fs';
import { POST } from './readme_webhook.js';

const { body, headers } = JSON.parse(readFileSync(0, 'utf8')) as { body: string; headers: Record<string, string> };
const post = (given: string): Promise<Response> =>
  POST(new Request('http://receiver.example/', { method: 'POST', body: given, headers }));
console.log([(await post(body)).status, (await post(`${body} `)).status].join(' '));

// Handles as many events of a consumer as standard input says, leaves the loop, and prints what it handled.
import { readFileSync } from 'node:fs';
import { consume, Knogin, type models, webhooks } from 'knogin';

const { baseUrl, most } = JSON.parse(readFileSync(0, 'utf8')) as { baseUrl: string; most: number };
const client = new Knogin({ token: 'token-1', baseUrl });
const handled: models.events.Event[] = [];
for await (const event of consume(client, 'inbox')) {
  handled.push(webhooks.typed(event));
  if (handled.length === most) break;
}
console.log(JSON.stringify(handled));

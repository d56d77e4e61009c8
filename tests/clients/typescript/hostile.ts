// For each line of standard input makes the calls that it names, and prints their outcomes, the waits between attempts,
// and the attempts that hooks saw.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { inspect } from 'node:util';
import { APIError, Knogin, type KnoginOptions, type models } from 'knogin';

interface Given {
  call: string;
  times?: number;
  /** How many calls are under way at a time */
  atOnce?: number;
  options?: KnoginOptions;
  secretFile?: string;
}

const real = globalThis.setTimeout;
let waits: number[] = [];
let timeout = 30_000;

/** Waits between attempts take no time; time limits of attempts stay. */
function hurried(done: () => void, milliseconds = 0, ...rest: []): unknown {
  const isOurs = (new Error().stack ?? '').includes('/node_modules/knogin/');
  if (!isOurs || milliseconds === timeout) return real(done, milliseconds, ...rest);
  waits.push(milliseconds);
  return real(done, 0);
}
globalThis.setTimeout = hurried as typeof setTimeout;

const draft: models.epcr.EncounterDraft = {
  care_model: 'prehospital_emergency',
  vehicle_id: 'AMB-1',
  crew_ids: ['usr_1'],
  cad_incident_id: 'cad_1',
};
const clock = performance.now.bind(performance);
let ahead = 0;
// A token of 300 s is due for renewal, and has not ended.
const laterBy = (milliseconds: number): void => void (ahead += milliseconds);
Object.defineProperty(performance, 'now', { value: () => clock() + ahead });

function clientOf({ options, secretFile }: Given, seen: string[]): Knogin {
  const own = { clientId: 'app_1', clientSecret: () => readFileSync(secretFile ?? '', 'utf8') };
  return new Knogin({
    ...(options?.token ? {} : own),
    onRequest: (attempt) => {
      seen.push(`${attempt.number} ${attempt.method} ${new URL(attempt.url).pathname}`);
    },
    onResponse: (_, answer) => {
      seen.push(String(answer.status));
    },
    ...options,
  });
}

async function shortened(client: Knogin): Promise<unknown> {
  const ending = new AbortController();
  real(() => ending.abort(), 150);
  return client.epcr.getEncounter('enc_1', { signal: ending.signal });
}

const calls: Record<string, (client: Knogin) => Promise<unknown>> = {
  create: (client) => client.epcr.createEncounter(draft),
  read: (client) => client.epcr.getEncounter('enc_1'),
  unchanged: (client) => client.epcr.getEncounter('enc_1', { ifNoneMatch: '"1"' }),
  handoverPdf: async (client) => new TextDecoder().decode(await client.epcr.getHandover('enc_1', { format: 'pdf' })),
  handover: (client) => client.epcr.getHandover('enc_1'),
  tryFilter: (client) =>
    client.webhooks.tryWebhookFilter({ events: ['incident.created'], filter: { pointer: '/priority', eq: 1 } }),
  remove: (client) => client.webhooks.deleteWebhook('wh_1'),
  metadata: async (client) => new TextDecoder().decode(await client.saml.getSamlMetadata('samlc_1')),
  upload: (client) => client.controlPlane.uploadPackageContent('pkg_1', '1.0', new Uint8Array([1, 2, 255])),
  pages: async (client) => {
    const sizes: number[] = [];
    for await (const page of client.webhooks.listDeliveries('a/../b?c#d %', { eventType: 'x&y=z', limit: 2 }).pages()) {
      sizes.push(page.items.length);
    }
    return sizes;
  },
  devices: async (client) => {
    const ids: string[] = [];
    for await (const device of client.devices.listDevices({ cursor: 'c0' })) ids.push(device.id);
    return ids;
  },
  firstDevice: async (client) => {
    for await (const device of client.devices.listDevices()) return device.id;
    return null;
  },
  dots: (client) => client.webhooks.getWebhook('..'),
  narrowed: async (client) => {
    const narrow = client.withScopes('argus:epcr:read', 'argus:devices:read');
    for (const one of [client, narrow, client, narrow]) await one.epcr.getEncounter('enc_1');
    return null;
  },
  renewed: async (client) => {
    await client.epcr.getEncounter('enc_1');
    laterBy(250_000);
    await client.epcr.getEncounter('enc_1');
    await client.epcr.getEncounter('enc_1');
    return null;
  },
  aborted: shortened,
  abortedAmongOthers: async (client) => {
    const [first, second] = await Promise.allSettled([shortened(client), client.epcr.getEncounter('enc_1')]);
    return [first.status, second.status];
  },
  raw: async (client) => {
    const answer = await client.request('POST', '/v1/x{y}', { body: { a: null, b: undefined }, idempotencyKey: 'k-1' });
    return [answer.status, answer.headers.get('content-type'), answer.json()];
  },
  listSandboxes: (client) => count(client.sandboxes.listSandboxes({ state: 'ready' })),
  listUsers: (client) => count(client.people.listUsers({ search: 'a&b' })),
  listUserSessions: (client) => count(client.people.listUserSessions('usr_1')),
  listInvitations: (client) => count(client.people.listInvitations()),
  listAuditEntries: (client) => count(client.auditTrail.listAuditEntries('epcr', { action: 'encounter.read' })),
  listWebhooks: (client) => count(client.webhooks.listWebhooks()),
  listAllDeliveries: (client) => count(client.webhooks.listAllDeliveries({ status: 'failed' })),
  createSandbox: (client) => client.sandboxes.createSandbox({ name: 'Trying out' }),
  resetSandbox: (client) => client.sandboxes.resetSandbox('sbx_1'),
  runScenario: (client) => client.sandboxes.runScenario('sbx_1', 'arrest'),
  advanceSandboxClock: (client) => client.sandboxes.advanceSandboxClock('sbx_1', { seconds: 60 }),
  createInvitation: (client) => client.people.createInvitation({ email: 'a@b.example', role: 'auditor' }),
  leave: (client) => client.people.leaveUser('usr_1'),
  exported: async (client) =>
    new TextDecoder().decode(await client.auditTrail.exportAuditEntries('epcr', { since: '2026-11-01T00:00:00Z' })),
  shown: async (client) => inspect(client, { depth: 9, showHidden: true }) + JSON.stringify(client) + String(client),
};

async function count(list: AsyncIterable<unknown>): Promise<number> {
  let items = 0;
  for await (const _ of list) items += 1;
  return items;
}

async function outcome(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return { value: await call() };
  } catch (error) {
    return { error: described(error) };
  }
}

function described(error: unknown): unknown {
  const kinds: string[] = [];
  for (let kind = Object.getPrototypeOf(error); kind; kind = Object.getPrototypeOf(kind)) {
    kinds.push(kind.constructor.name);
  }
  const { name, message } = error as Error;
  const shown = inspect(error, { depth: 9 });
  if (!(error instanceof APIError)) return { name, message, kinds, shown };
  const { status, type, traceId, retryAfter, errors, body } = error;
  const refused = { status, type, traceId, retryAfter, errors, body: Array.from(body.slice(0, 99)), size: body.length };
  return { name, message, kinds, shown, ...refused };
}

async function answered(given: Given): Promise<unknown> {
  const seen: string[] = [];
  const outcomes: unknown[] = [];
  waits = [];
  timeout = given.options?.timeout ?? 30_000;
  let client: Knogin;
  try {
    client = clientOf(given, seen);
  } catch (error) {
    return { outcomes: [{ error: described(error) }], waits, seen };
  }
  const call = calls[given.call] as (client: Knogin) => Promise<unknown>;
  let left = given.times ?? 1;
  const caller = async (): Promise<void> => {
    while (left-- > 0) outcomes.push(await outcome(() => call(client)));
  };
  await Promise.all(Array.from({ length: given.atOnce ?? 1 }, caller));
  return { outcomes, waits, seen };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answered(JSON.parse(line))));
}

// An integrator's first day with a running platform.
import { createServer } from 'node:http';
import { GraphqlRefused, Knogin, type models, problems, webhooks } from 'knogin';

const baseUrl = process.env['BASE_URL'] ?? '';
const SECRET = 'whsec_cWJ3c2VjLW9mLXRoZS10ZXN0cy1hbG9uZQ==';
const OLD = 'whsec_b2xkLW9sZC1vbGQtb2xkLW9sZA==';
const SCOPES = ['webhooks:write', 'argus:epcr:write', 'argus:devices:write', 'argus:acqi:read'];
const INDICATORS =
  'query($from: DateTime!, $to: DateTime!) { acqiMetrics(fromDate: $from, toDate: $to) { name value } }';
// The fetch of the client, or one of its user.
const own = process.env['OWN_FETCH'] ? { fetch: (url: string, init: RequestInit) => fetch(url, init) } : {};
const admin = new Knogin({ token: process.env['ADMIN_TOKEN'], baseUrl, ...own });

function same(given: unknown, wanted: unknown): void {
  if (JSON.stringify(given) !== JSON.stringify(wanted)) {
    throw new Error(`${JSON.stringify(given)} is not ${JSON.stringify(wanted)}`);
  }
}

/** The first result that there is. */
async function until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (let tries = 0; tries < 600; tries += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`nothing came: ${look.toString().slice(0, 200)}`);
}

async function refusal(call: Promise<unknown>): Promise<problems.NotFound> {
  const error = await call.then(
    () => new Error('the call was not refused'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof problems.NotFound) return error;
  throw error;
}

const draft = (incident: string): models.epcr.EncounterDraft => ({
  care_model: 'prehospital_emergency',
  vehicle_id: 'AMB-42',
  crew_ids: ['usr_1'],
  cad_incident_id: incident,
  vital_signs: [],
  patient: { sex: 'female', age_years: 70 },
});

const events: models.events.Event[] = [];
const refused: string[] = [];
const receiver = createServer(async (request, response) => {
  const parts: Uint8Array[] = [];
  for await (const part of request) parts.push(part);
  const body = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
  try {
    events.push(await webhooks.verify(body, request.headers, [OLD, SECRET]));
  } catch (error) {
    refused.push(String(error));
  }
  response.writeHead(204).end();
});
await new Promise<void>((listening) => receiver.listen(0, '127.0.0.1', listening));

const app = await admin.apps.createApp({
  name: 'From the SDK',
  grant_types: ['client_credentials'],
  requested_scopes: SCOPES,
});
const change = { approved_events: ['epcr.*'] };
same((await admin.apps.updateAppGovernance(app.client_id, change)).client_id, app.client_id);
same((await admin.apps.updateAppGovernance(app.client_id, change, { dryRun: true })).dry_run, true);
let secret = app.client_secret ?? '';
const used = new Set<string>();
const client = new Knogin({
  clientId: app.client_id,
  clientSecret: async () => secret,
  baseUrl,
  onRequest: ({ headers }) => {
    used.add(headers.get('authorization') ?? '');
  },
  ...own,
});

// A webhook; until the dispatcher has the app's approval it is refused.
const url = `http://127.0.0.1:${receiver.address().port}/hook`;
const hook = { url, events: ['epcr.encounter.created'], secret: SECRET };
const webhook = await until(async () => {
  try {
    return await client.webhooks.createWebhook(hook);
  } catch (error) {
    if (error instanceof problems.Forbidden) return undefined;
    throw error;
  }
});

// An encounter, as JSON and as FHIR.
const incident = `cad_${crypto.randomUUID()}`;
const key = crypto.randomUUID();
const encounter = await client.epcr.createEncounter(draft(incident), { idempotencyKey: key });
same((await client.epcr.createEncounter(draft(incident), { idempotencyKey: key })).id, encounter.id);
same((await client.epcr.getEncounter(encounter.id)).created_at, encounter.created_at);
const bundle = await client.epcr.getFhirBundle(encounter.id);
same(bundle.resourceType, 'Bundle');
same((await client.epcr.getEncounter(encounter.id, { format: 'fhir' })).entry, bundle.entry);
same((await client.epcr.getEncounter(encounter.id, { format: 'fhir', maxEntries: 4 })).bundles[0]?.type, 'transaction');

// A device and a batch of readings, of which one is refused.
const device = await client.devices.enrolDevice({ serial_number: crypto.randomUUID(), device_class: 'oximeter' });
const at = (second: number): string => new Date(Date.now() - second * 1000).toISOString();
const reading = { mdc_code: 'MDC_PULS_OXIM_SAT_O2', value: 98, unit_code: '%' };
const good = [1, 2, 3, 4].map((second) => ({ ...reading, observed_at: at(second) }));
const observations = [...good, { mdc_code: 'MDC_NONE', value: 1 }];
const batch = await client.devices.recordObservations(device.id, { observations });
same(batch.results.map((one) => one.status), [201, 201, 201, 201, 422]);

// A list: pages, on from a page, and its items.
const list = client.devices.listObservations(device.id, { limit: 3 });
const { value: first } = await list.pages().next();
if (!first?.nextCursor) throw new Error('there is no second page');
same(first.items.length, 3);
const ids = first.items.map((one) => one.id);
const rest = client.devices.listObservations(device.id, { limit: 3, cursor: first.nextCursor });
for await (const one of rest) ids.push(one.id);
const all: string[] = [];
for await (const one of list) all.push(one.id);
same(ids, all);
same(all.length, 4);
const found: string[] = [];
for await (const one of client.epcr.listEncounters({ cadIncidentId: incident, limit: 1 })) found.push(one.id);
same(found, [encounter.id]);

// GraphQL.
const variables = { from: at(30 * 86_400), to: at(0) };
const answer = await client.graphql.executeGraphql({ query: INDICATORS, variables });
same(Array.isArray(answer.data?.['acqiMetrics']), true);
const unfit: unknown = await client.graphql.executeGraphql({ query: INDICATORS, variables: { from: 7 } }).catch((error: unknown) => error);
if (!(unfit instanceof GraphqlRefused)) throw new Error(String(unfit));
same([unfit.status, unfit.code, unfit.data, unfit.errors.map((one) => one.pointer)], [200, 'BAD_USER_INPUT', null, ['/from', '/to']]);

// The event, verified, and its delivery.
const event = await until(() => events[0]);
if (event.type !== 'epcr.encounter.created') throw new Error(event.type);
same([event.data.encounter_id, event.data.cad_incident_id, refused], [encounter.id, incident, []]);
const delivery = await until(async () => {
  for await (const one of client.webhooks.listDeliveries(webhook.id, { status: 'succeeded' })) return one;
  return undefined;
});
same((await client.webhooks.getDelivery(webhook.id, delivery.id)).attempts.length, 1);
const changed = await client.webhooks.updateWebhook(webhook.id, { description: null, enabled: false });
same([changed.enabled, changed.description], [false, null]);
same(await client.webhooks.deleteWebhook(webhook.id), undefined);
same((await refusal(client.webhooks.getWebhook(webhook.id))).traceId.length, 32);
receiver.close();

// A handover: the app of a hospital reads it as FHIR and as a sheet, and reports the outcome.
const ward = await admin.apps.createApp({
  name: 'Hospital',
  grant_types: ['client_credentials'],
  requested_scopes: ['argus:epcr:handover', 'argus:epcr:outcome'],
});
const hospital = new Knogin({ clientId: ward.client_id, clientSecret: ward.client_secret ?? '', baseUrl, ...own });
const place: models.epcr.DestinationDraft = {
  name: 'Emergency department',
  code: crypto.randomUUID(),
  code_system: 'urn:oid:1.2.3',
  type: 'emergency_department',
  client_id: ward.client_id,
  legal_basis: 'provision_of_care',
  readable_days: 30,
};
const destination = await until(async () => {
  try {
    return await admin.epcr.createDestination(place);
  } catch (error) {
    if (error instanceof problems.InvalidRequest) return undefined;
    throw error;
  }
});
await client.epcr.setEncounterDestination(encounter.id, { destination_id: destination.id });
const arrivals: string[] = [];
for await (const one of hospital.epcr.listArrivals()) arrivals.push(one.encounter_id);
same(arrivals, [encounter.id]);
same((await hospital.epcr.getHandover(encounter.id, { format: 'document' })).type, 'document');
const sheet = await hospital.epcr.getHandover(encounter.id, { format: 'pdf', language: 'it' });
same(new TextDecoder().decode(sheet.slice(0, 4)), '%PDF');
const survival = { survived_to_discharge: 'yes' as const };
same((await hospital.epcr.recordOutcome(encounter.id, { survival })).version, 1);
await client.epcr.endEncounterDestination(encounter.id);
const closed = await hospital.epcr.getHandover(encounter.id).catch((error: unknown) => error);
same(closed instanceof problems.HandoverClosed, true);

// Polling: an ETag says that nothing has changed.
const etag = (await client.request('GET', `/api/v1/epcr/encounters/${encounter.id}`)).headers.get('etag') ?? '';
same(await client.epcr.getEncounter(encounter.id, { ifNoneMatch: etag }), null);

// Every fault of a request.
const misspelt = { serial_number: '', device_class: 'oxymeter' as 'oximeter' };
const wrong = await client.devices.enrolDevice(misspelt).catch((error: unknown) => error);
if (!(wrong instanceof problems.InvalidRequest)) throw wrong;
same(wrong.errors.map((fault) => fault.pointer).sort(), ['/device_class', '/serial_number']);
same(wrong.errors.find((fault) => fault.pointer === '/device_class')?.did_you_mean, 'oximeter');
same(wrong.message.includes('(did you mean oximeter?)'), true);

// A token that is revoked is replaced.
const token = [...used].pop()?.replace('Bearer ', '') ?? '';
same((await client.oauth.introspectToken({ token })).active, true);
await client.oauth.revokeToken({ token });
used.clear();
await until(async () => {
  await client.epcr.getEncounter(encounter.id);
  return used.size === 2 ? true : undefined;
});

// A secret that is rotated is picked up.
await client.withScopes('argus:epcr:write').epcr.getEncounter(encounter.id);
const rotated = await admin.apps.rotateAppSecret(app.client_id, { overlap_seconds: 0 });
const narrowed = client.withScopes('argus:devices:write');
const old = await narrowed.devices.getDevice(device.id).catch((error: unknown) => error);
same(old instanceof problems.OAuthInvalidClient, true);
secret = rotated.client_secret;
same((await narrowed.devices.getDevice(device.id)).id, device.id);

// A private key takes the place of a secret.
for (const [kind, algorithm] of Object.entries({
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  EdDSA: { name: 'Ed25519' },
})) {
  const pair = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
  const der = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey));
  const privateKey = `-----BEGIN PRIVATE KEY-----\n${btoa(String.fromCharCode(...der))}\n-----END PRIVATE KEY-----\n`;
  const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey('jwk', pair.publicKey);
  const signer = await admin.apps.createApp({
    name: 'Signs',
    grant_types: ['client_credentials'],
    requested_scopes: SCOPES,
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ kty, crv, x, y, n, e, kid: 'k1', alg: kind, use: 'sig' }] },
  });
  const signing = new Knogin({ clientId: signer.client_id, privateKey, keyId: 'k1', baseUrl, ...own });
  same((await signing.epcr.createEncounter(draft(`${incident}_${kind}`))).status, 'in_progress');
}

// Other calls of an administrator, and pages of the other host.
same((await admin.apps.listScopes()).scopes.some((scope) => scope.name === 'argus:epcr:write'), true);
for await (const one of admin.apps.listApps({ limit: 2 })) if (!one.client_id) throw new Error('an app without an id');
same((await admin.oauth.getJwks()).keys.length > 0, true);
await refusal(admin.saml.getSamlMetadata('samlc_of_nobody'));
console.log(JSON.stringify('a day'));

// Eighteen calls through the client that @hey-api/openapi-ts generates, with one base URL. Every answer has its type.
import { createClient, createConfig } from './hey/client';
import type { ClientOptions } from './hey/types.gen';
import * as api from './hey/sdk.gen';

declare const process: { env: Record<string, string> };

const SCOPES = ['webhooks:write', 'argus:epcr:write', 'argus:devices:write', 'argus:acqi:read'];
const clientOf = (token?: string) => createClient(createConfig<ClientOptions>({
    baseUrl: process.env.BASE_URL as ClientOptions['baseUrl'],
    ...(token === undefined ? {} : { auth: token }),
}));
let passed = 0;

async function expect<D>(call: Promise<{ data?: D; error?: unknown; response?: Response }>, status: number): Promise<D> {
    const { data, error, response } = await call;
    if (response?.status !== status) throw new Error(`${response?.url} ${response?.status}: ${JSON.stringify(error)}`);
    passed += 1;
    return data as D;
}

function same(given: unknown, wanted: unknown): void {
    if (JSON.stringify(given) !== JSON.stringify(wanted)) throw new Error(`${JSON.stringify(given)} is not ${JSON.stringify(wanted)}`);
}

async function main(): Promise<void> {
    const anybody = clientOf(), administrator = clientOf(process.env.ADMIN_TOKEN);
    const metadata = await expect(api.getAuthorizationServerMetadata({ client: anybody }), 200);
    same(metadata.token_endpoint.endsWith('/v1/oauth/token'), true);
    const app = await expect(api.createApp({
        client: administrator, body: { name: 'Generated', grant_types: ['client_credentials'], requested_scopes: SCOPES },
    }), 201);
    const token = await expect(api.createToken({
        client: anybody,
        body: { grant_type: 'client_credentials', client_id: app.client_id, client_secret: app.client_secret, scope: SCOPES.join(' ') },
    }), 200);
    const client = clientOf(token.access_token);

    const subscription = { url: 'https://receiver.example/hook', events: ['incident.created'] };
    const webhook = await expect(api.createWebhook({ client, body: subscription }), 201);
    const listed = await expect(api.listWebhooks({ client }), 200);
    same(listed.webhooks.map(one => one.id), [webhook.id]);
    const path = { webhook_id: webhook.id };
    same((await expect(api.getWebhook({ client, path }), 200)).url, subscription.url);
    await expect(api.listDeliveries({ client, path, query: { limit: 5 } }), 200);

    const encounter = await expect(api.createEncounter({
        client,
        body: { care_model: 'prehospital_emergency', vehicle_id: 'AMB-1', crew_ids: ['usr_1'], cad_incident_id: process.env.INCIDENT },
    }), 201);
    const seen = await expect(api.getEncounter({ client, path: { encounter_id: encounter.id } }), 200);
    if ('vehicle_id' in seen) same(seen.vehicle_id, 'AMB-1');
    const bundle = await expect(api.getFhirBundle({ client, path: { encounter_id: encounter.id } }), 200);
    if ('entry' in bundle) same(bundle.resourceType, 'Bundle');

    const device = await expect(api.enrolDevice({ client, body: { serial_number: process.env.INCIDENT, device_class: 'oximeter' } }), 201);
    const reading = { mdc_code: 'MDC_PULS_OXIM_SAT_O2', value: 98, unit_code: '%' };
    const of = { device_id: device.id };
    same((await expect(api.recordObservation({ client, path: of, body: reading }), 201)).value, 98);
    const batch = await expect(api.recordObservations({
        client, path: of, body: { observations: [reading, { mdc_code: 'MDC_NONE', value: 1 }] },
    }), 200);
    same(batch.results[1]?.status, 422);
    same((await expect(api.listObservations({ client, path: of, query: { limit: 5 } }), 200)).length > 0, true);

    const query = 'query($from: DateTime!, $to: DateTime!) { acqiMetrics(fromDate: $from, toDate: $to) { name value } }';
    const variables = { from: '2026-04-01T00:00:00Z', to: '2026-04-17T00:00:00Z' };
    same((await expect(api.executeGraphql({ client, body: { query, variables } }), 200)).errors, undefined);

    const refused = await api.enrolDevice({ client, body: { serial_number: ' ', device_class: 'oximeter' } });
    if (!refused.error || !('errors' in refused.error)) throw new Error('a problem was expected');
    same(refused.error.errors?.[0]?.pointer, '/serial_number');
    passed += 1;
    await expect(api.deleteWebhook({ client, path }), 204);
    await expect(api.deleteApp({ client: administrator, path: { client_id: app.client_id } }), 204);
    console.log(`${passed} calls`);
}

main().catch(error => { console.error(error); (process as unknown as { exitCode: number }).exitCode = 1; });

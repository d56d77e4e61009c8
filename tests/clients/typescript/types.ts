// Compiles: how a strict program uses the types.
import {
  APIError,
  type FhirBundle,
  type FhirBundles,
  Knogin,
  type models,
  type Open,
  type Page,
  Pages,
  problems,
  type resources,
  type UnknownValue,
  webhooks,
} from 'knogin';

type Same<One, Other> = (<T>() => T extends One ? 1 : 2) extends <T>() => T extends Other ? 1 : 2 ? true : false;
const same = <_ extends true>(): void => undefined;
const never = (value: never): never => value;

export async function answers(client: Knogin, etag: string, wait: boolean): Promise<void> {
  const read = await client.epcr.getEncounter('enc_1');
  same<Same<typeof read, models.epcr.EncounterView>>();
  const fhir = await client.epcr.getEncounter('enc_1', { format: 'fhir', readings: 'summary' });
  same<Same<typeof fhir, FhirBundle>>();
  const parts = await client.epcr.getFhirBundle('enc_1', { maxEntries: 100 });
  same<Same<typeof parts, FhirBundles>>();
  const changed = await client.epcr.getEncounter('enc_1', { ifNoneMatch: etag });
  same<Same<typeof changed, models.epcr.EncounterView | null>>();
  const keys = await client.oauth.getJwks();
  same<Same<typeof keys, models.oauth.Keys>>();
  const pdf = await client.epcr.getHandover('enc_1', { format: 'pdf' });
  same<Same<typeof pdf, Uint8Array>>();
  const whole = await client.epcr.getHandover('enc_1');
  same<Same<typeof whole, models.epcr.Handover>>();
  const tried = await client.webhooks.sendTestWebhook('wh_1', { wait: true });
  same<Same<typeof tried, models.webhooks.Diagnosis>>();
  const either = await client.webhooks.sendTestWebhook('wh_1', { wait });
  same<Same<typeof either, models.webhooks.Queued | models.webhooks.Diagnosis>>();
  const gone = await client.webhooks.deleteWebhook('wh_1');
  same<Same<typeof gone, void>>();
  await client.webhooks.recoverDeliveries('wh_1', { since: new Date().toISOString() });
  await client.apps.rotateAppSecret('app_1', undefined, { idempotencyKey: 'k', timeout: 5_000 });
}

export async function lists(client: Knogin, options: resources.ListDeliveriesOptions): Promise<string | null> {
  const list: Pages<models.webhooks.Delivery> = client.webhooks.listDeliveries('wh_1', options);
  for await (const delivery of list) console.log(delivery.id);
  let last: Page<models.webhooks.Delivery> | undefined;
  for await (const page of list.pages()) last = page;
  return last?.nextCursor ?? null;
}

export function sent(serial: string | undefined): unknown[] {
  const events = ['epcr.*'] as const;
  const webhook: models.webhooks.NewWebhook = { url: 'https://receiver.example/', events };
  const change: models.devices.DeviceChange = { vehicle_id: null };
  const automation: models.platform.Action = { kind: 'webhook', fields: { a: 1 } };
  const request: models.graphql.GraphqlRequest = { query: '{ a }', variables: { a: [1, null, { b: true }] } };
  return [webhook, change, automation, request, serial];
}

export function received(device: models.devices.Device, action: models.platform.Action): string {
  const kind: Open<'bp'> | string = device.device_class;
  if (device.status === 'of_next_year') return kind;
  switch (action.kind) {
    case 'webhook':
      return action.webhook_id ?? '';
    case 'document':
    case 'open_incident':
    case 'annotate_incident':
      return action.kind;
    default: {
      const unknown: UnknownValue = action.kind;
      const text: string = unknown;
      return text === 'of_next_year' ? String(action['more']) : text;
    }
  }
}

export function told(event: models.events.Event): string {
  if (event.type === 'epcr.encounter.created') return event.data.vehicle_id ?? '';
  if (event.type === 'webhook.disabled') return event.data.reason;
  const other: string = event.type;
  return other;
}

type NodeHeaders = Record<string, string | string[] | undefined>;

export async function receiver(headers: NodeHeaders, body: Uint8Array): Promise<string> {
  return told(await webhooks.verify(body, headers, ['whsec_new', 'whsec_old'], { tolerance: 60 }));
}

export function caught(error: unknown): string {
  if (error instanceof problems.InvalidRequest) return error.errors.map((fault) => fault.pointer + fault.code).join();
  if (error instanceof problems.TooManyRequests) return `${error.retryAfter ?? 0}`;
  return error instanceof APIError ? error.traceId : '';
}

export { never };

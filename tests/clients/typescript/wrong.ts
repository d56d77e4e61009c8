// Compiles only because each of these is an error.
import { Knogin, type models, webhooks } from 'knogin';

export async function wrong(client: Knogin, event: models.events.Event, action: models.platform.Action): Promise<void> {
  // @ts-expect-error a misspelt value of an enum
  await client.devices.enrolDevice({ serial_number: 'SN-1', device_class: 'oxymeter' });
  // @ts-expect-error a member that is missing
  await client.devices.enrolDevice({ device_class: 'oximeter' });
  // @ts-expect-error a member that the contract does not know
  await client.devices.enrolDevice({ serial_number: 'SN-1', device_class: 'oximeter', vehicel_id: 'AMB-1' });
  // @ts-expect-error a misspelt option
  await client.epcr.getEncounter('enc_1', { formt: 'fhir' });
  // @ts-expect-error a value of another type
  await client.epcr.getEncounter('enc_1', { timeout: '5' });
  // @ts-expect-error a required option
  await client.webhooks.recoverDeliveries('wh_1');
  // @ts-expect-error no answer means that nothing changed
  console.log((await client.epcr.getEncounter('enc_1', { ifNoneMatch: '"1"' })).id);
  // @ts-expect-error a member that an answer may lack or have as null
  console.log((await client.webhooks.getWebhook('wh_1')).description.length);
  // @ts-expect-error a list is no promise of an array
  console.log((await client.devices.listDevices()).length);
  // @ts-expect-error the data of another event
  if (event.type === 'webhook.disabled') console.log(event.data.encounter_id);
  // @ts-expect-error a member of another action
  if (action.kind === 'webhook') console.log(action.document);
  // @ts-expect-error an action of a kind that nobody knows
  const unknown: models.platform.Action = { kind: 'of_next_year' };
  // @ts-expect-error a promise is no event
  console.log(webhooks.verify('', {}, 'secret').type, unknown);
  // @ts-expect-error an environment that does not exist
  console.log(new Knogin({ environment: 'moon' }), new Knogin({ token: 'x' }).road);
}

import { consume, Knogin, type models, problems } from 'knogin';

const client = new Knogin({ baseUrl: 'https://api.knogin.com' });
const INBOX = 'hospital-inbox';
const TYPES = ['epcr.encounter.created', 'epcr.encounter.completed'];

/** Makes the consumer once. It begins with the oldest event that is kept. */
export async function prepare(): Promise<void> {
  try {
    await client.eventLog.getConsumer(INBOX);
  } catch (error) {
    if (!(error instanceof problems.NotFound)) throw error;
    await client.eventLog.createConsumer({ name: INBOX, event_types: TYPES, start: 'beginning' });
  }
}

/** Handles events for ever. `done` belongs into your database. */
export async function work(handle: (event: models.log.ReadEvent) => Promise<void>): Promise<void> {
  const done = new Set<string>();
  for await (const event of consume(client, INBOX)) {
    if (!done.has(event.id)) await handle(event);
    done.add(event.id);
  }
}

/** The types of all events of an encounter, oldest first. */
export async function history(encounter: string): Promise<string[]> {
  const found: string[] = [];
  for await (const event of client.eventLog.listEvents({ key: encounter, order: 'oldest' })) {
    found.push(event.type);
  }
  return found;
}

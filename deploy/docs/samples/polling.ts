import { Knogin } from 'knogin';

const client = new Knogin();
const seen = new Map<string, number>();

/** The ids of the encounters in progress that changed since the last call. */
async function changed(): Promise<string[]> {
  const found: string[] = [];
  for await (const one of client.epcr.listEncounters({ status: 'in_progress', limit: 100 })) {
    if (seen.get(one.id) !== one.version) found.push(one.id);
    seen.set(one.id, one.version);
  }
  return found;
}

for (const encounter of await changed()) {
  const view = await client.epcr.getEncounter(encounter);
  console.log(view.id, view.version);
}

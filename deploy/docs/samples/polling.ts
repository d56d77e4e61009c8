import { Knogin } from 'knogin';

const client = new Knogin({ baseUrl: 'https://api.knogin.com' });

/** The ids of the encounters in progress whose version is not the one that `seen` has; it takes the new versions. */
async function changed(seen: Map<string, number>): Promise<string[]> {
  const found: string[] = [];
  for await (const one of client.epcr.listEncounters({ status: 'in_progress', limit: 100 })) {
    if (seen.get(one.id) !== one.version) found.push(one.id);
    seen.set(one.id, one.version);
  }
  return found;
}

export async function watch(milliseconds = 15_000, signal?: AbortSignal): Promise<void> {
  const seen = new Map<string, number>();
  const etags = new Map<string, string>();
  while (!signal?.aborted) {
    for (const encounter of await changed(seen)) {
      const known = etags.get(encounter);
      const headers = known ? { 'if-none-match': known } : {};
      const answer = await client.request('GET', `/api/v1/epcr/encounters/${encounter}`, { headers });
      if (answer.status === 200) {
        etags.set(encounter, answer.headers.get('etag') ?? '');
        console.log(encounter, answer.body.length);
      }
    }
    await new Promise((done) => setTimeout(done, milliseconds));
  }
}

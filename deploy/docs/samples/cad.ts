import { Knogin, problems } from 'knogin';

const client = new Knogin({ baseUrl: 'https://api.knogin.com' });

/** Begins the encounter. Your system may call it again for the same vehicle and incident. */
async function assigned(incident: string, vehicle: string, crew: string[]): Promise<string> {
  try {
    const encounter = await client.epcr.createEncounter(
      { care_model: 'prehospital_emergency', vehicle_id: vehicle, crew_ids: crew, cad_incident_id: incident },
      { idempotencyKey: `${incident}/${vehicle}` },
    );
    return encounter.id;
  } catch (error) {
    if (!(error instanceof problems.Conflict)) throw error;
    // It was begun more than a day ago, or by another program.
    for await (const one of client.epcr.listEncounters({ cadIncidentId: incident })) {
      if (one.vehicle_id === vehicle) return one.id;
    }
    throw error;
  }
}

/** The bundle for the hospital's server with its ETag. It is empty if nothing has changed since `known`. */
async function completed(encounter: string, known?: string): Promise<[string | null, Uint8Array]> {
  const path = `/api/v1/epcr/encounters/${encounter}/fhir-bundle`;
  const answer = await client.request('GET', path, known ? { headers: { 'if-none-match': known } } : {});
  return [answer.headers.get('etag'), answer.body];
}

const encounterId = await assigned('cad-4711', 'AMB-42', ['crew-7']);
const [etag, bundle] = await completed(encounterId);
const [, unchanged] = await completed(encounterId, etag ?? '');
console.log(encounterId, bundle.length > 0, unchanged.length);

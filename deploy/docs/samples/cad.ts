import { Knogin, problems } from 'knogin';

const client = new Knogin();

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

const encounterId = await assigned('cad-4711', 'AMB-42', ['crew-7']);
const bundle = await client.epcr.getFhirBundle(encounterId);
console.log(encounterId, bundle.entry.length > 0);

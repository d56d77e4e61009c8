import { Knogin } from 'knogin';

const client = new Knogin({ baseUrl: 'https://api.knogin.com' });
const encounter = await client.epcr.createEncounter(
  {
    care_model: 'prehospital_emergency',
    vehicle_id: 'AMB-42',
    crew_ids: ['crew-7'],
    cad_incident_id: 'cad-4711',
  },
  { idempotencyKey: 'cad-4711/AMB-42' },
);
const bundle = await client.epcr.getFhirBundle(encounter.id);
console.log(encounter.id, bundle.resourceType, bundle.entry.length);

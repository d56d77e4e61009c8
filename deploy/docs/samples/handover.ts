import { writeFile } from 'node:fs/promises';
import { Knogin, problems } from 'knogin';

const client = new Knogin({ baseUrl: 'https://api.knogin.com' });
for await (const arrival of client.epcr.listArrivals()) {
  const encounter = arrival.encounter_id;
  try {
    const handover = await client.epcr.getHandover(encounter);
    const sheet = await client.epcr.getHandover(encounter, { format: 'pdf', language: 'it' });
    await writeFile(`${encounter}.pdf`, sheet);
    console.log(encounter, handover.purpose, handover.readable_until);
  } catch (error) {
    if (!(error instanceof problems.HandoverClosed)) throw error;
    console.log('no longer readable:', error.detail);
  }
}

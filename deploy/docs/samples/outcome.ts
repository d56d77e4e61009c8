import type { Knogin, models } from 'knogin';

/**
 * Returns the ETag of this version. A later version needs the ETag of the one that it corrects.
 * `identity` is that of the handover which the hospital matched to this patient: keep it with the visit.
 */
export async function report(
  client: Knogin,
  encounter: string,
  identity: number,
  seen?: string,
): Promise<string | undefined> {
  const outcome: models.epcr.OutcomeDraft = {
    visit_number: 'V-2026-118203',
    emergency_department: {
      arrived_at: '2026-03-23T10:51:10Z',
      disposition: 'to_cath_lab',
      diagnoses: [{ system: 'http://hl7.org/fhir/sid/icd-10', code: 'I21.1' }],
    },
    survival: { survived_to_discharge: 'yes' },
  };
  const options = seen ? { identity, ifMatch: seen } : { identity };
  await client.epcr.recordOutcome(encounter, outcome, options);
  const path = `/api/v1/epcr/encounters/${encounter}/outcome`;
  return (await client.request('GET', path)).headers.get('etag') ?? undefined;
}

import { Knogin, type models } from 'knogin';

const client = new Knogin({ baseUrl: 'https://api.knogin.com' });
const device = await client.devices.enrolDevice({
  serial_number: 'MON-0815',
  device_class: 'multiparameter',
  vehicle_id: 'AMB-42',
});
const now = Date.now();
const readings = [97, 96, 96].map(
  (value, number): models.devices.ObservationDraft => ({
    mdc_code: 'MDC_PULS_OXIM_SAT_O2',
    value,
    unit_code: '%',
    observed_at: new Date(now - 5000 * number).toISOString(),
  }),
);
const answer = await client.devices.recordObservations(device.id, { observations: readings });
answer.results.forEach((result, number) => {
  if (result.status !== 201) console.log('refused:', readings[number]?.mdc_code, result.error);
});
for await (const newest of client.devices.listObservations(device.id, { limit: 1 })) {
  console.log(newest.value, newest.unit_code);
  break;
}

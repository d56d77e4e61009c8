import { APIError, ConnectionFailed, Knogin, problems } from 'knogin';

const client = new Knogin({ baseUrl: 'https://api.knogin.com' });
try {
  await client.devices.enrolDevice({ serial_number: '', device_class: 'oximeter' });
} catch (error) {
  if (error instanceof problems.InvalidRequest) {
    for (const fault of error.errors) console.log(fault.pointer, fault.code, fault.allowed);
    console.log('for support:', error.traceId);
  } else if (error instanceof problems.TooManyRequests) {
    console.log('again in', error.retryAfter, 'seconds');
  } else if (error instanceof APIError) {
    console.log(error.status, error.type, error.traceId);
  } else if (error instanceof ConnectionFailed) {
    console.log('no answer came after all attempts');
  } else {
    throw error;
  }
}

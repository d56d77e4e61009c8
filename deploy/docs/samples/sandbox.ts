import { Knogin } from 'knogin';

const baseUrl = 'https://api.knogin.com';
const administrator = new Knogin({ baseUrl });
const sandbox = await administrator.sandboxes.createSandbox({ name: 'Trying out' });
const { client_id: clientId, client_secret: clientSecret } = sandbox;
console.log('store this secret now:', clientId, clientSecret);

const client = new Knogin({ clientId, clientSecret, baseUrl });
for await (const device of client.devices.listDevices()) {
  console.log(device.serial_number, device.device_class);
}

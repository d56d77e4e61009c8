import { Knogin } from 'knogin';

const administrator = new Knogin({ baseUrl: 'https://api.knogin.com' });
const app = await administrator.apps.createApp({
  name: 'CAD connector',
  grant_types: ['client_credentials'],
  requested_scopes: ['argus:epcr:write', 'webhooks:write'],
});
console.log('store this secret now:', app.client_id, app.client_secret);
await administrator.apps.updateAppGovernance(app.client_id, { approved_events: ['epcr.*'] });

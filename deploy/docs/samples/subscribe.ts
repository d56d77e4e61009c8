import { Knogin } from 'knogin';

const client = new Knogin({ baseUrl: 'https://api.knogin.com' });
const webhook = await client.webhooks.createWebhook({
  url: 'https://integrator.example/webhooks/knogin',
  events: ['epcr.encounter.completed'],
});
console.log('store this secret now:', webhook.secret);
const diagnosis = await client.webhooks.sendTestWebhook(webhook.id, { wait: true });
console.log(diagnosis);

// A partner's first hour with the TypeScript SDK in Node.js: app, token, verified webhook, incident, and a secret that is rotated twice under
// traffic. Reads the administrator's credentials and the address from the environment.
import { createServer } from 'node:http';
import { Knogin, webhooks } from 'knogin';

let secret = '';
const waiting = [];
const arrived = [];
const next = () => new Promise((resolve) => (arrived.length ? resolve(arrived.shift()) : waiting.push(resolve)));
const receiver = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const event = await webhooks.verify(Buffer.concat(parts), new Headers(request.headers), secret);
  const put = waiting.shift() ?? ((one) => arrived.push(one));
  put(event);
  response.writeHead(204).end();
});
await new Promise((resolve) => receiver.listen(0, '127.0.0.1', resolve));

const administrator = new Knogin();
const app = await administrator.apps.createApp({
  name: 'First hour in Node.js',
  grant_types: ['client_credentials'],
  requested_scopes: ['argus:incidents:write', 'webhooks:write'],
});
await administrator.apps.updateAppGovernance(app.client_id, { graphql_bundles: ['incident-management'] });
const client = new Knogin({ clientId: app.client_id, clientSecret: app.client_secret });
const webhook = await client.webhooks.createWebhook({
  url: `http://127.0.0.1:${receiver.address().port}/`,
  events: ['incident.created'],
});
secret = webhook.secret;
await client.webhooks.sendTestWebhook(webhook.id, { wait: true });
console.log('test', (await next()).type);
const { bundles } = await client.graphql.listGraphqlBundles();
const bundle = bundles.find((one) => one.name === 'incident-management');
const query = bundle.operations.find((one) => one.name === 'CreateIncident').document;
const answer = await client.graphql.executeGraphql({ query, variables: { input: { type: 'medical', priority: 'high' } } });
const event = await next();
console.log(event.type, event.data.incident_id === answer.data.createIncident.id);

let ended = false;
async function calls(clientSecret) {
  let answered = 0;
  let refused = 0;
  while (!ended) {
    try {
      const one = new Knogin({ clientId: app.client_id, clientSecret, maxRetries: 0 });
      for await (const _ of one.webhooks.listWebhooks({ limit: 1 })) break;
      answered += 1;
    } catch (error) {
      console.log('refused:', String(error));
      refused += 1;
    }
  }
  return [answered, refused];
}
const traffic = [calls(app.client_secret)];
for (let number = 0; number < 2; number++) {
  const rotated = await administrator.apps.rotateAppSecret(app.client_id, {});
  traffic.push(calls(rotated.client_secret));
  await new Promise((resolve) => setTimeout(resolve, 3000));
}
ended = true;
const sums = await Promise.all(traffic);
console.log('refused', sums.reduce((sum, [, refused]) => sum + refused, 0), 'answered by each', sums.every(([answered]) => answered > 0));
receiver.close();

import { Knogin, type models } from 'knogin';

const administrator = new Knogin({ baseUrl: 'https://api.knogin.com' });

async function advance(sandboxId: string, seconds: number): Promise<models.sandboxes.SandboxTenant> {
  let sandbox = await administrator.sandboxes.advanceSandboxClock(sandboxId, { seconds });
  for (let looks = 0; sandbox.state === 'advancing' && looks < 240; looks += 1) {
    await new Promise((done) => setTimeout(done, 500));
    sandbox = await administrator.sandboxes.getSandbox(sandboxId);
  }
  return sandbox;
}

for await (const sandbox of administrator.sandboxes.listSandboxes({ state: 'ready' })) {
  const moved = await advance(sandbox.id, 5 * 86_400);
  console.log(moved.name, moved.state, moved.advanced_seconds, 'seconds ahead');
}

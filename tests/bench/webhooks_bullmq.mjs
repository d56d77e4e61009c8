// BullMQ with undici, to compare with: one job and one signed request for each delivery, nothing in a database.
import { createHmac } from "node:crypto";
import { Queue, Worker } from "bullmq";
import { Agent, request } from "undici";

const { REDIS_HOST, REDIS_PORT, REDIS_PASSWORD, TARGET, COUNT } = process.env;
const connection = { host: REDIS_HOST, port: Number(REDIS_PORT), password: REDIS_PASSWORD, maxRetriesPerRequest: null };
const count = Number(COUNT);
const body = process.env.BODY;
const dispatcher = new Agent({ connections: 64 });
const queue = new Queue("bullmq-bench", { connection });
await queue.obliterate({ force: true });
for (let from = 0; from < count; from += 1000) {
  const jobs = Array.from({ length: Math.min(1000, count - from) }, (_, index) => ({
    name: "deliver",
    data: { id: `bull_${from + index}`, body },
    opts: { removeOnComplete: true },
  }));
  await queue.addBulk(jobs);
}
const began = process.hrtime.bigint();
let done = 0;
const worker = new Worker(
  "bullmq-bench",
  async ({ data }) => {
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signature = createHmac("sha256", Buffer.alloc(32)).update(`${data.id}.${timestamp}.${data.body}`).digest("base64");
    const answer = await request(TARGET, {
      method: "POST",
      dispatcher,
      body: data.body,
      headers: {
        "content-type": "application/json",
        "webhook-id": data.id,
        "webhook-timestamp": timestamp,
        "webhook-signature": `v1,${signature}`,
      },
    });
    await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(String(answer.statusCode));
  },
  { connection, concurrency: 64 },
);
worker.on("completed", async () => {
  done += 1;
  if (done === count) {
    console.log(Math.round(count / (Number(process.hrtime.bigint() - began) / 1e9)));
    await worker.close();
    await queue.close();
    process.exit(0);
  }
});

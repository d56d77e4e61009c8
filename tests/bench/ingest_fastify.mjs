// The usual way, to compare with: Fastify, its schema check, one INSERT with `pg` for each request.
import { randomUUID } from "node:crypto";
import Fastify from "fastify";
import pg from "pg";

const { PORT, DATABASE_URL, CONNECTIONS } = process.env;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: Number(CONNECTIONS) });
const insert = {
  name: "insert",
  text: `INSERT INTO bench_observations (id, tenant_id, device_id, mdc_code, mdc_code10, value, unit_code,
    observed_at, recorded_at, flags, test) VALUES ($1, 'org', $2, $3, 150456, $4, $5, now(), now(), '{}', false)
    ON CONFLICT DO NOTHING RETURNING observed_at`,
};
const body = {
  type: "object",
  required: ["mdc_code", "value", "unit_code"],
  additionalProperties: false,
  properties: { mdc_code: { const: "MDC_PULS_OXIM_SAT_O2" }, value: { type: "number" }, unit_code: { const: "%" } },
};

const app = Fastify();
app.post("/api/v1/devices/:device/observations", { schema: { body } }, async (request, reply) => {
  const { mdc_code, value, unit_code } = request.body;
  const row = { id: `obs_${randomUUID()}`, device_id: request.params.device, mdc_code, value, unit_code };
  const { rows } = await pool.query({ ...insert, values: [row.id, row.device_id, mdc_code, value, unit_code] });
  return reply.code(201).send({ ...row, ...rows[0] });
});
await app.listen({ port: Number(PORT), host: "127.0.0.1" });

// The fastest usual way, to compare with: Fastify and mercurius with its JIT, the same schema, the figures in memory.
import Fastify from "fastify";
import mercurius from "mercurius";

const { PORT, SDL, FIGURES } = process.env;
const figures = JSON.parse(FIGURES);
const app = Fastify();
app.register(mercurius, { schema: SDL, jit: 1, resolvers: { Query: { acqiMetrics: async () => figures } } });
app.get("/livez", async () => "alive");
await app.listen({ host: "127.0.0.1", port: Number(PORT) });

import { GraphqlRefused, Knogin } from 'knogin';

interface Metric {
  name: string;
  value: number | null;
  numerator: number | null;
  denominator: number | null;
}

const query = `
  query($from: DateTime!, $to: DateTime!, $names: [String!]) {
    acqiMetrics(fromDate: $from, toDate: $to, names: $names) {
      name value unit numerator denominator suppressed
    }
  }`;
const variables = { from: '2026-01-01T00:00:00Z', to: '2026-07-01T00:00:00Z', names: ['bystander_cpr'] };

const client = new Knogin({ baseUrl: 'https://api.knogin.com' });
try {
  const { data } = await client.graphql.executeGraphql({ query, variables });
  for (const metric of (data?.['acqiMetrics'] ?? []) as Metric[]) {
    console.log(metric.name, metric.numerator, 'of', metric.denominator);
  }
} catch (error) {
  if (error instanceof GraphqlRefused) console.log(error.code, error.message, error.errors);
  throw error;
}

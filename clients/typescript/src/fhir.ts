/** A FHIR R4 resource, as it is sent. Use your own types for the members of a kind, such as those of `@types/fhir`. */
export interface FhirResource {
  resourceType: string;
  id?: string;
  [member: string]: unknown;
}

/** An entry of a bundle. `request` is there in a transaction: how a FHIR server executes it. */
export interface FhirEntry {
  fullUrl?: string;
  resource?: FhirResource;
  request?: { method: string; url: string; ifNoneExist?: string };
  [member: string]: unknown;
}

/** A FHIR R4 (4.0.1) Bundle: a transaction, or the document of a handover. */
export interface FhirBundle extends FhirResource {
  resourceType: 'Bundle';
  type: string;
  entry: FhirEntry[];
}

/** Several transactions, each whole in itself, in the order to send them. */
export interface FhirBundles {
  bundles: FhirBundle[];
}

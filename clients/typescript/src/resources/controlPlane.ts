// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, KeyedOptions, PageOptions, Unchanged } from '../calls.js';
import type * as models from '../models/index.js';
import type { Pages } from '../paging.js';

/** The options of `listPackages`. */
export interface ListPackagesOptions extends PageOptions {
  /** Only packages of this kind */
  kind?: 'automations' | 'connector' | 'edge';
}

/** The options of `listReleases`. */
export interface ListReleasesOptions extends PageOptions {
  /** Only releases of this package */
  packageId?: string;
  /** Only releases to this environment */
  environment?: 'production' | 'sandbox';
  /** Only releases in this state */
  status?: 'approved' | 'live' | 'rejected' | 'requested' | 'rolled_back' | 'superseded';
}

/** The options of `listListings`. */
export interface ListListingsOptions extends PageOptions {
  /** Only packages of this kind */
  kind?: 'automations' | 'connector' | 'edge';
  /** Only those of the calling organisation, withdrawn ones too */
  own?: boolean;
}

/** The options of `listInstallations`. */
export interface ListInstallationsOptions extends PageOptions {
  /** Only installations in this state */
  status?: 'active' | 'failed' | 'pending' | 'uninstalled' | 'uninstalling';
}

/** The options of `listAutomations`. */
export interface ListAutomationsOptions extends PageOptions {
  /** Only those of this app */
  clientId?: string;
}

/** The options of `listAutomationRuns`. */
export interface ListAutomationRunsOptions extends PageOptions {
  /** Only runs in this state */
  status?: 'dead' | 'failed' | 'queued' | 'running' | 'succeeded' | 'suppressed';
}

/** The options of `listAllAutomationRuns`. */
export interface ListAllAutomationRunsOptions extends PageOptions {
  /** Only runs in this state */
  status?: 'dead' | 'failed' | 'queued' | 'running' | 'succeeded' | 'suppressed';
}

/** The options of `listAgents`. */
export interface ListAgentsOptions extends PageOptions {
  /** Only those of this vehicle */
  vehicleId?: string;
}

/** The options of `downloadAgentContent`. */
export interface DownloadAgentContentOptions<ETag extends string | undefined = string | undefined> extends CallOptions {
  /** One range of bytes (RFC 9110 §14). Any other value gets the whole content. */
  range?: string;
  /** The ETag of the part that the client has. If the content has changed since, the answer is the whole content. */
  ifRange?: string;
  /** The ETag of an earlier answer. If it is still current, the answer is 304. */
  ifNoneMatch?: ETag;
}

/** Signed integration packages: their versions and releases, the marketplace, automations and edge agents. */
export class ControlPlane {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * List signing keys.
   *
   * Those of your organisation, newest first; revoked ones too.
   *
   * Scope: `argus:platform:read`.
   */
  listSigningKeys(options: PageOptions = {}): Pages<models.platform.SigningKey> {
    return this.#caller.pages({
      operation: {
        id: 'listSigningKeys',
        method: 'GET',
        path: '/api/v1/platform/signing-keys',
        answers: { 200: 'object' },
      },
      query: { limit: options.limit, cursor: options.cursor },
      options,
      page: 'signing_keys',
    });
  }

  /**
   * Register a signing key.
   *
   * The public half of an Ed25519 key with which the calling app will sign its versions. An app has at most 20 live
   * ones.
   *
   * Scope: `argus:platform:write`.
   */
  registerSigningKey(
    body: models.platform.SigningKeyDraft,
    options: KeyedOptions = {},
  ): Promise<models.platform.SigningKey> {
    return this.#caller.value({
      operation: {
        id: 'registerSigningKey',
        method: 'POST',
        path: '/api/v1/platform/signing-keys',
        answers: { 201: 'object' },
        body: 'json',
        keyed: true,
      },
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Read a signing key.
   *
   * Its public half, and whether it is revoked.
   *
   * Scope: `argus:platform:read`.
   *
   * @param keyId - The id of the signing key
   */
  getSigningKey(keyId: string, options: CallOptions = {}): Promise<models.platform.SigningKey> {
    return this.#caller.value({
      operation: {
        id: 'getSigningKey',
        method: 'GET',
        path: '/api/v1/platform/signing-keys/{key_id}',
        answers: { 200: 'object' },
      },
      path: [keyId],
      options,
    });
  }

  /**
   * Revoke a signing key.
   *
   * For good: the key signs no further version, the versions it signed are not released again, and their listings are
   * withdrawn. Any app of the organisation may do so.
   *
   * Scope: `argus:platform:write`.
   *
   * @param keyId - The id of the signing key
   */
  revokeSigningKey(keyId: string, options: CallOptions = {}): Promise<void> {
    return this.#caller.value({
      operation: {
        id: 'revokeSigningKey',
        method: 'DELETE',
        path: '/api/v1/platform/signing-keys/{key_id}',
        answers: { 204: 'none' },
      },
      path: [keyId],
      options,
    });
  }

  /**
   * List packages.
   *
   * Those of your organisation, newest first.
   *
   * Scope: `argus:platform:read`.
   */
  listPackages(options: ListPackagesOptions = {}): Pages<models.platform.Package> {
    return this.#caller.pages({
      operation: { id: 'listPackages', method: 'GET', path: '/api/v1/platform/packages', answers: { 200: 'object' } },
      query: { limit: options.limit, cursor: options.cursor, kind: options.kind },
      options,
      page: 'packages',
    });
  }

  /**
   * Create a package.
   *
   * A name for versions to come.
   *
   * Scope: `argus:platform:write`.
   */
  createPackage(body: models.platform.PackageDraft, options: KeyedOptions = {}): Promise<models.platform.Package> {
    return this.#caller.value({
      operation: {
        id: 'createPackage',
        method: 'POST',
        path: '/api/v1/platform/packages',
        answers: { 201: 'object' },
        body: 'json',
        keyed: true,
      },
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Read a package.
   *
   * Without its versions.
   *
   * Scope: `argus:platform:read`.
   *
   * @param packageId - The package's id
   */
  getPackage(packageId: string, options: CallOptions = {}): Promise<models.platform.Package> {
    return this.#caller.value({
      operation: {
        id: 'getPackage',
        method: 'GET',
        path: '/api/v1/platform/packages/{package_id}',
        answers: { 200: 'object' },
      },
      path: [packageId],
      options,
    });
  }

  /**
   * List a package's versions.
   *
   * Newest first; those that wait for their content too.
   *
   * Scope: `argus:platform:read`.
   *
   * @param packageId - The package's id
   */
  listPackageVersions(packageId: string, options: PageOptions = {}): Pages<models.platform.PackageVersion> {
    return this.#caller.pages({
      operation: {
        id: 'listPackageVersions',
        method: 'GET',
        path: '/api/v1/platform/packages/{package_id}/versions',
        answers: { 200: 'object' },
      },
      path: [packageId],
      query: { limit: options.limit, cursor: options.cursor },
      options,
      page: 'versions',
    });
  }

  /**
   * Announce a version.
   *
   * The signed manifest; its content follows with PUT. Signed with Ed25519 are the UTF-8 bytes of this body without
   * `signature` and with `package_id` added, in the canonical form of RFC 8785: members sorted, no spaces. A version
   * never changes; build metadata does not tell versions apart.
   *
   * Scope: `argus:platform:write`.
   *
   * @param packageId - The package's id
   */
  createPackageVersion(
    packageId: string,
    body: models.platform.VersionDraft,
    options: KeyedOptions = {},
  ): Promise<models.platform.PackageVersion> {
    return this.#caller.value({
      operation: {
        id: 'createPackageVersion',
        method: 'POST',
        path: '/api/v1/platform/packages/{package_id}/versions',
        answers: { 201: 'object' },
        body: 'json',
        keyed: true,
      },
      path: [packageId],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Read a version.
   *
   * With its signed manifest.
   *
   * Scope: `argus:platform:read`.
   *
   * @param packageId - The package's id
   * @param version - The version
   */
  getPackageVersion(
    packageId: string,
    version: string,
    options: CallOptions = {},
  ): Promise<models.platform.PackageVersion> {
    return this.#caller.value({
      operation: {
        id: 'getPackageVersion',
        method: 'GET',
        path: '/api/v1/platform/packages/{package_id}/versions/{version}',
        answers: { 200: 'object' },
      },
      path: [packageId, version],
      options,
    });
  }

  /**
   * Withdraw an announced version.
   *
   * Only before its content is uploaded. After seven days without content it is withdrawn by itself.
   *
   * Scope: `argus:platform:write`.
   *
   * @param packageId - The package's id
   * @param version - The version
   */
  deletePackageVersion(packageId: string, version: string, options: CallOptions = {}): Promise<void> {
    return this.#caller.value({
      operation: {
        id: 'deletePackageVersion',
        method: 'DELETE',
        path: '/api/v1/platform/packages/{package_id}/versions/{version}',
        answers: { 204: 'none' },
      },
      path: [packageId, version],
      options,
    });
  }

  /**
   * Download a version's content.
   *
   * The bytes as they were uploaded, with their digest in `Repr-Digest` (RFC 9530).
   *
   * Scope: `argus:platform:read`.
   *
   * @param packageId - The package's id
   * @param version - The version
   */
  downloadPackageContent(packageId: string, version: string, options: CallOptions = {}): Promise<Uint8Array> {
    return this.#caller.value({
      operation: {
        id: 'downloadPackageContent',
        method: 'GET',
        path: '/api/v1/platform/packages/{package_id}/versions/{version}/content',
        answers: { 200: 'bytes' },
      },
      path: [packageId, version],
      options,
    });
  }

  /**
   * Upload a version's content.
   *
   * At most 10 MiB, with the signed digest. The upload publishes the version; a repeat gets the same answer.
   *
   * Scope: `argus:platform:write`.
   *
   * @param packageId - The package's id
   * @param version - The version
   */
  uploadPackageContent(
    packageId: string,
    version: string,
    body: Uint8Array,
    options: CallOptions = {},
  ): Promise<models.platform.PackageVersion> {
    return this.#caller.value({
      operation: {
        id: 'uploadPackageContent',
        method: 'PUT',
        path: '/api/v1/platform/packages/{package_id}/versions/{version}/content',
        answers: { 200: 'object' },
        body: 'bytes',
      },
      path: [packageId, version],
      body,
      options,
    });
  }

  /**
   * List releases.
   *
   * Newest first.
   *
   * Scope: `argus:platform:read`.
   */
  listReleases(options: ListReleasesOptions = {}): Pages<models.platform.Release> {
    return this.#caller.pages({
      operation: { id: 'listReleases', method: 'GET', path: '/api/v1/platform/releases', answers: { 200: 'object' } },
      query: {
        limit: options.limit,
        cursor: options.cursor,
        package_id: options.packageId,
        environment: options.environment,
        status: options.status,
      },
      options,
      page: 'releases',
    });
  }

  /**
   * Request a release.
   *
   * Of a published version to `sandbox` or `production`. A package has one live release in each.
   *
   * Scope: `argus:platform:write`.
   */
  requestRelease(
    body: models.platform.ReleaseDraft,
    options: KeyedOptions = {},
  ): Promise<models.platform.ReleaseWithHistory> {
    return this.#caller.value({
      operation: {
        id: 'requestRelease',
        method: 'POST',
        path: '/api/v1/platform/releases',
        answers: { 201: 'object' },
        body: 'json',
        keyed: true,
      },
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Read a release.
   *
   * With its history of states.
   *
   * Scope: `argus:platform:read`.
   *
   * @param releaseId - The release's id
   */
  getRelease(releaseId: string, options: CallOptions = {}): Promise<models.platform.ReleaseWithHistory> {
    return this.#caller.value({
      operation: {
        id: 'getRelease',
        method: 'GET',
        path: '/api/v1/platform/releases/{release_id}',
        answers: { 200: 'object' },
      },
      path: [releaseId],
      options,
    });
  }

  /**
   * Approve a release.
   *
   * Approves replacing the release that is live at this moment. After another one has gone live, an approved release
   * may be approved again.
   *
   * Scope: `argus:platform:write`.
   *
   * @param releaseId - The release's id
   */
  approveRelease(
    releaseId: string,
    body?: models.platform.Decision,
    options: KeyedOptions = {},
  ): Promise<models.platform.ReleaseWithHistory> {
    return this.#caller.value({
      operation: {
        id: 'approveRelease',
        method: 'POST',
        path: '/api/v1/platform/releases/{release_id}/approve',
        answers: { 200: 'object' },
        body: 'json',
        keyed: true,
      },
      path: [releaseId],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Reject a release.
   *
   * Ends a requested release for good.
   *
   * Scope: `argus:platform:write`.
   *
   * @param releaseId - The release's id
   */
  rejectRelease(
    releaseId: string,
    body?: models.platform.Decision,
    options: KeyedOptions = {},
  ): Promise<models.platform.ReleaseWithHistory> {
    return this.#caller.value({
      operation: {
        id: 'rejectRelease',
        method: 'POST',
        path: '/api/v1/platform/releases/{release_id}/reject',
        answers: { 200: 'object' },
        body: 'json',
        keyed: true,
      },
      path: [releaseId],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Promote a release.
   *
   * Makes an approved release live at once, in place of the release that its approval names. Of two promotions at the
   * same moment one gets 409.
   *
   * Scope: `argus:platform:write`.
   *
   * @param releaseId - The release's id
   */
  promoteRelease(
    releaseId: string,
    body?: models.platform.Decision,
    options: KeyedOptions = {},
  ): Promise<models.platform.ReleaseWithHistory> {
    return this.#caller.value({
      operation: {
        id: 'promoteRelease',
        method: 'POST',
        path: '/api/v1/platform/releases/{release_id}/promote',
        answers: { 200: 'object' },
        body: 'json',
        keyed: true,
      },
      path: [releaseId],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Roll a release back.
   *
   * Ends a live release and its listing. The release before it is live again, unless its key was revoked since: then no
   * release is live, and `restored` is null.
   *
   * Scope: `argus:platform:write`.
   *
   * @param releaseId - The release's id
   */
  rollBackRelease(
    releaseId: string,
    body?: models.platform.Decision,
    options: KeyedOptions = {},
  ): Promise<models.platform.RolledBack> {
    return this.#caller.value({
      operation: {
        id: 'rollBackRelease',
        method: 'POST',
        path: '/api/v1/platform/releases/{release_id}/rollback',
        answers: { 200: 'object' },
        body: 'json',
        keyed: true,
      },
      path: [releaseId],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Browse the marketplace.
   *
   * The published listings of every organisation; with `own=true` your own, withdrawn ones too.
   *
   * Scope: `argus:platform:read`.
   */
  listListings(options: ListListingsOptions = {}): Pages<models.platform.Listing> {
    return this.#caller.pages({
      operation: { id: 'listListings', method: 'GET', path: '/api/v1/platform/listings', answers: { 200: 'object' } },
      query: { limit: options.limit, cursor: options.cursor, kind: options.kind, own: options.own },
      options,
      page: 'listings',
    });
  }

  /**
   * Publish a listing.
   *
   * For a release that is live in production. A package has one listing: a newer release replaces the older one, with
   * 200.
   *
   * Scope: `argus:platform:write`.
   */
  publishListing(body: models.platform.ListingDraft, options: KeyedOptions = {}): Promise<models.platform.Listing> {
    return this.#caller.value({
      operation: {
        id: 'publishListing',
        method: 'POST',
        path: '/api/v1/platform/listings',
        answers: { 200: 'object', 201: 'object' },
        body: 'json',
        keyed: true,
      },
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Read a listing.
   *
   * With the scopes, event types and bundles that an installation consents to.
   *
   * Scope: `argus:platform:read`.
   *
   * @param listingId - The listing's id
   */
  getListing(listingId: string, options: CallOptions = {}): Promise<models.platform.Listing> {
    return this.#caller.value({
      operation: {
        id: 'getListing',
        method: 'GET',
        path: '/api/v1/platform/listings/{listing_id}',
        answers: { 200: 'object' },
      },
      path: [listingId],
      options,
    });
  }

  /**
   * Withdraw a listing.
   *
   * Ends new installations. Existing installations stay.
   *
   * Scope: `argus:platform:write`.
   *
   * @param listingId - The listing's id
   */
  withdrawListing(listingId: string, options: CallOptions = {}): Promise<void> {
    return this.#caller.value({
      operation: {
        id: 'withdrawListing',
        method: 'DELETE',
        path: '/api/v1/platform/listings/{listing_id}',
        answers: { 204: 'none' },
      },
      path: [listingId],
      options,
    });
  }

  /**
   * List installations.
   *
   * Those of your organisation, newest first; ended ones too.
   *
   * Scope: `argus:platform:read`.
   */
  listInstallations(options: ListInstallationsOptions = {}): Pages<models.platform.Installation> {
    return this.#caller.pages({
      operation: {
        id: 'listInstallations',
        method: 'GET',
        path: '/api/v1/platform/installations',
        answers: { 200: 'object' },
      },
      query: { limit: options.limit, cursor: options.cursor, status: options.status },
      options,
      page: 'installations',
    });
  }

  /**
   * Install a listing.
   *
   * Consents to exactly the scopes, event types and bundles that the listing asks for, in the `version` that you read:
   * no other is installed. The installation gets an app of its own, within your organisation's catalogue, with the
   * automations of the package. Rotating the app's secret gives it its first one.
   *
   * Scope: `argus:platform:write`.
   */
  installListing(body: models.platform.Consent, options: KeyedOptions = {}): Promise<models.platform.Installation> {
    return this.#caller.value({
      operation: {
        id: 'installListing',
        method: 'POST',
        path: '/api/v1/platform/installations',
        answers: { 201: 'object' },
        body: 'json',
        keyed: true,
      },
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Read an installation.
   *
   * With the app that was made for it, or the reason why it failed.
   *
   * Scope: `argus:platform:read`.
   *
   * @param installationId - The installation's id
   */
  getInstallation(installationId: string, options: CallOptions = {}): Promise<models.platform.Installation> {
    return this.#caller.value({
      operation: {
        id: 'getInstallation',
        method: 'GET',
        path: '/api/v1/platform/installations/{installation_id}',
        answers: { 200: 'object' },
      },
      path: [installationId],
      options,
    });
  }

  /**
   * Download what is installed.
   *
   * The content of an active installation's version, with its digest in `Repr-Digest` (RFC 9530).
   *
   * Scope: `argus:platform:read`.
   *
   * @param installationId - The installation's id
   */
  downloadInstallationContent(installationId: string, options: CallOptions = {}): Promise<Uint8Array> {
    return this.#caller.value({
      operation: {
        id: 'downloadInstallationContent',
        method: 'GET',
        path: '/api/v1/platform/installations/{installation_id}/content',
        answers: { 200: 'bytes' },
      },
      path: [installationId],
      options,
    });
  }

  /**
   * Uninstall.
   *
   * Stops its automations at once and deletes its app: its tokens end at every gateway within a second of that.
   *
   * Scope: `argus:platform:write`.
   *
   * @param installationId - The installation's id
   */
  uninstallListing(installationId: string, options: CallOptions = {}): Promise<models.platform.Installation> {
    return this.#caller.value({
      operation: {
        id: 'uninstallListing',
        method: 'POST',
        path: '/api/v1/platform/installations/{installation_id}/uninstall',
        answers: { 202: 'object' },
      },
      path: [installationId],
      options,
    });
  }

  /**
   * List automations.
   *
   * Newest first.
   *
   * Scope: `argus:platform:read`.
   */
  listAutomations(options: ListAutomationsOptions = {}): Pages<models.platform.Automation> {
    return this.#caller.pages({
      operation: {
        id: 'listAutomations',
        method: 'GET',
        path: '/api/v1/platform/automations',
        answers: { 200: 'object' },
      },
      query: { limit: options.limit, cursor: options.cursor, client_id: options.clientId },
      options,
      page: 'automations',
    });
  }

  /**
   * Create an automation.
   *
   * Values of an action may be `{"from": "/pointer"}`, a place in the event's data. It gets events from a moment after
   * it was made.
   *
   * Scope: `argus:platform:write`.
   */
  createAutomation(
    body: models.platform.AutomationDraft,
    options: KeyedOptions = {},
  ): Promise<models.platform.Automation> {
    return this.#caller.value({
      operation: {
        id: 'createAutomation',
        method: 'POST',
        path: '/api/v1/platform/automations',
        answers: { 201: 'object' },
        body: 'json',
        keyed: true,
      },
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Inspect an automation.
   *
   * With its trigger, its action and the scopes that limit it.
   *
   * Scope: `argus:platform:read`.
   *
   * @param automationId - The automation's id
   */
  getAutomation(automationId: string, options: CallOptions = {}): Promise<models.platform.Automation> {
    return this.#caller.value({
      operation: {
        id: 'getAutomation',
        method: 'GET',
        path: '/api/v1/platform/automations/{automation_id}',
        answers: { 200: 'object' },
      },
      path: [automationId],
      options,
    });
  }

  /**
   * Change an automation.
   *
   * Changes the given fields. An administrator renames, stops and starts every app's automations, but changes no
   * trigger or action.
   *
   * Scope: `argus:platform:write`.
   *
   * @param automationId - The automation's id
   */
  updateAutomation(
    automationId: string,
    body: models.platform.AutomationChange,
    options: CallOptions = {},
  ): Promise<models.platform.Automation> {
    return this.#caller.value({
      operation: {
        id: 'updateAutomation',
        method: 'PATCH',
        path: '/api/v1/platform/automations/{automation_id}',
        answers: { 200: 'object' },
        body: 'json',
      },
      path: [automationId],
      body,
      options,
    });
  }

  /**
   * Delete an automation and its runs.
   *
   * Its runs are deleted with it.
   *
   * Scope: `argus:platform:write`.
   *
   * @param automationId - The automation's id
   */
  deleteAutomation(automationId: string, options: CallOptions = {}): Promise<void> {
    return this.#caller.value({
      operation: {
        id: 'deleteAutomation',
        method: 'DELETE',
        path: '/api/v1/platform/automations/{automation_id}',
        answers: { 204: 'none' },
      },
      path: [automationId],
      options,
    });
  }

  /**
   * Review an automation's runs.
   *
   * Newest first. A call looks at 10,000 runs: a short page, or an empty one, may have a `next_cursor`.
   *
   * Scope: `argus:platform:read`.
   *
   * @param automationId - The automation's id
   */
  listAutomationRuns(automationId: string, options: ListAutomationRunsOptions = {}): Pages<models.platform.Run> {
    return this.#caller.pages({
      operation: {
        id: 'listAutomationRuns',
        method: 'GET',
        path: '/api/v1/platform/automations/{automation_id}/runs',
        answers: { 200: 'object' },
      },
      path: [automationId],
      query: { limit: options.limit, cursor: options.cursor, status: options.status },
      options,
      page: 'runs',
    });
  }

  /**
   * Review every run.
   *
   * `?status=dead` lists the dead letters. A call looks at 10,000 runs: a short page, or an empty one, may have a
   * `next_cursor`.
   *
   * Scope: `argus:platform:read`.
   */
  listAllAutomationRuns(options: ListAllAutomationRunsOptions = {}): Pages<models.platform.Run> {
    return this.#caller.pages({
      operation: {
        id: 'listAllAutomationRuns',
        method: 'GET',
        path: '/api/v1/platform/automations/runs',
        answers: { 200: 'object' },
      },
      query: { limit: options.limit, cursor: options.cursor, status: options.status },
      options,
      page: 'runs',
    });
  }

  /**
   * Inspect a run.
   *
   * With its attempts, its result and the automations that led to the event.
   *
   * Scope: `argus:platform:read`.
   *
   * @param runId - The run's id
   */
  getAutomationRun(runId: string, options: CallOptions = {}): Promise<models.platform.Run> {
    return this.#caller.value({
      operation: {
        id: 'getAutomationRun',
        method: 'GET',
        path: '/api/v1/platform/automations/runs/{run_id}',
        answers: { 200: 'object' },
      },
      path: [runId],
      options,
    });
  }

  /**
   * Try a dead run again.
   *
   * If an earlier attempt had its effect, there is no second one.
   *
   * Scope: `argus:platform:write`.
   *
   * @param runId - The run's id
   */
  retryAutomationRun(runId: string, options: CallOptions = {}): Promise<models.platform.Run> {
    return this.#caller.value({
      operation: {
        id: 'retryAutomationRun',
        method: 'POST',
        path: '/api/v1/platform/automations/runs/{run_id}/retry',
        answers: { 202: 'object' },
      },
      path: [runId],
      options,
    });
  }

  /**
   * List edge agents.
   *
   * Those of your organisation, newest first.
   *
   * Scope: `argus:platform:read`.
   */
  listAgents(options: ListAgentsOptions = {}): Pages<models.platform.Agent> {
    return this.#caller.pages({
      operation: { id: 'listAgents', method: 'GET', path: '/api/v1/platform/agents', answers: { 200: 'object' } },
      query: { limit: options.limit, cursor: options.cursor, vehicle_id: options.vehicleId },
      options,
      page: 'agents',
    });
  }

  /**
   * Register an edge agent.
   *
   * Answers with the code for its one enrolment.
   *
   * Scope: `argus:platform:write`.
   */
  createAgent(body: models.platform.AgentDraft, options: KeyedOptions = {}): Promise<models.platform.AgentWithCode> {
    return this.#caller.value({
      operation: {
        id: 'createAgent',
        method: 'POST',
        path: '/api/v1/platform/agents',
        answers: { 201: 'object' },
        body: 'json',
        keyed: true,
      },
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Enrol, as an edge agent.
   *
   * Ten wrong guesses make a code void.
   */
  enrolAgent(body: models.platform.Enrolment, options: CallOptions = {}): Promise<models.platform.Enrolled> {
    return this.#caller.value({
      operation: {
        id: 'enrolAgent',
        method: 'POST',
        path: '/api/v1/platform/agents/enrol',
        answers: { 200: 'object' },
        body: 'json',
        auth: 'open',
      },
      body,
      options,
    });
  }

  /**
   * Report, as an edge agent.
   *
   * Sent with the agent's own credential. Repeating a heartbeat changes nothing.
   */
  sendAgentHeartbeat(
    body: models.platform.Heartbeat,
    options: CallOptions = {},
  ): Promise<models.platform.Instructions> {
    return this.#caller.value({
      operation: {
        id: 'sendAgentHeartbeat',
        method: 'POST',
        path: '/api/v1/platform/agents/heartbeat',
        answers: { 200: 'object' },
        body: 'json',
        auth: 'open',
      },
      body,
      options,
    });
  }

  /**
   * Download what to run, as an edge agent.
   *
   * Sent with the agent's own credential, for a version that the heartbeat's answer names and that is still live.
   * Anything else is 404: report again. An interrupted download continues with `Range`, one range of bytes, and the
   * ETag in `If-Range`. `Repr-Digest` (RFC 9530) is the digest of the whole content, also with a part of it.
   *
   * null means that nothing has changed since `ifNoneMatch`.
   *
   * @param packageId - The package's id
   * @param version - The version
   */
  downloadAgentContent<ETag extends string | undefined = undefined>(
    packageId: string,
    version: string,
    options: DownloadAgentContentOptions<ETag> = {},
  ): Promise<Uint8Array | Unchanged<ETag>> {
    return this.#caller.value({
      operation: {
        id: 'downloadAgentContent',
        method: 'GET',
        path: '/api/v1/platform/agents/content/{package_id}/{version}',
        answers: { 200: 'bytes', 206: 'bytes' },
        auth: 'open',
      },
      path: [packageId, version],
      headers: { Range: options.range, 'If-Range': options.ifRange, 'If-None-Match': options.ifNoneMatch },
      options,
    });
  }

  /**
   * Inspect an edge agent.
   *
   * With its newest heartbeat.
   *
   * Scope: `argus:platform:read`.
   *
   * @param agentId - The agent's id
   */
  getAgent(agentId: string, options: CallOptions = {}): Promise<models.platform.Agent> {
    return this.#caller.value({
      operation: {
        id: 'getAgent',
        method: 'GET',
        path: '/api/v1/platform/agents/{agent_id}',
        answers: { 200: 'object' },
      },
      path: [agentId],
      options,
    });
  }

  /**
   * Change what an edge agent should run.
   *
   * Changes the given fields; the agent gets the change with the answer to its next heartbeat.
   *
   * Scope: `argus:platform:write`.
   *
   * @param agentId - The agent's id
   */
  updateAgent(
    agentId: string,
    body: models.platform.AgentChange,
    options: CallOptions = {},
  ): Promise<models.platform.Agent> {
    return this.#caller.value({
      operation: {
        id: 'updateAgent',
        method: 'PATCH',
        path: '/api/v1/platform/agents/{agent_id}',
        answers: { 200: 'object' },
        body: 'json',
      },
      path: [agentId],
      body,
      options,
    });
  }

  /**
   * Get another enrolment code.
   *
   * The former code becomes void. An agent that is enrolled already keeps its credential until it first uses one of a
   * later enrolment. Of credentials that it has not used, the newest 5 work.
   *
   * Scope: `argus:platform:write`.
   *
   * @param agentId - The agent's id
   */
  renewEnrolmentCode(agentId: string, options: KeyedOptions = {}): Promise<models.platform.AgentWithCode> {
    return this.#caller.value({
      operation: {
        id: 'renewEnrolmentCode',
        method: 'POST',
        path: '/api/v1/platform/agents/{agent_id}/enrolment-code',
        answers: { 201: 'object' },
        keyed: true,
      },
      path: [agentId],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      options,
    });
  }

  /**
   * Revoke an edge agent.
   *
   * Its credential and its code end at once, for good.
   *
   * Scope: `argus:platform:write`.
   *
   * @param agentId - The agent's id
   */
  revokeAgent(agentId: string, options: CallOptions = {}): Promise<models.platform.Agent> {
    return this.#caller.value({
      operation: {
        id: 'revokeAgent',
        method: 'POST',
        path: '/api/v1/platform/agents/{agent_id}/revoke',
        answers: { 200: 'object' },
      },
      path: [agentId],
      options,
    });
  }
}

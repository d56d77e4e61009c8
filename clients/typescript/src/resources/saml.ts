// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, KeyedOptions, PageOptions } from '../calls.js';
import type * as models from '../models/index.js';
import type { Pages } from '../paging.js';

/** Federation: the people of an organisation sign in through its own identity provider. */
export class Saml {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * List SAML connections.
   *
   * Newest first.
   *
   * Scope: `platform:apps`.
   */
  listSamlConnections(options: PageOptions = {}): Pages<models.saml.Connection> {
    return this.#caller.pages({
      operation: { id: 'listSamlConnections', method: 'GET', path: '/v1/saml/connections', answers: { 200: 'object' } },
      query: { limit: options.limit, cursor: options.cursor },
      options,
      page: 'connections',
    });
  }

  /**
   * Create a SAML connection.
   *
   * From the identity provider's metadata as pasted XML (no address in it is fetched), or from `entity_id`, `sso_url`,
   * `slo_url` and one or two `certificates` in PEM. Where roles are mapped, apps get no scope in a person's name beyond
   * their roles'.
   *
   * Scope: `platform:apps`.
   */
  createSamlConnection(body: models.saml.ConnectionDraft, options: KeyedOptions = {}): Promise<models.saml.Connection> {
    return this.#caller.value({
      operation: {
        id: 'createSamlConnection',
        method: 'POST',
        path: '/v1/saml/connections',
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
   * Read metadata without using it.
   *
   * The addresses and signing certificates of pasted metadata, or of certificates in PEM, as a connection would get
   * them. Nothing is kept: look at new metadata with it before you PATCH a connection.
   *
   * Scope: `platform:apps`.
   */
  readSamlMetadata(
    body: models.saml.MetadataDraft,
    options: CallOptions = {},
  ): Promise<models.saml.IdentityProviderRead> {
    return this.#caller.value({
      operation: {
        id: 'readSamlMetadata',
        method: 'POST',
        path: '/v1/saml/metadata',
        answers: { 200: 'object' },
        body: 'json',
      },
      body,
      options,
    });
  }

  /**
   * Inspect a SAML connection.
   *
   * With its domains and pinned certificates, and our side for the identity provider's administrator.
   *
   * Scope: `platform:apps`.
   *
   * @param connectionId - The connection's id
   */
  getSamlConnection(connectionId: string, options: CallOptions = {}): Promise<models.saml.Connection> {
    return this.#caller.value({
      operation: {
        id: 'getSamlConnection',
        method: 'GET',
        path: '/v1/saml/connections/{connection_id}',
        answers: { 200: 'object' },
      },
      path: [connectionId],
      options,
    });
  }

  /**
   * Change a SAML connection.
   *
   * Changes the fields it names. `certificates` replaces the pinned ones: send the old and the new one during a
   * roll-over. Disabling ends the sessions that it started and the grants of its people. A changed `role_mapping`
   * applies at once to the roles of people's last sign-ins; people without a mapped role must sign in again.
   *
   * Scope: `platform:apps`.
   *
   * @param connectionId - The connection's id
   */
  updateSamlConnection(
    connectionId: string,
    body: models.saml.ConnectionChange,
    options: CallOptions = {},
  ): Promise<models.saml.Connection> {
    return this.#caller.value({
      operation: {
        id: 'updateSamlConnection',
        method: 'PATCH',
        path: '/v1/saml/connections/{connection_id}',
        answers: { 200: 'object' },
        body: 'json',
      },
      path: [connectionId],
      body,
      options,
    });
  }

  /**
   * Delete a SAML connection.
   *
   * Ends its sessions and the grants of its people. Its domains and its links to users are deleted; the users stay.
   *
   * Scope: `platform:apps`.
   *
   * @param connectionId - The connection's id
   */
  deleteSamlConnection(connectionId: string, options: CallOptions = {}): Promise<void> {
    return this.#caller.value({
      operation: {
        id: 'deleteSamlConnection',
        method: 'DELETE',
        path: '/v1/saml/connections/{connection_id}',
        answers: { 204: 'none' },
      },
      path: [connectionId],
      options,
    });
  }

  /**
   * List refused sign-ins.
   *
   * Why answers and logouts of the last 30 days were refused, with the expected and the received value.
   *
   * Scope: `platform:apps`.
   *
   * @param connectionId - The connection's id
   */
  listSamlConnectionEvents(connectionId: string, options: PageOptions = {}): Pages<models.saml.RefusedSignIn> {
    return this.#caller.pages({
      operation: {
        id: 'listSamlConnectionEvents',
        method: 'GET',
        path: '/v1/saml/connections/{connection_id}/events',
        answers: { 200: 'object' },
      },
      path: [connectionId],
      query: { limit: options.limit, cursor: options.cursor },
      options,
      page: 'events',
    });
  }

  /**
   * List users of a SAML connection.
   *
   * The people who signed in through it, with the roles of their last sign-in.
   *
   * Scope: `platform:apps`.
   *
   * @param connectionId - The connection's id
   */
  listSamlUsers(connectionId: string, options: PageOptions = {}): Pages<models.saml.LinkedUser> {
    return this.#caller.pages({
      operation: {
        id: 'listSamlUsers',
        method: 'GET',
        path: '/v1/saml/connections/{connection_id}/users',
        answers: { 200: 'object' },
      },
      path: [connectionId],
      query: { limit: options.limit, cursor: options.cursor },
      options,
      page: 'users',
    });
  }

  /**
   * Unlink a user from a SAML connection.
   *
   * Ends their sessions through it and their grants. At the next sign-in the address may be linked to another NameID.
   *
   * Scope: `platform:apps`.
   *
   * @param connectionId - The connection's id
   * @param userId - The person's id
   */
  unlinkSamlUser(connectionId: string, userId: string, options: CallOptions = {}): Promise<void> {
    return this.#caller.value({
      operation: {
        id: 'unlinkSamlUser',
        method: 'DELETE',
        path: '/v1/saml/connections/{connection_id}/users/{user_id}',
        answers: { 204: 'none' },
      },
      path: [connectionId, userId],
      options,
    });
  }

  /**
   * Claim an e-mail domain.
   *
   * Answers the DNS record to publish. A claim has no effect until it is proven.
   *
   * Scope: `platform:apps`.
   *
   * @param connectionId - The connection's id
   */
  claimSamlDomain(
    connectionId: string,
    body: models.saml.DomainDraft,
    options: KeyedOptions = {},
  ): Promise<models.saml.Domain> {
    return this.#caller.value({
      operation: {
        id: 'claimSamlDomain',
        method: 'POST',
        path: '/v1/saml/connections/{connection_id}/domains',
        answers: { 201: 'object' },
        body: 'json',
        keyed: true,
      },
      path: [connectionId],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * Inspect an e-mail domain.
   *
   * With the DNS record that proves it.
   *
   * Scope: `platform:apps`.
   *
   * @param connectionId - The connection's id
   * @param domain - An e-mail domain, in its ASCII form
   */
  getSamlDomain(connectionId: string, domain: string, options: CallOptions = {}): Promise<models.saml.Domain> {
    return this.#caller.value({
      operation: {
        id: 'getSamlDomain',
        method: 'GET',
        path: '/v1/saml/connections/{connection_id}/domains/{domain}',
        answers: { 200: 'object' },
      },
      path: [connectionId, domain],
      options,
    });
  }

  /**
   * Give up an e-mail domain.
   *
   * Its people are no longer led to the connection when they sign in.
   *
   * Scope: `platform:apps`.
   *
   * @param connectionId - The connection's id
   * @param domain - An e-mail domain, in its ASCII form
   */
  deleteSamlDomain(connectionId: string, domain: string, options: CallOptions = {}): Promise<void> {
    return this.#caller.value({
      operation: {
        id: 'deleteSamlDomain',
        method: 'DELETE',
        path: '/v1/saml/connections/{connection_id}/domains/{domain}',
        answers: { 204: 'none' },
      },
      path: [connectionId, domain],
      options,
    });
  }

  /**
   * Prove an e-mail domain.
   *
   * Looks for the record now.
   *
   * Scope: `platform:apps`.
   *
   * @param connectionId - The connection's id
   * @param domain - An e-mail domain, in its ASCII form
   */
  proveSamlDomain(connectionId: string, domain: string, options: CallOptions = {}): Promise<models.saml.Domain> {
    return this.#caller.value({
      operation: {
        id: 'proveSamlDomain',
        method: 'POST',
        path: '/v1/saml/connections/{connection_id}/domains/{domain}/prove',
        answers: { 200: 'object' },
      },
      path: [connectionId, domain],
      options,
    });
  }

  /**
   * Read the sign-in policy.
   *
   * Whether people must sign in through a connection, and whose password still works.
   *
   * Scope: `platform:apps`.
   */
  getSamlPolicy(options: CallOptions = {}): Promise<models.saml.Policy> {
    return this.#caller.value({
      operation: { id: 'getSamlPolicy', method: 'GET', path: '/v1/saml/policy', answers: { 200: 'object' } },
      options,
    });
  }

  /**
   * Set the sign-in policy.
   *
   * Enforcing refuses the passwords of all people except the break-glass user. It ends the sessions that began with a
   * password, and the grants of the other people who have one.
   *
   * Scope: `platform:apps`.
   */
  setSamlPolicy(body: models.saml.PolicyChange, options: CallOptions = {}): Promise<models.saml.Policy> {
    return this.#caller.value({
      operation: {
        id: 'setSamlPolicy',
        method: 'PUT',
        path: '/v1/saml/policy',
        answers: { 200: 'object' },
        body: 'json',
      },
      body,
      options,
    });
  }

  /**
   * Read our SAML metadata.
   *
   * For the identity provider of one connection. Assertions must be signed, with SHA-256 or better, and not be
   * encrypted.
   *
   * @param connection - The connection's id
   */
  getSamlMetadata(connection: string, options: CallOptions = {}): Promise<Uint8Array> {
    return this.#caller.value({
      operation: {
        id: 'getSamlMetadata',
        method: 'GET',
        path: '/v1/saml/{connection}/metadata',
        answers: { 200: 'bytes' },
        auth: 'open',
      },
      path: [connection],
      options,
    });
  }
}

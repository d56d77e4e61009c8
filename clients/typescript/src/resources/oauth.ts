// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, Unchanged } from '../calls.js';
import type * as models from '../models/index.js';

/** The options of `getJwks`. */
export interface GetJwksOptions<ETag extends string | undefined = string | undefined> extends CallOptions {
  /** The ETag of an earlier answer. If it is still current, the answer is 304. */
  ifNoneMatch?: ETag;
}

/** The options of `getVersionedJwks`. */
export interface GetVersionedJwksOptions<ETag extends string | undefined = string | undefined> extends CallOptions {
  /** The ETag of an earlier answer. If it is still current, the answer is 304. */
  ifNoneMatch?: ETag;
}

/** OAuth 2.0: an app gets a token here, for itself or in a person's name, and sends it with each call. */
export class Oauth {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * Get a token.
   *
   * Client credentials, authorization code (60 seconds, once), refresh (each refresh token once; reuse ends the family)
   * or device code (once, after the person has allowed it; until then `authorization_pending`). The client
   * authenticates with HTTP Basic, `client_secret` in the body, or a signed `client_assertion`.
   */
  createToken(body: models.oauth.TokenForm, options: CallOptions = {}): Promise<models.oauth.Token> {
    return this.#caller.value({
      operation: {
        id: 'createToken',
        method: 'POST',
        path: '/v1/oauth/token',
        answers: { 200: 'object' },
        body: 'form',
        auth: 'client',
      },
      body,
      options,
    });
  }

  /**
   * Begin on a device without a browser.
   *
   * RFC 8628. Show the person `verification_uri` and `user_code`, then ask for a token every `interval` seconds with
   * `device_code`, until it is neither `authorization_pending` nor `slow_down` (then wait 5 seconds longer from now
   * on). The person signs in, types the code and consents within `expires_in` seconds. The client authenticates with
   * HTTP Basic, `client_secret` in the body, or a signed `client_assertion`.
   */
  authorizeDevice(body: models.oauth.DeviceForm, options: CallOptions = {}): Promise<models.oauth.DeviceAuthorization> {
    return this.#caller.value({
      operation: {
        id: 'authorizeDevice',
        method: 'POST',
        path: '/v1/oauth/device_authorization',
        answers: { 200: 'object' },
        body: 'form',
        auth: 'client',
      },
      body,
      options,
    });
  }

  /**
   * Give a token back.
   *
   * RFC 7009. A refresh token is revoked with its family. The client authenticates with HTTP Basic, `client_secret` in
   * the body, or a signed `client_assertion`.
   */
  revokeToken(body: models.oauth.PresentedForm, options: CallOptions = {}): Promise<models.oauth.Nothing> {
    return this.#caller.value({
      operation: {
        id: 'revokeToken',
        method: 'POST',
        path: '/v1/oauth/revoke',
        answers: { 200: 'object' },
        body: 'form',
        auth: 'client',
      },
      body,
      options,
    });
  }

  /**
   * Ask about a token.
   *
   * RFC 7662, for the client's own tokens. The client authenticates with HTTP Basic, `client_secret` in the body, or a
   * signed `client_assertion`.
   */
  introspectToken(body: models.oauth.PresentedForm, options: CallOptions = {}): Promise<models.oauth.Introspection> {
    return this.#caller.value({
      operation: {
        id: 'introspectToken',
        method: 'POST',
        path: '/v1/oauth/introspect',
        answers: { 200: 'object' },
        body: 'form',
        auth: 'client',
      },
      body,
      options,
    });
  }

  /**
   * Read whom a token acts for.
   *
   * The person, their organisation and the token's scopes. A token of an app alone has no person.
   */
  getMe(options: CallOptions = {}): Promise<models.oauth.Me> {
    return this.#caller.value({
      operation: { id: 'getMe', method: 'GET', path: '/v1/platform/me', answers: { 200: 'object' } },
      options,
    });
  }

  /**
   * Read the signing keys.
   *
   * Pick the key by the token's `kid`; fetch again when it is unknown.
   *
   * null means that nothing has changed since `ifNoneMatch`.
   */
  getJwks<ETag extends string | undefined = undefined>(
    options: GetJwksOptions<ETag> = {},
  ): Promise<models.oauth.Keys | Unchanged<ETag>> {
    return this.#caller.value({
      operation: {
        id: 'getJwks',
        method: 'GET',
        path: '/.well-known/jwks.json',
        answers: { 200: 'object' },
        auth: 'open',
      },
      headers: { 'If-None-Match': options.ifNoneMatch },
      options,
    });
  }

  /**
   * Read the signing keys, versioned path.
   *
   * The same bytes as `/.well-known/jwks.json`.
   *
   * null means that nothing has changed since `ifNoneMatch`.
   */
  getVersionedJwks<ETag extends string | undefined = undefined>(
    options: GetVersionedJwksOptions<ETag> = {},
  ): Promise<models.oauth.Keys | Unchanged<ETag>> {
    return this.#caller.value({
      operation: {
        id: 'getVersionedJwks',
        method: 'GET',
        path: '/v1/auth/jwks.json',
        answers: { 200: 'object' },
        auth: 'open',
      },
      headers: { 'If-None-Match': options.ifNoneMatch },
      options,
    });
  }

  /**
   * Discover the authorization server.
   *
   * RFC 8414.
   */
  getAuthorizationServerMetadata(options: CallOptions = {}): Promise<models.oauth.ServerMetadata> {
    return this.#caller.value({
      operation: {
        id: 'getAuthorizationServerMetadata',
        method: 'GET',
        path: '/.well-known/oauth-authorization-server',
        answers: { 200: 'object' },
        auth: 'open',
      },
      options,
    });
  }

  /**
   * Discover a protected resource.
   *
   * RFC 9728; each host answers for itself.
   */
  getProtectedResourceMetadata(options: CallOptions = {}): Promise<models.oauth.ResourceMetadata> {
    return this.#caller.value({
      operation: {
        id: 'getProtectedResourceMetadata',
        method: 'GET',
        path: '/.well-known/oauth-protected-resource',
        answers: { 200: 'object' },
        auth: 'open',
      },
      options,
    });
  }
}

// Generated from the contract by `make clients`; do not edit.

import type { Open } from '../types.js';

/** RFC 8628 §3.2. `expires_in` and `interval` are in seconds. */
export interface DeviceAuthorization {
  /** The device's secret, to ask for the token with; good once */
  device_code: string;
  /** The letters that the person types on the page */
  user_code: string;
  /** The page to show the person: sign-in, code, consent */
  verification_uri: string;
  /** The same page with the code filled in, for a link or a QR code */
  verification_uri_complete: string;
  /** Seconds until both codes end */
  expires_in: number;
  /** Seconds to wait between two calls for the token */
  interval: number;
}

/** RFC 8628 §3.1. */
export interface DeviceForm {
  /** The id of the app, such as `app_01jdk…` */
  client_id?: string;
  /** The secret; shown this once */
  client_secret?: string;
  /** The kind of `client_assertion` (RFC 7523) */
  client_assertion_type?: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
  /** A JWT signed with the app's key, for `private_key_jwt` */
  client_assertion?: string;
  /** Scopes, separated by spaces */
  scope?: string;
  /** The base URL of the host that the token is for (RFC 8707); both hosts if left out */
  resource?: string;
}

/** RFC 7662 §2.2; nothing but `active` for a token that is not live or not the client's own. */
export interface Introspection {
  /** Whether the token is valid now */
  active: boolean;
  /** The type of the token */
  token_type?: Open<'Bearer' | 'refresh_token'>;
  /** The id of the app, such as `app_01jdk…` */
  client_id?: string;
  /** The subject: a person, or the app itself */
  sub?: string;
  /** Scopes, separated by spaces */
  scope?: string;
  /** When it was issued, in Unix seconds */
  iat?: number;
  /** When it ends, in Unix seconds */
  exp?: number;
  /** The issuer */
  iss?: string;
  /** The hosts that it is for */
  aud?: string[];
  /** The token's id */
  jti?: string;
  /** The id of the organisation */
  tenant_id?: string;
  /** `service` for a service token */
  token_use?: Open<'access' | 'service'>;
  /** The grant that the token belongs to */
  grant_id?: string;
  /** Where it runs: `sandbox` has only test data */
  environment?: Open<'production' | 'sandbox'>;
  /** How patient care records are shown: `exact`, `shifted` times, or `safe_harbor` */
  deidentification?: Open<'exact' | 'safe_harbor' | 'shifted'>;
  /** How the person signed in (RFC 8176), after a sign-in with a second factor */
  amr?: string[];
}

/** A public key (RFC 7517). */
export interface Key {
  /** The key type (RFC 7517) */
  kty: 'RSA';
  /** The key's id */
  kid: string;
  /** The use of the key */
  use: 'sig';
  /** The algorithm */
  alg: 'RS256';
  /** The RSA modulus, base64url */
  n: string;
  /** The RSA exponent, base64url */
  e: string;
}

/** A JSON Web Key Set (RFC 7517) */
export interface Keys {
  /** The keys that sign tokens now, and those that did a while ago */
  keys: Key[];
}

/**
 * Whom a token acts for. `person` is null for an app alone; `scopes` are those of the token.
 *
 * `second_factor`: the token comes from a sign-in with one.
 */
export interface Me {
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** The person; null for a token of an app alone */
  person: Person | null;
  /** The organisation of the token */
  organisation: Organisation;
  /** The scopes of the token */
  scopes: string[];
  /** Whether the token comes from a sign-in of the person with a second factor */
  second_factor: boolean;
  /**
   * When the person last signed in, with a password or at their identity provider, before they allowed this access;
   * null for an app alone and where it is not known
   */
  signed_in_at: string | null;
}

/** An empty object. */
export interface Nothing {
}

/** The organisation that a token belongs to. */
export interface Organisation {
  /** The id of the organisation */
  tenant_id: string;
  /** The organisation's name */
  name: string;
  /** Where it runs: `sandbox` has only test data */
  environment: Open<'production' | 'sandbox'>;
}

/** The person whom a token acts for. `role` is null where the roles of the organisation's identity provider decide. */
export interface Person {
  /** The person's id */
  user_id: string;
  /** The e-mail address */
  email: string;
  /** The person's name */
  name: string;
  /** The role */
  role: Open<'administrator' | 'auditor' | 'integrator' | 'operator' | 'quality_officer'> | null;
}

/** A token, with the client's proof */
export interface PresentedForm {
  /** The app's id, if it is not sent as HTTP Basic */
  client_id?: string;
  /** The client's secret, if it is not sent as HTTP Basic */
  client_secret?: string;
  /** The kind of `client_assertion` (RFC 7523) */
  client_assertion_type?: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
  /** A JWT signed with the app's key, for `private_key_jwt` */
  client_assertion?: string;
  /** The token */
  token: string;
  /** The type that the token probably has; it is not needed */
  token_type_hint?: string;
}

/** RFC 9728 §2. */
export interface ResourceMetadata {
  /** The base URL of this host */
  resource: string;
  /** The issuers whose tokens are accepted */
  authorization_servers: string[];
  /** The scopes that exist */
  scopes_supported: string[];
  /** How a token is sent */
  bearer_methods_supported: string[];
  /** Algorithms of signed answers */
  resource_signing_alg_values_supported: string[];
}

/** RFC 8414 §2. */
export interface ServerMetadata {
  /** The issuer of tokens, as in `iss` */
  issuer: string;
  /** The address of the authorization endpoint */
  authorization_endpoint: string;
  /** The address of the token endpoint */
  token_endpoint: string;
  /** The address of the signing keys */
  jwks_uri: string;
  /** The address for revocation (RFC 7009) */
  revocation_endpoint: string;
  /** The address for introspection (RFC 7662) */
  introspection_endpoint: string;
  /** The address where a device begins (RFC 8628) */
  device_authorization_endpoint: string;
  /** The scopes that exist */
  scopes_supported: string[];
  /** The values of `response_type` */
  response_types_supported: string[];
  /** The values of `response_mode` */
  response_modes_supported: string[];
  /** The values of `grant_type` */
  grant_types_supported:
    | (Open<'authorization_code'
    | 'client_credentials'
    | 'refresh_token'
    | 'urn:ietf:params:oauth:grant-type:device_code'>)[];
  /** The methods of PKCE */
  code_challenge_methods_supported: string[];
  /** How clients may prove themselves for a token */
  token_endpoint_auth_methods_supported:
    | (Open<'client_secret_basic'
    | 'client_secret_post'
    | 'none'
    | 'private_key_jwt'>)[];
  /** Algorithms of `client_assertion` for a token */
  token_endpoint_auth_signing_alg_values_supported: string[];
  /** How clients may prove themselves for a revocation */
  revocation_endpoint_auth_methods_supported:
    | (Open<'client_secret_basic'
    | 'client_secret_post'
    | 'none'
    | 'private_key_jwt'>)[];
  /** Algorithms of `client_assertion` for a revocation */
  revocation_endpoint_auth_signing_alg_values_supported: string[];
  /** How clients may prove themselves for an introspection */
  introspection_endpoint_auth_methods_supported:
    | (Open<'client_secret_basic'
    | 'client_secret_post'
    | 'none'
    | 'private_key_jwt'>)[];
  /** Algorithms of `client_assertion` for an introspection */
  introspection_endpoint_auth_signing_alg_values_supported: string[];
  /** Whether answers of the authorization endpoint have `iss` (RFC 9207) */
  authorization_response_iss_parameter_supported: boolean;
  /** The hosts that accept the tokens */
  protected_resources: string[];
  /** Languages of the sign-in pages */
  ui_locales_supported: string[];
}

/** `expires_in` is in seconds; the access token is a JWT of RFC 9068. */
export interface Token {
  /** The token to send as `Authorization: Bearer` */
  access_token: string;
  /** The type of the token */
  token_type: 'Bearer';
  /** Seconds until the token ends */
  expires_in: number;
  /** Scopes, separated by spaces */
  scope: string;
  /** The refresh token; each is good for one refresh */
  refresh_token?: string;
}

/**
 * `code`, `redirect_uri` and `code_verifier` go with an authorization code, `refresh_token` with a refresh,
 * `device_code` with the
 * grant of RFC 8628.
 */
export interface TokenForm {
  /** The app's id, if it is not sent as HTTP Basic */
  client_id?: string;
  /** The client's secret, if it is not sent as HTTP Basic */
  client_secret?: string;
  /** The kind of `client_assertion` (RFC 7523) */
  client_assertion_type?: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
  /** A JWT signed with the app's key, for `private_key_jwt` */
  client_assertion?: string;
  /** The OAuth grant type */
  grant_type:
    | 'authorization_code'
    | 'client_credentials'
    | 'refresh_token'
    | 'urn:ietf:params:oauth:grant-type:device_code';
  /** Scopes, separated by spaces */
  scope?: string;
  /** The base URL of the host that the token is for (RFC 8707); both hosts if left out */
  resource?: string;
  /** The authorization code */
  code?: string;
  /** The registered address to which the browser returns */
  redirect_uri?: string;
  /** The secret of PKCE (RFC 7636) */
  code_verifier?: string;
  /** The refresh token; each is good for one refresh */
  refresh_token?: string;
  /** The device's secret, to ask for the token with; good once */
  device_code?: string;
}

import { ConfigurationError } from './errors.js';
import { randomId, webCrypto } from './runtime.js';

/** A secret, or a function that is called whenever it is needed. */
export type Secret = string | (() => string | Promise<string>);

/** What proves the client to the token endpoints: members of the form, and headers. */
export interface Proof {
  form: Record<string, string>;
  headers: Record<string, string>;
}

interface Key {
  algorithm: string;
  parameters: EcdsaParams | Algorithm;
  key: CryptoKey;
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const ASSERTION_SECONDS = 60;
// The object identifiers (RFC 3279, 5480, 8410) that a PKCS #8 key begins with, and the JWS algorithm that fits.
const ALGORITHMS: readonly (readonly [string, string, RsaHashedImportParams | EcKeyImportParams | Algorithm])[] = [
  ['06092a864886f70d010101', 'RS256', { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }],
  ['06072a8648ce3d020106082a8648ce3d030107', 'ES256', { name: 'ECDSA', namedCurve: 'P-256' }],
  ['06032b6570', 'EdDSA', { name: 'Ed25519' }],
];

export interface CredentialOptions {
  clientId: string | undefined;
  clientSecret: Secret | undefined;
  privateKey: string | undefined;
  keyId: string | undefined;
  token: Secret | undefined;
}

/** A token that is given, or a client with a secret or a private key that gets them. */
export class Credentials {
  readonly #given: CredentialOptions;
  #key: Promise<Key> | undefined;

  constructor(given: CredentialOptions) {
    if ([given.token, given.clientSecret, given.privateKey].filter(Boolean).length > 1) {
      throw new ConfigurationError('give one of token, clientSecret and privateKey');
    }
    if ((given.clientSecret || given.privateKey) && !given.clientId) {
      throw new ConfigurationError('clientSecret and privateKey need a clientId');
    }
    if (given.privateKey) decoded(given.privateKey);
    this.#given = given;
  }

  get hasClient(): boolean {
    return Boolean(this.#given.clientSecret ?? this.#given.privateKey);
  }

  get signs(): boolean {
    return Boolean(this.#given.privateKey);
  }

  /** The token that was given; empty if the client gets its own. */
  async givenToken(): Promise<string> {
    const { token } = this.#given;
    return (typeof token === 'function' ? await token() : token) ?? '';
  }

  /** A fresh proof. `issuer` is the audience of a signed one. */
  async proof(issuer: string): Promise<Proof> {
    const { clientId = '', clientSecret = '', privateKey } = this.#given;
    if (!privateKey) {
      const secret = typeof clientSecret === 'function' ? await clientSecret() : clientSecret;
      const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`;
      return { form: {}, headers: { authorization: `Basic ${btoa(pair)}` } };
    }
    const assertion = await this.#assertion(clientId, privateKey, issuer);
    const form = { client_id: clientId, client_assertion_type: ASSERTION_TYPE, client_assertion: assertion };
    return { form, headers: {} };
  }

  async #assertion(clientId: string, privateKey: string, issuer: string): Promise<string> {
    this.#key ??= loaded(privateKey);
    const { algorithm, parameters, key } = await this.#key;
    const now = Math.floor(Date.now() / 1000);
    const header = { alg: algorithm, typ: 'JWT', ...(this.#given.keyId ? { kid: this.#given.keyId } : {}) };
    const lasting = { iat: now, exp: now + ASSERTION_SECONDS, jti: await randomId() };
    const claims = { iss: clientId, sub: clientId, aud: issuer, ...lasting };
    const content = [header, claims].map((part) => base64url(new TextEncoder().encode(JSON.stringify(part)))).join('.');
    const signature = await (await webCrypto()).subtle.sign(parameters, key, new TextEncoder().encode(content));
    return `${content}.${base64url(new Uint8Array(signature))}`;
  }
}

function decoded(pem: string): Uint8Array<ArrayBuffer> {
  const body = /^-----BEGIN PRIVATE KEY-----([\sA-Za-z0-9+/=]+)-----END PRIVATE KEY-----\s*$/.exec(pem.trim())?.[1];
  if (!body) throw new ConfigurationError('privateKey is not an unencrypted private key in PEM (PKCS #8)');
  try {
    return Uint8Array.from(atob(body.replace(/\s/g, '')), (letter) => letter.charCodeAt(0));
  } catch {
    throw new ConfigurationError('privateKey is not an unencrypted private key in PEM (PKCS #8)');
  }
}

async function loaded(pem: string): Promise<Key> {
  const der = decoded(pem);
  const begin = Array.from(der.slice(0, 40), (byte) => byte.toString(16).padStart(2, '0')).join('');
  const found = ALGORITHMS.find(([identifier]) => begin.includes(identifier));
  if (!found) throw new ConfigurationError('privateKey is neither RSA, P-256 nor Ed25519');
  const [, algorithm, parameters] = found;
  try {
    const key = await (await webCrypto()).subtle.importKey('pkcs8', der, parameters, false, ['sign']);
    return { algorithm, parameters: { ...parameters, hash: 'SHA-256' }, key };
  } catch (cause) {
    throw new ConfigurationError('privateKey cannot be used by this runtime', { cause });
  }
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
}

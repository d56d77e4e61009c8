// Generated from the contract by `make clients`; do not edit.

import type { Open } from '../types.js';

/**
 * Names of the attributes that hold a person's e-mail address, name and roles; empty where the usual names are looked
 * for.
 */
export interface AttributeMapping {
  /** The attribute with the e-mail address */
  email?: string;
  /** The attribute with the person's name */
  name?: string;
  /** The attribute with the roles */
  roles?: string;
}

/** A pinned certificate. `last_used_at` says when an answer was last signed with it. */
export interface Certificate {
  /** The SHA-256 fingerprint, in hex */
  fingerprint: string;
  /** The certificate in PEM */
  pem: string;
  /** Start of the certificate's validity */
  not_before: string;
  /** End of the certificate's validity */
  not_after: string;
  /** Whether the certificate is valid now */
  is_valid: boolean;
  /** When it was pinned */
  added_at: string;
  /** When it was last used; null if never */
  last_used_at: string | null;
}

/**
 * An identity provider and how its answers are read. `role_mapping` holds the scopes of each value of the roles'
 * attribute.
 *
 * `default_role` is the role of new people where no roles are mapped.
 */
export interface Connection {
  /** The id */
  id: string;
  /** The name, for people */
  name: string;
  /** Nobody signs in through a `disabled` connection */
  status: Open<'active' | 'disabled'>;
  /** The entity id in SAML metadata */
  entity_id: string;
  /** The identity provider's address for sign-in */
  sso_url: string;
  /** The address for single logout; empty if there is none */
  slo_url: string;
  /** The certificates that sign assertions */
  certificates: Certificate[];
  /** The format of NameID that is accepted */
  name_id_format: Open<'any' | 'email' | 'persistent'>;
  /** Whether a sign-in may begin at the identity provider */
  allow_idp_initiated: boolean;
  attribute_mapping: AttributeMapping;
  /** The scopes that each role gives */
  role_mapping: Record<string, string[]>;
  /** The role of people who sign in for the first time, where no roles are mapped */
  default_role: Open<'administrator' | 'auditor' | 'integrator' | 'quality_officer'>;
  /** E-mail domains, such as `ambulance.example` */
  domains: Domain[];
  service_provider: ServiceProvider;
  /** When it was made */
  created_at: string;
  /** When it last changed */
  updated_at: string;
  /** When somebody last signed in through it; null if never */
  last_sign_in_at: string | null;
}

/**
 * `PATCH /v1/saml/connections/{connection_id}`; changes the fields it names. `certificates` replaces the pinned ones.
 */
export interface ConnectionChange {
  /** The name, for people */
  name?: string;
  /** `disabled` ends its sessions; nobody signs in through it */
  status?: 'active' | 'disabled';
  /** The identity provider's metadata, as XML */
  metadata_xml?: string;
  /** The entity id in SAML metadata */
  entity_id?: string;
  /** The identity provider's address for sign-in */
  sso_url?: string;
  /** The address for single logout; empty if there is none */
  slo_url?: string;
  /** The certificates that sign assertions */
  certificates?: readonly string[];
  /** The format of NameID that is accepted */
  name_id_format?: 'any' | 'email' | 'persistent';
  /** Whether a sign-in may begin at the identity provider */
  allow_idp_initiated?: boolean;
  attribute_mapping?: AttributeMapping;
  /** The scopes that each role gives */
  role_mapping?: Record<string, readonly string[]>;
  /** The role of people who sign in for the first time, where no roles are mapped */
  default_role?: 'administrator' | 'auditor' | 'integrator' | 'quality_officer';
}

/** `POST /v1/saml/connections`: pasted metadata, or its content in fields. */
export interface ConnectionDraft {
  /** The name, for people */
  name: string;
  /** The identity provider's metadata, as XML */
  metadata_xml?: string;
  /** The entity id in SAML metadata */
  entity_id?: string;
  /** The identity provider's address for sign-in */
  sso_url?: string;
  /** The address for single logout; empty if there is none */
  slo_url?: string;
  /** The certificates that sign assertions */
  certificates?: readonly string[];
  /** The format of NameID that is accepted */
  name_id_format?: 'any' | 'email' | 'persistent';
  /** Whether a sign-in may begin at the identity provider */
  allow_idp_initiated?: boolean;
  attribute_mapping?: AttributeMapping;
  /** The scopes that each role gives */
  role_mapping?: Record<string, readonly string[]>;
  /** The role of people who sign in for the first time, where no roles are mapped */
  default_role?: 'administrator' | 'auditor' | 'integrator' | 'quality_officer';
}

/** A page of SAML connections */
export interface Connections {
  /** The connections of this page, newest first */
  connections: Connection[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** The DNS record that proves a domain. */
export interface DnsRecord {
  /** The type of the record */
  type: 'TXT';
  /** The name of the record */
  name: string;
  /** The text of the record */
  value: string;
}

/** An e-mail domain. People of a proven one are led to the connection when they sign in. */
export interface Domain {
  /** An e-mail domain, in its ASCII form */
  domain: string;
  /** A `proven` domain leads its people to the connection */
  status: Open<'claimed' | 'proven'>;
  dns_record: DnsRecord;
  /** When it was claimed */
  claimed_at: string;
  /** When it was proven; null before */
  proven_at: string | null;
}

/** `POST …/domains`: an e-mail domain, in its ASCII form. */
export interface DomainDraft {
  /** An e-mail domain, in its ASCII form */
  domain: string;
}

/**
 * An identity provider as a connection would have it. The addresses are empty where certificates alone were sent.
 *
 * `slo_url` is also empty without single logout.
 */
export interface IdentityProviderRead {
  /** The entity id in SAML metadata */
  entity_id: string;
  /** The identity provider's address for sign-in */
  sso_url: string;
  /** The address for single logout; empty if there is none */
  slo_url: string;
  /** The certificates that sign assertions */
  certificates: ReadCertificate[];
}

/** A person who signs in through the connection, with the roles of their last sign-in. */
export interface LinkedUser {
  /** The person's id */
  user_id: string;
  /** The e-mail address */
  email: string;
  /** The person's name */
  name: string;
  /** The roles */
  roles: string[];
  /** When the person first signed in through the connection */
  linked_at: string;
}

/** A page of the people who sign in through a connection */
export interface LinkedUsers {
  /** The people of this page */
  users: LinkedUser[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** `POST /v1/saml/metadata`: metadata to look at, or certificates alone; nothing is kept. */
export interface MetadataDraft {
  /** The identity provider's metadata, as XML */
  metadata_xml?: string;
  /** The certificates that sign assertions */
  certificates?: readonly string[];
}

/** Whether people must sign in through a connection, and whose password still works. */
export interface Policy {
  /** Whether people must sign in through a connection */
  enforced: boolean;
  /** The one person whose password still works; null for nobody */
  break_glass_email: string | null;
}

/** `PUT /v1/saml/policy`: whether people must sign in through a connection, and whose password still works. */
export interface PolicyChange {
  /** Whether people must sign in through a connection */
  enforced: boolean;
  /** The one person whose password still works; null for nobody */
  break_glass_email?: string | null;
}

/** A certificate that was only read. A connection that pins it shows the same `fingerprint`. */
export interface ReadCertificate {
  /** The SHA-256 fingerprint, in hex */
  fingerprint: string;
  /** Start of the certificate's validity */
  not_before: string;
  /** End of the certificate's validity */
  not_after: string;
}

/** Why an answer or logout of the identity provider was refused; never whose it was. */
export interface RefusedSignIn {
  /** The id */
  id: string;
  /** When it happened */
  at: string;
  /** The kind of fault */
  reason: string;
  /** An explanation for people */
  detail: string;
  /** The trace of the call, 32 hex digits; give it to support */
  trace_id: string;
}

/** A page of refused sign-ins */
export interface RefusedSignIns {
  /** The items of this page, newest first */
  events: RefusedSignIn[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** Our side of the connection, for the identity provider's administrator; `metadata_url` has all of it. */
export interface ServiceProvider {
  /** The entity id in SAML metadata */
  entity_id: string;
  /** The address of our metadata */
  metadata_url: string;
  /** The address at which a sign-in begins */
  login_url: string;
  /** The address to which assertions are posted */
  acs_url: string;
  /** The address for single logout; empty if there is none */
  slo_url: string;
  /** The certificate of our signatures, in PEM */
  certificate: string;
}

// Generated from the contract by `make clients`; do not edit.

import type { Open } from '../types.js';

/** Asks for curated GraphQL bundles */
export interface BundlesAsked {
  /** The capability that the request asks for */
  capability: 'graphql_bundles';
  /** Why you need it, for the people who decide */
  reason?: string;
  details: BundlesDetails;
}

/** Names of curated GraphQL bundles. */
export interface BundlesDetails {
  /** Names of bundles, such as `incident-management` */
  bundles: readonly string[];
}

/** Asks for sign-in through the organisation's identity provider */
export interface FederationAsked {
  /** The capability that the request asks for */
  capability: 'federation';
  /** Why you need it, for the people who decide */
  reason?: string;
  details?: FederationDetails;
}

/**
 * The e-mail domains of your people and their present identity provider. Ownership of a domain is proven when it is
 * connected.
 */
export interface FederationDetails {
  /** E-mail domains, such as `ambulance.example` */
  domains?: readonly string[];
  /** The identity provider's product, such as `Entra ID` */
  identity_provider?: string;
}

/** Asks for identified handovers to destinations */
export interface HandoverAsked {
  /** The capability that the request asks for */
  capability: 'handover';
  /** The reason, in words */
  reason?: string;
  details?: HandoverDetails;
}

/** Scopes of destinations' apps; both unless it says otherwise. */
export interface HandoverDetails {
  /** Scopes, such as `argus:epcr:read` */
  scopes?: readonly ('argus:epcr:handover' | 'argus:epcr:outcome')[];
}

/** `details` as requested; `decision_reason` is the operator's message to you. */
export interface IntegrationRequest {
  /** The id */
  id: string;
  /** The capability that the request asks for */
  capability: Open<'federation' | 'graphql_bundles' | 'handover' | 'platform_api' | 'sandbox' | 'telephony'>;
  /** The state */
  status: Open<'approved' | 'declined' | 'pending' | 'withdrawn'>;
  /** The applicant's reason */
  reason: string;
  /** The particulars, in the form of the capability */
  details: Record<string, unknown>;
  /** The app that asked */
  requested_by: string;
  /** When it was made */
  created_at: string;
  /** When it was decided; null while it is pending */
  decided_at: string | null;
  /** The operator's message to you; null while it is pending */
  decision_reason: string | null;
  /** The sandbox that the approval made; null otherwise */
  sandbox: Sandbox | null;
}

/** A page of requests */
export interface IntegrationRequests {
  /** The requests of this page, newest first */
  integration_requests: IntegrationRequest[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** Asks for the control plane */
export interface PlatformAsked {
  /** The capability that the request asks for */
  capability: 'platform_api';
  /** Why you need it, for the people who decide */
  reason?: string;
  details?: PlatformDetails;
}

/** Scopes of the control plane; both unless it says otherwise. */
export interface PlatformDetails {
  /** Scopes, such as `argus:epcr:read` */
  scopes?: readonly ('argus:platform:read' | 'argus:platform:write')[];
}

/** The sandbox an approval made. `credentials` is the call that fetches its first secret, once. */
export interface Sandbox {
  /** The id of the organisation */
  tenant_id: string;
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** The path of the call that fetches the first secret, once */
  credentials: string;
  /** When the credentials were fetched; null if they were not */
  credentials_at: string | null;
  /** When the demonstration data was complete; null before */
  demo_data_at: string | null;
}

/** Asks for a sandbox: an organisation with test data only */
export interface SandboxAsked {
  /** The capability that the request asks for */
  capability: 'sandbox';
  /** Why you need it, for the people who decide */
  reason?: string;
  details: SandboxDetails;
}

/** Shown this once. The link lets the sandbox's admin choose a password, within a week. */
export interface SandboxCredentials {
  /** The id of the organisation */
  tenant_id: string;
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** The secret; shown this once */
  client_secret: string;
  /** The e-mail address of the sandbox's administrator */
  admin_email: string;
  /** The address at which the administrator chooses a password, within a week */
  password_link: string;
}

/**
 * `admin_email` is of someone without a user here: an address signs in to one organisation. `name` is derived if left
 * out.
 */
export interface SandboxDetails {
  /** The e-mail address of the sandbox's administrator */
  admin_email: string;
  /** The name, for people */
  name?: string;
  /** Whether the sandbox begins with demonstration data */
  demo_data?: boolean;
}

/** Asks for telephony */
export interface TelephonyAsked {
  /** The capability that the request asks for */
  capability: 'telephony';
  /** Why you need it, for the people who decide */
  reason?: string;
  details?: TelephonyDetails;
}

/** Scopes of telephony; both unless it says otherwise. */
export interface TelephonyDetails {
  /** Scopes, such as `argus:epcr:read` */
  scopes?: readonly ('argus:telephony:read' | 'argus:telephony:write')[];
}

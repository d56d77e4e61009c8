// Generated from the contract by `make clients`; do not edit.

import type { Open } from '../types.js';

/** The person who sent the request, such as in the console. `name` is null for one who is gone. */
export interface Asker {
  /** The person's id in their organisation */
  user_id: string;
  /** The person's name; null if their account is gone */
  name: string | null;
}

/** The name and the organisation of an app. */
export interface OperatorApp {
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** The id of the organisation */
  tenant_id: string;
  /** The name, for people */
  name: string;
  /** The state */
  status: Open<'active' | 'deleted' | 'disabled'>;
}

/** An integration request of any tenant. */
export interface OperatorRequest {
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
  /** The id of the organisation */
  tenant_id: string;
  /** The name of the organisation */
  tenant_name: string;
  /** The person who sent it, where one did; lists have null */
  asked_by: Asker | null;
}

/** A page of integration requests */
export interface OperatorRequests {
  /** The requests of this page, newest first */
  integration_requests: OperatorRequest[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
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

/** A tenant with everything that a suspension ends. Each number is counted up to 1,000. */
export interface TenantDetail {
  /** The id of the organisation */
  tenant_id: string;
  /** The name of the organisation */
  name: string;
  /** `suspended`: its tokens and people are refused */
  status: Open<'active' | 'suspended'>;
  /** `sandbox` for an organisation with invented data */
  environment: Open<'production' | 'sandbox'>;
  /** When it was made */
  created_at: string;
  /** The scopes on request that it was granted */
  granted_scopes: string[];
  /** Names of the GraphQL bundles that are granted */
  graphql_bundles: string[];
  /** Whether its people may sign in through its own identity provider */
  federation: boolean;
  /** Its active apps, up to 1,000 */
  apps: number;
  /** Its active people, up to 1,000 */
  people: number;
  /** Its sandboxes, up to 1,000 */
  sandboxes: number;
  /** Its requests that wait for a decision, up to 1,000 */
  pending_requests: number;
}

/** An organisation of the platform */
export interface TenantSummary {
  /** The id of the organisation */
  tenant_id: string;
  /** The name of the organisation */
  name: string;
  /** `suspended`: its tokens and people are refused */
  status: Open<'active' | 'suspended'>;
  /** `sandbox` for an organisation with invented data */
  environment: Open<'production' | 'sandbox'>;
  /** When it was made */
  created_at: string;
}

/** A page of organisations */
export interface Tenants {
  /** The organisations of this page, newest first */
  tenants: TenantSummary[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

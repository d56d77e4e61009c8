// Generated from the contract by `make clients`; do not edit.

import type { Open } from '../types.js';

/** The person after the change, and the access that ended; with `dry_run`, the access that would. */
export interface AccessChanged {
  /** The person after the change */
  user: User;
  /** How much access ended, by kind */
  ended: EndedAccess;
  /** True: nothing was changed, and `ended` is what would end */
  dry_run: boolean;
}

/** How many ended of each kind. `refresh_tokens` counts the grants that had one. */
export interface EndedAccess {
  /** Sessions in browsers */
  sessions: number;
  /** Grants of apps in the person's name */
  grants: number;
  /** Grants among them with a refresh token */
  refresh_tokens: number;
  /** Service tokens that the person had minted */
  service_tokens: number;
  /** Pending invitations that the person had sent */
  invitations: number;
}

/** An invitation by mail. `mail` is the state of its last mail; `user_id` is the person who accepted it. */
export interface Invitation {
  /** The invitation's id, such as `inv_01jdk…` */
  id: string;
  /** The e-mail address */
  email: string;
  /** The role */
  role: Open<'administrator' | 'auditor' | 'integrator' | 'operator' | 'quality_officer'>;
  /** A `pending` invitation's link works */
  status: Open<'accepted' | 'expired' | 'pending' | 'withdrawn'>;
  /** The last mail: `waiting` for the mail server, `sent`, or `refused` by it */
  mail: Open<'refused' | 'sent' | 'waiting'>;
  /** The person who invited, or the app */
  invited_by: string;
  /** The person who accepted it; null before */
  user_id: string | null;
  /** When it was made */
  created_at: string;
  /** When the link ends */
  expires_at: string;
  /** When the mail server took the last mail; null before, and some days later */
  sent_at: string | null;
}

/** Whom to invite, with which role */
export interface InvitationDraft {
  /** One address, which the account will have */
  email: string;
  /** The role */
  role: 'administrator' | 'auditor' | 'integrator' | 'operator' | 'quality_officer';
}

/** A page of invitations */
export interface Invitations {
  /** The invitations */
  invitations: Invitation[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** The new role */
export interface RoleChange {
  /** The role */
  role: 'administrator' | 'auditor' | 'integrator' | 'operator' | 'quality_officer';
}

/** A role that a person can have. `scopes` is null for the one without limits. */
export interface RoleShown {
  /** The role */
  role: Open<'administrator' | 'auditor' | 'integrator' | 'operator' | 'quality_officer'>;
  /** The access that it gives */
  description: string;
  /** The scopes that an app may get in the person's name; null without a limit */
  scopes: string[] | null;
}

/** The roles that people can have */
export interface Roles {
  /** The roles */
  roles: RoleShown[];
}

/** A person of the organisation. `role` is null where the roles of its identity provider, `provider_roles`, decide. */
export interface User {
  /** The person's id */
  user_id: string;
  /** The e-mail address */
  email: string;
  /** The person's name */
  name: string;
  /** A `disabled` person cannot sign in */
  status: Open<'active' | 'disabled'>;
  /** The role; null where `provider_roles` decide */
  role: Open<'administrator' | 'auditor' | 'integrator' | 'operator' | 'quality_officer'> | null;
  /** The roles of the identity provider, if those decide */
  provider_roles: string[];
  /** Whether signing in asks for a code of an authenticator app */
  second_factor: boolean;
  /** Whether the person has a password here */
  has_password: boolean;
  /** Whether the person signs in through the organisation's identity provider */
  federated: boolean;
  /** The last sign-in; null if there was none */
  last_sign_in_at: string | null;
  /** When the account was made */
  created_at: string;
}

/** A person's session in one browser. `place` classes its address, which nobody is shown. */
export interface UserSession {
  /** The id */
  id: string;
  /** Browser and system, such as `Firefox, Windows`; empty if unknown */
  device: string;
  /** The class of the address: a private network or the internet */
  place: Open<'internet' | 'private_network' | 'unknown'>;
  /** Whether the identity provider started it */
  federated: boolean;
  /** When it began */
  signed_in_at: string;
  /** The last use, to five minutes */
  last_used_at: string;
}

/** A page of sessions */
export interface UserSessions {
  /** The sessions */
  sessions: UserSession[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** A page of people */
export interface Users {
  /** The people */
  users: User[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}
